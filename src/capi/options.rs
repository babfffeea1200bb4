#![allow(unsafe_code)]
//! A pool made to order.

use super::{
    boundary::{not_null, read_struct, status},
    handle::pool_t,
};
use crate::{
    compose,
    pool::{
        abi::{pool_finalizer_fn, pool_initializer_fn},
        options::{CallbackMode, MIN_STACK, Mode, Options, WorkerHooks},
        status::{self as code, Error, Result},
    },
};
use std::ffi::{CStr, c_char, c_void};

/// `mode`: tasks run on threads of this process.
pub const POOL_THREADS: i32 = 0;
/// `mode`: tasks run in processes of their own. Not in this version: POOL_ERR_UNSUPPORTED.
pub const POOL_PROCESSES: i32 = 1;
/// `mode`: tasks run at once in the caller. Not in this version: POOL_ERR_UNSUPPORTED.
pub const POOL_SEQUENTIAL: i32 = 2;

/// `callbacks`: never two at once, each sees what the former wrote, so that a plain global needs
/// no lock; in order of completion, on any of the pool's threads.
pub const POOL_CALLBACKS_SERIAL: i32 = 0;
/// `callbacks`: on the worker that ran the task, as it finishes; several at once. Those of tasks
/// that no worker ran are called on some worker, one at a time.
pub const POOL_CALLBACKS_INLINE: i32 = 1;
/// `callbacks`: only inside pool_poll(), pool_join() and pool_close_join(), on their caller's
/// thread; in order of completion.
pub const POOL_CALLBACKS_POLLED: i32 = 2;

/// What a pool is made with. Begin with POOL_OPTIONS_INIT, then set what you want to change.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_options_t {
    /// sizeof(pool_options_t), set by POOL_OPTIONS_INIT.
    pub struct_size: usize,
    /// POOL_THREADS.
    pub mode: i32,
    /// As in pool_create().
    pub workers: u32,
    /// Where callbacks run: one of POOL_CALLBACKS_...
    pub callbacks: i32,
    /// Called on each worker before its first task. With an initializer, all workers are started
    /// at creation, a failure of one is the failure of pool_create_with(), and only workers run
    /// tasks, never a thread from outside that waits. If a spare worker's fails, it does not step in.
    pub initializer: pool_initializer_fn,
    /// Called on each worker after its last task.
    pub finalizer: pool_finalizer_fn,
    /// Passed to both; must live as long as the pool.
    pub worker_data: *mut c_void,
    /// The stack of each worker in bytes, at least 65536; 0 for the system's default. When a
    /// task waits for one that has not started, it is run on top of it while half of the stack,
    /// or 1 MiB, is free.
    pub stack_size: usize,
    /// What the workers' threads are called, followed by a dash and their number, cut to 15
    /// bytes; copied. NULL for "millpond".
    pub name: *const c_char,
}

/// Makes a pool to order.
///
/// options: read during the call only.
/// pool: the pool goes there, the caller's to free with pool_close_join().
/// Returns POOL_OK; POOL_ERR_INVALID; POOL_ERR_UNSUPPORTED for what this version cannot do;
/// POOL_ERR_SYSTEM, _NO_MEMORY; or the positive code that an initializer returned (_INTERNAL for
/// a negative one). Blocks until the initializers have ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_create_with(
    options: *const pool_options_t,
    pool: *mut *mut pool_t,
) -> i32 {
    status(|| {
        not_null(pool, "pool")?;
        compose::require_room()?;
        // SAFETY: the caller vouches for the struct.
        let options = unsafe { check(&read_struct(options, "options")?)? };
        let made = pool_t::new(compose::create(options)?);
        // SAFETY: the caller vouches for the pointer.
        unsafe { pool.write(Box::into_raw(made)) };
        Ok(())
    })
}

/// # Safety
/// `name` is null or a C string.
unsafe fn check(from: &pool_options_t) -> Result<Options> {
    let mut options = Options::threads(from.workers)?;
    options.mode = mode(from.mode)?;
    options.callbacks = callback_mode(from.callbacks)?;
    options.hooks = WorkerHooks {
        initializer: from.initializer,
        finalizer: from.finalizer,
        data: from.worker_data,
    };
    if from.stack_size != 0 && !(MIN_STACK..=isize::MAX as usize / 2).contains(&from.stack_size) {
        let most = isize::MAX as usize / 2;
        let text =
            format!("stack_size is {}, not 0 or from {MIN_STACK} to {most}", from.stack_size);
        return Err(Error::invalid(text));
    }
    options.stack_size = from.stack_size;
    if !from.name.is_null() {
        // SAFETY: promised by the caller.
        let name = unsafe { CStr::from_ptr(from.name) };
        options.name = name.to_string_lossy().into_owned();
    }
    Ok(options)
}

fn mode(mode: i32) -> Result<Mode> {
    match mode {
        POOL_THREADS => Ok(Mode::Threads),
        POOL_PROCESSES => Err(Error::new(code::UNSUPPORTED, "process mode does not exist yet")),
        POOL_SEQUENTIAL => Err(Error::new(code::UNSUPPORTED, "sequential mode does not exist yet")),
        _ => Err(Error::invalid(format!("{mode} is no mode"))),
    }
}

fn callback_mode(callbacks: i32) -> Result<CallbackMode> {
    match callbacks {
        POOL_CALLBACKS_SERIAL => Ok(CallbackMode::Serial),
        POOL_CALLBACKS_INLINE => Ok(CallbackMode::Inline),
        POOL_CALLBACKS_POLLED => Ok(CallbackMode::Polled),
        _ => Err(Error::invalid(format!("{callbacks} is no way to run callbacks"))),
    }
}
