//! forte. In the rows where the submitting thread may take part it becomes a member of the pool and counts as one of the
//! workers; elsewhere all workers are other threads.

use forte::{ThreadPool, Worker};
use millpond_bench_peers::latch::Latch;
use millpond_bench_peers::{
    cold, idle, main as bench_main, map, p50, print, Bench, Row, W3_CALLS, W8_WORKERS,
};
use std::sync::atomic::{AtomicU64, Ordering};

static POOL: ThreadPool = ThreadPool::new();

fn batch(worker: &Worker, tasks: usize) {
    worker.scope(|scope| (0..tasks).for_each(|_| scope.spawn(|_: &Worker| ())));
}

fn start_with_member(bench: &Bench) {
    POOL.resize_to((bench.workers - 1).max(1));
}

fn w1(bench: &Bench) {
    start_with_member(bench);
    let tasks = bench.w1_tasks();
    POOL.with_worker(|worker| print("W1", bench.warm(tasks, || batch(worker, tasks)), "ns"));
}

fn w1_cold(bench: &Bench) {
    start_with_member(bench);
    let tasks = bench.w1_tasks();
    POOL.with_worker(|worker| print("W1-cold", cold(tasks, || batch(worker, tasks)), "ns"));
}

/// Its own handle is that of a spawned future.
fn w2(bench: &Bench) {
    start_with_member(bench);
    let tasks = bench.w2_tasks();
    POOL.with_worker(|worker| {
        let batch = || {
            let spawn = |i: u64| worker.spawn(async move { i + 1 });
            let handles: Vec<_> = (0..tasks as u64).map(spawn).collect();
            for (i, handle) in handles.into_iter().enumerate() {
                assert_eq!(worker.block_on(handle), i as u64 + 1);
            }
        };
        print("W2", bench.warm(tasks, batch), "ns");
    });
}

fn w3(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| {
        let once = || assert_eq!(worker.block_on(worker.spawn(async { 2 })), 2);
        print("W3", p50(bench.w3_samples(), W3_CALLS, once), "ns");
    });
}

static LATCH: Latch = Latch::new();
static RESULT: AtomicU64 = AtomicU64::new(0);

fn spawn_and_wait() {
    LATCH.reset();
    POOL.spawn(|_: &Worker| {
        RESULT.store(2, Ordering::Relaxed);
        LATCH.set();
    });
    LATCH.wait();
    assert_eq!(RESULT.load(Ordering::Relaxed), 2);
}

fn w3_other(bench: &Bench) {
    POOL.resize_to(bench.workers);
    print("W3-other", p50(bench.w3_samples(), 1, spawn_and_wait), "ns");
}

fn parallel_map(worker: &Worker, item: map::ItemFn, args: &[u64], results: &mut [u64]) {
    if args.len() <= map::LEAF {
        return map::leaf(item, args, results);
    }
    let [left, right] = map::halves(args, results);
    worker.join(
        |worker| parallel_map(worker, item, left.0, left.1),
        |worker| parallel_map(worker, item, right.0, right.1),
    );
}

fn w5(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| {
        map::uniform(bench, |item, args, results| parallel_map(worker, item, args, results));
    });
}

fn w6(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| {
        map::skewed(bench, |item, args, results| parallel_map(worker, item, args, results));
    });
}

fn live_once() {
    POOL.resize_to(W8_WORKERS);
    spawn_and_wait();
    POOL.depopulate();
}

fn w8(bench: &Bench) {
    print("W8", p50(bench.w8_samples(), 1, live_once), "ns");
}

fn w8_async(bench: &Bench) {
    print("W8-async", p50(bench.w8_samples(), 1, live_once), "ns");
}

fn w9(bench: &Bench) {
    POOL.resize_to(bench.workers);
    POOL.with_worker(|worker| batch(worker, 1000));
    idle::idle(bench);
}

const ROWS: &[Row] = &[
    ("W1", w1),
    ("W1-cold", w1_cold),
    ("W2", w2),
    ("W3", w3),
    ("W3-other", w3_other),
    ("W5", w5),
    ("W6", w6),
    ("W8", w8),
    ("W8-async", w8_async),
    ("W9", w9),
];

fn main() {
    bench_main(ROWS);
}
