#![allow(unsafe_code)]
//! A condition: wait, with a lock, until somebody tells that something has changed.

use super::{
    boundary::{deadline, status},
    handle::pool_t,
    lock::pool_lock_t,
    object::{free, make, with},
};
use crate::objects::{condition::Condition, lock::Lock};

/// A condition.
pub struct pool_condition_t {
    _private: [u8; 0],
}

/// Makes a condition, as pool_lock_create() makes a lock. Who waits for something to change holds
/// the lock that guards it, and looks at it again each time; who changes it notifies, with or
/// without the lock. At most 1024 threads wait at a time.
/// Returns as pool_lock_create().
///
/// Example (processes):
///     typedef struct {
///       int ready;
///       pool_lock_t *lock;
///       pool_condition_t *changed;
///     } shared_t;
///     static int32_t prepare(const void *arg, void *result, pool_task_t *task) {
///       shared_t *shared = *(shared_t *const *)arg;
///       pool_lock_acquire(shared->lock, -1);
///       shared->ready = 1;
///       pool_condition_notify(shared->changed);
///       return -pool_lock_release(shared->lock);
///     }
///     shared_t *shared = pool_shared_alloc(pool, sizeof *shared);
///     pool_lock_create(pool, &shared->lock);
///     pool_condition_create(pool, &shared->changed);
///     pool_apply_async(pool, prepare, &shared, sizeof shared, 0, NULL, NULL, NULL);
///     pool_lock_acquire(shared->lock, -1);
///     while (shared->ready == 0) pool_condition_wait(shared->changed, shared->lock, -1);
///     pool_lock_release(shared->lock);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_condition_create(
    pool: *mut pool_t,
    condition: *mut *mut pool_condition_t,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    status(|| unsafe { make::<Condition, _>(pool, condition, "condition", 0, [0, 0], |_| {}) })
}

/// Gives the lock back, waits until notified, at most `timeout_ms`, and takes the lock again, for
/// which it waits as long as it takes. A recursive lock is given back however often it was taken.
///
/// A notice goes to who has waited longest. It may also end when nobody has notified: after
/// the violent death of a process that might have been given the notice.
/// Returns POOL_OK, POOL_ERR_TIMEOUT, or POOL_ERR_WORKER_DIED from the lock: then the caller has it
/// again. POOL_ERR_INVALID if it does not have the lock, and _FULL if too many wait: then nothing has
/// changed. POOL_ERR_DEADLOCK if the lock cannot be had again; _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_condition_wait(
    condition: *mut pool_condition_t,
    lock: *mut pool_lock_t,
    timeout_ms: i64,
) -> i32 {
    status(|| {
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handles.
        unsafe {
            with(condition, |condition: &Condition, plan| {
                with(lock, |lock: &Lock, its| condition.wait(plan, (lock, its), deadline))
            })
        }
    })
}

/// Lets the thread go on that has waited longest; does nothing if nobody waits.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_condition_notify(condition: *mut pool_condition_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(condition, |condition: &Condition, plan| condition.notify(plan)) })
}

/// Lets all go on who wait now.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_condition_notify_all(condition: *mut pool_condition_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(condition, |condition: &Condition, plan| condition.notify_all(plan)) })
}

/// Frees a condition that nobody uses any more. NULL does nothing. Returns as pool_lock_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_condition_free(condition: *mut pool_condition_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { free::<Condition, _>(condition) })
}
