//! What the Rust programs share: the same protocol, sizes and ways of measuring as `common/*.h` gives the C programs.

pub mod fork_join;
pub mod idle;
pub mod latch;
pub mod latency;
pub mod map;
pub mod memory;
pub mod sort;
pub mod submitters;

use std::time::{Duration, Instant};

#[derive(Clone, Copy, PartialEq)]
pub enum Size {
    Smoke,
    Quick,
    Default,
    Full,
}

#[derive(Clone, Copy)]
pub struct Bench {
    pub workers: usize,
    pub size: Size,
    /// 0 where the size of the run decides.
    pub tasks: usize,
    pub submitters: usize,
}

pub type Row = (&'static str, fn(&Bench));

/// W8 always creates this many workers, as the row says, whatever `--workers` is.
pub const W8_WORKERS: usize = 4;

impl Bench {
    pub fn pick(&self, smoke: usize, quick: usize, default: usize, full: usize) -> usize {
        match self.size {
            Size::Smoke => smoke,
            Size::Quick => quick,
            Size::Default => default,
            Size::Full => full,
        }
    }

    pub fn w1_tasks(&self) -> usize {
        match self.tasks {
            0 => self.pick(1_000, 200_000, 1_000_000, 1_000_000),
            tasks => tasks,
        }
    }

    pub fn w2_tasks(&self) -> usize {
        self.pick(1_000, 100_000, 100_000, 100_000)
    }

    pub fn w3_samples(&self) -> usize {
        self.pick(20, 5_000, 20_000, 50_000)
    }

    pub fn w8_samples(&self) -> usize {
        self.pick(2, 50, 200, 1_000)
    }

    /// Nanoseconds per task: the first batch warms threads, memory and caches; the median of the following ones counts.
    pub fn warm(&self, tasks: usize, mut batch: impl FnMut()) -> f64 {
        batch();
        let mut values: Vec<f64> =
            (0..self.pick(1, 2, 3, 9)).map(|_| cold(tasks, &mut batch)).collect();
        median(&mut values)
    }
}

/// Nanoseconds per task of one batch.
pub fn cold(tasks: usize, mut batch: impl FnMut()) -> f64 {
    elapsed(&mut batch) / tasks as f64
}

pub fn elapsed(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}

/// A call of W3 that stays on its thread is short.
pub const W3_CALLS: usize = 8;

/// What an interval with nothing in it seems to last: means, because the clock has steps, and the median of some of them,
/// because one may be disturbed.
fn clock_cost() -> f64 {
    const READINGS: usize = 200;
    let mean = |_| (0..READINGS).map(|_| elapsed(|| ())).sum::<f64>() / READINGS as f64;
    median(&mut (0..15).map(mean).collect::<Vec<f64>>())
}

/// Median time of one call in nanoseconds, less what reading the clock costs. Calls short enough for the clock's step to
/// matter, which is 10 ns on some machines, are timed several at a time.
pub fn p50(samples: usize, calls: usize, once: impl FnMut()) -> f64 {
    p50_prepared(samples, calls, || (), once)
}

/// Before each sample comes what prepare does, which is not timed.
fn p50_prepared(samples: usize, calls: usize, prepare: impl Fn(), mut once: impl FnMut()) -> f64 {
    let clock_cost = clock_cost();
    (0..samples / 10 + 1).for_each(|_| once());
    let mut several = || {
        prepare();
        elapsed(|| (0..calls).for_each(|_| once()))
    };
    let mut values: Vec<f64> = (0..samples).map(|_| several()).collect();
    ((median(&mut values) - clock_cost) / calls as f64).max(0.0)
}

/// Rows W3c and W3c-other: W3's call after a millisecond in which nothing happens.
pub fn p50_cold(bench: &Bench, once: impl FnMut()) -> f64 {
    let cool = || std::thread::sleep(Duration::from_millis(1));
    p50_prepared(bench.pick(5, 100, 300, 1_000), 1, cool, once)
}

pub fn print(row: &str, value: f64, unit: &str) {
    println!("{row} {value:.6} {unit}");
}

/// Variants of one row are told apart by a label.
pub fn print_labelled(row: &str, value: f64, unit: &str, label: &str) {
    println!("{row} {value:.6} {unit} {label}");
}

fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().rposition(|arg| arg == name)?;
    args.get(at + 1).map(String::as_str)
}

fn count(args: &[String], name: &str, default: usize) -> usize {
    option(args, name).map_or(default, |n| n.parse().expect("a number"))
}

/// The command line: `ROW [--workers N] [--size S] [--tasks N] [--submitters N]` or `--list`.
pub fn main(rows: &[Row]) {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args == ["--list"] {
        rows.iter().for_each(|(name, _)| println!("{name}"));
        return;
    }
    let bench = Bench {
        workers: count(&args, "--workers", 2),
        size: match option(&args, "--size") {
            Some("smoke") => Size::Smoke,
            Some("quick") => Size::Quick,
            Some("full") => Size::Full,
            _ => Size::Default,
        },
        tasks: count(&args, "--tasks", 0),
        submitters: count(&args, "--submitters", 3),
    };
    match rows.iter().find(|(name, _)| args.first().is_some_and(|arg| arg == name)) {
        Some((_, run)) => run(&bench),
        None => {
            eprintln!(
                "usage: ROW [--workers N] [--size smoke|quick|default|full] [--tasks N] \
                 [--submitters N], or --list"
            );
            std::process::exit(2);
        }
    }
}
