//! What a fresh worker does before its loop, and how it leaves.

use super::zygote::Settings;
use crate::{
    support::sync::{AtomicU32, Ordering},
    sys::{children, limits, signals, stdio, stdio::Writer, this_process, thread},
};

/// The id of the process that is a worker. Written once, before its loop; a child that a task
/// forks has a copy that is not its own id.
static WORKER: AtomicU32 = AtomicU32::new(0);

/// The exit code of a worker whose loop was left by unwinding (a panic, or a thread's end).
pub const UNWOUND: i32 = 101;

/// Whether this process is a worker itself, and not the child of a task that has forked and
/// returned there.
pub fn is_still_me() -> bool {
    WORKER.load(Ordering::Relaxed) == this_process::own_pid().cast_unsigned()
}

/// Sets this process up as a worker: it is fresh from the fork, and holds nothing of the zygote's
/// any more but the writing ends of the pipes for standard error, one for each worker.
pub fn prepare(settings: &Settings, index: u32, zygote: i32, pipes: Vec<Writer>) {
    WORKER.store(this_process::own_pid().cast_unsigned(), Ordering::Relaxed);
    children::new_group(this_process::own_pid());
    this_process::die_with_parent();
    if this_process::parent_pid() != zygote {
        this_process::exit_now(UNWOUND);
    }
    signals::default_signals();
    this_process::set_name(&short_name(&settings.name, &format!("-{index}")));
    if let Some(pipe) = pipes.get(index as usize) {
        pipe.become_stderr();
    }
    drop(pipes);
    if let Some(set) = &settings.affinity {
        thread::set_affinity(set);
    }
    if settings.pin {
        thread::pin(index as usize);
    }
    if settings.nice != 0 {
        limits::nice(settings.nice);
    }
    if let Some(value) = settings.oom_score_adj {
        limits::oom_score_adj(value);
    }
    if !settings.core_dumps {
        limits::no_core_dumps();
    }
    if settings.memory_limit != 0 {
        limits::limit_data(settings.memory_limit);
    }
}

/// Runs `work` and leaves the process with what it returns, however it comes back: nothing of
/// the frames above, which are the host's, may run in a worker.
pub fn run(work: impl FnOnce() -> i32) -> ! {
    struct Leave(i32);
    impl Drop for Leave {
        fn drop(&mut self) {
            leave(self.0);
        }
    }
    let mut way_out = Leave(UNWOUND);
    way_out.0 = work();
    drop(way_out);
    unreachable!("the process has ended");
}

/// A worker writes out what it has printed. A child of a task that has come this far by mistake
/// does not: those are copies of the worker's buffers.
fn leave(code: i32) -> ! {
    if is_still_me() {
        stdio::flush_stdio();
    }
    this_process::exit_now(code)
}

/// `name` and `end` in the 15 bytes that the name of a process has, the end whole.
pub fn short_name(name: &str, end: &str) -> String {
    let room = 15_usize.saturating_sub(end.len()).min(name.len());
    let length = (0..=room).rev().find(|at| name.is_char_boundary(*at)).unwrap_or(0);
    format!("{}{end}", &name[..length])
}
