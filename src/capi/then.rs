#![allow(unsafe_code)]
//! Continuations.

use super::{
    boundary::{given, status},
    handle::{self, pool_future_t},
};
use crate::pool::{
    abi::{pool_callback_fn, pool_fn},
    batch, context,
    payload::Call,
    task::Task,
    terms::Terms,
};
use std::{ffi::c_void, ptr};

/// Submits a function, to the pool of `future`, whose argument is the result of `future`: it starts
/// when that has ended well. If that fails, or is cancelled, the function is not run, and `next`
/// ends with the same status, and so on down a chain.
///
/// Example:
///     pool_future_t *squared, *again;
///     int result = 0;
///     pool_apply_async(pool, square, &in[2], sizeof(int), sizeof(int), NULL, NULL, &squared);
///     pool_future_then(squared, square, sizeof(int), NULL, NULL, &again);
///     pool_future_release(squared);
///     assert(pool_future_get(again, &result, sizeof result, -1) == POOL_OK);
///     assert(result == 81);
///     pool_future_release(again);
///
/// future: that of a task (its result, as pool_future_data() has it, is copied; NULL when it has
///   none) or of a map (NULL); ended or not; may be released right after this.
/// fn, result_size, callback, user_data: as in pool_apply_async().
/// next: as `future` in pool_apply_async(); it can be continued in turn. To wait for several, or in
///   another pool, see pool_call_t.after.
/// Does not block. Returns as pool_apply_async().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_then(
    future: *mut pool_future_t,
    r#fn: pool_fn,
    result_size: usize,
    callback: pool_callback_fn,
    user_data: *mut c_void,
    next: *mut *mut pool_future_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { handle::task(future) }?;
        let core = task.core();
        core.require_this_process()?;
        core.require_open(context::find(core).is_some())?;
        let after = task.as_non_null().as_ptr();
        let call = Call {
            function: given(r#fn, "fn is NULL")?,
            arg: ptr::null(),
            arg_size: 0,
            // Argument and result get their room when the size of the argument is known.
            result_size: 0,
            callback,
            user_data,
            context: ptr::null(),
            terms: Some(Terms {
                after: &raw const after,
                after_count: 1,
                then: Some(result_size),
                ..Terms::USUAL
            }),
        };
        core.engine.admit(core, &Call { result_size, ..call })?;
        // SAFETY: the caller vouches for the room; a future is a task's block.
        unsafe { batch::submit_all(core, 1, &|_, _| Ok(call), next.cast::<*mut Task>()) }
    })
}
