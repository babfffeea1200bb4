//! rayon, used from a thread outside its pool.

use millpond_bench_peers::latch::Latch;
use millpond_bench_peers::memory::{self, Gate, Resident};
use millpond_bench_peers::{
    cold, fork_join, idle, latency, main as bench_main, map, p50, p50_cold, print, sort,
    submitters, Bench, Row, W8_WORKERS,
};
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::OnceLock;

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

fn w1p(bench: &Bench) {
    let pool = create(bench.workers);
    print("W1p", submitters::submitted(bench, |tasks| batch(&pool, tasks)), "ns");
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

fn w3c_other(bench: &Bench) {
    let pool = create(bench.workers);
    print("W3c-other", p50_cold(bench, || spawn_and_wait(&pool)), "ns");
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

fn w4(bench: &Bench) {
    let ns = create(bench.workers).install(|| fork_join::forks(bench, fib));
    print("W4", ns, "ns");
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

fn w7(bench: &Bench) {
    let pool = create(bench.workers);
    map::coarse(bench, |item, args, results| parallel_map(&pool, item, args, results));
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

static LEFT: AtomicUsize = AtomicUsize::new(0);
static DRAINED: Latch = Latch::new();

fn fill(pool: &ThreadPool, tasks: usize, workers: usize) -> memory::Filled {
    let enter = |gate: Gate| pool.spawn(move || gate.enter());
    let submit = |tasks| {
        LEFT.store(tasks, Ordering::Relaxed);
        DRAINED.reset();
        (0..tasks).for_each(|_| {
            pool.spawn(|| {
                if LEFT.fetch_sub(1, Ordering::AcqRel) == 1 {
                    DRAINED.set();
                }
            });
        });
    };
    memory::fill(tasks, workers, enter, submit, || DRAINED.wait())
}

fn mem(bench: &Bench) {
    fill(&create(bench.workers), bench.w1_tasks(), bench.workers).print_bytes();
}

fn q(bench: &Bench) {
    fill(&create(bench.workers), bench.w1_tasks(), bench.workers).print_all();
}

fn mem_idle(bench: &Bench) {
    let before = Resident::now();
    let pool = create(memory::IDLE_WORKERS);
    fill(&pool, memory::IDLE_TASKS, memory::IDLE_WORKERS);
    memory::print_idle(bench, &before);
}

static POOL: OnceLock<ThreadPool> = OnceLock::new();

fn latency(bench: &Bench) {
    POOL.get_or_init(|| create(bench.workers));
    latency::latencies(bench, |task, load| {
        POOL.get().expect("it was made").spawn(move || task(load));
    });
}

const ROWS: &[Row] = &[
    ("W1", w1),
    ("W1-cold", w1_cold),
    ("W1p", w1p),
    ("W2", w2),
    ("W3-other", w3_other),
    ("W3c-other", w3c_other),
    ("W4", w4),
    ("W5", w5),
    ("W6", w6),
    ("W7", w7),
    ("W8", w8),
    ("W8-async", w8_async),
    ("W9", w9),
    ("W10", w10),
    ("mem", mem),
    ("mem-idle", mem_idle),
    ("Q", q),
    ("L", latency),
];

fn main() {
    bench_main(ROWS);
}
