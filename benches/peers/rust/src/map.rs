//! Rows W5, W6 and W7 as in `common/map.h`: items of the very same signature, behind a function pointer.

use crate::{elapsed, median, print, Bench};
use std::arch::asm;
use std::ffi::c_void;
use std::hint::black_box;

pub type ItemFn = unsafe extern "C" fn(*const u64, *mut u64, *mut c_void) -> i32;

unsafe extern "C" fn square(arg: *const u64, result: *mut u64, _task: *mut c_void) -> i32 {
    let x = *arg;
    *result = x.wrapping_mul(x).wrapping_add(1);
    0
}

/// As many dependent multiplications as the argument says.
unsafe extern "C" fn spin(arg: *const u64, result: *mut u64, _task: *mut c_void) -> i32 {
    let mut x = *arg;
    for _ in 0..*arg {
        x = black_box(x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
    }
    *result = x;
    0
}

/// The course's: the sum of 1 to the argument, in a loop that no compiler may fold.
unsafe extern "C" fn sum_all(arg: *const u64, result: *mut u64, _task: *mut c_void) -> i32 {
    let (last, mut sum, mut i) = (*arg, 0, 1);
    while i <= last {
        sum += i;
        // SAFETY: nothing happens in it.
        unsafe { asm!("/* {0} */", inout(reg) sum, options(nomem, nostack, preserves_flags)) };
        i += 1;
    }
    *result = sum;
    0
}

/// Calls the item function on one argument and its slot.
#[inline]
pub fn call(item: ItemFn, arg: &u64, result: &mut u64) {
    // SAFETY: both point to a whole u64, and the item functions here ignore the task.
    unsafe { item(arg, result, std::ptr::null_mut()) };
}

fn sequential(item: ItemFn, args: &[u64], results: &mut [u64]) {
    for (arg, result) in args.iter().zip(results) {
        call(item, arg, result);
    }
}

fn checksum(results: &[u64]) -> u64 {
    results.iter().fold(0, |sum: u64, x| sum.wrapping_mul(31).wrapping_add(*x))
}

/// Sequential and parallel runs alternate, so that a change of the machine's speed meets both.
fn row(
    bench: &Bench,
    name: &str,
    repeats: usize,
    item: ItemFn,
    args: &[u64],
    parallel: impl Fn(ItemFn, &[u64], &mut [u64]),
) {
    let item = black_box(item);
    let mut results = vec![0; args.len()];
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    let warm_up = args.len() / 50 + 1;
    parallel(item, &args[..warm_up], &mut results[..warm_up]);
    for _ in 0..repeats {
        results.fill(0);
        alone.push(elapsed(|| sequential(item, args, &mut results)));
        let expected = checksum(&results);
        results.fill(0);
        together.push(elapsed(|| parallel(item, args, &mut results)));
        assert_eq!(checksum(&results), expected, "a map returned wrong results");
    }
    let ideal = median(&mut alone) / bench.workers as f64;
    print(name, median(&mut together) / ideal, "ratio");
}

pub fn uniform(bench: &Bench, parallel: impl Fn(ItemFn, &[u64], &mut [u64])) {
    let count = bench.pick(2_000, 2_000_000, 10_000_000, 10_000_000) as u64;
    let args: Vec<u64> = (0..count).map(|i| i * 2654435761).collect();
    row(bench, "W5", bench.pick(1, 3, 7, 15), square, &args, parallel);
}

/// Steps of `spin` in a nanosecond: the best of a few, since a disturbed run only makes the items cheaper.
fn steps_per_ns() -> f64 {
    const STEPS: u64 = 200_000;
    let rate = |_| {
        let mut result = 0;
        STEPS as f64 / elapsed(|| call(black_box(spin), &STEPS, &mut result)).max(1.0)
    };
    (0..10).map(rate).fold(0.0, f64::max)
}

pub fn skewed(bench: &Bench, parallel: impl Fn(ItemFn, &[u64], &mut [u64])) {
    let count = bench.pick(500, 30_000, 100_000, 100_000);
    let rate = steps_per_ns();
    let args: Vec<u64> = (0..count).map(|i| (i as f64 * 0.2 * rate) as u64).collect();
    row(bench, "W6", bench.pick(1, 1, 1, 3), spin, &args, parallel);
}

pub fn coarse(bench: &Bench, parallel: impl Fn(ItemFn, &[u64], &mut [u64])) {
    let first = bench.pick(1_000, 2_000_000, 10_000_000, 50_000_000) as u64;
    let args: Vec<u64> = (0..100).map(|i| first + i).collect();
    row(bench, "W7", bench.pick(1, 1, 1, 3), sum_all, &args, parallel);
}

/// Halves a map until `leaf` items are left, for libraries whose only tool is a join of two closures.
pub fn halves<'a>(args: &'a [u64], results: &'a mut [u64]) -> [(&'a [u64], &'a mut [u64]); 2] {
    let middle = args.len() / 2;
    let (left_args, right_args) = args.split_at(middle);
    let (left, right) = results.split_at_mut(middle);
    [(left_args, left), (right_args, right)]
}

/// The leaf that those libraries get, found by hand: a user has to choose one.
pub const LEAF: usize = 64;

/// The leaf where each item is coarse.
pub const COARSE_LEAF: usize = 1;

pub fn leaf(item: ItemFn, args: &[u64], results: &mut [u64]) {
    sequential(item, args, results);
}
