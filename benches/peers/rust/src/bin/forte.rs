//! forte. In the rows where the submitting thread may take part it becomes a member of the pool and counts as one of the
//! workers; elsewhere all workers are other threads.

use forte::{ThreadPool, Worker};
use millpond_bench_peers::latch::Latch;
use millpond_bench_peers::memory::{self, Gate, Resident};
use millpond_bench_peers::{
    cold, fork_join, idle, latency, main as bench_main, map, p50, p50_cold, print, submitters,
    Bench, Row, W3_CALLS, W8_WORKERS,
};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

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

/// Each submitter is a member of the pool meanwhile.
fn w1p(bench: &Bench) {
    start_with_member(bench);
    let submit = |tasks| POOL.with_worker(|worker| batch(worker, tasks));
    print("W1p", submitters::submitted(bench, submit), "ns");
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

fn w3c(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| {
        let once = || assert_eq!(worker.block_on(worker.spawn(async { 2 })), 2);
        print("W3c", p50_cold(bench, once), "ns");
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

fn w3c_other(bench: &Bench) {
    POOL.resize_to(bench.workers);
    print("W3c-other", p50_cold(bench, spawn_and_wait), "ns");
}

fn fib(worker: &Worker, n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = worker.join(|worker| fib(worker, n - 1), |worker| fib(worker, n - 2));
    a + b
}

fn w4(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| print("W4", fork_join::forks(bench, |n| fib(worker, n)), "ns"));
}

fn parallel_map(
    worker: &Worker,
    leaf: usize,
    item: map::ItemFn,
    args: &[u64],
    results: &mut [u64],
) {
    if args.len() <= leaf {
        return map::leaf(item, args, results);
    }
    let [left, right] = map::halves(args, results);
    worker.join(
        |worker| parallel_map(worker, leaf, item, left.0, left.1),
        |worker| parallel_map(worker, leaf, item, right.0, right.1),
    );
}

fn w5(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| {
        map::uniform(bench, |item, args, results| {
            parallel_map(worker, map::LEAF, item, args, results);
        });
    });
}

fn w6(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| {
        map::skewed(bench, |item, args, results| {
            parallel_map(worker, map::LEAF, item, args, results);
        });
    });
}

fn w7(bench: &Bench) {
    start_with_member(bench);
    POOL.with_worker(|worker| {
        map::coarse(bench, |item, args, results| {
            parallel_map(worker, map::COARSE_LEAF, item, args, results);
        });
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

static LEFT: AtomicUsize = AtomicUsize::new(0);
static DRAINED: Latch = Latch::new();

/// From outside: a member would queue privately, where no other thread sees the tasks.
fn fill(tasks: usize, workers: usize) -> memory::Filled {
    POOL.resize_to(workers);
    let enter = |gate: Gate| POOL.spawn(move |_: &Worker| gate.enter());
    let submit = |tasks| {
        LEFT.store(tasks, Ordering::Relaxed);
        DRAINED.reset();
        (0..tasks).for_each(|_| {
            POOL.spawn(|_: &Worker| {
                if LEFT.fetch_sub(1, Ordering::AcqRel) == 1 {
                    DRAINED.set();
                }
            });
        });
    };
    memory::fill(tasks, workers, enter, submit, || DRAINED.wait())
}

fn mem(bench: &Bench) {
    fill(bench.w1_tasks(), bench.workers).print_bytes();
}

fn q(bench: &Bench) {
    fill(bench.w1_tasks(), bench.workers).print_all();
}

fn mem_idle(bench: &Bench) {
    let before = Resident::now();
    fill(memory::IDLE_TASKS, memory::IDLE_WORKERS);
    memory::print_idle(bench, &before);
}

fn latency(bench: &Bench) {
    POOL.resize_to(bench.workers);
    latency::latencies(bench, |task, load| POOL.spawn(move |_: &Worker| task(load)));
}

const ROWS: &[Row] = &[
    ("W1", w1),
    ("W1-cold", w1_cold),
    ("W1p", w1p),
    ("W2", w2),
    ("W3", w3),
    ("W3-other", w3_other),
    ("W3c", w3c),
    ("W3c-other", w3c_other),
    ("W4", w4),
    ("W5", w5),
    ("W6", w6),
    ("W7", w7),
    ("W8", w8),
    ("W8-async", w8_async),
    ("W9", w9),
    ("mem", mem),
    ("mem-idle", mem_idle),
    ("Q", q),
    ("L", latency),
];

fn main() {
    bench_main(ROWS);
}
