#![allow(unsafe_code)]
//! A task while it runs: what its function sees, and what it says about its outcome.

use super::{
    abi::{Function, pool_task_t},
    core::Core,
    map::Map,
    payload::copy_result,
    status::{self, Error, Result, Status},
    task::Task,
};
use crate::support::alloc::Buffer;
use std::{
    cell::Cell,
    ffi::c_void,
    ptr::{self, NonNull},
};

/// What a task said about its outcome.
#[derive(Default)]
pub struct Outcome {
    /// The item of a map that said it.
    index: usize,
    /// The sentence given to `pool_task_fail`.
    pub message: Option<String>,
    /// The result given to `pool_task_set_result`.
    pub set_result: Option<Buffer>,
}

/// A running task, or a participant in a map. It begins with the part that the function sees,
/// so that the pointer handed to the function leads back here.
#[repr(C)]
pub struct Frame<'a> {
    head: Cell<pool_task_t>,
    core: &'a Core,
    /// The block, if there is one: a task that waits for itself is found by it.
    task: Option<&'a Task>,
    map: Option<&'a Map>,
    outcome: Cell<Option<Box<Outcome>>>,
    below: Cell<*const Frame<'static>>,
}

thread_local! {
    /// The frames on this thread's stack, innermost first.
    static TOP: Cell<*const Frame<'static>> = const { Cell::new(ptr::null()) };
}

impl<'a> Frame<'a> {
    fn new(core: &'a Core, task: Option<&'a Task>, worker: u32) -> Self {
        Self {
            head: Cell::new(pool_task_t { context: ptr::null(), index: 0, worker, attempt: 1 }),
            core,
            task,
            map: None,
            outcome: Cell::new(None),
            below: Cell::new(ptr::null()),
        }
    }

    /// The frame of a task in a block.
    pub fn for_task(task: &'a Task, worker: u32) -> Self {
        Self::new(task.core(), Some(task), worker)
    }

    /// The frame of a task that has no block.
    pub fn without_task(core: &'a Core, worker: u32) -> Self {
        Self::new(core, None, worker)
    }

    /// The frame of a participant in a map.
    pub fn for_map(task: &'a Task, map: &'a Map, worker: u32) -> Self {
        let mut frame = Self::new(task.core(), Some(task), worker);
        frame.map = Some(map);
        frame.head.get_mut().context = map.context();
        frame
    }

    /// Puts the frame on this thread's stack of frames while `body` runs.
    pub fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        TOP.with(|top| {
            self.below.set(top.get());
            top.set(ptr::from_ref(self).cast());
            let result = body();
            top.set(self.below.get());
            result
        })
    }

    /// Makes the frame that of the map's item `index`.
    #[inline]
    pub fn set_item(&self, index: usize) {
        // SAFETY: nobody holds a reference into the head; the function sees a raw pointer.
        unsafe { (*self.head.as_ptr()).index = index };
    }

    fn index(&self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.head.as_ptr()).index }
    }

    /// Calls the function, and makes its return a status.
    ///
    /// # Safety
    /// `arg` and `result` are what `pool_fn` promises.
    #[inline]
    pub unsafe fn call(&self, function: Function, arg: *const c_void, result: *mut u8) -> Status {
        let task = ptr::from_ref(self).cast_mut().cast::<pool_task_t>();
        // SAFETY: promised by the caller; the frame begins with what the function may read.
        let status = unsafe { function(arg, result.cast(), task) };
        if status >= 0 { status } else { self.negative(status) }
    }

    #[cold]
    fn negative(&self, status: Status) -> Status {
        self.outcome_mut(|outcome| {
            outcome.message.get_or_insert_with(|| {
                format!("the task returned {status}; only 0 and positive codes are a task's own")
            });
        });
        status::INTERNAL
    }

    /// What the task, or the item, said.
    pub fn take_outcome(&self) -> Option<Box<Outcome>> {
        self.outcome.take().filter(|outcome| outcome.index == self.index())
    }

    fn outcome_mut(&self, change: impl FnOnce(&mut Outcome)) {
        // What an earlier item of a map has said before it ended well counts no more.
        let said = self.outcome.take().filter(|outcome| outcome.index == self.index());
        let mut outcome = said.unwrap_or_default();
        outcome.index = self.index();
        change(&mut outcome);
        self.outcome.set(Some(outcome));
    }

    /// The frame behind the pointer that a task's function was given.
    ///
    /// # Safety
    /// The pointer is what the library handed to a function that has not returned yet.
    pub unsafe fn from_head(task: *const pool_task_t) -> Option<&'a Self> {
        let frame = NonNull::new(task.cast_mut())?.cast::<Self>();
        // SAFETY: the head is the frame's first field, and the pointer was made from the frame.
        Some(unsafe { frame.as_ref() })
    }

    /// Records the sentence of a failure.
    pub fn fail(&self, message: String) {
        self.outcome_mut(|outcome| outcome.message = Some(message));
    }

    /// Replaces the result by a copy of `size` bytes at `data`.
    ///
    /// # Safety
    /// `data` is readable for `size` bytes.
    ///
    /// # Errors
    /// `SIZE` in a map when the item's slot is smaller, `NO_MEMORY`.
    pub unsafe fn set_result(&self, data: *const c_void, size: usize) -> Result<()> {
        if let Some(map) = self.map {
            let place = map.place(self.index());
            // SAFETY: the slot is the item's own.
            return unsafe { copy_result(data, size, place.start, place.size) };
        }
        let buffer = Buffer::try_new(size)
            .ok_or_else(|| Error::no_memory("no memory for the task's result"))?;
        if size > 0 {
            // SAFETY: the buffer is that large and nobody else's.
            unsafe { ptr::copy_nonoverlapping(data.cast::<u8>(), buffer.as_ptr(), size) };
        }
        self.outcome_mut(|outcome| outcome.set_result = Some(buffer));
        Ok(())
    }

    /// Whether the task has been asked to stop.
    pub fn is_asked_to_stop(&self) -> bool {
        self.core.is_terminated()
            || self.task.is_some_and(|task| task.state.is_asked_to_stop())
            || self.map.is_some_and(Map::is_stopped)
    }
}

/// Whether this thread is in the midst of a task.
pub fn is_inside() -> bool {
    !TOP.get().is_null()
}

/// Whether `task` is running on this thread's stack: to wait for it here would be for ever.
pub fn is_on_this_stack(task: &Task) -> bool {
    let mut frame = TOP.get();
    // SAFETY: the frames on the stack are alive, and linked innermost first.
    while let Some(inner) = unsafe { frame.as_ref() } {
        if inner.task.is_some_and(|running| ptr::eq(running, task)) {
            return true;
        }
        frame = inner.below.get();
    }
    false
}
