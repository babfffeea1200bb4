#![allow(unsafe_code)]
//! What a small task does not need, in memory of its own.

use super::{
    core::Core,
    deferred::Deferred,
    group::Seats,
    map::Map,
    payload::{Call, Outside},
    status::{Error, Result},
    task::{OUTSIDE, Task},
    terms::Terms,
};
use crate::support::{
    alloc::{Buffer, try_box},
    sync::Arc,
};
use std::{
    cell::UnsafeCell,
    ffi::{CString, c_void},
    ptr,
};

/// What a small task does not need.
pub struct Cold {
    /// Argument and result when they don't fit inside the block. Written before `publish`.
    pub(super) memory: Option<Buffer>,
    /// As above.
    pub(super) map: Option<Map>,
    /// As above: what the task sees as its context.
    pub(super) context: *const c_void,
    /// As above.
    pub(super) terms: Option<Terms>,
    /// As above: what keeps a deferred task from starting.
    pub(super) deferred: Option<Arc<Deferred>>,
    /// As above: its places in groups.
    pub(super) seats: Option<Seats>,
    /// Written by who claimed the task, while others may look at the map.
    pub(super) end: UnsafeCell<End>,
}

impl Default for Cold {
    fn default() -> Self {
        Self {
            memory: None,
            map: None,
            context: ptr::null(),
            terms: None,
            deferred: None,
            seats: None,
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
        try_box(Self { memory, context, terms, ..Self::default() })
            .ok_or_else(|| Error::no_memory("no memory for a task"))
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
    pub fn deferred(&self) -> Option<Arc<Deferred>> {
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
            // SAFETY: who claimed the task is alone with its argument; a task with a function has
            // no map to look at.
            if let Some(cold) = unsafe { (*self.cold.get()).as_mut() } {
                cold.memory = outside.memory;
            }
        } else {
            // SAFETY: promised by the caller; what is not outside is small.
            unsafe { self.fill_argument(call) };
        }
        Ok(())
    }

    #[inline]
    pub(super) fn cold(&self) -> Option<&Cold> {
        // SAFETY: read under the rules of the module's table.
        unsafe { (*self.cold.get()).as_deref() }
    }

    /// What the end of a task leaves in the cold part, if it left something.
    pub(super) fn end(&self) -> Option<&End> {
        // SAFETY: only asked after `DONE`, when nobody writes any more.
        self.cold().map(|cold| unsafe { &*cold.end.get() })
    }

    /// Changes what `end` will find; only by who claimed the task.
    pub(super) fn change_end(&self, change: impl FnOnce(&mut End)) {
        if self.cold().is_none() {
            // SAFETY: who claimed a task is alone with a cold part that is not there yet: for
            // maps it always is, and for other tasks nobody else asks for it.
            unsafe { *self.cold.get() = Some(Box::default()) };
        }
        if let Some(cold) = self.cold() {
            // SAFETY: who claimed the task is alone with its end until it is `DONE`.
            change(unsafe { &mut *cold.end.get() });
        }
    }
}
