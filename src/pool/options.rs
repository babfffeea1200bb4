//! What a pool is made with, checked.

use super::{
    abi::{POOL_MAX_WORKERS, pool_finalizer_fn, pool_initializer_fn},
    status::{Error, Result},
};
use crate::support::process;
use std::ffi::c_void;

/// Where tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On threads of this process.
    Threads,
}

/// Where callbacks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackMode {
    /// One at a time, on any of the pool's threads.
    Serial,
    /// On the worker as it finishes the task.
    Inline,
    /// Inside `poll`.
    Polled,
}

/// Per-worker functions and their datum.
#[derive(Clone, Copy)]
pub struct WorkerHooks {
    /// Called first on each worker.
    pub initializer: pool_initializer_fn,
    /// Called last on each worker.
    pub finalizer: pool_finalizer_fn,
    /// Passed to both.
    pub data: *mut c_void,
}

/// What a pool is made with.
pub struct Options {
    /// Where tasks run.
    pub mode: Mode,
    /// The number of workers, at least 1.
    pub workers: usize,
    /// Where callbacks run.
    pub callbacks: CallbackMode,
    /// Per-worker functions.
    pub hooks: WorkerHooks,
    /// The stack of each worker in bytes.
    pub stack_size: usize,
    /// What the workers' threads are called.
    pub name: String,
}

/// The smallest stack that a worker can live on, in bytes.
pub const MIN_STACK: usize = 64 << 10;

impl Options {
    /// Threads, as many as `workers` says (0: the CPUs this process may use), the rest default.
    ///
    /// # Errors
    /// `INVALID` if there are too many workers.
    pub fn threads(workers: u32) -> Result<Self> {
        Ok(Self {
            mode: Mode::Threads,
            workers: count(workers)?,
            callbacks: CallbackMode::Serial,
            hooks: WorkerHooks { initializer: None, finalizer: None, data: std::ptr::null_mut() },
            stack_size: 0,
            name: "millpond".to_owned(),
        })
    }
}

/// The number of workers that a request of `workers` means.
fn count(workers: u32) -> Result<usize> {
    match workers {
        0 => match std::env::var("MILLPOND_NUM_WORKERS") {
            Ok(text) if !text.is_empty() => from_environment(&text),
            _ => Ok(process::cpus().min(POOL_MAX_WORKERS as usize)),
        },
        1..=POOL_MAX_WORKERS => Ok(workers as usize),
        _ => Err(Error::invalid(format!(
            "{workers} workers; at most {POOL_MAX_WORKERS} are possible"
        ))),
    }
}

fn from_environment(text: &str) -> Result<usize> {
    let possible = 1..=POOL_MAX_WORKERS;
    let number = text.parse().ok().filter(|number| possible.contains(number));
    number.map(|number| number as usize).ok_or_else(|| {
        Error::invalid(format!(
            "the environment sets MILLPOND_NUM_WORKERS to {text:?}, \
             which is no number from 1 to {POOL_MAX_WORKERS}"
        ))
    })
}
