//! chili: a join of two closures is its only tool, so it has no row that submits tasks.

use chili::{Config, Scope, ThreadPool};
use millpond_bench_peers::memory::{self, Resident};
use millpond_bench_peers::{fork_join, idle, main as bench_main, map, print, Bench, Row};
use std::num::NonZero;

/// The calling thread counts as one of the workers.
fn create(workers: usize) -> ThreadPool {
    ThreadPool::with_config(Config { thread_count: NonZero::new(workers), ..Config::default() })
}

fn fib(scope: &mut Scope<'_>, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = scope.join(|scope| fib(scope, n - 1), |scope| fib(scope, n - 2));
    a + b
}

fn w4(bench: &Bench) {
    let pool = create(bench.workers);
    let mut scope = pool.scope();
    print("W4", fork_join::forks(bench, |n| fib(&mut scope, n)), "ns");
}

fn parallel_map(
    scope: &mut Scope<'_>,
    leaf: usize,
    item: map::ItemFn,
    args: &[u64],
    results: &mut [u64],
) {
    if args.len() <= leaf {
        return map::leaf(item, args, results);
    }
    let [left, right] = map::halves(args, results);
    scope.join(
        |scope| parallel_map(scope, leaf, item, left.0, left.1),
        |scope| parallel_map(scope, leaf, item, right.0, right.1),
    );
}

fn w5(bench: &Bench) {
    let pool = create(bench.workers);
    map::uniform(bench, |item, args, results| {
        parallel_map(&mut pool.scope(), map::LEAF, item, args, results);
    });
}

fn w6(bench: &Bench) {
    let pool = create(bench.workers);
    map::skewed(bench, |item, args, results| {
        parallel_map(&mut pool.scope(), map::LEAF, item, args, results);
    });
}

fn w7(bench: &Bench) {
    let pool = create(bench.workers);
    map::coarse(bench, |item, args, results| {
        parallel_map(&mut pool.scope(), map::COARSE_LEAF, item, args, results);
    });
}

fn w9(bench: &Bench) {
    let pool = create(bench.workers);
    (0..1000).for_each(|_| {
        pool.scope().join(|_| (), |_| ());
    });
    idle::idle(bench);
}

fn mem_idle(bench: &Bench) {
    let before = Resident::now();
    let pool = create(memory::IDLE_WORKERS);
    (0..memory::IDLE_TASKS).for_each(|_| {
        pool.scope().join(|_| (), |_| ());
    });
    memory::print_idle(bench, &before);
}

const ROWS: &[Row] =
    &[("W4", w4), ("W5", w5), ("W6", w6), ("W7", w7), ("W9", w9), ("mem-idle", mem_idle)];

fn main() {
    bench_main(ROWS);
}
