//! chili: a join of two closures is its only tool, so it has no row that submits tasks.

use chili::{Config, Scope, ThreadPool};
use millpond_bench_peers::{idle, main as bench_main, map, Bench, Row};
use std::num::NonZero;

/// The calling thread counts as one of the workers.
fn create(bench: &Bench) -> ThreadPool {
    ThreadPool::with_config(Config {
        thread_count: NonZero::new(bench.workers),
        ..Config::default()
    })
}

fn parallel_map(scope: &mut Scope<'_>, item: map::ItemFn, args: &[u64], results: &mut [u64]) {
    if args.len() <= map::LEAF {
        return map::leaf(item, args, results);
    }
    let [left, right] = map::halves(args, results);
    scope.join(
        |scope| parallel_map(scope, item, left.0, left.1),
        |scope| parallel_map(scope, item, right.0, right.1),
    );
}

fn w5(bench: &Bench) {
    let pool = create(bench);
    map::uniform(bench, |item, args, results| parallel_map(&mut pool.scope(), item, args, results));
}

fn w6(bench: &Bench) {
    let pool = create(bench);
    map::skewed(bench, |item, args, results| parallel_map(&mut pool.scope(), item, args, results));
}

fn w9(bench: &Bench) {
    let pool = create(bench);
    (0..1000).for_each(|_| {
        pool.scope().join(|_| (), |_| ());
    });
    idle::idle(bench);
}

const ROWS: &[Row] = &[("W5", w5), ("W6", w6), ("W9", w9)];

fn main() {
    bench_main(ROWS);
}
