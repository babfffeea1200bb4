#![allow(unsafe_code)]
//! What a small task does not need, in memory of its own.

use super::{
    core::Core,
    deferred::Deferred,
    group::Seats,
    map::Map,
    payload::{Call, Outside},
    progress::Progress,
    status::{Error, Result},
    task::{OUTSIDE, Task},
    terms::Terms,
};
use crate::support::{
    alloc::{Buffer, try_box},
    counted::Counted,
    sync::{AtomicU32, Ordering},
};
use std::{
    cell::UnsafeCell,
    ffi::{CString, c_void},
    ptr,
};

/// What a small task does not need.
pub struct Cold {
    /// Argument and result when they don't fit inside the block. Written before `publish`.
    pub(super) memory: UnsafeCell<Option<Buffer>>,
    /// As above.
    pub(super) map: Option<Map>,
    /// As above: what the task sees as its context.
    pub(super) context: *const c_void,
    /// As above.
    pub(super) terms: Option<Terms>,
    /// As above: what keeps a deferred task from starting.
    pub(super) deferred: Option<Counted<Deferred>>,
    /// As above: its places in groups.
    pub(super) seats: Option<Seats>,
    /// How often it has failed and was begun again. Written by who claimed the task.
    pub(super) attempts: AtomicU32,
    /// How far the task has come, by the task.
    pub(super) progress: Progress,
    /// What was last told of that to who asked: told again while the task is in the midst of saying
    /// something else.
    pub(super) heard: Progress,
    /// Written by who claimed the task, while others may look at the map and the progress.
    pub(super) end: UnsafeCell<End>,
}

impl Default for Cold {
    fn default() -> Self {
        Self {
            memory: UnsafeCell::new(None),
            map: None,
            context: ptr::null(),
            terms: None,
            attempts: AtomicU32::new(0),
            deferred: None,
            seats: None,
            progress: Progress::default(),
            heard: Progress::default(),
            end: UnsafeCell::default(),
        }
    }
}

impl Cold {
    /// The cold part of a call that needs one.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn for_call(outside: Outside) -> Result<Box<Self>> {
        let Outside { memory, context, terms } = outside;
        let memory = UnsafeCell::new(memory);
        try_box(Self { memory, context, terms, ..Self::default() })
            .ok_or_else(|| Error::no_memory("no memory for a task"))
    }

    /// Whether it holds argument and result.
    pub fn is_outside(&self) -> bool {
        // SAFETY: only taken away by who claimed the task, which asks for it no more.
        unsafe { (*self.memory.get()).is_some() }
    }
}

/// What a small task's end does not need.
#[derive(Default)]
pub(super) struct End {
    /// The result that the task set in place of the fixed one.
    pub(super) set_result: Option<Buffer>,
    pub(super) message: Option<CString>,
    /// The lowest failed item of a map.
    pub(super) index: usize,
}

impl Task {
    /// What the task sees as its context.
    #[inline]
    pub(super) fn context(&self) -> *const c_void {
        self.cold().map_or(ptr::null(), |cold| cold.context)
    }

    /// The terms of its call, if it has any.
    pub fn terms(&self) -> Option<&Terms> {
        self.cold()?.terms.as_ref()
    }

    /// What keeps a deferred task from starting. Only by who has claimed it.
    pub fn deferred(&self) -> Option<Counted<Deferred>> {
        self.cold()?.deferred.clone()
    }

    /// The task's places in groups. Only by who has claimed it, or when it has ended.
    pub(super) fn seats(&self) -> Option<&Seats> {
        self.cold()?.seats.as_ref()
    }

    /// Gives a claimed task that was filled without argument and result both.
    ///
    /// # Safety
    /// `call.arg` is readable for `call.arg_size` bytes.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub(super) unsafe fn refill(&self, core: &Core, call: &Call) -> Result<()> {
        // SAFETY: promised by the caller.
        let outside = unsafe { Outside::new(&*core.engine, call)? };
        if outside.memory.is_some() {
            self.arg_size.set(OUTSIDE);
            if let Some(cold) = self.cold() {
                // SAFETY: who claimed the task is alone with its argument.
                unsafe { *cold.memory.get() = outside.memory };
            }
        } else {
            // SAFETY: promised by the caller; what is not outside is small.
            unsafe { self.fill_argument(call) };
        }
        Ok(())
    }

    /// Acquire: who finds it there sees what is in it.
    #[inline]
    pub(super) fn cold(&self) -> Option<&Cold> {
        // SAFETY: it stays until the block is free.
        unsafe { self.cold.load(Ordering::Acquire).as_ref() }
    }

    /// Gives an empty block a cold part. Must be alone with the block.
    pub(super) fn set_cold(&self, cold: Box<Cold>) {
        self.cold.store(Box::into_raw(cold), Ordering::Release);
    }

    /// Takes it away. Must be alone with the block.
    #[inline]
    pub(super) fn drop_cold(&self) {
        let cold = self.cold.load(Ordering::Relaxed);
        if !cold.is_null() {
            self.cold.store(ptr::null_mut(), Ordering::Relaxed);
            // SAFETY: from `Box::into_raw`, and nobody knows it any more.
            drop(unsafe { Box::from_raw(cold) });
        }
    }

    /// The cold part, made now if there is none; `None` when there is no memory. By parts of the
    /// running task, or who claimed it.
    pub(super) fn cold_or_made(&self) -> Option<&Cold> {
        if let Some(cold) = self.cold() {
            return Some(cold);
        }
        let made = Box::into_raw(try_box(Cold::default())?);
        let order = (Ordering::AcqRel, Ordering::Acquire);
        if self.cold.compare_exchange(ptr::null_mut(), made, order.0, order.1).is_err() {
            // SAFETY: another part of the task was faster, and nobody knows this one.
            drop(unsafe { Box::from_raw(made) });
        }
        self.cold()
    }

    /// What the end of a task leaves in the cold part, if it left something.
    pub(super) fn end(&self) -> Option<&End> {
        // SAFETY: only asked after `DONE`, when nobody writes any more.
        self.cold().map(|cold| unsafe { &*cold.end.get() })
    }

    /// Changes what `end` will find, false when there is no memory; only by who claimed the task.
    pub(super) fn change_end(&self, change: impl FnOnce(&mut End)) -> bool {
        let Some(cold) = self.cold_or_made() else { return false };
        // SAFETY: who claimed the task is alone with its end until it is `DONE`.
        change(unsafe { &mut *cold.end.get() });
        true
    }
}
