#![allow(non_camel_case_types)]
//! The plain types that cross the C boundary and that the pool itself works with.

use std::ffi::{c_char, c_void};

/// A running task, as its function sees it. The fields are to be read only, and valid until the
/// function returns; hand the pointer on to the functions that take a task.
#[repr(C)]
#[derive(Debug)]
pub struct pool_task_t {
    /// The `context` of the pool_call_t, or NULL in the short forms.
    pub context: *const c_void,
    /// The number of the item in a map, from 0; in pool_for() and pool_reduce() as said there; else 0.
    pub index: usize,
    /// The number of the worker that runs the task, from 0: no two have the same at a time. It
    /// can be `workers` or more where spare workers have stepped in.
    /// POOL_NO_WORKER on a thread that is none of the pool's, and waits for the task. So it is no
    /// index into an array of `workers`: for scratch memory use thread-local variables.
    pub worker: u32,
    /// 1 the first time the task or item runs, 2 when it is tried again after a failure, and so on:
    /// see `retries` of pool_call_t.
    pub attempt: u32,
    /// Private: the forks of the task that run here.
    pub private_forks: pool_fork_link_t,
    /// Private: whether somebody wants one of them.
    pub private_hungry: *const u32,
}

/// Private to pool_join2(): a place in a list of forks.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct pool_fork_link_t {
    /// Private.
    pub older: *mut pool_fork_link_t,
    /// Private.
    pub newer: *mut pool_fork_link_t,
}

/// Private to pool_join2(): a fork, on the stack of the function that forks.
#[repr(C)]
#[derive(Debug)]
pub struct pool_fork_t {
    /// Private.
    pub links: pool_fork_link_t,
    /// Private.
    pub r#fn: pool_fn,
    /// Private.
    pub arg: *const c_void,
    /// Private.
    pub result: *mut c_void,
    /// Private.
    pub rest: [usize; 10],
}

/// The `worker` of a task that no worker ran.
pub const POOL_NO_WORKER: u32 = 4294967295;

/// The most workers that a pool may have.
pub const POOL_MAX_WORKERS: u32 = 4096;

/// A task: reads its argument, writes its result, returns 0; or a positive code of its own for
/// failure. (A negative return is reported as POOL_ERR_INTERNAL.) The same function serves
/// pool_apply and pool_map, in threads and in processes.
///
/// arg: a copy of the bytes that were submitted, 16-aligned; in a map the item's place in the
///   caller's array. With `arg_size` 0 it is the very pointer that was submitted.
/// result: `result_size` zeroed bytes, 16-aligned; in a map the item's place in the caller's
///   array, as the caller left it. NULL when `result_size` is 0.
///
/// It runs on a thread of the pool, or on a thread that waits for it. It must return: no C++
/// exception, longjmp or pthread_exit may leave it (an exception ends the program, or the worker
/// process). In a pool of threads it may use its pool: submit, apply, map, wait, and run loops,
/// reductions and sorts, to any depth.
pub type pool_fn = Option<
    unsafe extern "C" fn(arg: *const c_void, result: *mut c_void, task: *mut pool_task_t) -> i32,
>;

// A pool_fn that has been found not to be NULL.
pub(crate) type Function =
    unsafe extern "C" fn(arg: *const c_void, result: *mut c_void, task: *mut pool_task_t) -> i32;

/// How a task ended. Everything it points to is valid during the callback only.
#[repr(C)]
#[derive(Debug)]
pub struct pool_result_t {
    /// POOL_OK, the task's own positive code, or one of POOL_ERR_...
    pub status: i32,
    /// A sentence about a failure; "" on success. Never NULL.
    pub message: *const c_char,
    /// The result, 16-aligned; NULL after a failure, for a map, and when `size` is 0.
    pub data: *const c_void,
    /// The size of the result in bytes.
    pub size: usize,
    /// For a map that failed the lowest failed item; else 0.
    pub index: usize,
    /// The worker that ran the task; POOL_NO_WORKER when none did, and for maps.
    pub worker: u32,
    /// The process that ran the task; 0 when it never ran, and for maps in processes.
    pub pid: i32,
}

/// A callback: called exactly once for each task that was accepted with one, also when the task
/// was cancelled or terminated; never when the submitting call returned an error. Which thread
/// it runs on is the pool's option `callbacks`. It must return, as a task must; it may use the
/// pool, but not join or free it.
pub type pool_callback_fn =
    Option<unsafe extern "C" fn(outcome: *const pool_result_t, user_data: *mut c_void)>;

/// Prepares a worker: called on its thread, or in its process, before its first task, with the number that its
/// tasks will see. Anything but 0 is a failure. It must return, as a task must.
pub type pool_initializer_fn =
    Option<unsafe extern "C" fn(worker_data: *mut c_void, worker: u32) -> i32>;

/// Cleans up after a worker: called on its thread, or in its process, after its last task, if it
/// was initialised; not when the process was killed. It must return, as a task must.
pub type pool_finalizer_fn = Option<unsafe extern "C" fn(worker_data: *mut c_void, worker: u32)>;
