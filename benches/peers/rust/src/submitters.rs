//! Row W1p as in `common/submitters.h`: W1's batch from several threads at once, which stay for the whole row.

use crate::Bench;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Barrier;

/// Nanoseconds per task. `submit` submits so many tasks and returns when they have run.
pub fn submitted(bench: &Bench, submit: impl Fn(usize) + Sync) -> f64 {
    let share = bench.w1_tasks() / bench.submitters;
    let [begin, end] = [(); 2].map(|()| Barrier::new(bench.submitters + 1));
    let over = AtomicBool::new(false);
    let submitter = || loop {
        begin.wait();
        if over.load(Ordering::Relaxed) {
            return;
        }
        submit(share);
        end.wait();
    };
    std::thread::scope(|threads| {
        (0..bench.submitters).for_each(|_| {
            threads.spawn(submitter);
        });
        let ns = bench.warm(bench.w1_tasks(), || {
            begin.wait();
            end.wait();
        });
        over.store(true, Ordering::Relaxed);
        begin.wait();
        ns
    })
}
