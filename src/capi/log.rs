#![allow(unsafe_code)]
//! What happens in pools, for a program's log.

use super::boundary::status;
use crate::pool::{log, status::Error};
use std::ffi::{c_char, c_void};

/// `level`: nothing is told.
pub const POOL_LOG_NONE: i32 = 0;
/// `level`: a pool cannot go on: a crash loop, a dead zygote.
pub const POOL_LOG_ERROR: i32 = 1;
/// `level`: besides, what was lost or could not be had: a worker has died, or could not be started.
pub const POOL_LOG_WARNING: i32 = 2;
/// `level`: besides, what has changed: workers have started or left, a pool was closed or terminated, how
/// much it still had to do, and that it has ended.
pub const POOL_LOG_INFO: i32 = 3;

/// Is told that something has happened.
///
/// level: one of POOL_LOG_...
/// pool: the name of the pool, its option `name`.
/// text: a sentence, without a line's end. Both are valid during the call only.
///
/// It is called on the thread on which that happened: any, a pool's own too, several at once. The
/// library holds no lock meanwhile, so it may use pools, but it should be quick, and must not wait for
/// the pool that it is told of. What happens on the same thread because of it is not told. It must
/// return, as a task must.
pub type pool_log_fn = Option<
    unsafe extern "C" fn(
        level: i32,
        pool: *const c_char,
        text: *const c_char,
        user_data: *mut c_void,
    ),
>;

/// Sets the function that is told what happens in all pools of this process, in place of the one before,
/// which may still be in a call, or about to be called, on another thread. Not in children that are
/// forked later, nor in worker processes: they have no log until they set one.
///
/// log: NULL for none.
/// user_data: passed to it.
/// level: what to tell: one of POOL_LOG_...; without it, and above it, nothing is made up to be told.
/// Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _SYSTEM.
///
/// Example (processes):
///     static void write_down(int32_t level, const char *name, const char *text, void *user_data) {
///         if (level <= POOL_LOG_WARNING) ++*(int *)user_data;
///         fprintf(stderr, "%s: %s\n", name, text);
///     }
///     static int32_t crash(const void *arg, void *result, pool_task_t *task) {
///         abort();
///     }
///     int troubles = 0;
///     pool_set_log(write_down, &troubles, POOL_LOG_INFO);
///     int32_t status = pool_apply(pool, crash, NULL, 0, NULL, 0);
///     assert(status == POOL_ERR_WORKER_DIED);
///     pool_close(pool);
///     pool_join(pool, -1);
///     pool_set_log(NULL, NULL, POOL_LOG_NONE);
///     assert(troubles == 1); // "worker 0, process 4711, died by SIGABRT (signal 6)"
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_set_log(log: pool_log_fn, user_data: *mut c_void, level: i32) -> i32 {
    status(|| {
        if !(POOL_LOG_NONE..=POOL_LOG_INFO).contains(&level) {
            let names = "POOL_LOG_NONE, _ERROR, _WARNING or _INFO";
            return Err(Error::invalid(format!("level is {level}; it must be {names}")));
        }
        log::set(log, user_data, level)
    })
}
