#![allow(unsafe_code)]
//! Make a pool, run one function, run it over an array.

use super::{
    boundary::{bytes, given, status, value},
    default_pool,
    handle::{self, pool_t},
    mode::simple,
};
use crate::{
    compose,
    pool::{
        abi::pool_fn, bodies::Body, group::Membership, map_call::MapCall, options::Options,
        payload::Call, status::Result, submit,
    },
};
use std::{ffi::c_void, ptr};

/// Makes a pool of threads. It costs little: the threads are started when there is work.
///
/// workers: how many tasks run at a time, at most POOL_MAX_WORKERS; 0 for as many as there are
///   CPUs that this process may use (its affinity mask, and the quota of its cgroup), or as the
///   environment variable MILLPOND_NUM_WORKERS says. (MILLPOND_MODE makes it a pool of another mode:
///   see POOL_SEQUENTIAL.)
/// Returns the pool, the caller's to free with pool_close_join(); NULL on failure, and
/// pool_last_error() says why: POOL_ERR_INVALID for too many workers, _NO_MEMORY, _SYSTEM. Use
/// pool_create_with() to get the status, or to choose more.
#[unsafe(no_mangle)]
pub extern "C" fn pool_create(workers: u32) -> *mut pool_t {
    let made = value(|| {
        compose::require_room()?;
        open(simple(workers)?)
    });
    made.map_or(ptr::null_mut(), Box::into_raw)
}

/// Makes and starts a pool. The handle comes first: workers that are forked know it.
pub fn open(options: Options) -> Result<Box<pool_t>> {
    let pool = pool_t::new(compose::create(options)?);
    pool.core().start()?;
    Ok(pool)
}

/// The default pool of this process, made at the first call as if by pool_create(0). Every call
/// returns the same one; in a forked child, a fresh one. Nobody frees it:
/// pool_close(), pool_join(), pool_terminate() and pool_close_join() on it are POOL_ERR_INVALID.
///
/// Returns NULL when it cannot be made; pool_last_error() says why.
#[unsafe(no_mangle)]
pub extern "C" fn pool_default() -> *mut pool_t {
    value(default_pool::handle).unwrap_or(ptr::null_mut())
}

/// Runs a function once and waits for it.
///
/// fn, arg, arg_size: what to run, and its argument: `arg_size` bytes at `arg`, or with
///   `arg_size` 0 the pointer `arg` itself, which may be NULL.
/// result, result_size: where the result goes, on success only; NULL and 0 for none. If the task
///   sets a result of its own, at most `result_size` bytes of it.
/// Runs on the calling thread if the pool has a place free and nothing is queued before it, else
/// on a worker; blocks until it has ended.
/// Returns the task's status: POOL_OK, its own positive code, or POOL_ERR_INVALID, _CLOSED,
/// _TERMINATED, _FORKED, _NO_MEMORY, _SYSTEM (no thread could be started), _SIZE (the task set
/// a longer result), _INTERNAL. In processes also _WORKER_DIED, _TIME_LIMIT, _BROKEN, _CRASH_LOOP,
/// _UNKNOWN_FUNCTION, and _UNSUPPORTED inside a worker.
///
/// Example:
///     int six = 6, result = 0;
///     assert(pool_apply(pool, square, &six, sizeof six, &result, sizeof result) == POOL_OK);
///     assert(result == 36);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_apply(
    pool: *mut pool_t,
    r#fn: pool_fn,
    arg: *const c_void,
    arg_size: usize,
    result: *mut c_void,
    result_size: usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let call = Call {
            function: given(r#fn, "fn is NULL")?,
            arg,
            arg_size,
            result_size,
            callback: None,
            user_data: ptr::null_mut(),
            context: ptr::null(),
            terms: None,
        };
        bytes(arg, arg_size, 1, "arg")?;
        bytes(result, result_size, 1, "result")?;
        // SAFETY: the caller vouches for the sizes.
        unsafe { submit::apply(core, &call, result.cast()) }
    })
}

/// Runs a function over an array: result i is what it makes of argument i. Blocks until all is
/// done; the calling thread takes part if the pool has a place free.
///
/// fn: what to run; task->index is the number of the item.
/// args, arg_size: `count` arguments of `arg_size` bytes; with `arg_size` 0 every item gets the
///   pointer `args` itself.
/// results, result_size: room for `count` results of `result_size` bytes, written in place;
///   NULL and 0 for none. May be the same array as `args`.
/// count: how many items; 0 does nothing. There is no chunk size to choose.
/// After a failure nothing more is started; the slots of failed and unstarted items are
/// unspecified. Returns POOL_OK, the status of the failed item with the lowest index (named by
/// pool_last_error()), or as pool_apply().
///
/// Example:
///     assert(pool_map(pool, square, in, sizeof in[0], out, sizeof out[0], 5) == POOL_OK);
///     assert(out[4] == 25);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_map(
    pool: *mut pool_t,
    r#fn: pool_fn,
    args: *const c_void,
    arg_size: usize,
    results: *mut c_void,
    result_size: usize,
    count: usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let call = map_call(r#fn, args, arg_size, results, result_size, count)?;
        submit::map(core, call)
    })
}

/// A map's description, checked.
pub fn map_call(
    function: pool_fn,
    args: *const c_void,
    arg_size: usize,
    results: *mut c_void,
    result_size: usize,
    count: usize,
) -> Result<MapCall> {
    bytes(args, arg_size, count, "args")?;
    bytes(results, result_size, count, "results")?;
    Ok(MapCall {
        body: Body::Item(given(function, "fn is NULL")?),
        first: 0,
        args,
        arg_size,
        results: if result_size == 0 { ptr::null_mut() } else { results },
        result_size,
        count,
        context: ptr::null(),
        statuses: ptr::null_mut(),
        membership: Membership::NONE,
        terms: None,
    })
}
