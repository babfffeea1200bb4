#![allow(unsafe_code)]
//! Values of which each worker has its own.

use super::boundary::{given, status, value};
use crate::pool::local::{self, Key};
use std::{ffi::c_void, ptr};

/// A key to values of which each thread has its own.
pub struct pool_local_t {
    _private: [u8; 0],
}

/// Makes the calling thread's value; NULL is a failure. It must return, as a task must.
pub type pool_local_make_fn = Option<unsafe extern "C" fn(user_data: *mut c_void) -> *mut c_void>;

/// Frees a value that `make` has made, on the thread that it belongs to.
pub type pool_local_free_fn =
    Option<unsafe extern "C" fn(value: *mut c_void, user_data: *mut c_void)>;

/// Makes a key to values of which each worker has its own, a thread as well as a process: for scratch
/// memory, random generators, connections, counters. A worker's value is made when a task on it
/// first asks for it (pool_local_get()), and freed when the worker ends, after its finalizer; not when
/// its process is killed or crashes. Threads that help the pool, and all others, have values, too; these
/// are freed when the threads end. (The program's first thread does not end before the program.)
///
/// make: makes a value.
/// free: frees one; NULL if there is nothing to free.
/// user_data: passed to both; must live as long as there are values.
/// Returns the key, good for all pools of the process, and for workers that are made later: make it
/// before a pool of processes, and pass it on as the context or in an argument. NULL on failure,
/// and pool_last_error() says why. The caller's to release; what is left of it, some 40 bytes, stays.
///
/// Example:
///     static void *begin_count(void *user_data) {
///         return calloc(1, sizeof(int));
///     }
///     static void end_count(void *value, void *user_data) {
///         free(value);
///     }
///     static int32_t count_mine(const void *arg, void *result, pool_task_t *task) {
///         int *mine = pool_local_get(*(pool_local_t *const *)arg);
///         *(int *)result = ++*mine; // no lock: it is this worker's own
///         return 0;
///     }
///     pool_local_t *local = pool_local_create(begin_count, end_count, NULL);
///     for (int i = 0; i < 5; i++)
///         pool_apply(pool, count_mine, &local, sizeof local, &out[i], sizeof(int));
///     assert(out[0] == 1);
///     pool_local_release(local);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_local_create(
    make: pool_local_make_fn,
    free: pool_local_free_fn,
    user_data: *mut c_void,
) -> *mut pool_local_t {
    let made = value(|| {
        let make = given(make, "make is NULL")?;
        local::create(make, free, user_data)
    });
    made.map_or(ptr::null_mut(), |key| key.cast())
}

/// The calling thread's value, made now if it has none yet: cheap after the first time. In a child
/// that was forked since, it is made anew.
///
/// Returns the value, never to be freed by the caller; NULL on failure, and pool_last_error() says why:
/// the key was released, `make` returned NULL or asks for the very value that it makes, there is no
/// memory, or the thread is ending.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_local_get(local: *const pool_local_t) -> *mut c_void {
    // SAFETY: the caller vouches for the key.
    value(|| unsafe { local::get(local.cast::<Key>()) }).unwrap_or(ptr::null_mut())
}

/// Ends the use of a key. Values that threads have are freed when those end, not now: join pools first
/// if `user_data` is to go.
///
/// Returns POOL_OK, or POOL_ERR_INVALID: also when the key was released before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_local_release(local: *mut pool_local_t) -> i32 {
    // SAFETY: the caller vouches for the key.
    status(|| unsafe { local::release(local.cast::<Key>()) })
}
