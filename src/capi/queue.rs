#![allow(unsafe_code)]
//! A queue: items by value, from many to many.

use super::{
    boundary::{bytes, deadline, not_null, status},
    handle::pool_t,
    object::{free, make, put, with},
};
use crate::{
    objects::queue::{Queue, ring_size},
    pool::status::Error,
};
use std::ffi::c_void;

/// A queue.
pub struct pool_queue_t {
    _private: [u8; 0],
}

/// Makes a queue, as pool_lock_create() makes a lock. Items are bytes that are copied in and out:
/// numbers, structs, text; pointers in them mean something where the memory is shared.
///
/// item_size: the most bytes of an item; each may have less.
/// capacity: how many items there is room for, not 0. The memory for them is taken at once.
/// Returns as pool_lock_create().
///
/// Example (processes):
///     static int32_t square_all(const void *arg, void *result, pool_task_t *task) {
///       pool_queue_t *const *queues = arg;
///       for (int item; pool_queue_get(queues[0], &item, sizeof item, NULL, -1) == POOL_OK;) {
///         item *= item;
///         pool_queue_put(queues[1], &item, sizeof item, -1);
///         pool_queue_task_done(queues[0]);
///       }
///       return 0;
///     }
///     pool_queue_t *queues[2] = {NULL, NULL};
///     pool_queue_create(pool, sizeof(int), 5, &queues[0]);
///     pool_queue_create(pool, sizeof(int), 5, &queues[1]);
///     for (int i = 0; i < 2; i++)
///       pool_apply_async(pool, square_all, queues, sizeof queues, 0, NULL, NULL, NULL);
///     for (int i = 0; i < 5; i++) pool_queue_put(queues[0], &in[i], sizeof(int), -1);
///     assert(pool_queue_join(queues[0], -1) == POOL_OK);
///     int sum = 0, item = 0;
///     while (pool_queue_get(queues[1], &item, sizeof item, NULL, 0) == POOL_OK) sum += item;
///     assert(sum == 55);
///     pool_queue_close(queues[0]);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_create(
    pool: *mut pool_t,
    item_size: usize,
    capacity: usize,
    queue: *mut *mut pool_queue_t,
) -> i32 {
    status(|| {
        if capacity == 0 {
            return Err(Error::invalid("a queue with room for 0 items"));
        }
        let ring = ring_size(item_size, capacity).ok_or_else(|| {
            Error::invalid(format!("{capacity} items of {item_size} bytes are too many"))
        })?;
        let sizes = [item_size as u64, capacity as u64];
        // SAFETY: the caller vouches for the pointers.
        unsafe { make::<Queue, _>(pool, queue, "queue", ring, sizes, |_| {}) }
    })
}

/// Puts a copy of an item at the end. Blocks while the queue is full, at most `timeout_ms`; -1 is
/// for ever. A process that dies meanwhile has put the whole item, or none.
///
/// item, size: the item's bytes; NULL and 0 for an item without any.
/// Returns POOL_OK; POOL_ERR_TIMEOUT if the queue is full; _CLOSED; _SIZE for more bytes than an
/// item may have; _INVALID, _FORKED; _INTERNAL if the queue's memory was written over.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_put(
    queue: *mut pool_queue_t,
    item: *const c_void,
    size: usize,
    timeout_ms: i64,
) -> i32 {
    status(|| {
        bytes(item, size, 1, "item")?;
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handle and the bytes.
        unsafe { with(queue, |queue: &Queue, plan| queue.put(plan, item.cast(), size, deadline)) }
    })
}

/// Gets the first item. Blocks while the queue is empty, at most `timeout_ms`; -1 is for ever.
///
/// item, item_size: where its bytes go, and how many there is room for; NULL and 0 for none.
/// size: how many it has; NULL if that is not wanted.
/// Returns POOL_OK; POOL_ERR_TIMEOUT if there is none; _CLOSED if there will be none; _SIZE if the
/// item is larger, and stays where it is; _INVALID, _FORKED; _INTERNAL as pool_queue_put().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_get(
    queue: *mut pool_queue_t,
    item: *mut c_void,
    item_size: usize,
    size: *mut usize,
    timeout_ms: i64,
) -> i32 {
    status(|| {
        bytes(item, item_size, 1, "item")?;
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handle and the pointers.
        unsafe {
            let get = |queue: &Queue, plan: &_| queue.get(plan, item.cast(), item_size, deadline);
            put(size, with(queue, get)?);
        }
        Ok(())
    })
}

/// Says that the work on one item that was got is done; for pool_queue_join().
/// Returns POOL_OK; POOL_ERR_INVALID if there is none; _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_task_done(queue: *mut pool_queue_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(queue, |queue: &Queue, plan| queue.task_done(plan)) })
}

/// Waits until each item that was put has been got, and pool_queue_task_done() called for it; at
/// most `timeout_ms`, -1 is for ever.
///
/// An item that a process has got is lost when the process ends before it has said so. It is not
/// given to another: it may be what that one died of. It counts as done, and when all are, this
/// returns POOL_ERR_WORKER_DIED, once: how many were lost is in the sentence.
/// Returns POOL_OK, POOL_ERR_WORKER_DIED, _TIMEOUT, _INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_join(queue: *mut pool_queue_t, timeout_ms: i64) -> i32 {
    status(|| {
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handle.
        unsafe { with(queue, |queue: &Queue, plan| queue.join(plan, deadline)) }
    })
}

/// How many items are in the queue right now.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_size(queue: *mut pool_queue_t, size: *mut usize) -> i32 {
    status(|| {
        not_null(size, "size")?;
        // SAFETY: the caller vouches for the pointers.
        unsafe { put(size, with(queue, |queue: &Queue, plan| Ok(queue.size(plan)))?) };
        Ok(())
    })
}

/// Lets nothing more be put: that is POOL_ERR_CLOSED, also to who waits for room. What is there can be
/// got; then that is POOL_ERR_CLOSED, too, also to who waits. So consumers end without a sentinel each.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_close(queue: *mut pool_queue_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(queue, |queue: &Queue, plan| queue.close(plan)) })
}

/// Frees a queue that nobody uses any more, with what is in it. NULL does nothing. Returns as
/// pool_lock_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_queue_free(queue: *mut pool_queue_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { free::<Queue, _>(queue) })
}
