//! Row W10 as in `common/sort.h`.

use crate::{elapsed, median, print, Bench};

pub fn sort(bench: &Bench, sort: impl Fn(&mut [u64])) {
    let count = bench.pick(2_000, 2_000_000, 10_000_000, 10_000_000);
    let time = |repeat: usize| {
        let mut state = repeat as u64 + 1;
        let mut next = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state ^ (state >> 32)
        };
        let mut numbers: Vec<u64> = (0..count).map(|_| next()).collect();
        let sum = |numbers: &[u64]| numbers.iter().fold(0, |sum: u64, x| sum.wrapping_add(*x));
        let before = sum(&numbers);
        let time = elapsed(|| sort(&mut numbers)) / count as f64;
        assert!(numbers.is_sorted(), "the numbers are not sorted");
        assert_eq!(sum(&numbers), before, "the sorted numbers are others");
        time
    };
    let mut times: Vec<f64> = (0..bench.pick(1, 3, 3, 9)).map(time).collect();
    print("W10", median(&mut times), "ns");
}
