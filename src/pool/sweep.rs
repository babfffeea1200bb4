#![allow(non_camel_case_types)]
//! The innermost loop of a map, where the caller's own module brings it along.

use super::abi::{pool_fn, pool_task_t};
use std::ffi::c_char;

/// Private to pool_map(): a run of items.
#[repr(C)]
#[derive(Debug)]
pub struct pool_sweep_t {
    /// Private.
    pub r#fn: pool_fn,
    /// Private.
    pub task: *mut pool_task_t,
    /// Private.
    pub arg: *const c_char,
    /// Private.
    pub arg_size: usize,
    /// Private.
    pub result: *mut c_char,
    /// Private.
    pub result_size: usize,
    /// Private.
    pub index: usize,
    /// Private.
    pub end: usize,
    /// Private.
    pub pokes: *const u32,
    /// Private.
    pub seen: u32,
}

/// Private to pool_map(): runs items until one fails, or somebody wants attention.
pub type pool_sweep_fn = Option<unsafe extern "C" fn(sweep: *mut pool_sweep_t) -> i32>;
