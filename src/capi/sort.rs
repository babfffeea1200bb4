#![allow(unsafe_code)]
//! Sorting arrays.

use super::{
    boundary::{bytes, given, status},
    handle::{self, pool_t},
};
use crate::pool::{
    callables::pool_compare_fn,
    core::Core,
    mergesort::{self, Array},
    quicksort,
    sort::{Float32, Float64, Key},
    status::{Error, Result},
};
use std::{ffi::c_void, slice};

/// For pool_sort(): int32_t.
pub const POOL_SORT_I32: i32 = 0;
/// uint32_t.
pub const POOL_SORT_U32: i32 = 1;
/// int64_t.
pub const POOL_SORT_I64: i32 = 2;
/// uint64_t.
pub const POOL_SORT_U64: i32 = 3;
/// float: -0 is before 0, and NaNs of either sign come last.
pub const POOL_SORT_F32: i32 = 4;
/// double: as POOL_SORT_F32.
pub const POOL_SORT_F64: i32 = 5;

/// Sorts numbers, in ascending order. It works in place and needs no memory. Blocks until all is
/// done; the calling thread takes part if the pool has a place free.
///
/// data, count: the numbers, aligned as their type is; NULL only if `count` is 0.
/// type: one of POOL_SORT_I32, _U32, _I64, _U64, _F32, _F64.
/// Returns as pool_apply(); POOL_ERR_TERMINATED when pool_terminate() came before the end. After
/// a failure `data` holds the same numbers in some order. In a pool of processes
/// POOL_ERR_UNSUPPORTED: sort on a pool of threads, shared memory too.
///
/// Example:
///     double numbers[3] = {2.5, -1, 0};
///     assert(pool_sort(pool, numbers, 3, POOL_SORT_F64) == POOL_OK && numbers[0] == -1);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_sort(
    pool: *mut pool_t,
    data: *mut c_void,
    count: usize,
    r#type: i32,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        // SAFETY: the caller vouches for the array and its type.
        unsafe {
            match r#type {
                POOL_SORT_I32 => sort::<i32>(core, data, count),
                POOL_SORT_U32 => sort::<u32>(core, data, count),
                POOL_SORT_I64 => sort::<i64>(core, data, count),
                POOL_SORT_U64 => sort::<u64>(core, data, count),
                POOL_SORT_F32 => sort::<Float32>(core, data, count),
                POOL_SORT_F64 => sort::<Float64>(core, data, count),
                other => Err(Error::invalid(format!(
                    "type is {other}; it must be POOL_SORT_I32, _U32, _I64, _U64, _F32 or _F64"
                ))),
            }
        }
    })
}

/// # Safety
/// `data` is null, or holds `count` numbers that nobody else uses meanwhile.
unsafe fn sort<K: Key>(core: &Core, data: *mut c_void, count: usize) -> Result<()> {
    bytes(data, size_of::<K>(), count, "data")?;
    let data = data.cast::<K>();
    if count > 0 && !data.is_aligned() {
        return Err(Error::invalid("data is not aligned as its type must be"));
    }
    let numbers = if count == 0 {
        &mut []
    } else {
        // SAFETY: promised by the caller; not null, aligned, and not too large.
        unsafe { slice::from_raw_parts_mut(data, count) }
    };
    quicksort::sort(core, numbers)
}

/// Sorts an array of anything, and keeps elements in their order that compare equal (the sort is
/// stable). It needs memory for a second such array. Blocks until all is done; the calling thread
/// takes part if the pool has a place free.
///
/// data, count, size: `count` elements of `size` bytes, at least 1.
/// compare: says which of two elements is before the other.
/// context: passed on to it.
/// Returns as pool_apply(); POOL_ERR_NO_MEMORY; POOL_ERR_TERMINATED when pool_terminate() came
/// before the end. After a failure `data` holds the same elements in some order. In a pool of
/// processes POOL_ERR_UNSUPPORTED: sort on a pool of threads, shared memory too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_sort_with(
    pool: *mut pool_t,
    data: *mut c_void,
    count: usize,
    size: usize,
    compare: pool_compare_fn,
    context: *mut c_void,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        if size == 0 {
            return Err(Error::invalid("size is 0"));
        }
        bytes(data, size, count, "data")?;
        let compare = given(compare, "compare is NULL")?;
        // SAFETY: the caller vouches for the array and the function.
        unsafe { mergesort::sort(core, &Array { data, count, size, compare, context }) }
    })
}
