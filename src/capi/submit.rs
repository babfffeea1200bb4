#![allow(unsafe_code)]
//! Submit without waiting.

use super::{
    boundary::{bytes, given, quick_status, status},
    handle::{self, pool_future_t, pool_t},
    simple::map_call,
};
use crate::pool::{
    abi::{pool_callback_fn, pool_fn},
    payload::Call,
    submit,
    task::Task,
};
use std::{ffi::c_void, ptr};

/// Submits a function and returns at once.
///
/// fn, arg, arg_size: as in pool_apply(); the argument's bytes are copied before this returns.
/// result_size: the size of the result, which goes to the callback and the future.
/// callback, user_data: called once with the outcome, where the pool's option `callbacks` says;
///   NULL for none.
/// future: a handle on the task is written there before the task can start, the caller's to
///   release with pool_future_release(); NULL if not wanted.
/// Does not block, but for starting a thread now and then. Returns POOL_OK, or POOL_ERR_INVALID,
/// _CLOSED, _TERMINATED (from inside a terminated pool), _FORKED, _NO_MEMORY, _SYSTEM (no thread
/// could be started), in processes _BROKEN, _CRASH_LOOP, _UNKNOWN_FUNCTION, _UNSUPPORTED. After an
/// error nothing was submitted, and the callback is never called. In a pool that is bounded by
/// `max_pending` it may wait for room instead, run the task here, or return _FULL, as `when_full` says.
///
/// Example:
///     int seven = 7, result = 0;
///     pool_future_t *future = NULL;
///     pool_apply_async(pool, square, &seven, sizeof seven, sizeof result, NULL, NULL, &future);
///     // ... do something else ...
///     int32_t status = pool_future_get(future, &result, sizeof result, -1);
///     assert(status == POOL_OK && result == 49);
///     pool_future_release(future);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_apply_async(
    pool: *mut pool_t,
    r#fn: pool_fn,
    arg: *const c_void,
    arg_size: usize,
    result_size: usize,
    callback: pool_callback_fn,
    user_data: *mut c_void,
    future: *mut *mut pool_future_t,
) -> i32 {
    quick_status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let function = given(r#fn, "fn is NULL")?;
        bytes(arg, arg_size, 1, "arg")?;
        let context = ptr::null();
        let terms = None;
        let call =
            Call { function, arg, arg_size, result_size, callback, user_data, context, terms };
        // SAFETY: the caller vouches for the pointer; a future is a task's block.
        let future = unsafe { future.cast::<*mut Task>().as_mut() };
        // SAFETY: the caller vouches for the sizes.
        unsafe { submit::submit(core, &call, future) }
    })
}

/// Submits a map and returns at once. Arguments as in pool_map(): `args` and `results` are
/// borrowed until the map has ended. callback, user_data, future: as in pool_apply_async(), one
/// for the whole map; its outcome has no data, and after a failure the lowest failed index.
/// Returns as pool_apply_async(); how the map ended, pool_future_get(future, NULL, 0, -1) returns.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_map_async(
    pool: *mut pool_t,
    r#fn: pool_fn,
    args: *const c_void,
    arg_size: usize,
    results: *mut c_void,
    result_size: usize,
    count: usize,
    callback: pool_callback_fn,
    user_data: *mut c_void,
    future: *mut *mut pool_future_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let call = map_call(r#fn, args, arg_size, results, result_size, count)?;
        // SAFETY: the caller vouches for the pointer; a future is a task's block.
        let future = unsafe { future.cast::<*mut Task>().as_mut() };
        submit::submit_map(core, call, None, callback, user_data, future)
    })
}
