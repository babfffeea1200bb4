#![allow(unsafe_code)]
//! Many calls submitted at once: all or none, with one wake-up.
//!
//! Whatever may fail is done first: all calls are checked, what does not fit into a block is
//! copied, and as many blocks are promised as there are calls. After that the tasks are filled
//! and become visible portion by portion, so that the first run while the last are being filled,
//! and their blocks are used again.

use super::{
    abi::pool_task_t,
    bound::Admission,
    cold::Cold,
    context,
    core::Core,
    payload::{Call, Outside},
    status::{self, Error, Result},
    submit,
    task::{Task, TaskRef},
};
use std::{ffi::c_void, ptr, vec::IntoIter};

/// What a call needs beyond its block, and the call's number.
type Needs = Vec<(usize, Box<Cold>)>;

/// In place of a call that was accepted, and that somebody has spoilt before it was submitted.
const CHANGED: Call = Call {
    function: fail,
    arg: ptr::null(),
    arg_size: 0,
    result_size: 0,
    callback: None,
    user_data: ptr::null_mut(),
    context: ptr::null(),
    terms: None,
};

unsafe extern "C" fn fail(_: *const c_void, _: *mut c_void, _: *mut pool_task_t) -> i32 {
    status::INTERNAL
}

/// Submits `count` calls, at least one, given by their numbers. With `futures`, not NULL, a handle on each is
/// written there before its task can start.
///
/// # Safety
/// The calls' pointers are as `Call` says; there is room for as many futures.
///
/// # Errors
/// Nothing was submitted then, and nothing written.
pub unsafe fn submit_all(
    core: &Core,
    count: usize,
    call: &dyn Fn(usize) -> Result<Call>,
    futures: *mut *mut Task,
) -> Result<()> {
    let context = context::find(core);
    core.require_open(context.is_some())?;
    // SAFETY: promised by the caller.
    let mut needs = unsafe { prepare(core, count, call)? }.peekable();
    let admission = core.bound.enter(core, count)?;
    let leave = |_: &Error| core.bound.leave(core, count);
    let is_over = admission == Admission::Over;
    let mut own = Vec::new();
    if is_over {
        let reserved = own.try_reserve_exact(count);
        reserved.map_err(|_| Error::no_memory("no memory for a batch")).inspect_err(leave)?;
    }
    let mut entry = core.blocks.enter(core, context).inspect_err(leave)?;
    entry.promise(count).inspect_err(leave)?;
    let references = 1 + u32::from(!futures.is_null()) + u32::from(is_over);
    let mut index = 0;
    let door = entry.door();
    let enqueued = core.engine.enqueue_all(core, door, count, &mut || {
        let block = entry.allocate_promised();
        // SAFETY: `allocate_promised` gave us the block alone.
        let task = unsafe { block.as_ref() };
        let cold = needs.next_if(|(number, _)| *number == index).map(|(_, cold)| cold);
        let is_outside = cold.as_ref().is_some_and(|cold| cold.memory.is_some());
        let call = call(index).ok().filter(|call| is_outside || call.is_small());
        let call = call.unwrap_or(CHANGED);
        // SAFETY: promised by the caller; what has no memory outside fits inside.
        unsafe {
            match cold {
                Some(cold) => task.fill_with(&call, cold, references),
                None => task.fill(&call, references),
            }
            if !futures.is_null() {
                task.state.hand_out();
                futures.add(index).write(block.as_ptr());
            }
        }
        index += 1;
        // SAFETY: the queue's reference was counted in, and our own if it is kept.
        let task = unsafe { TaskRef::from_raw(block) };
        if is_over {
            own.push(task);
        }
        task
    });
    // Whoever wakes may end other tasks, whose blocks come back through the lane.
    drop(entry);
    enqueued.inspect_err(leave)?;
    core.engine.wake(core);
    // Those in front are begun by others meanwhile.
    while let Some(task) = own.pop() {
        if core.bound.is_over(core) {
            submit::run_inline(core, task);
        } else {
            task.release();
        }
    }
    Ok(())
}

/// Checks all calls, and makes what they need beyond their blocks.
///
/// # Safety
/// The calls' pointers are as `Call` says.
unsafe fn prepare(
    core: &Core,
    count: usize,
    call: &dyn Fn(usize) -> Result<Call>,
) -> Result<IntoIter<(usize, Box<Cold>)>> {
    let mut needs = Needs::new();
    for index in 0..count {
        let numbered = |error: Error| error.about(&format!("call {index}"));
        let call = call(index).map_err(numbered)?;
        core.engine.admit(core, &call).map_err(numbered)?;
        if !call.fits_inside() {
            needs.try_reserve(1).map_err(|_| Error::no_memory("no memory for a batch"))?;
            // SAFETY: promised by the caller.
            let outside = unsafe { Outside::new(&*core.engine, &call)? };
            needs.push((index, Cold::for_call(outside)?));
        }
    }
    Ok(needs.into_iter())
}
