//! Row W4 as in `common/fork_join.h`: a recursion that forks at every step, with nothing to do but that.

use crate::{elapsed, median, Bench};
use std::time::{Duration, Instant};

const MOST: usize = 9;
const ENOUGH: Duration = Duration::from_millis(300);

fn fibonacci(n: u64) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

/// Nanoseconds per fork of fib(n): each n above 1 is a fork.
fn fork_ns(fib: &mut impl FnMut(u64) -> u64, n: u64) -> f64 {
    let ns = elapsed(|| assert_eq!(fib(n), fibonacci(n), "a fork returned a wrong result"));
    ns / (fibonacci(n + 1) - 1) as f64
}

/// As often as there is time for: the quickest libraries need a hundredth of what the slowest do.
pub fn forks(bench: &Bench, mut fib: impl FnMut(u64) -> u64) -> f64 {
    let n = bench.pick(12, 27, 32, 32) as u64;
    fork_ns(&mut fib, n - 4);
    let start = Instant::now();
    let mut values = vec![fork_ns(&mut fib, n)];
    while values.len() < MOST && start.elapsed() < ENOUGH {
        values.push(fork_ns(&mut fib, n));
    }
    median(&mut values)
}
