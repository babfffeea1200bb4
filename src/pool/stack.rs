#![allow(unsafe_code)]
//! What the calling thread is in the midst of: the frames on its stack.

use super::{
    abi::pool_task_t,
    frame::{self, Frame},
    group::Group,
    periodic::Periodic,
    status::{Error, Result},
    task::Task,
};
use std::ptr;

/// Whether this thread is in the midst of a task.
pub fn is_inside() -> bool {
    find(|frame| !frame.is_callback())
}

/// The frame of what this thread is running. `task` is null, or must be what its function was
/// given.
///
/// # Errors
/// `INVALID`.
pub fn innermost<'a>(task: *const pool_task_t) -> Result<&'a Frame<'a>> {
    let top = frame::top();
    if !task.is_null() && !ptr::eq(top.cast(), task) {
        return Err(Error::invalid("task is not what the calling thread is running"));
    }
    // SAFETY: the frames on the stack are alive, and outlive what runs in the innermost one.
    let frame = unsafe { top.as_ref() };
    frame.ok_or_else(|| Error::invalid("the calling thread runs no task and no callback"))
}

/// Whether `task` is running on this thread's stack: to wait for it here would be for ever.
pub fn is_on_this_stack(task: &Task) -> bool {
    find(|frame| frame.task().is_some_and(|running| ptr::eq(running, task)))
}

/// How many frames are on this thread's stack.
pub fn depth() -> usize {
    let mut depth = 0;
    find(|_| {
        depth += 1;
        false
    });
    depth
}

/// Whether a task of the group is running on this thread's stack.
pub fn is_inside_member(group: &Group) -> bool {
    find(|frame| frame.task().is_some_and(|running| running.is_in(group)))
}

/// Whether a run of the periodic task is under way on this thread's stack.
pub fn is_inside_run(periodic: &Periodic) -> bool {
    let is_run = |task: &Task| task.terms().is_some_and(|terms| ptr::eq(terms.run_of, periodic));
    find(|frame| frame.task().is_some_and(is_run))
}

/// Whether one of this thread's frames is `wanted`.
fn find(mut wanted: impl FnMut(&Frame<'_>) -> bool) -> bool {
    let mut frame = frame::top();
    // SAFETY: the frames on the stack are alive, and linked innermost first.
    while let Some(inner) = unsafe { frame.as_ref() } {
        if wanted(inner) {
            return true;
        }
        frame = inner.below();
    }
    false
}
