//! Row W9 as in `common/idle.h`: what a pool that has worked and has nothing left to do costs.

use crate::{print, Bench};
use std::fs;
use std::time::Duration;

fn cpu_clock_ns(clock: libc::clockid_t) -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes nothing but the struct it is given.
    unsafe { libc::clock_gettime(clock, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

/// CPU time of all threads but the calling one, past ones too.
fn others_cpu_ns() -> i64 {
    cpu_clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID) - cpu_clock_ns(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn switches(status: &str) -> u64 {
    let value = |line: &str| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok();
    status.lines().find_map(value).unwrap_or(0)
}

/// How often threads other than the main one went to sleep so far, which is how often they woke.
fn wakes() -> u64 {
    let main = std::process::id().to_string();
    fs::read_dir("/proc/self/task")
        .expect("/proc/self/task can be read")
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_name().to_string_lossy() != main)
        .filter_map(|entry| fs::read_to_string(entry.path().join("status")).ok())
        .map(|status| switches(&status))
        .sum()
}

/// Called on the main thread when the pool has just finished its work.
pub fn idle(bench: &Bench) {
    let sleep = |ms: usize| std::thread::sleep(Duration::from_millis(ms as u64));
    sleep(bench.pick(10, 200, 200, 200));
    let wakes_before = wakes();
    let cpu_before = others_cpu_ns();
    sleep(bench.pick(20, 2_000, 5_000, 5_000));
    let cpu = others_cpu_ns() - cpu_before;
    // The two clocks are not read at one moment, so that a few microseconds mean nothing.
    let cpu_us = if cpu < 10_000 { 0.0 } else { cpu as f64 / 1e3 };
    print("W9", cpu_us, "us");
    print("W9-wakes", (wakes() - wakes_before) as f64, "wakes");
}
