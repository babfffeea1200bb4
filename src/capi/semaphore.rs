#![allow(unsafe_code)]
//! A semaphore: so many at a time.

use super::{
    boundary::{deadline, status},
    handle::pool_t,
    object::{free, make, with},
};
use crate::objects::semaphore::Semaphore;

/// A semaphore.
pub struct pool_semaphore_t {
    _private: [u8; 0],
}

/// Makes a semaphore, as pool_lock_create() makes a lock.
///
/// value: how many permits there are: so many can be taken before somebody has to wait. With 0 it
///   counts signals, each of which lets somebody go on once.
/// Returns as pool_lock_create().
///
/// Example:
///     pool_semaphore_t *two_at_a_time = NULL;
///     pool_semaphore_create(NULL, 2, &two_at_a_time);
///     assert(pool_semaphore_acquire(two_at_a_time, -1) == POOL_OK);
///     assert(pool_semaphore_acquire(two_at_a_time, -1) == POOL_OK);
///     assert(pool_semaphore_acquire(two_at_a_time, 0) == POOL_ERR_TIMEOUT);
///     pool_semaphore_release(two_at_a_time, 2);
///     pool_semaphore_free(two_at_a_time);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_semaphore_create(
    pool: *mut pool_t,
    value: u32,
    semaphore: *mut *mut pool_semaphore_t,
) -> i32 {
    status(|| {
        let sizes = [u64::from(value), 0];
        let begin = |semaphore: &Semaphore| semaphore.begin(value);
        // SAFETY: the caller vouches for the pointers.
        unsafe { make(pool, semaphore, "semaphore", 0, sizes, begin) }
    })
}

/// Takes a permit. Blocks until there is one, at most `timeout_ms`; -1 is for ever.
///
/// Between processes a permit is that process's which has taken it, until some process gives one
/// back. When it ends before that, killed or not, the permit comes back: who takes it next gets it
/// with POOL_ERR_WORKER_DIED, has it, and knows that what it stands for may be half changed. (Not so
/// in a semaphore that was made with 0: a signal that was taken is used up.)
/// Returns POOL_OK, or POOL_ERR_WORKER_DIED, and the caller has a permit; otherwise it has none:
/// POOL_ERR_TIMEOUT, _INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_semaphore_acquire(
    semaphore: *mut pool_semaphore_t,
    timeout_ms: i64,
) -> i32 {
    status(|| {
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handle.
        unsafe { with(semaphore, |one: &Semaphore, plan| one.acquire(plan, deadline)) }
    })
}

/// Gives `count` permits back, or gives new ones: any thread of any process may.
/// Returns POOL_OK; POOL_ERR_FULL if there would be more than 2^32 - 1; POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_semaphore_release(
    semaphore: *mut pool_semaphore_t,
    count: u32,
) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(semaphore, |one: &Semaphore, plan| one.release(plan, count)) })
}

/// Frees a semaphore that nobody uses any more. NULL does nothing. Returns as pool_lock_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_semaphore_free(semaphore: *mut pool_semaphore_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { free::<Semaphore, _>(semaphore) })
}
