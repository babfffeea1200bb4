//! rayon, used from a thread outside its pool.

use millpond_bench_peers::latch::Latch;
use millpond_bench_peers::{
    cold, idle, main as bench_main, map, p50, print, sort, Bench, Row, W8_WORKERS,
};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicU64, Ordering};

fn create(workers: usize) -> ThreadPool {
    ThreadPoolBuilder::new().num_threads(workers).build().expect("a pool")
}

fn batch(pool: &ThreadPool, tasks: usize) {
    pool.in_place_scope(|scope| (0..tasks).for_each(|_| scope.spawn(|_| ())));
}

fn w1(bench: &Bench) {
    let (pool, tasks) = (create(bench.workers), bench.w1_tasks());
    print("W1", bench.warm(tasks, || batch(&pool, tasks)), "ns");
}

fn w1_cold(bench: &Bench) {
    let (pool, tasks) = (create(bench.workers), bench.w1_tasks());
    print("W1-cold", cold(tasks, || batch(&pool, tasks)), "ns");
}

/// rayon has no handle for a spawned task, so each has a latch.
#[derive(Default)]
struct Handle {
    latch: Latch,
    result: AtomicU64,
}

fn w2(bench: &Bench) {
    let (pool, tasks) = (create(bench.workers), bench.w2_tasks());
    let handles: Vec<Handle> = (0..tasks).map(|_| Handle::default()).collect();
    let batch = || {
        pool.in_place_scope(|scope| {
            for (i, handle) in handles.iter().enumerate() {
                handle.latch.reset();
                scope.spawn(move |_| {
                    handle.result.store(i as u64 + 1, Ordering::Relaxed);
                    handle.latch.set();
                });
            }
            for (i, handle) in handles.iter().enumerate() {
                handle.latch.wait();
                assert_eq!(handle.result.load(Ordering::Relaxed), i as u64 + 1);
            }
        });
    };
    print("W2", bench.warm(tasks, batch), "ns");
}

static HANDLE: Handle = Handle { latch: Latch::new(), result: AtomicU64::new(0) };

fn spawn_and_wait(pool: &ThreadPool) {
    HANDLE.latch.reset();
    pool.spawn(|| {
        HANDLE.result.store(2, Ordering::Relaxed);
        HANDLE.latch.set();
    });
    HANDLE.latch.wait();
    assert_eq!(HANDLE.result.load(Ordering::Relaxed), 2);
}

fn w3_other(bench: &Bench) {
    let pool = create(bench.workers);
    print("W3-other", p50(bench.w3_samples(), 1, || spawn_and_wait(&pool)), "ns");
}

fn parallel_map(pool: &ThreadPool, item: map::ItemFn, args: &[u64], results: &mut [u64]) {
    pool.install(|| {
        let pairs = args.par_iter().zip(results.par_iter_mut());
        pairs.for_each(|(arg, result)| map::call(item, arg, result));
    });
}

fn w5(bench: &Bench) {
    let pool = create(bench.workers);
    map::uniform(bench, |item, args, results| parallel_map(&pool, item, args, results));
}

fn w6(bench: &Bench) {
    let pool = create(bench.workers);
    map::skewed(bench, |item, args, results| parallel_map(&pool, item, args, results));
}

fn w10(bench: &Bench) {
    let pool = create(bench.workers);
    sort::sort(bench, |numbers| pool.install(|| numbers.par_sort_unstable()));
}

/// Dropping the pool tells its threads to end and does not wait for them.
fn live_once() {
    spawn_and_wait(&create(W8_WORKERS));
}

fn w8(bench: &Bench) {
    print("W8", p50(bench.w8_samples(), 1, live_once), "ns");
}

fn w8_async(bench: &Bench) {
    print("W8-async", p50(bench.w8_samples(), 1, live_once), "ns");
}

fn w9(bench: &Bench) {
    let pool = create(bench.workers);
    batch(&pool, 1000);
    idle::idle(bench);
}

const ROWS: &[Row] = &[
    ("W1", w1),
    ("W1-cold", w1_cold),
    ("W2", w2),
    ("W3-other", w3_other),
    ("W5", w5),
    ("W6", w6),
    ("W8", w8),
    ("W8-async", w8_async),
    ("W9", w9),
    ("W10", w10),
];

fn main() {
    bench_main(ROWS);
}
