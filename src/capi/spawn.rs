#![allow(unsafe_code)]
//! One function in a thread or a process of its own.

use super::{
    boundary::{bytes, deadline, given, status},
    handle::pool_future_t,
    options::{pool_options_t, to_order},
};
use crate::{
    compose::{self, spawn},
    pool::{
        abi::pool_fn,
        options::{Mode, Options},
        payload::Call,
        status::Error,
        task::Task,
    },
};
use std::{ffi::c_void, ptr};

/// `flags`: the program waits for it before it ends.
pub const POOL_SPAWN_JOINABLE: i32 = 0;
/// `flags`: the program does not wait for it: a process is killed when the program ends, a thread
/// ends with it.
pub const POOL_SPAWN_DAEMON: i32 = 1;

/// Runs one function in a process, or a thread, of its own.
///
/// A process sees what the program has in memory at this moment. So it knows all locks, queues and
/// their like that were made before, and may be told of them in its argument. It is a pool of one
/// worker inside: what the header says of tasks in processes holds, and a fork happens on the calling
/// thread, as in pool_create_with(). Each costs about what a pool costs; for many short functions
/// make a pool.
///
/// options: NULL for a process; else `mode` says whether it is a process or a thread, and all other
///   options hold, too (`name`, `stack_size`, limits). `workers` is 0 or 1.
/// flags: POOL_SPAWN_JOINABLE: exit(), and the return from main(), wait until the function has ended,
///   as long as that takes. POOL_SPAWN_DAEMON: they do not.
/// fn, arg, arg_size, result_size, future: as in pool_apply_async(). The future waits for the
///   function, has its result, kills the process (pool_future_kill()); NULL if not wanted.
/// What it has taken of the system goes back with the next pool_spawn(), or pool_spawned_join(), after
/// its end. In a worker process what is spawned ends with the worker.
/// Returns as pool_create_with() and pool_apply_async().
///
/// Example:
///     static int32_t hello(const void *arg, void *result, pool_task_t *task) {
///       printf("hello, %s\n", (const char *)arg);
///       return 0;
///     }
///     pool_future_t *future = NULL;
///     pool_spawn(NULL, POOL_SPAWN_JOINABLE, hello, "you", sizeof "you", 0, &future);
///     assert(pool_future_get(future, NULL, 0, -1) == POOL_OK);
///     pool_future_release(future);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_spawn(
    options: *const pool_options_t,
    flags: i32,
    r#fn: pool_fn,
    arg: *const c_void,
    arg_size: usize,
    result_size: usize,
    future: *mut *mut pool_future_t,
) -> i32 {
    status(|| {
        let function = given(r#fn, "fn is NULL")?;
        bytes(arg, arg_size, 1, "arg")?;
        let joinable = match flags {
            POOL_SPAWN_JOINABLE => true,
            POOL_SPAWN_DAEMON => false,
            _ => {
                let names = "POOL_SPAWN_JOINABLE or POOL_SPAWN_DAEMON";
                return Err(Error::invalid(format!("flags is {flags}; it must be {names}")));
            }
        };
        compose::require_room()?;
        let options = if options.is_null() {
            Options { mode: Mode::Processes, max_workers: 1, ..Options::threads(1)? }
        } else {
            // SAFETY: the caller vouches for the struct.
            unsafe { to_order(options, Some(1)) }?
        };
        let call = Call {
            function,
            arg,
            arg_size,
            result_size,
            callback: None,
            user_data: ptr::null_mut(),
            context: ptr::null(),
            terms: None,
        };
        // SAFETY: the caller vouches for the pointer; a future is a task's block.
        let future = unsafe { future.cast::<*mut Task>().as_mut() };
        // SAFETY: the caller vouches for the sizes.
        unsafe { spawn::spawn(options, &call, joinable, future) }
    })
}

/// Waits for all that pool_spawn() has started in this process as joinable, at most `timeout_ms`; -1
/// is for ever. exit() does so itself.
/// Returns POOL_OK, POOL_ERR_TIMEOUT, _DEADLOCK in one of them, _INVALID.
#[unsafe(no_mangle)]
pub extern "C" fn pool_spawned_join(timeout_ms: i64) -> i32 {
    status(|| spawn::join_all(deadline(timeout_ms)?))
}
