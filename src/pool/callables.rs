#![allow(non_camel_case_types)]
//! The functions that loops, reductions and sorts are given, as plain types that cross the C boundary.

use super::abi::pool_task_t;
use std::ffi::{c_int, c_void};

/// What pool_for() runs: does its work for all numbers from `begin` to `end`, `end` not included,
/// and returns 0, or a positive code of its own for failure. It is called with ranges of one
/// number or of many, as the pool sees fit, each number once.
///
/// context: what was given to pool_for().
/// task: task->index is `begin`.
///
/// As a pool_fn, it runs on a thread of the pool or on one that waits, and must return.
pub type pool_range_fn = Option<
    unsafe extern "C" fn(
        begin: usize,
        end: usize,
        context: *mut c_void,
        task: *mut pool_task_t,
    ) -> i32,
>;

/// What pool_reduce() runs: adds what the numbers from `begin` to `end`, `end` not included, come
/// to into `result`, and returns 0, or a positive code of its own for failure.
///
/// result: a partial result, 16-aligned, that begins as a copy of `identity`.
/// context: what was given to pool_reduce().
/// task: task->index is the number of the piece, from 0.
///
/// As a pool_fn, it runs on a thread of the pool or on one that waits, and must return.
pub type pool_reduce_fn = Option<
    unsafe extern "C" fn(
        begin: usize,
        end: usize,
        result: *mut c_void,
        context: *mut c_void,
        task: *mut pool_task_t,
    ) -> i32,
>;

/// Adds a partial result to that of all pieces before it. It runs on the thread that called
/// pool_reduce().
pub type pool_combine_fn =
    Option<unsafe extern "C" fn(into: *mut c_void, from: *const c_void, context: *mut c_void)>;

/// How pool_sort_with() compares: less than 0 when `a` is before `b`, 0 when neither is before
/// the other, else more than 0; as for qsort(). It is called on several threads at once, must
/// change neither element, and must return. One that contradicts itself gives some order.
pub type pool_compare_fn =
    Option<unsafe extern "C" fn(a: *const c_void, b: *const c_void, context: *mut c_void) -> c_int>;

// A pool_compare_fn that has been found not to be NULL.
pub(crate) type CompareFunction =
    unsafe extern "C" fn(a: *const c_void, b: *const c_void, context: *mut c_void) -> c_int;
