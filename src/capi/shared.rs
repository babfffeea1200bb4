#![allow(unsafe_code)]
//! Memory that host and workers see at the same address.

use super::{
    boundary::{status, value},
    handle::{self, pool_t},
};
use std::{ffi::c_void, ptr};

/// Memory that the program and all workers of the pool share, at the same address: what an `arg`
/// with `arg_size` 0 and a `context` may point to in processes, and where maps work in place,
/// without a copy. Zeroed, and aligned to 64 bytes. In a pool of threads, memory like any other.
///
/// A crashing worker may leave half-written data there; the program's own memory it cannot reach.
///
/// size: in bytes, not 0. All of it is there when this returns, which takes its time for GiBs.
/// Returns the memory, to be given back with pool_shared_free(), or gone with the pool; NULL on
/// failure, and pool_last_error() says why: POOL_ERR_INVALID, _NO_MEMORY, _FORKED, and
/// POOL_ERR_UNSUPPORTED inside a worker process.
///
/// Example (processes):
///     int *numbers = pool_shared_alloc(pool, 1000 * sizeof *numbers);
///     assert(numbers != NULL);
///     for (int i = 0; i < 1000; i++) numbers[i] = i;
///     // In place, without a copy.
///     assert(pool_map(pool, square, numbers, sizeof *numbers, numbers, sizeof *numbers, 1000) == POOL_OK);
///     assert(numbers[999] == 998001);
///     pool_shared_free(pool, numbers);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_shared_alloc(pool: *mut pool_t, size: usize) -> *mut c_void {
    let memory = value(|| {
        // SAFETY: the caller vouches for the handle.
        unsafe { handle::core(pool) }?.engine.shared().allocate(size)
    });
    memory.map_or(ptr::null_mut(), |memory| memory.as_ptr().cast())
}

/// Gives back memory of pool_shared_alloc(); no task may use it any more. NULL does nothing.
/// Returns POOL_OK; POOL_ERR_INVALID for what is none, or was given back; _FORKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_shared_free(pool: *mut pool_t, memory: *mut c_void) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        if memory.is_null() { Ok(()) } else { core.engine.shared().free(memory.cast()) }
    })
}
