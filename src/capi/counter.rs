#![allow(unsafe_code)]
//! A number that many change at once.

use super::{
    boundary::{not_null, quick_status},
    handle::pool_t,
    object::{free, make, put, with},
};
use crate::objects::counter::Counter;

/// A counter.
pub struct pool_counter_t {
    _private: [u8; 0],
}

/// Makes a number that threads and processes change at once without a lock, as pool_lock_create()
/// makes a lock. Who dies has changed it, or has not. What was written before a change is seen by
/// who sees the change.
///
/// value: the number at the beginning.
/// Returns as pool_lock_create().
///
/// Example (processes):
///     static int32_t count(const void *arg, void *result, pool_task_t *task) {
///       return -pool_counter_add(*(pool_counter_t *const *)arg, 2, NULL);
///     }
///     pool_counter_t *counter = NULL, *args[100];
///     int64_t value = 0;
///     pool_counter_create(pool, 1, &counter);
///     for (int i = 0; i < 100; i++) args[i] = counter;
///     pool_map(pool, count, args, sizeof args[0], NULL, 0, 100);
///     assert(pool_counter_get(counter, &value) == POOL_OK && value == 201);
///     pool_counter_free(counter);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_counter_create(
    pool: *mut pool_t,
    value: i64,
    counter: *mut *mut pool_counter_t,
) -> i32 {
    super::boundary::status(|| {
        let begin = |counter: &Counter| {
            counter.swap(value);
        };
        // SAFETY: the caller vouches for the pointers.
        unsafe { make(pool, counter, "counter", 0, [0, 0], begin) }
    })
}

/// Adds `amount`, which may be negative; beyond the end of the range it goes on at the other.
///
/// value: the number afterwards; NULL if it is not wanted.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_counter_add(
    counter: *mut pool_counter_t,
    amount: i64,
    value: *mut i64,
) -> i32 {
    quick_status(|| {
        // SAFETY: the caller vouches for the pointers.
        unsafe {
            let now = with(counter, |counter: &Counter, _| Ok(counter.add(amount)))?;
            put(value, now);
        }
        Ok(())
    })
}

/// Reads the number.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_counter_get(counter: *mut pool_counter_t, value: *mut i64) -> i32 {
    quick_status(|| {
        not_null(value, "value")?;
        // SAFETY: the caller vouches for the pointers.
        unsafe { put(value, with(counter, |counter: &Counter, _| Ok(counter.get()))?) };
        Ok(())
    })
}

/// Makes the number another.
///
/// before: what it was; NULL if that is not wanted.
/// Returns POOL_OK, POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_counter_set(
    counter: *mut pool_counter_t,
    value: i64,
    before: *mut i64,
) -> i32 {
    quick_status(|| {
        // SAFETY: the caller vouches for the pointers.
        unsafe { put(before, with(counter, |counter: &Counter, _| Ok(counter.swap(value)))?) };
        Ok(())
    })
}

/// Makes the number `value` if it is `expected`, else leaves it.
///
/// before: what it was, which is `expected` if it was changed; NULL if that is not wanted.
/// Returns POOL_OK, also if it was left; POOL_ERR_INVALID, _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_counter_compare_exchange(
    counter: *mut pool_counter_t,
    expected: i64,
    value: i64,
    before: *mut i64,
) -> i32 {
    quick_status(|| {
        // SAFETY: the caller vouches for the pointers.
        unsafe {
            let exchange = |counter: &Counter, _: &_| Ok(counter.compare_exchange(expected, value));
            put(before, with(counter, exchange)?);
        }
        Ok(())
    })
}

/// Frees a counter that nobody uses any more. NULL does nothing. Returns as pool_lock_free().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_counter_free(counter: *mut pool_counter_t) -> i32 {
    // SAFETY: the caller vouches for the handle.
    super::boundary::status(|| unsafe { free::<Counter, _>(counter) })
}
