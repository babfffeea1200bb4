//! Whole pools under shuttle's schedulers: run with
//! `RUSTFLAGS="--cfg shuttle" cargo test --release --lib --features portable schedules`.
//!
//! Every atomic, lock, thread-local, thread and futex of the library is shuttle's then, so that a
//! schedule is a choice made at each of them, at random or by priorities (PCT), some thousands of
//! times. A wake-up that is lost is found as a deadlock: nobody can go on. Shuttle prints the
//! schedule of a failure, to be replayed.
//!
//! What this does not see: orderings weaker than `SeqCst` (the models run by loom do, for the
//! protocols), time (a wait with a deadline returns at once), and worker processes.

mod forks;
mod pool;
mod races;
mod wakeups;
mod world;

use shuttle::{
    Config, Runner,
    scheduler::{PctScheduler, RandomScheduler, Scheduler},
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// So many schedules are tried by each scheduler, or as many as fit into the time.
const SCHEDULES: usize = 4000;
const TIME: Duration = Duration::from_secs(4);
/// So many times PCT may take the turn from the thread of the highest priority.
const CHANGES: usize = 3;

/// Held by the test that runs: the library's statics hold shuttle's atomics, which are not made for
/// several threads of the system.
static ALONE: Mutex<()> = Mutex::new(());

/// Runs `body` under many schedules.
fn check(body: impl Fn() + Send + Sync + Copy + 'static) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    run(RandomScheduler::new(SCHEDULES), body);
    run(PctScheduler::new(CHANGES, SCHEDULES), body);
}

fn run(scheduler: impl Scheduler + 'static, body: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = 256 << 10;
    config.max_time = Some(TIME);
    config.silence_warnings = true;
    Runner::new(scheduler, config).run(body);
}
