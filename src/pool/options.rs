//! What a pool is made with, checked.

use super::{
    abi::{POOL_MAX_WORKERS, pool_finalizer_fn, pool_initializer_fn},
    bound::WhenFull,
    environment,
    status::{Error, Result},
};
use crate::support::process;
use std::ffi::c_void;

/// Where tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// On threads of this process.
    Threads,
    /// In processes of their own.
    Processes,
    /// In the caller, at once.
    Sequential,
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
    /// What the workers are called.
    pub name: String,
    /// How many threads may be in blocking sections at a time.
    pub max_blocked: usize,
    /// How many workers there may ever be.
    pub max_workers: usize,
    /// The CPUs that the workers run on; empty: those of the thread that makes the pool.
    pub cpus: Vec<u32>,
    /// Whether each worker keeps to one of them.
    pub pin_workers: bool,
    /// How many tasks may wait for a worker; 0: any number.
    pub max_pending: usize,
    /// What happens to one too many.
    pub when_full: WhenFull,
    /// What only processes can do.
    pub processes: ProcessOptions,
}

/// What only a pool of processes can be asked for; the fields are those of `pool_options_t`.
#[derive(Clone, Copy, Default)]
#[allow(missing_docs, reason = "documented in `capi::options`")]
pub struct ProcessOptions {
    pub task_timeout_ms: i64,
    pub task_cpu_seconds: u32,
    pub nice: i32,
    pub memory_limit_bytes: usize,
    pub max_tasks_per_worker: usize,
    pub max_rss_bytes: usize,
    pub spare_workers: u32,
    pub oom_score_adj: i32,
    pub core_dumps: bool,
    pub stderr_tail_bytes: usize,
    pub fork_fn: Option<unsafe extern "C" fn(*mut c_void) -> i32>,
    pub reseed: Option<unsafe extern "C" fn(u64, *mut c_void, u32)>,
}

impl ProcessOptions {
    /// The name of an option that is set.
    pub fn first_set(&self) -> Option<&'static str> {
        let set = [
            (self.task_timeout_ms != 0, "task_timeout_ms"),
            (self.task_cpu_seconds != 0, "task_cpu_seconds"),
            (self.nice != 0, "nice"),
            (self.memory_limit_bytes != 0, "memory_limit_bytes"),
            (self.max_tasks_per_worker != 0, "max_tasks_per_worker"),
            (self.max_rss_bytes != 0, "max_rss_bytes"),
            (self.spare_workers != 0, "spare_workers"),
            (self.oom_score_adj != 0, "oom_score_adj"),
            (self.core_dumps, "core_dumps"),
            (self.stderr_tail_bytes != 0, "stderr_tail_bytes"),
            (self.fork_fn.is_some(), "fork_fn"),
            (self.reseed.is_some(), "reseed"),
        ];
        set.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
    }
}

/// The most that is kept of what a worker wrote to stderr, in bytes.
pub const MOST_STDERR: usize = 64 << 10;

/// How many threads may be in blocking sections at a time, unless the user says otherwise.
pub const MAX_BLOCKED: usize = 256;

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
            max_blocked: MAX_BLOCKED,
            max_workers: POOL_MAX_WORKERS as usize,
            cpus: Vec::new(),
            pin_workers: false,
            max_pending: 0,
            when_full: WhenFull::Block,
            processes: ProcessOptions::default(),
        })
    }
}

/// The number of workers that a request of `workers` means.
///
/// # Errors
/// `INVALID`.
pub fn count(workers: u32) -> Result<usize> {
    match workers {
        0 => {
            let fitting = || process::cpus().min(POOL_MAX_WORKERS as usize);
            Ok(environment::workers()?.unwrap_or_else(fitting))
        }
        1..=POOL_MAX_WORKERS => Ok(workers as usize),
        _ => Err(Error::invalid(format!(
            "{workers} workers; at most {POOL_MAX_WORKERS} are possible"
        ))),
    }
}
