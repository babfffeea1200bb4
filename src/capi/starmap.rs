#![allow(unsafe_code)]
//! Maps over several arrays.

use super::{
    boundary::{bytes, given, not_null, status},
    handle::{self, pool_future_t, pool_t},
    simple::map_call,
};
use crate::{
    pool::{
        abi::{pool_callback_fn, pool_fn},
        bodies::Body,
        columns::{self, Column, Columns},
        core::Core,
        map_call::MapCall,
        status::{Error, Result},
        submit,
        task::Task,
    },
    support::alloc::Buffer,
};
use std::{ffi::c_void, ptr};

/// One of the arrays of pool_starmap().
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_array_t {
    /// The first element.
    pub data: *const c_void,
    /// The distance between elements in bytes; 0: every item gets `data` itself.
    pub item_size: usize,
}

/// The most arrays that pool_starmap() goes through.
pub const POOL_MAX_ARRAYS: u32 = 16;
const _: () = assert!(POOL_MAX_ARRAYS as usize == columns::MOST);

/// The map, and the memory that it needs until it has ended.
///
/// # Safety
/// `arrays` is readable for `array_count` arrays, and each of them for `count` items.
unsafe fn star(
    core: &Core,
    function: pool_fn,
    (arrays, array_count): (*const pool_array_t, usize),
    (results, result_size): (*mut c_void, usize),
    count: usize,
) -> Result<(MapCall, Buffer)> {
    if array_count == 0 || array_count > columns::MOST {
        let text = format!("array_count is {array_count}, not 1 to {POOL_MAX_ARRAYS}");
        return Err(Error::invalid(text));
    }
    not_null(arrays, "arrays")?;
    let mut known = [Column { data: ptr::null(), item_size: 0 }; columns::MOST];
    for (index, column) in known[..array_count].iter_mut().enumerate() {
        // SAFETY: inside the array that the caller vouches for.
        let array = unsafe { arrays.add(index).read_unaligned() };
        let numbered = |error: Error| error.about(&format!("arrays[{index}]"));
        bytes(array.data, array.item_size, count, "data").map_err(numbered)?;
        *column = Column { data: array.data, item_size: array.item_size };
    }
    let mut call = map_call(function, ptr::null(), 0, results, result_size, count)?;
    // SAFETY: the caller vouches for the arrays.
    let memory = unsafe { Columns::publish(core, &known[..array_count], count) }?;
    call.body = Body::Star(given(function, "fn is NULL")?);
    call.args = memory.as_ptr().cast_const().cast();
    Ok((call, memory))
}

/// As pool_map(), over several arrays at once: the argument of item i is the i-th element of each.
///
/// fn: what to run. Its `arg` is an array of `array_count` pointers, `const void *const *`, the k-th
///   to the item's element of the k-th array; they are not for writing through.
///
/// Example:
///
///     static int32_t multiply(const void *arg, void *result, pool_task_t *task) {
///       const void *const *args = arg;
///       *(double *)result = *(const double *)args[0] * *(const int *)args[1];
///       return 0;
///     }
///     double prices[3] = {0.5, 1.5, 2.0}, sums[3];
///     int pieces[3] = {10, 20, 30};
///     pool_array_t arrays[] = {{prices, sizeof(double)}, {pieces, sizeof(int)}};
///     assert(pool_starmap(pool, multiply, arrays, 2, sums, sizeof(double), 3) == POOL_OK);
///     assert(sums[0] == 5 && sums[1] == 30 && sums[2] == 60);
///
/// arrays, array_count: from 1 to POOL_MAX_ARRAYS arrays of `count` elements each. In processes an
///   array that is not in pool_shared_alloc() memory is copied there before the first item starts;
///   one with `item_size` 0 is NULL or in that memory, else POOL_ERR_INVALID.
/// results, result_size, count: as in pool_map().
/// Blocks, and returns, as pool_map().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_starmap(
    pool: *mut pool_t,
    r#fn: pool_fn,
    arrays: *const pool_array_t,
    array_count: usize,
    results: *mut c_void,
    result_size: usize,
    count: usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let (arrays, results) = ((arrays, array_count), (results, result_size));
        // SAFETY: the caller vouches for the arrays.
        let (call, memory) = unsafe { star(core, r#fn, arrays, results, count) }?;
        let outcome = submit::map(core, call);
        if core.is_in_this_process() {
            drop(memory);
        } else {
            // An item has forked, and returned in the child: locks may be held for ever there.
            std::mem::forget(memory);
        }
        outcome
    })
}

/// As pool_starmap(), but returns at once, as pool_map_async() does: `results`, and the arrays, but
/// not `arrays` itself, are borrowed until the map has ended. callback, user_data, future: as there.
/// Returns as pool_map_async().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_starmap_async(
    pool: *mut pool_t,
    r#fn: pool_fn,
    arrays: *const pool_array_t,
    array_count: usize,
    results: *mut c_void,
    result_size: usize,
    count: usize,
    callback: pool_callback_fn,
    user_data: *mut c_void,
    future: *mut *mut pool_future_t,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        let (arrays, results) = ((arrays, array_count), (results, result_size));
        // SAFETY: the caller vouches for the arrays.
        let (call, memory) = unsafe { star(core, r#fn, arrays, results, count) }?;
        // SAFETY: the caller vouches for the pointer; a future is a task's block.
        let future = unsafe { future.cast::<*mut Task>().as_mut() };
        submit::submit_map(core, call, Some(memory), callback, user_data, future)
    })
}
