#![allow(unsafe_code)]
//! Handles on submitted tasks and maps. They outlive their pool.

use super::{
    boundary::{self, deadline, number, quick_status, status, value},
    handle::{self, pool_future_t},
};
use crate::pool::{
    payload::copy_result,
    said,
    status::{self as code, Error, Result},
    submit,
    task::TaskRef,
};
use std::{
    ffi::{c_char, c_void},
    ptr,
};

/// Waits until the task has ended, however it ended; with `timeout_ms` -1 it may run the task on
/// the calling thread. Any number of threads may wait for one future.
///
/// Returns POOL_OK; POOL_ERR_TIMEOUT; POOL_ERR_INVALID; POOL_ERR_DEADLOCK when the task itself
/// is running on this very thread; POOL_ERR_SYSTEM when the stack is too deep to run the task
/// here and no thread can be started for it; _FORKED unless it ended before the fork.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_wait(future: *const pool_future_t, timeout_ms: i64) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { wait(future, timeout_ms) }.map(drop)
    })
}

/// # Safety
/// `future` is null, or a future that the caller has not released.
unsafe fn wait(future: *const pool_future_t, timeout_ms: i64) -> Result<TaskRef> {
    // SAFETY: the caller vouches for the handle.
    let task = unsafe { handle::task(future) }?;
    if submit::wait(task, deadline(timeout_ms)?)? {
        return Ok(task);
    }
    Err(Error::from(code::TIMEOUT))
}

/// The task, if it can still change in this process, or has ended.
///
/// # Safety
/// `future` is null, or a future that the caller has not released.
unsafe fn looked_at(future: *const pool_future_t) -> Result<TaskRef> {
    // SAFETY: the caller vouches for the handle.
    let task = unsafe { handle::task(future) }?;
    submit::look(task)?;
    Ok(task)
}

/// Whether the task has ended: 1 or 0, or POOL_ERR_INVALID, _FORKED. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_ready(future: *const pool_future_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        Ok(unsafe { looked_at(future) }?.state.is_done().into())
    })
}

/// Whether the task is running right now: 1 or 0, or POOL_ERR_INVALID, _FORKED. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_running(future: *const pool_future_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { looked_at(future) }?;
        Ok((task.state.is_running() && task.core().engine.is_started(task)).into())
    })
}

/// Whether the task has ended with POOL_OK: 1, or 0 (also while it has not ended), or
/// POOL_ERR_INVALID, _FORKED. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_successful(future: *const pool_future_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { looked_at(future) }?;
        Ok((task.state.is_done() && task.status() == code::OK).into())
    })
}

/// Waits as pool_future_wait(), and copies the result.
///
/// result, result_size: where the result goes, on success only; NULL and 0 if it is not wanted.
/// timeout_ms: how long at most, in milliseconds; -1 for ever.
/// Returns the task's status; or POOL_ERR_SIZE when the result is larger than `result_size`
/// (nothing is written then, and the call may be repeated), or as pool_future_wait(). May be
/// called again and again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_get(
    future: *mut pool_future_t,
    result: *mut c_void,
    result_size: usize,
    timeout_ms: i64,
) -> i32 {
    status(|| {
        boundary::bytes(result, result_size, 1, "result")?;
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { wait(future, timeout_ms) }?;
        task.outcome()?;
        let (data, size) = task.result();
        if result.is_null() {
            return Ok(());
        }
        // SAFETY: the caller vouches for the room; the result lives as long as the future.
        unsafe { copy_result(data, size, result.cast(), result_size) }
    })
}

/// The result, in place: 16-aligned, valid until the future is released. Does not block.
///
/// size: its size in bytes goes there; may be NULL.
/// Returns NULL, and leaves `size` alone, unless the task has ended with POOL_OK; NULL with size
/// 0 when it has no result, as maps have none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_data(
    future: *const pool_future_t,
    size: *mut usize,
) -> *const c_void {
    let found = value(|| {
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { ended(future) }?;
        task.outcome()?;
        Ok(task.result())
    });
    let Ok((data, length)) = found else {
        return ptr::null();
    };
    // SAFETY: null, or the caller vouches for it.
    if let Some(size) = unsafe { size.as_mut() } {
        *size = length;
    }
    data
}

/// # Safety
/// `future` is null, or a future that the caller has not released.
unsafe fn ended(future: *const pool_future_t) -> Result<TaskRef> {
    // SAFETY: the caller vouches for the handle.
    let task = unsafe { looked_at(future) }?;
    if task.state.is_done() {
        return Ok(task);
    }
    Err(Error::new(code::TIMEOUT, "the task has not ended yet"))
}

/// The status of the task; POOL_ERR_TIMEOUT while it has not ended. Or POOL_ERR_INVALID, and
/// _FORKED unless it ended before the fork. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_status(future: *const pool_future_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        Ok(unsafe { ended(future) }?.status())
    })
}

/// A sentence about the task's failure; "" if there is none, or not yet. Never NULL, valid until
/// the future is released. Does not block.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_message(future: *const pool_future_t) -> *const c_char {
    // SAFETY: the caller vouches for the handle.
    match unsafe { handle::task(future) } {
        Ok(task) if task.state.is_done() => task.message().as_ptr(),
        Ok(_) => c"".as_ptr(),
        Err(error) => {
            boundary::remember(&error.message);
            c"".as_ptr()
        }
    }
}

/// How far the task has come: what it has said last by pool_task_progress(), in whatever process it
/// runs; 0 of 0 if it has said nothing. Of a map, without its saying so: how many items have been
/// run, of how many there are; on threads those that a worker has run in the last few microseconds
/// may count a moment later, or with the item after them. Does not block; the two numbers always
/// belong together, and those of a map never fall.
///
/// Example:
///
///     static int32_t count(const void *arg, void *result, pool_task_t *task) {
///       for (uint64_t i = 1; i <= 1000; i++) pool_task_progress(task, i, 1000);
///       return 0;
///     }
///     pool_future_t *future;
///     pool_apply_async(pool, count, NULL, 0, 0, NULL, NULL, &future);
///     uint64_t done, total;
///     do {
///       assert(pool_future_progress(future, &done, &total) == POOL_OK);
///       if (total > 0) printf("\r%3.0f %%", 100.0 * done / total);
///     } while (pool_future_wait(future, 100) == POOL_ERR_TIMEOUT);
///     assert(pool_future_progress(future, &done, &total) == POOL_OK && done == 1000);
///     pool_future_release(future);
///
/// done, total: go there; NULL if not wanted.
/// After the end they stay what they were at the end; a task that is tried again says it anew.
/// Returns POOL_OK; POOL_ERR_INVALID; _NO_MEMORY; _FORKED unless it ended before the fork.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_progress(
    future: *const pool_future_t,
    done: *mut u64,
    total: *mut u64,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let now = said::progress(unsafe { handle::task(future) }?)?;
        // SAFETY: null, or the caller vouches for it.
        if let Some(done) = unsafe { done.as_mut() } {
            *done = now.0;
        }
        // SAFETY: as above.
        if let Some(total) = unsafe { total.as_mut() } {
            *total = now.1;
        }
        Ok(())
    })
}

/// Cancels the task if it has not started: it never will, its status is POOL_ERR_CANCELLED, and
/// its callback is called. A running task is only asked to stop: pool_task_cancelled() tells it.
/// A map starts no more items. Does not block, and kills nothing.
///
/// Returns 1 if the task will not run (a map: if it had not ended), 0 if it is running or has
/// ended, or POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_cancel(future: *mut pool_future_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { handle::task(future) }?;
        if task.state.is_done() {
            return Ok(0);
        }
        task.core().require_this_process()?;
        Ok(submit::cancel(task).into())
    })
}

/// Ends the task now. One that has not started is cancelled, as by pool_future_cancel(). In a
/// pool of processes a running one is killed: its worker gets SIGKILL, with all processes of its
/// group, and is replaced; the task ends with POOL_ERR_CANCELLED, and no other is harmed. A map
/// starts no more items, and those that are running are killed. Does not block: the task has
/// ended a moment later.
///
/// Returns 1 if the task will not end by itself, 0 if it has ended; POOL_ERR_UNSUPPORTED when it
/// is running on a thread, which cannot be killed: it is asked to stop; POOL_ERR_INVALID,
/// _FORKED.
///
/// Example (processes):
///     static int32_t hang(const void *arg, void *result, pool_task_t *task) {
///         for (;;) pause();
///         return 0;
///     }
///     pool_future_t *future;
///     pool_apply_async(pool, hang, NULL, 0, 0, NULL, NULL, &future);
///     assert(pool_future_wait(future, 50) == POOL_ERR_TIMEOUT);
///     assert(pool_future_kill(future) == 1);
///     assert(pool_future_get(future, NULL, 0, -1) == POOL_ERR_CANCELLED);
///     pool_future_release(future);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_kill(future: *mut pool_future_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { handle::task(future) }?;
        if task.state.is_done() {
            return Ok(0);
        }
        task.core().require_this_process()?;
        Ok(submit::kill(task)?.into())
    })
}

/// Gives the handle back; once, after which it must not be used. The task goes on. NULL does
/// nothing. May be called from the task and its callback. Returns POOL_OK, POOL_ERR_INVALID.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_future_release(future: *mut pool_future_t) -> i32 {
    quick_status(|| {
        if future.is_null() {
            return Ok(());
        }
        // SAFETY: the caller vouches for the handle.
        let task = unsafe { handle::task(future) }?;
        // In a forked child the pool's locks may be held for ever: the block is left behind.
        if task.core().is_in_this_process() && !task.release_handle() {
            return Err(Error::invalid("the future has been released"));
        }
        Ok(())
    })
}
