#![allow(unsafe_code)]
//! Something that every worker does once.

use super::{
    boundary::{bytes, given, status},
    handle::{self, pool_t},
};
use crate::pool::{
    abi::pool_fn,
    broadcast::{self, Outcomes},
    payload::Call,
};
use std::{ffi::c_void, ptr};

/// Runs a function exactly once on every worker of the pool, and waits for all of them: to load a table,
/// to reseed a generator, to empty a cache, to collect what each worker has counted.
///
/// fn, arg, arg_size: what to run, and its argument, as in pool_apply(): the same for all.
/// results, result_size: room for `count` results of `result_size` bytes, of which only those of runs
///   that end well are written; NULL and 0 for none. They are in no particular order: task->worker tells
///   the function which worker it is on.
/// statuses: room for `count` statuses; or NULL.
/// count: for how many results and statuses there is room, at least pool_workers(); what lies
///   behind those stays as it is. Without results and statuses anything will do.
/// The function is called when all workers have ended what they have in hand, and what was submitted
/// before; those that are free first wait for the others. (So a task must not wait, but by the pool's
/// own means, for another that is submitted later. And a limit on the time of tasks, `task_timeout_ms`,
/// counts this wait, too.) A worker in a blocking section is represented by the spare one in its place.
/// When a worker dies, its run fails; if that is while it waits for the others, its replacement may
/// run the function in place of a worker that is still busy. Workers that are made later know nothing
/// of it: for those there is the initializer. There is always room for the runs, whatever `max_pending`
/// says.
/// Blocks, and takes part in nothing meanwhile. One call is made after the other; pool_resize() takes
/// effect after it.
/// Returns POOL_OK if all runs have ended well; with `statuses`, not NULL, also if not, and each has its
/// status there; else the first failure, as pool_apply(). POOL_ERR_SIZE if `count` is less than the number
/// of workers, POOL_ERR_SYSTEM if one of them could not be started: nothing was run then.
/// POOL_ERR_DEADLOCK inside a task or callback of the pool.
///
/// Example:
///     static int32_t tell_worker(const void *arg, void *result, pool_task_t *task) {
///         *(uint32_t *)result = task->worker + *(const uint32_t *)arg;
///         return 0;
///     }
///     uint32_t hundred = 100, told[64];
///     assert(pool_workers(pool) <= 64);
///     int32_t ended = pool_broadcast(pool, tell_worker, &hundred, sizeof hundred, told, sizeof told[0], NULL, 64);
///     assert(ended == POOL_OK && told[0] >= 100);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_broadcast(
    pool: *mut pool_t,
    r#fn: pool_fn,
    arg: *const c_void,
    arg_size: usize,
    results: *mut c_void,
    result_size: usize,
    statuses: *mut i32,
    count: usize,
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
        bytes(results, result_size, count.max(1), "results")?;
        let is_wanted = result_size > 0 || !statuses.is_null();
        let outcomes =
            Outcomes { results: results.cast(), statuses, room: is_wanted.then_some(count) };
        // SAFETY: the caller vouches for the sizes.
        unsafe { broadcast::run(core, &call, &outcomes) }
    })
}
