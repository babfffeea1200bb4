#![allow(unsafe_code)]
//! An event: some wait for it, others set it.

use super::{
    boundary::{deadline, number, status},
    handle::pool_t,
    object::{free, make, with},
};
use crate::objects::event::Event;

/// An event.
pub struct pool_event_t {
    _private: [u8; 0],
}

/// Makes an event that is not set, as pool_lock_create() makes a lock. Some wait for it, others
/// set it; it stays set until it is cleared.
/// Returns as pool_lock_create().
///
/// Example (processes):
///     static int32_t wait_for_it(const void *arg, void *result, pool_task_t *task) {
///       return -pool_event_wait(*(pool_event_t *const *)arg, -1);
///     }
///     pool_event_t *event = NULL;
///     pool_event_create(pool, &event);
///     pool_future_t *future = NULL;
///     pool_apply_async(pool, wait_for_it, &event, sizeof event, 0, NULL, NULL, &future);
///     assert(pool_future_get(future, NULL, 0, 20) == POOL_ERR_TIMEOUT);
///     pool_event_set(event);
///     assert(pool_future_get(future, NULL, 0, -1) == POOL_OK);
///     pool_future_release(future);
///     pool_event_free(event);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_event_create(
    pool: *mut pool_t,
    event: *mut *mut pool_event_t,
) -> i32 {
    // SAFETY: the caller vouches for the pointers.
    status(|| unsafe { make::<Event, _>(pool, event, "event", 0, [0, 0], |_| {}) })
}

/// Sets the event: all go on who wait for it, also if it is cleared at once. What was written before
/// is seen by them.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_event_set(event: *mut pool_event_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe {
            with(event, |event: &Event, plan| {
                event.set(plan);
                Ok(())
            })
        }
    })
}

/// Clears the event: who comes now waits until it is set again.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_event_clear(event: *mut pool_event_t) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe {
            with(event, |event: &Event, _| {
                event.clear();
                Ok(())
            })
        }
    })
}

/// Whether the event is set: 1 or 0; or POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_event_is_set(event: *mut pool_event_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    number(|| unsafe { with(event, |event: &Event, _| Ok(i32::from(event.is_set()))) })
}

/// Waits until the event is set, at most `timeout_ms`; -1 is for ever.
/// Returns POOL_OK, POOL_ERR_TIMEOUT, _INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_event_wait(event: *mut pool_event_t, timeout_ms: i64) -> i32 {
    status(|| {
        let deadline = deadline(timeout_ms)?;
        // SAFETY: the caller vouches for the handle.
        unsafe { with(event, |event: &Event, plan| event.wait(plan, deadline)) }
    })
}

/// Frees an event that nobody uses any more. NULL does nothing. Returns as pool_lock_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_event_free(event: *mut pool_event_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    status(|| unsafe { free::<Event, _>(event) })
}
