#![allow(unsafe_code)]
//! The full form of a call: many at once, and for maps.

use super::{
    boundary::{Versioned, bytes, not_null, read_struct, status},
    handle::{self, pool_future_t, pool_t},
    simple::{checked, map_call},
};
use crate::pool::{
    abi::{pool_callback_fn, pool_fn},
    batch,
    payload::Call,
    status::{self as code, Error, Result},
    submit,
    task::Task,
    terms::Terms,
};
use std::ffi::c_void;

/// A call in full. Begin with POOL_CALL_INIT, then set what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_call_t {
    /// sizeof(pool_call_t), set by POOL_CALL_INIT.
    pub struct_size: usize,
    /// What to run.
    pub r#fn: pool_fn,
    /// The argument: `arg_size` bytes there, or with `arg_size` 0 the pointer itself. Not for maps.
    pub arg: *const c_void,
    /// The size of an argument in bytes.
    pub arg_size: usize,
    /// The size of a result in bytes.
    pub result_size: usize,
    /// What tasks see as task->context; borrowed until the call has ended.
    pub context: *const c_void,
    /// Called once with the outcome, where the pool's option `callbacks` says; NULL for none. Not
    /// for maps.
    pub callback: pool_callback_fn,
    /// Passed to the callback.
    pub user_data: *mut c_void,
    /// POOL_PRIORITY_NORMAL, which is 0, or another. Not in this version: POOL_ERR_UNSUPPORTED.
    pub priority: i32,
    /// How often to try again. Not in this version: POOL_ERR_UNSUPPORTED.
    pub retries: u32,
    /// How long it may run, in milliseconds. Not in this version: POOL_ERR_UNSUPPORTED.
    pub timeout_ms: i64,
    /// How long to wait before it may start, in milliseconds. Not in this version: POOL_ERR_UNSUPPORTED.
    pub delay_ms: i64,
    /// Futures that must have ended well before it may start. Not in this version: POOL_ERR_UNSUPPORTED.
    pub after: *const *mut pool_future_t,
    /// How many. Not in this version: POOL_ERR_UNSUPPORTED.
    pub after_count: usize,
}

// SAFETY: begins with its size; numbers, pointers and functions may be zero.
unsafe impl Versioned for pool_call_t {
    const WHAT: &'static str = "call";
    const FORMER: &'static [usize] = &[64];
}

impl pool_call_t {
    fn checked(&self) -> Result<Call> {
        let Self { arg, arg_size, result_size, context, callback, user_data, .. } = *self;
        let terms = self.terms()?;
        let function = checked(self.r#fn)?;
        bytes(arg, arg_size, 1, "arg")?;
        Ok(Call { function, arg, arg_size, result_size, callback, user_data, context, terms })
    }

    /// What the call says beyond what to run, if it does.
    fn terms(&self) -> Result<Option<Terms>> {
        let Self { priority, retries, timeout_ms, delay_ms, after, after_count, .. } = *self;
        if (priority, retries, timeout_ms, delay_ms, after_count) == (0, 0, 0, 0, 0) {
            return Ok(None);
        }
        let after = after.cast::<*mut Task>();
        let terms = Terms { priority, retries, timeout_ms, delay_ms, after, after_count };
        Err(Error::new(code::UNSUPPORTED, format!("{terms:?} are for a later version")))
    }
}

/// Submits many calls at once: all of them, or none.
///
/// calls, count: an array of `count` calls, each begun with POOL_CALL_INIT; read during the call
///   only, and each argument's bytes are copied, as by pool_apply_async(). `count` 0 does nothing.
/// futures: room for `count` handles, each written before its task can start and the caller's to
///   release with pool_future_release(); NULL if not wanted.
/// The tasks start in the order of the array. Costs a fraction of as many pool_apply_async(), and
/// one wake-up; the first tasks may have ended before it returns. Does not block, but for starting
/// a thread now and then. Returns POOL_OK, or as pool_apply_async(), with the number of the call
/// in the sentence if one is the reason: then nothing was submitted, nothing written, and no
/// callback is ever called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_submit(
    pool: *mut pool_t,
    calls: *const pool_call_t,
    count: usize,
    futures: *mut *mut pool_future_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        if count == 0 {
            return Ok(());
        }
        not_null(calls, "calls")?;
        // SAFETY: the caller vouches for the array; each element begins with its size.
        let stride = unsafe { calls.cast::<usize>().read_unaligned() };
        bytes(calls, stride, count, "calls")?;
        let call = |index: usize| {
            // SAFETY: inside the array, which the caller vouches for.
            let call = unsafe { calls.byte_add(index * stride) };
            // SAFETY: every such struct begins with its size.
            if unsafe { call.cast::<usize>().read_unaligned() } != stride {
                return Err(Error::invalid("its struct_size is not that of the first call"));
            }
            // SAFETY: as above.
            unsafe { read_struct(call)? }.checked()
        };
        // SAFETY: the caller vouches for the sizes and the room; a future is a task's block.
        unsafe { batch::submit_all(core, count, &call, futures.cast::<*mut Task>()) }
    })
}

/// As pool_map(), with a context for all items, and a status of each.
///
/// call: read during the call only.
/// args, results, count: as in pool_map().
/// statuses: room for `count` statuses; then every item is run, whatever becomes of the others,
///   and POOL_OK is returned also if some have failed. After pool_terminate() those that were
///   not started have POOL_ERR_TERMINATED, which is then returned. NULL: as in pool_map().
/// Blocks, and returns, as pool_map().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_map_with(
    pool: *mut pool_t,
    call: *const pool_call_t,
    args: *const c_void,
    results: *mut c_void,
    statuses: *mut i32,
    count: usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        // SAFETY: the caller vouches for the struct.
        let full = unsafe { read_struct(call)? };
        if !full.arg.is_null() || full.callback.is_some() {
            let text = "a map takes its arguments from args, and has no callback here";
            return Err(Error::invalid(text));
        }
        let mut call = map_call(full.r#fn, args, full.arg_size, results, full.result_size, count)?;
        if !statuses.is_null() {
            bytes(statuses, size_of::<i32>(), count, "statuses")?;
        }
        full.terms()?;
        call.context = full.context;
        call.statuses = statuses;
        submit::map(core, call)
    })
}
