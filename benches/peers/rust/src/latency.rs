//! The rows L as in `common/latency.h`: how long a small task waits while the workers are busy with tasks of a millisecond.

use crate::{median, print_labelled, Bench};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_millis(1);
/// A pool that would never come to the small task gets no more long ones after that time.
const GIVE_UP_NS: u64 = 200_000_000;
const LOOK: Duration = Duration::from_micros(100);

/// How a library runs a task, from any thread.
pub type Spawn = fn(fn(&'static Load), &'static Load);

pub struct Load {
    spawn: Spawn,
    start: Instant,
    alive: AtomicUsize,
    wanted: AtomicUsize,
    /// Each long task submits the next one itself, from its worker, as its last act.
    chained: AtomicBool,
    /// When the small task was submitted, and when it began, since the start; 0 for not yet.
    submitted: AtomicU64,
    begun: AtomicU64,
}

fn small_task(load: &'static Load) {
    load.begun.store(load.now(), Ordering::Release);
}

fn long_task(load: &'static Load) {
    let begin = Instant::now();
    while begin.elapsed() < LONG {}
    let submitted = load.submitted.load(Ordering::Acquire);
    let given_up = submitted != 0 && load.now() > submitted + GIVE_UP_NS;
    if load.chained.load(Ordering::Acquire) && !given_up {
        (load.spawn)(long_task, load);
    } else {
        load.alive.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Load {
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn top_up(&'static self) {
        while self.alive.load(Ordering::Acquire) < self.wanted.load(Ordering::Relaxed) {
            self.alive.fetch_add(1, Ordering::AcqRel);
            (self.spawn)(long_task, self);
        }
    }

    fn keep_up(&'static self, time: Duration) {
        let begin = Instant::now();
        while begin.elapsed() < time {
            self.top_up();
            sleep(LOOK);
        }
    }

    fn probe_once(&'static self) -> f64 {
        self.begun.store(0, Ordering::Release);
        let submitted = self.now();
        self.submitted.store(submitted, Ordering::Release);
        (self.spawn)(small_task, self);
        while self.begun.load(Ordering::Acquire) == 0 {
            if self.now() < submitted + GIVE_UP_NS {
                self.top_up();
            }
            sleep(LOOK);
        }
        self.submitted.store(0, Ordering::Release);
        (self.begun.load(Ordering::Acquire) - submitted) as f64 / 1e3
    }

    /// The pauses differ, so that the small tasks do not fall into step with the long ones.
    fn measure(&'static self, bench: &Bench, row: &str, wanted: usize, chained: bool) {
        self.wanted.store(wanted, Ordering::Relaxed);
        self.chained.store(chained, Ordering::Release);
        self.keep_up(Duration::from_millis(20));
        let enough = Duration::from_secs(bench.pick(1, 1, 2, 6) as u64);
        let begin = Instant::now();
        let mut values = Vec::new();
        while values.len() < bench.pick(3, 100, 300, 1_000) && begin.elapsed() < enough {
            self.keep_up(Duration::from_micros(200 + values.len() as u64 * 7 % 10 * 100));
            values.push(self.probe_once());
        }
        self.chained.store(false, Ordering::Release);
        while self.alive.load(Ordering::Acquire) != 0 {
            sleep(LOOK);
        }
        print_labelled(row, median(&mut values), "us", "p50");
        print_labelled(row, values[(values.len() * 99).div_ceil(100) - 1], "us", "p99");
        print_labelled(row, values[values.len() - 1], "us", "worst");
    }
}

/// One long task less than there are workers; as many; twice as many, from the submitter, so that some always wait.
pub fn latencies(bench: &Bench, spawn: Spawn) {
    let load: &'static Load = Box::leak(Box::new(Load {
        spawn,
        start: Instant::now(),
        alive: AtomicUsize::new(0),
        wanted: AtomicUsize::new(0),
        chained: AtomicBool::new(true),
        submitted: AtomicU64::new(0),
        begun: AtomicU64::new(0),
    }));
    load.measure(bench, "L", bench.workers - 1, true);
    load.measure(bench, "L-busy", bench.workers, true);
    load.measure(bench, "L-queued", 2 * bench.workers, false);
}
