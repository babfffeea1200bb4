#![allow(unsafe_code)]
//! What a running task may say.

use super::boundary::{bytes, number, quick_status, status};
use crate::{
    pool::{
        abi::pool_task_t,
        frame::Frame,
        status::{Error, Result},
    },
    support::text::sentence,
};
use std::ffi::{CStr, c_char, c_void};

/// # Safety
/// `task` is null, or what the library gave to a function that runs until `'a` ends.
unsafe fn frame<'a>(task: *const pool_task_t) -> Result<&'a Frame<'a>> {
    if !task.is_aligned() {
        return Err(Error::invalid("task is no pointer to a running task"));
    }
    // SAFETY: the caller vouches for the pointer, which the library gave to its function.
    unsafe { Frame::from_head(task) }.ok_or_else(|| Error::invalid("task is NULL"))
}

/// Records a sentence about the task's failure, for whoever asks for it. To be used as
/// `return pool_task_fail(task, 3, "no such file");`.
///
/// code: the task's own code, positive. (0 would be success, a negative one POOL_ERR_INTERNAL.)
/// message: copied; NULL for none. pool_last_error() shows 511 bytes of it.
/// Returns `code`, whatever it is.
///
/// Example:
///     static int32_t root(const void *arg, void *result, pool_task_t *task) {
///         if (*(const int *)arg < 0) return pool_task_fail(task, 1, "a negative number has no root");
///         return 0;
///     }
///     int minus = -1;
///     assert(pool_apply(pool, root, &minus, sizeof minus, NULL, 0) == 1);
///     assert(strcmp(pool_last_error(), "a negative number has no root") == 0);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_task_fail(
    task: *mut pool_task_t,
    code: i32,
    message: *const c_char,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let frame = unsafe { frame(task) }?;
        if !message.is_null() {
            // SAFETY: the caller vouches for the string.
            let message = unsafe { CStr::from_ptr(message) };
            frame.fail(sentence(format_args!("{}", message.to_string_lossy())));
        }
        Ok(())
    });
    code
}

/// Makes a copy of `size` bytes at `data` the task's result, in place of the one of fixed size:
/// for results whose size is known only at the end. It reaches the callback, pool_future_data(),
/// and whoever offers that much room. In a map, at most `result_size` bytes, into the item's
/// slot. The last call counts.
///
/// Returns POOL_OK, POOL_ERR_INVALID, _SIZE, _NO_MEMORY.
///
/// Example:
///     static int32_t greet(const void *arg, void *result, pool_task_t *task) {
///         char text[100];
///         int length = snprintf(text, sizeof text, "hello from worker %u", (unsigned)task->worker);
///         return pool_task_set_result(task, text, (size_t)length + 1);
///     }
///     pool_future_t *future;
///     pool_apply_async(pool, greet, NULL, 0, 0, NULL, NULL, &future);
///     pool_future_wait(future, -1);
///     size_t size;
///     const char *text = pool_future_data(future, &size);
///     assert(text != NULL && size == strlen(text) + 1);
///     pool_future_release(future);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_task_set_result(
    task: *mut pool_task_t,
    data: *const c_void,
    size: usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let frame = unsafe { frame(task) }?;
        bytes(data, size, 1, "data")?;
        // SAFETY: the caller vouches for the bytes.
        unsafe { frame.set_result(data, size) }
    })
}

/// Says how far the task has come, for whoever asks pool_future_progress(). Cheap enough for every
/// turn of a loop: nothing is locked, and nobody is woken.
///
/// done, total: so many of so many; what is counted is the task's own affair. `total` 0 if it is
///   not known.
/// Parts of the task that run elsewhere may say so, too, by the same `task`. What an item of
/// pool_join_n() says is said for the task. Returns POOL_OK; POOL_ERR_INVALID, also for `done` greater than a
/// `total` that is known; _NO_MEMORY; _UNSUPPORTED in a map, whose progress is that of its items.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_task_progress(task: *mut pool_task_t, done: u64, total: u64) -> i32 {
    quick_status(|| {
        if done > total && total > 0 {
            return Err(Error::invalid(format!("{done} of {total} are done")));
        }
        // SAFETY: the caller vouches for the handle.
        unsafe { frame(task) }?.say(done, total)
    })
}

/// Whether the task has been asked to stop: by pool_future_cancel(), a cancel token, its group,
/// pool_periodic_cancel(), a time limit on threads, pool_terminate(), or, in a map, because another
/// item has failed. 1 or 0, or POOL_ERR_INVALID. Cheap.
///
/// Example:
///     static int32_t count_for_ever(const void *arg, void *result, pool_task_t *task) {
///         while (!pool_task_cancelled(task)) usleep(1000);
///         return 1;
///     }
///     pool_future_t *future;
///     pool_apply_async(pool, count_for_ever, NULL, 0, 0, NULL, NULL, &future);
///     usleep(10000);
///     pool_future_cancel(future);
///     assert(pool_future_wait(future, -1) == POOL_OK && pool_future_successful(future) == 0);
///     pool_future_release(future);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_task_cancelled(task: *const pool_task_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        Ok(unsafe { frame(task) }?.is_asked_to_stop().into())
    })
}
