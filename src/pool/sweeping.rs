#![allow(unsafe_code)]
//! How a participant in a map runs item after item.

use super::{
    attempts,
    bodies::Sweeper,
    core::Core,
    frame::Frame,
    map::Map,
    map_call::MapCall,
    status::{self, Status},
    sweep::pool_sweep_t,
};
use std::ffi::c_void;

/// How far a run of items has come: all before `done` are well, and those from there to `next`,
/// if any, have failed with `status`.
pub(super) struct Swept {
    pub(super) done: usize,
    pub(super) next: usize,
    pub(super) status: Status,
}

impl Map {
    /// The innermost loop: runs items from `index` on, until one fails, or `goes_on` says no. A
    /// function of its own, so that what an item needs, the sizes apart, stays in registers.
    #[inline(never)]
    pub(super) fn sweep(
        &self,
        mut index: usize,
        high: usize,
        goes_on: impl Fn() -> bool,
        call: impl Fn(usize, *const c_void, *mut u8) -> Status,
    ) -> Swept {
        let MapCall { args, arg_size, results, result_size, .. } = self.call;
        let mut arg = args.wrapping_byte_add(index * arg_size);
        let mut result = results.wrapping_byte_add(index * result_size).cast::<u8>();
        while index < high && goes_on() {
            let status = call(index, arg, result);
            if status != status::OK {
                return Swept { done: index, next: index + 1, status };
            }
            index += 1;
            arg = arg.wrapping_byte_add(arg_size);
            result = result.wrapping_byte_add(result_size);
        }
        Swept { done: index, next: index, status: status::OK }
    }

    /// As `sweep`, by the caller's own loop.
    ///
    /// # Safety
    /// The items from `index` to `high` are the calling thread's.
    pub(super) unsafe fn sweep_by(
        &self,
        sweeper: Sweeper,
        core: &Core,
        frame: &Frame<'_>,
        seen: u32,
        index: usize,
        high: usize,
    ) -> Swept {
        let MapCall { args, arg_size, results, result_size, .. } = self.call;
        let mut sweep = pool_sweep_t {
            r#fn: Some(sweeper.function),
            task: frame.head(),
            arg: args.wrapping_byte_add(index * arg_size).cast(),
            arg_size,
            result: results.wrapping_byte_add(index * result_size).cast(),
            result_size,
            index,
            end: high,
            pokes: core.pokes_address(),
            seen,
        };
        // SAFETY: promised by the caller, and by the program that brought the loop along.
        let status = unsafe { (sweeper.sweep)(&raw mut sweep) };
        let done = sweep.index;
        if status == status::OK {
            return Swept { done, next: done, status };
        }
        Swept { done, next: done + 1, status: frame.failed(status) }
    }

    pub(super) fn has_attempts(&self) -> bool {
        self.call.terms.is_some_and(|terms| terms.has_attempts())
    }

    /// Runs an item as often, and as long, as the call says.
    #[cold]
    pub(super) fn run_by_terms(
        &self,
        core: &Core,
        frame: &Frame<'_>,
        once: &dyn Fn() -> Status,
    ) -> Status {
        let is_unwanted = || self.is_stopped() || core.is_terminated();
        self.call.terms.map_or_else(once, |terms| {
            attempts::run(core, &terms, frame, &is_unwanted, &mut || once())
        })
    }
}
