#![allow(unsafe_code)]
//! The full form of a call, so far for maps.

use super::{
    boundary::{bytes, read_struct, status},
    handle::{self, pool_t},
    simple::map_call,
};
use crate::pool::{abi::pool_fn, submit};
use std::ffi::c_void;

/// A call in full. Begin with POOL_CALL_INIT, then set what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_call_t {
    /// sizeof(pool_call_t), set by POOL_CALL_INIT.
    pub struct_size: usize,
    /// What to run.
    pub r#fn: pool_fn,
    /// The size of an argument in bytes.
    pub arg_size: usize,
    /// The size of a result in bytes.
    pub result_size: usize,
    /// What tasks see as task->context; borrowed until the call has ended.
    pub context: *const c_void,
}

/// As pool_map(), with a context for all items, and a status of each.
///
/// call: read during the call only.
/// args, results, count: as in pool_map().
/// statuses: room for `count` statuses; then every item is run, whatever becomes of the others,
///   and POOL_OK is returned also if some have failed. After pool_terminate() those that were
///   not started have POOL_ERR_TERMINATED, which is then returned. NULL: as in pool_map().
/// Blocks, and returns, as pool_map().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_map_with(
    pool: *mut pool_t,
    call: *const pool_call_t,
    args: *const c_void,
    results: *mut c_void,
    statuses: *mut i32,
    count: usize,
) -> i32 {
    status(|| {
        // SAFETY: the caller vouches for the handle.
        let core = unsafe { handle::core(pool) }?;
        // SAFETY: the caller vouches for the struct.
        let full = unsafe { read_struct(call, "call")? };
        let mut call = map_call(full.r#fn, args, full.arg_size, results, full.result_size, count)?;
        if !statuses.is_null() {
            bytes(statuses, size_of::<i32>(), count, "statuses")?;
        }
        call.context = full.context;
        call.statuses = statuses;
        submit::map(core, call)
    })
}
