#![allow(unsafe_code)]
//! What only makes sense where workers are processes.

use super::{
    boundary::{given, number, status},
    handle::{self, pool_t},
};
use crate::pool::{abi::pool_fn, functions};

/// The process of the worker with this number, from 0: 0 while there is none, for a moment after
/// its death; this process's own in a pool of threads. Numbers from `workers` on are the spare
/// ones. Or POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_worker_pid(pool: *mut pool_t, worker: u32) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        core.engine.worker_pid(core, worker)
    })
}

/// Makes workers from this process as it is now: they see what it has in memory at this moment,
/// and know the functions of libraries that were loaded since the pool was made. Those at work
/// end the task in hand first; tasks that wait go to the new ones. Also makes a broken pool work
/// again, after POOL_ERR_BROKEN or POOL_ERR_CRASH_LOOP. In an open pool of threads it does nothing.
///
/// Forks, on the calling thread, as pool_create_with() does: only that thread is in the copy, and
/// a lock that another thread holds then is held in every worker for ever; so make pools early.
/// Workers inherit all file descriptors. What stdout and stderr have buffered is written before the
/// fork, and by a worker when it has nothing to do; other files tasks flush themselves. The
/// program's SIGCHLD and waitpid(-1) are left alone. If there can be no new process, the workers
/// that there are go on. With an initializer, waits until that of each new worker that could be
/// started at once has ended.
///
/// Returns as pool_create_with(), or POOL_ERR_CLOSED, _DEADLOCK from a callback of the pool,
/// _FORKED.
///
/// Example (processes):
///     static int factor;
///     static int32_t multiply(const void *arg, void *result, pool_task_t *task) {
///         *(int *)result = *(const int *)arg * factor;
///         return 0;
///     }
///     factor = 3; // after the pool was made: its workers do not see it
///     pool_map(pool, multiply, in, sizeof in[0], out, sizeof out[0], 5);
///     assert(out[4] == 0);
///     assert(pool_refresh(pool) == POOL_OK);
///     pool_map(pool, multiply, in, sizeof in[0], out, sizeof out[0], 5);
///     assert(out[4] == 15);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_refresh(pool: *mut pool_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        core.require_outside("refresh")?;
        core.engine.refresh(core)
    })
}

/// Says that the code at `fn` is here to stay. Workers run functions of the program and of
/// libraries that were loaded when they were made; code outside these, made at run time as
/// just-in-time compilers and foreign-function libraries do, is POOL_ERR_UNKNOWN_FUNCTION unless
/// it was registered before the pool was made or refreshed, and must then stay as it is.
/// Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_register_function(r#fn: pool_fn) -> i32 {
    status(|| functions::register(given(r#fn, "fn is NULL")?))
}
