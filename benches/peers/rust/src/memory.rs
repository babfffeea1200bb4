//! The rows mem, mem-idle and Q as in `common/memory.h`: what a queued task and an idle pool take, and filling and
//! emptying a queue.

use crate::{elapsed, print, Bench};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A line of smaps_rollup, in KiB.
fn kib(what: &str) -> f64 {
    let text = fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup can be read");
    let value = |line: &str| {
        line.strip_prefix(what)?.strip_prefix(':')?.split_whitespace().next()?.parse().ok()
    };
    text.lines().find_map(value).expect("smaps_rollup has the line")
}

/// All that the process has in memory, and what of it is not a file's, such as the code of libraries.
pub struct Resident(f64, f64);

impl Resident {
    pub fn now() -> Self {
        Resident(kib("Pss"), kib("Anonymous"))
    }
}

/// Keeps workers busy without work: tasks enter it and stay until it opens.
#[derive(Clone, Default)]
pub struct Gate(Arc<(AtomicUsize, Mutex<bool>, Condvar)>);

impl Gate {
    pub fn enter(&self) {
        let (inside, open, opened) = &*self.0;
        inside.fetch_add(1, Ordering::AcqRel);
        let mut open = open.lock().expect("nobody panics");
        while !*open {
            open = opened.wait(open).expect("nobody panics");
        }
    }

    fn wait_for(&self, count: usize) {
        while self.0 .0.load(Ordering::Acquire) < count {
            std::thread::sleep(Duration::from_micros(100));
        }
    }

    fn open(&self) {
        *self.0 .1.lock().expect("nobody panics") = true;
        self.0 .2.notify_all();
    }
}

/// Bytes, nanoseconds to submit, and nanoseconds from the opening of the gate until all have run, all per task.
pub struct Filled {
    bytes: f64,
    in_ns: f64,
    out_ns: f64,
}

/// `holders` is how many threads other than the submitter must be kept from running the tasks.
pub fn fill(
    tasks: usize,
    holders: usize,
    enter: impl Fn(Gate),
    submit: impl Fn(usize),
    drain: impl FnOnce(),
) -> Filled {
    let gate = Gate::default();
    (0..holders).for_each(|_| enter(gate.clone()));
    gate.wait_for(holders);
    let before = kib("Pss");
    let in_ns = elapsed(|| submit(tasks)) / tasks as f64;
    let bytes = ((kib("Pss") - before) * 1024.0 / tasks as f64).max(0.0);
    let emptied = elapsed(|| {
        gate.open();
        drain();
    });
    Filled { bytes, in_ns, out_ns: emptied / tasks as f64 }
}

impl Filled {
    pub fn print_bytes(&self) {
        print("mem", self.bytes, "B");
    }

    pub fn print_all(&self) {
        print("Q", self.in_ns, "ns");
        print("Q-out", self.out_ns, "ns");
        print("Q-bytes", self.bytes, "B");
    }
}

/// mem-idle always has this many workers, as the row says, whatever `--workers` is.
pub const IDLE_WORKERS: usize = 4;
pub const IDLE_TASKS: usize = 1_000;

/// Called with what there was before the pool.
pub fn print_idle(bench: &Bench, before: &Resident) {
    std::thread::sleep(Duration::from_millis(bench.pick(10, 200, 200, 200) as u64));
    let now = Resident::now();
    print("mem-idle", (now.0 - before.0).max(0.0), "KiB");
    print("mem-idle-own", (now.1 - before.1).max(0.0), "KiB");
}
