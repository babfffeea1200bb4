#![allow(unsafe_code)]
//! How a frame calls the user's functions, and what their returns mean.

use super::{
    abi::Function,
    bodies::{Bounds, PieceFunction, RangeFunction},
    frame::Frame,
    status::{self, Status},
};
use crate::support::text::sentence;
use std::ffi::c_void;

impl Frame<'_> {
    /// Calls the function, and makes its return a status.
    ///
    /// # Safety
    /// `arg` and `result` are what `pool_fn` promises.
    #[inline]
    pub unsafe fn call(&self, function: Function, arg: *const c_void, result: *mut u8) -> Status {
        // SAFETY: promised by the caller.
        let status = unsafe { self.call_item(function, arg, result) };
        self.end_sections();
        status
    }

    /// As `call`, but `end_sections` is to follow, at the latest when the pool has been poked.
    ///
    /// # Safety
    /// `arg` and `result` are what `pool_fn` promises.
    #[inline]
    pub unsafe fn call_item(
        &self,
        function: Function,
        arg: *const c_void,
        result: *mut u8,
    ) -> Status {
        // SAFETY: promised by the caller; the frame begins with what the function may read.
        let status = unsafe { function(arg, result.cast(), self.head()) };
        if status == status::OK { status } else { self.failed(status) }
    }

    /// As `call`, with the items from `begin` to `end`.
    ///
    /// # Safety
    /// As the caller of `pool_for` has promised.
    pub unsafe fn call_range(&self, function: RangeFunction, begin: usize, end: usize) -> Status {
        // SAFETY: promised by the caller; the frame begins with what the function may read.
        let status = unsafe { function(begin, end, self.context().cast_mut(), self.head()) };
        self.end_sections();
        if status == status::OK { status } else { self.failed(status) }
    }

    /// As `call`, with a piece of a reduction.
    ///
    /// # Safety
    /// `bounds` is readable as such; the rest is as the caller of `pool_reduce` has promised.
    pub unsafe fn call_piece(
        &self,
        function: PieceFunction,
        bounds: *const c_void,
        result: *mut u8,
    ) -> Status {
        // SAFETY: promised by the caller; the frame begins with what the function may read.
        let status = unsafe {
            let [begin, end] = bounds.cast::<Bounds>().read_unaligned();
            function(begin, end, result.cast(), self.context().cast_mut(), self.head())
        };
        self.end_sections();
        if status == status::OK { status } else { self.failed(status) }
    }

    /// The status of a function that has not returned 0: a positive code is its own, and any other
    /// is `INTERNAL`, with the code in the sentence.
    #[cold]
    pub fn failed(&self, status: Status) -> Status {
        if status > 0 {
            return status;
        }
        self.outcome_mut(|outcome| {
            let said = outcome.message.take();
            let (colon, said) = said.as_deref().map_or(("", ""), |said| (": ", said));
            outcome.message = Some(sentence(format_args!(
                "the task returned {status}; only 0 and positive codes are a task's own{colon}{said}"
            )));
        });
        status::INTERNAL
    }
}
