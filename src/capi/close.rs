#![allow(unsafe_code)]
//! The end of a pool.

use super::{
    boundary::{deadline, status},
    handle::{self, pool_t},
};

/// Takes no more tasks from outside: they are POOL_ERR_CLOSED from now on. What was submitted
/// goes on, and running tasks and callbacks may still submit. Does not wait. A second call does
/// nothing. Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_close(pool: *mut pool_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { handle::closable_core(pool) }?.close();
        Ok(())
    })
}

/// After pool_close() or pool_terminate(): waits until all tasks and callbacks have ended and
/// the workers are gone. In a pool with polled callbacks, runs them on the calling thread.
///
/// timeout_ms: how long at most, in milliseconds; -1 for ever.
/// Returns POOL_OK; POOL_ERR_TIMEOUT; POOL_ERR_INVALID before close; POOL_ERR_DEADLOCK, at once
/// and in any state, from a task or callback of the pool itself; _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_join(pool: *mut pool_t, timeout_ms: i64) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { handle::closable_core(pool) }?.join(deadline(timeout_ms)?)
    })
}

/// Closes the pool, ends all tasks that have not started with POOL_ERR_TERMINATED (their
/// callbacks are called), and asks the running ones to stop: pool_task_cancelled() tells them. A
/// thread cannot be killed, so they end when they like; processes that run a task are killed, idle
/// ones run their finalizers, for at most a second. A running map starts no more items, and
/// borrows its arrays until it has ended. Does not wait.
///
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_terminate(pool: *mut pool_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { handle::closable_core(pool) }?.terminate();
        Ok(())
    })
}

/// In any state: closes the pool, waits for all tasks, callbacks and workers, and frees it.
/// NULL does nothing. Futures outlive the pool.
///
/// Returns POOL_OK; POOL_ERR_DEADLOCK, at once and freeing nothing, from a task or callback of
/// the pool itself; POOL_ERR_INVALID, as a rule, when the pool was freed before; _FORKED.
///
/// Example:
///     pool_t *short_lived = pool_create(2);
///     for (int i = 0; i < 100; i++)
///         pool_apply_async(short_lived, slow, &i, sizeof i, sizeof i, NULL, NULL, NULL);
///     assert(pool_close_join(short_lived) == POOL_OK); // all have run, and the pool is freed
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_close_join(pool: *mut pool_t) -> i32 {
    status(|| {
        if pool.is_null() {
            return Ok(());
        }
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::closable_core(pool) }?;
        core.require_outside("close and join")?;
        core.close();
        core.join(None)?;
        // SAFETY: the caller vouches for the handle.
        unsafe { handle::free(pool) }
    })
}
