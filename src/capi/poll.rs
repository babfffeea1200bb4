#![allow(unsafe_code)]
//! Callbacks where the caller wants them.

use super::{
    boundary::{deadline, number},
    handle::{self, pool_t},
};

/// Runs the callbacks that wait, on the calling thread; only for a pool whose option `callbacks`
/// is POOL_CALLBACKS_POLLED. If none waits, waits for the first one. After pool_close(),
/// `while (pool_poll(pool, -1) > 0);` runs all that is left.
///
/// timeout_ms: how long at most, in milliseconds; 0 not at all, -1 for ever.
/// Returns how many were run: 0 at the end of the time, and when the pool is closed and none can
/// come any more. Or POOL_ERR_INVALID in other pools; POOL_ERR_DEADLOCK from a task or callback
/// of the pool itself; _FORKED. One thread polls at a time; a second one waits.
///
/// Example:
///     static void append(const pool_result_t *outcome, void *user_data) {
///         printf("%d\n", *(const int *)outcome->data);
///     }
///     pool_options_t options = POOL_OPTIONS_INIT;
///     options.callbacks = POOL_CALLBACKS_POLLED;
///     pool_t *polled;
///     assert(pool_create_with(&options, &polled) == POOL_OK);
///     for (int i = 0; i < 5; i++)
///         pool_apply_async(polled, square, &in[i], sizeof in[i], sizeof in[i], append, NULL, NULL);
///     for (int called = 0; called < 5;) called += pool_poll(polled, -1);
///     pool_close_join(polled);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_poll(pool: *mut pool_t, timeout_ms: i64) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let count = core.callbacks.poll(core, deadline(timeout_ms)?)?;
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    })
}

/// A file descriptor that is readable while callbacks wait, for poll(2), epoll and event loops:
/// when it is, call pool_poll() with time-out 0. It belongs to the pool: do not read or close
/// it; it is gone with the pool.
///
/// Returns the descriptor, or POOL_ERR_INVALID in pools that are not polled, _SYSTEM when the
/// process has no descriptors left, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_poll_fd(pool: *mut pool_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { handle::core(pool) }?.callbacks.descriptor()
    })
}
