#![allow(unsafe_code)]
//! A lock: one thread at a time, in whatever process.

use super::{
    boundary::{deadline, status},
    handle::pool_t,
    object::{free, make, with},
};
use crate::objects::lock::Lock;

/// A lock.
pub struct pool_lock_t {
    _private: [u8; 0],
}

/// Makes a lock that one thread has at a time: what is guarded by it stays whole.
///
/// This holds for all objects that follow. The pointer is all that there is to hand on: copy it into
/// a task's argument, into other shared memory, into a global before a pool is made.
///
/// pool: NULL makes an object for this process and all that it makes from now on: its threads, the
///   processes of pool_spawn(), and the workers of pools that are made or refreshed afterwards. A
///   pool of processes makes one in the memory that its workers share, those that are at work already
///   too; it is used by them and their pools, by this process and what it makes from now on. A pool
///   of threads makes one for the threads of this process; in a forked child it is POOL_ERR_FORKED.
/// lock: the new lock. To be freed when nobody uses it any more, by the process that has made it;
///   one made with a pool is gone with the pool, and must not be used any more when that was freed.
/// A wait in a task of a pool of threads gives its place to a spare worker, as waits for tasks do.
/// A time of 0 does not wait. Memory that was written over, and handles of what was freed or is
/// something else, are POOL_ERR_INVALID, as a rule.
/// Returns POOL_OK, POOL_ERR_INVALID, _NO_MEMORY, _FORKED, _SYSTEM; _UNSUPPORTED in a worker of that pool.
///
/// Example (processes):
///     typedef struct {
///       int a, b;
///       pool_lock_t *lock;
///     } record_t;
///     static int32_t add(const void *arg, void *result, pool_task_t *task) {
///       record_t *record = *(record_t *const *)arg;
///       if (pool_lock_acquire(record->lock, -1) != POOL_OK) return 1;
///       record->a++, record->b++;
///       return -pool_lock_release(record->lock);
///     }
///     record_t *record = pool_shared_alloc(pool, sizeof *record), *args[50];
///     pool_lock_create(pool, &record->lock);
///     for (int i = 0; i < 50; i++) args[i] = record;
///     int32_t status = pool_map(pool, add, args, sizeof args[0], NULL, 0, 50);
///     assert(status == POOL_OK && record->a == 50 && record->b == 50);
///     pool_lock_free(record->lock);
///     pool_shared_free(pool, record);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_lock_create(pool: *mut pool_t, lock: *mut *mut pool_lock_t) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    status(|| unsafe { make::<Lock, _>(pool, lock, "lock", 0, [0, 0], |_| {}) })
}

/// As pool_lock_create(); the thread that has it may acquire it again, and releases it as often.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_lock_create_recursive(
    pool: *mut pool_t,
    lock: *mut *mut pool_lock_t,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    status(|| unsafe { make::<Lock, _>(pool, lock, "lock", 0, [1, 0], |_| {}) })
}

/// Takes the lock. Blocks until it is free, at most `timeout_ms`; -1 is for ever.
///
/// If the thread that had it has ended without giving it back, killed or not, the caller gets (on
/// Linux) the lock with POOL_ERR_WORKER_DIED: it has it, must release it, and knows that what it guards may be
/// half changed.
/// Returns POOL_OK, or POOL_ERR_WORKER_DIED, and the caller has the lock; otherwise it has not:
/// POOL_ERR_TIMEOUT; _DEADLOCK, at once, if the caller has it already, or if the thread that has it
/// waits, maybe by way of others, for a lock that the caller has (on Linux): one of those who wait in
/// such a circle is told, or several who come to it at the same instant. _INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_lock_acquire(lock: *mut pool_lock_t, timeout_ms: i64) -> i32 {
    status(|| {
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handle.
        unsafe { with(lock, |lock: &Lock, plan| lock.acquire(plan, deadline)) }
    })
}

/// Gives the lock back. Does not block.
/// Returns POOL_OK; POOL_ERR_INVALID if the calling thread does not have it; _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_lock_release(lock: *mut pool_lock_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(lock, |lock: &Lock, plan| lock.release(plan)) })
}

/// Frees a lock that nobody uses any more. NULL does nothing.
/// Returns POOL_OK; POOL_ERR_INVALID; _FORKED; _UNSUPPORTED in a process that has not made it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_lock_free(lock: *mut pool_lock_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { free::<Lock, _>(lock) })
}
