#![allow(unsafe_code)]
//! A pool made to order.

use super::{
    boundary::{Versioned, elements, not_null, read_struct, status},
    handle::pool_t,
    mode::{mode, require_sequential, with_environment},
    simple::open,
};
use crate::{
    compose,
    pool::{
        abi::{POOL_MAX_WORKERS, pool_finalizer_fn, pool_initializer_fn},
        bound::WhenFull,
        options::{
            CallbackMode, MAX_BLOCKED, MIN_STACK, MOST_STDERR, Mode, Options, ProcessOptions,
            WorkerHooks,
        },
        status::{self as code, Error, Result},
    },
    support::process,
};
use std::ffi::{CStr, c_char, c_void};

/// `mode`: tasks run on threads of this process.
pub const POOL_THREADS: i32 = 0;
/// `mode`: tasks run in worker processes, which may crash or be killed without harm to the rest.
/// On Linux; elsewhere POOL_ERR_UNSUPPORTED.
pub const POOL_PROCESSES: i32 = 1;
/// `mode`: tasks run at once in the caller, for debugging: pool_apply_async() returns when its task has
/// ended, and its callback has been called, so that a debugger shows who submitted what, and each run
/// of the program is like the one before. There is one worker, whatever `workers` says, and it is
/// whoever calls: the thread that makes the pool runs the initializer, the thread that closes it the
/// finalizer. If several threads submit at once, the one that came first also runs what the others
/// have submitted meanwhile, and these do not wait for it unless they say so. What a task submits runs
/// on top of it while the stack has room, else when it has returned.
///
/// Every program can be run that way, as it is: the environment variable MILLPOND_MODE (`threads`,
/// `processes` or `sequential`) sets the mode of all pools, in place of their option `mode`, also of
/// those of pool_create() and pool_default(). An option that this mode does not have is
/// POOL_ERR_UNSUPPORTED as ever, and the sentence names the variable; another value of it is
/// POOL_ERR_INVALID.
pub const POOL_SEQUENTIAL: i32 = 2;

/// `callbacks`: never two at once, each sees what the former wrote, so that a plain global needs
/// no lock; in order of completion, on any of the pool's threads. In processes that is the order of
/// each worker's tasks: of two that end on different workers at about the same time either may
/// be first.
pub const POOL_CALLBACKS_SERIAL: i32 = 0;
/// `callbacks`: on the worker that ran the task, as it finishes; several at once. Those of tasks
/// that no worker ran are called on some worker, one at a time. In processes as
/// POOL_CALLBACKS_SERIAL.
pub const POOL_CALLBACKS_INLINE: i32 = 1;
/// `callbacks`: only inside pool_poll(), pool_join() and pool_close_join(), on their caller's
/// thread; in the order of POOL_CALLBACKS_SERIAL.
pub const POOL_CALLBACKS_POLLED: i32 = 2;

/// `when_full`: whoever submits waits until there is room, in the order of those who wait. What a
/// task submits to its own pool goes beyond the bound instead: it might wait for itself.
pub const POOL_FULL_BLOCK: i32 = 0;
/// `when_full`: the submitting call returns POOL_ERR_FULL, and nothing is submitted.
pub const POOL_FULL_FAIL: i32 = 1;
/// `when_full`: the submitting thread runs the task itself, before the call returns, unless a worker
/// was faster. On threads without an initializer; else POOL_ERR_UNSUPPORTED.
pub const POOL_FULL_RUN_INLINE: i32 = 2;

/// What a pool is made with. Begin with POOL_OPTIONS_INIT, then set what you want to change.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct pool_options_t {
    /// sizeof(pool_options_t), set by POOL_OPTIONS_INIT.
    pub struct_size: usize,
    /// POOL_THREADS, POOL_PROCESSES or POOL_SEQUENTIAL.
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
    /// Passed to both, and to `fork_fn` and `reseed`; must live as long as the pool.
    pub worker_data: *mut c_void,
    /// The stack of each worker in bytes, at least 65536; 0 for the system's default. When a
    /// task waits for one that has not started, it is run on top of it while half of the stack,
    /// or 1 MiB, is free. In processes, tasks then run on a thread that is not the process's first.
    pub stack_size: usize,
    /// What the workers' threads or processes are called, followed by a dash and their number,
    /// cut to 15 bytes; copied. NULL for "millpond".
    pub name: *const c_char,
    /// How many of the pool's tasks and callbacks may be in blocking sections at a time, each with
    /// a spare worker in its place (pool_blocking_begin()); at most 4096, 0 for 256. In processes
    /// it must be 0, else POOL_ERR_UNSUPPORTED: a worker process keeps its place.
    pub max_blocked: u32,

    // From here on: processes only. In a pool of threads each must be 0, else
    // POOL_ERR_UNSUPPORTED: nothing can be taken from a thread that would not harm the others.
    /// How long a task, or an item of a map, may run, in milliseconds: then its worker is killed
    /// and replaced, and it fails with POOL_ERR_TIME_LIMIT. 0 for no limit.
    pub task_timeout_ms: i64,
    /// How much processor time a task or an item of a map may use, in seconds, checked as
    /// RLIMIT_CPU is: in whole seconds, and not if the task handles SIGXCPU; else as above. 0 for
    /// no limit.
    pub task_cpu_seconds: u32,
    /// The nice value of workers, added to the program's: 0 to 19.
    pub nice: i32,
    /// The memory that a worker may have for its data, in bytes (RLIMIT_DATA): beyond it
    /// allocations fail in the worker. What it has inherited from the program counts; results and
    /// shared memory do not. 0 for no limit.
    pub memory_limit_bytes: usize,
    /// Replace a worker after so many tasks or items; 0 for never.
    pub max_tasks_per_worker: usize,
    /// Replace a worker that has more than so many bytes in memory when a task ends; 0 for never.
    pub max_rss_bytes: usize,
    /// How many workers to keep ready beside the others, so that one that dies is replaced
    /// without a fork first.
    pub spare_workers: u32,
    /// The workers' oom_score_adj, 1 to 1000, so that under pressure the system ends workers
    /// first; 0 leaves them the program's.
    pub oom_score_adj: i32,
    /// 1: keep worker i on the i-th of the pool's CPUs (modulo their number); 0: on all of them. For
    /// pools of threads, too. On Linux; elsewhere POOL_ERR_UNSUPPORTED.
    pub pin_workers: i32,
    /// 1: let crashing workers write core dumps as the program's limits allow; 0: none.
    pub core_dumps: i32,
    /// Catch what workers write to stderr, and attach the last so many bytes of it to the
    /// message of a task that fails or whose worker dies. What was caught is passed on to the
    /// program's own stderr; what is written faster than it can be passed on is dropped, never
    /// waited for. At most 65536; 0: stderr is the program's own.
    pub stderr_tail_bytes: usize,
    /// Forks: NULL for fork(2). Called with `worker_data` on the thread that creates or refreshes
    /// the pool, and again in the process that it makes, for each worker.
    pub fork_fn: pool_fork_fn,
    /// Called in each new worker before its initializer, with a random seed: reseed there
    /// whatever random generators all workers have inherited in the same state.
    pub reseed: pool_reseed_fn,

    // From here on: for all pools again.
    /// How many tasks may wait for a worker, so that whoever submits faster than the workers run
    /// takes no more and more memory: at most `workers` + `max_pending` tasks, maps and batched calls
    /// are submitted and have not ended. 0: any number.
    pub max_pending: usize,
    /// What happens to one too many: one of POOL_FULL_...; POOL_FULL_BLOCK, which is 0, if nothing
    /// else is said.
    pub when_full: i32,
    /// How many workers pool_resize() may give the pool. 0: in a pool of threads POOL_MAX_WORKERS;
    /// in one of processes `workers`, as each takes some memory from the beginning.
    pub max_workers: u32,
    /// The CPUs that the workers run on, by the system's numbers from 0: `cpu_count` of them, read
    /// during the call only. NULL and 0: those that the thread which makes the pool may use. With
    /// `workers` 0 there are no more workers than CPUs here. On Linux; elsewhere POOL_ERR_UNSUPPORTED.
    pub cpus: *const u32,
    /// How many.
    pub cpu_count: usize,
}

// SAFETY: begins with its size; numbers, pointers and functions may be zero.
unsafe impl Versioned for pool_options_t {
    const WHAT: &'static str = "options";
    const FORMER: &'static [usize] = &[152];
}

/// Forks the calling process as fork(2): 0 in the child, the child's pid in the parent, -1 on
/// failure. For programs that must do something about a fork, as interpreters must.
pub type pool_fork_fn = Option<unsafe extern "C" fn(worker_data: *mut c_void) -> i32>;

/// Gives a new worker process's random generators a seed of their own.
pub type pool_reseed_fn =
    Option<unsafe extern "C" fn(seed: u64, worker_data: *mut c_void, worker: u32)>;

/// Makes a pool to order.
///
/// options: read during the call only.
/// pool: the pool goes there, the caller's to free with pool_close_join().
/// Returns POOL_OK; POOL_ERR_INVALID; POOL_ERR_UNSUPPORTED for what this version cannot do;
/// POOL_ERR_SYSTEM, _NO_MEMORY; or the positive code that an initializer returned (_INTERNAL for
/// a negative one; _WORKER_DIED when it crashed its process). Blocks until the initializers have
/// ended. POOL_PROCESSES forks once: pool_refresh() says what that means to the program.
///
/// Example:
///     const uint32_t cpus[] = {0};
///     pool_options_t options = POOL_OPTIONS_INIT;
///     options.mode = POOL_PROCESSES;
///     options.workers = 2;
///     options.cpus = cpus; // both on the first CPU
///     options.cpu_count = 1;
///     options.max_pending = 100;
///     options.when_full = POOL_FULL_FAIL; // or whoever submits too much waits
///     pool_t *bounded = NULL;
///     if (pool_create_with(&options, &bounded) != POOL_OK) {
///         fprintf(stderr, "%s\n", pool_last_error());
///         return;
///     }
///     int32_t status = POOL_OK;
///     for (int i = 0; i < 100000 && status == POOL_OK; i++)
///         status = pool_apply_async(bounded, slow, &i, sizeof i, sizeof i, NULL, NULL, NULL);
///     assert(status == POOL_ERR_FULL);
///     pool_terminate(bounded);
///     pool_close_join(bounded);
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pool_create_with(
    options: *const pool_options_t,
    pool: *mut *mut pool_t,
) -> i32 {
    status(|| {
        not_null(pool, "pool")?;
        compose::require_room()?;
        // SAFETY: the caller vouches for the struct.
        let options = unsafe {
            let options = read_struct(options)?;
            with_environment(options, |options| check(options))?
        };
        let made = open(options)?;
        // SAFETY: the caller vouches for the pointer.
        unsafe { pool.write(Box::into_raw(made)) };
        Ok(())
    })
}

/// What a caller asks for; as many workers as `workers` says, if it does, where the caller has no
/// more to say than that.
///
/// # Safety
/// The struct is readable, and its `name` null or a C string.
///
/// # Errors
/// Those of `pool_create_with`.
pub unsafe fn to_order(options: *const pool_options_t, workers: Option<u32>) -> Result<Options> {
    // SAFETY: promised by the caller.
    let mut from = unsafe { read_struct(options) }?;
    if let Some(workers) = workers {
        if from.workers != 0 && from.workers != workers {
            return Err(Error::invalid(format!("workers is {}, not {workers}", from.workers)));
        }
        from.workers = workers;
    }
    // SAFETY: promised by the caller.
    unsafe { check(&from) }
}

/// # Safety
/// `name` is null or a C string.
unsafe fn check(from: &pool_options_t) -> Result<Options> {
    let mut options = Options::threads(from.workers)?;
    options.mode = mode(from.mode)?;
    options.processes = processes(from)?;
    if options.mode == Mode::Sequential {
        require_sequential(from)?;
        options.workers = 1;
    }
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
    options.max_blocked = max_blocked(from)?;
    options.pin_workers = within("pin_workers", from.pin_workers.into(), 1)? != 0;
    if options.pin_workers && !KNOWS_CPUS {
        return Err(no_cpus());
    }
    // SAFETY: promised by the caller.
    options.cpus = unsafe { cpus(from)? };
    if from.workers == 0 && !options.cpus.is_empty() {
        options.workers = options.workers.min(options.cpus.len());
    }
    options.max_workers = max_workers(from, options.workers)?;
    options.max_pending = from.max_pending;
    options.when_full = when_full(from)?;
    if !from.name.is_null() {
        // SAFETY: promised by the caller.
        let name = unsafe { CStr::from_ptr(from.name) };
        options.name = name.to_string_lossy().into_owned();
    }
    Ok(options)
}

fn max_blocked(from: &pool_options_t) -> Result<usize> {
    let most = within("max_blocked", from.max_blocked.into(), POOL_MAX_WORKERS.into())? as usize;
    if most != 0 && from.mode == POOL_PROCESSES {
        let text = "max_blocked needs POOL_THREADS: a worker process keeps its place";
        return Err(Error::new(code::UNSUPPORTED, text));
    }
    Ok(if most == 0 { MAX_BLOCKED } else { most })
}

/// Whether threads can be kept to CPUs on this system.
const KNOWS_CPUS: bool = cfg!(all(target_os = "linux", not(feature = "portable")));

fn no_cpus() -> Error {
    Error::new(code::UNSUPPORTED, "workers cannot be kept to CPUs on this system")
}

fn max_workers(from: &pool_options_t, workers: usize) -> Result<usize> {
    match from.max_workers {
        0 if from.mode == POOL_PROCESSES => Ok(workers),
        0 => Ok(POOL_MAX_WORKERS as usize),
        most if most as usize >= workers && most <= POOL_MAX_WORKERS => Ok(most as usize),
        most => Err(Error::invalid(format!(
            "max_workers is {most}, not from the number of workers, {workers}, to {POOL_MAX_WORKERS}"
        ))),
    }
}

/// # Safety
/// `cpus` is null, or readable as `cpu_count` says.
unsafe fn cpus(from: &pool_options_t) -> Result<Vec<u32>> {
    elements(from.cpus, from.cpu_count, "cpus")?;
    if from.cpu_count == 0 && !from.cpus.is_null() {
        return Err(Error::invalid("cpus is set, but cpu_count is 0"));
    }
    let mut cpus = Vec::new();
    let no_memory = |_| Error::no_memory("no memory for the list of CPUs");
    cpus.try_reserve_exact(from.cpu_count).map_err(no_memory)?;
    for index in 0..from.cpu_count {
        // SAFETY: promised by the caller.
        cpus.push(unsafe { from.cpus.add(index).read_unaligned() });
    }
    cpus.sort_unstable();
    cpus.dedup();
    match process::first_impossible(&cpus) {
        None => Ok(cpus),
        Some(_) if !KNOWS_CPUS => Err(no_cpus()),
        Some(cpu) => {
            let text = format!("cpus names CPU {cpu}, on which this process may not run");
            Err(Error::invalid(text))
        }
    }
}

fn when_full(from: &pool_options_t) -> Result<WhenFull> {
    let when_full = match from.when_full {
        POOL_FULL_BLOCK => return Ok(WhenFull::Block),
        POOL_FULL_FAIL => WhenFull::Fail,
        POOL_FULL_RUN_INLINE => WhenFull::RunInline,
        other => {
            let text =
                format!("when_full is {other}; it must be POOL_FULL_BLOCK, _FAIL or _RUN_INLINE");
            return Err(Error::invalid(text));
        }
    };
    if from.max_pending == 0 {
        return Err(Error::invalid(
            "when_full is set, but max_pending is 0: the pool is never full",
        ));
    }
    if when_full == WhenFull::RunInline {
        if from.mode == POOL_PROCESSES {
            let text = "POOL_FULL_RUN_INLINE needs POOL_THREADS: the caller is no worker process";
            return Err(Error::new(code::UNSUPPORTED, text));
        }
        if from.initializer.is_some() {
            let text = "POOL_FULL_RUN_INLINE and an initializer: only workers may run tasks then";
            return Err(Error::new(code::UNSUPPORTED, text));
        }
    }
    Ok(when_full)
}

fn processes(from: &pool_options_t) -> Result<ProcessOptions> {
    let options = ProcessOptions {
        task_timeout_ms: within("task_timeout_ms", from.task_timeout_ms, i64::MAX)?,
        task_cpu_seconds: from.task_cpu_seconds,
        nice: within("nice", from.nice.into(), 19)? as i32,
        memory_limit_bytes: from.memory_limit_bytes,
        max_tasks_per_worker: from.max_tasks_per_worker,
        max_rss_bytes: from.max_rss_bytes,
        spare_workers: within("spare_workers", from.spare_workers.into(), 4096)? as u32,
        oom_score_adj: within("oom_score_adj", from.oom_score_adj.into(), 1000)? as i32,
        core_dumps: within("core_dumps", from.core_dumps.into(), 1)? != 0,
        stderr_tail_bytes: from.stderr_tail_bytes,
        fork_fn: from.fork_fn,
        reseed: from.reseed,
    };
    if from.stderr_tail_bytes > MOST_STDERR {
        return Err(Error::invalid(format!(
            "stderr_tail_bytes is {}, more than {MOST_STDERR}",
            from.stderr_tail_bytes
        )));
    }
    if from.mode == POOL_PROCESSES {
        return Ok(options);
    }
    match options.first_set() {
        None => Ok(options),
        Some(name) => Err(Error::new(
            code::UNSUPPORTED,
            format!("{name} needs POOL_PROCESSES: a thread cannot be limited, killed or replaced"),
        )),
    }
}

fn within(name: &str, value: i64, most: i64) -> Result<i64> {
    if (0..=most).contains(&value) {
        return Ok(value);
    }
    Err(Error::invalid(format!("{name} is {value}, not from 0 to {most}")))
}

fn callback_mode(callbacks: i32) -> Result<CallbackMode> {
    match callbacks {
        POOL_CALLBACKS_SERIAL => Ok(CallbackMode::Serial),
        POOL_CALLBACKS_INLINE => Ok(CallbackMode::Inline),
        POOL_CALLBACKS_POLLED => Ok(CallbackMode::Polled),
        _ => Err(Error::invalid(format!(
            "callbacks is {callbacks}; it must be POOL_CALLBACKS_SERIAL, _INLINE or _POLLED"
        ))),
    }
}
