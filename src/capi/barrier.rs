#![allow(unsafe_code)]
//! A barrier: so many wait for one another.

use super::{
    boundary::{deadline, number, status},
    handle::pool_t,
    object::{free, make, put, with},
};
use crate::{objects::barrier::Barrier, pool::status::Error};

/// A barrier.
pub struct pool_barrier_t {
    _private: [u8; 0],
}

/// Makes a barrier, as pool_lock_create() makes a lock: `parties` threads wait there for one another,
/// then all go on; and again.
/// Returns as pool_lock_create(); POOL_ERR_INVALID for 0 parties.
///
/// Example (processes):
///     static int32_t meet(const void *arg, void *result, pool_task_t *task) {
///       return -pool_barrier_wait(*(pool_barrier_t *const *)arg, result, -1);
///     }
///     pool_barrier_t *barrier = NULL;
///     pool_barrier_create(pool, 2, &barrier);
///     pool_future_t *future = NULL;
///     uint32_t mine = 9, other = 9;
///     pool_apply_async(pool, meet, &barrier, sizeof barrier, sizeof other, NULL, NULL, &future);
///     assert(pool_barrier_wait(barrier, &mine, -1) == POOL_OK);
///     assert(pool_future_get(future, &other, sizeof other, -1) == POOL_OK && mine + other == 1);
///     pool_future_release(future);
///     pool_barrier_free(barrier);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_barrier_create(
    pool: *mut pool_t,
    parties: u32,
    barrier: *mut *mut pool_barrier_t,
) -> i32 {
    status(|| {
        if parties == 0 {
            return Err(Error::invalid("a barrier of 0 parties; there must be at least one"));
        }
        let sizes = [u64::from(parties), 0];
        // SAFETY: the caller vouches for the pointers.
        unsafe { make::<Barrier, _>(pool, barrier, "barrier", 0, sizes, |_| {}) }
    })
}

/// Waits until all parties have come, at most `timeout_ms`; -1 is for ever.
///
/// The barrier breaks when a party runs out of time, and when a worker process of this program dies
/// violently while parties wait: nobody can know that they wait for it, but somebody may. All who wait
/// are told, and all who come, until it is reset.
/// place: which of the parties the caller is, by arrival from 0; NULL if that is not wanted.
/// Returns POOL_OK; POOL_ERR_TIMEOUT to who ran out of time; POOL_ERR_BROKEN; _INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_barrier_wait(
    barrier: *mut pool_barrier_t,
    place: *mut u32,
    timeout_ms: i64,
) -> i32 {
    status(|| {
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handle.
        let found =
            unsafe { with(barrier, |barrier: &Barrier, plan| barrier.wait(plan, deadline)) }?;
        // SAFETY: the caller vouches for the pointer.
        unsafe { put(place, found) };
        Ok(())
    })
}

/// Makes the barrier whole and empty. Who waits gets POOL_ERR_BROKEN.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_barrier_reset(barrier: *mut pool_barrier_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(barrier, |barrier: &Barrier, plan| barrier.reset(plan)) })
}

/// Breaks the barrier: who waits, and who comes, gets POOL_ERR_BROKEN, until it is reset.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_barrier_abort(barrier: *mut pool_barrier_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { with(barrier, |barrier: &Barrier, plan| barrier.abort(plan)) })
}

/// How many wait at the barrier right now; or POOL_ERR_BROKEN, _INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_barrier_waiting(barrier: *mut pool_barrier_t) -> i32 {
    number(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { with(barrier, |barrier: &Barrier, plan| barrier.waiting(plan)) }
    })
}

/// Frees a barrier that nobody uses any more. NULL does nothing. Returns as pool_lock_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_barrier_free(barrier: *mut pool_barrier_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { free::<Barrier, _>(barrier) })
}
