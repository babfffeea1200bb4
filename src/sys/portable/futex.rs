//! A futex out of locks: threads sleep in one of a few buckets, chosen by the word's address.

use std::{
    sync::{
        Condvar, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

struct Bucket {
    lock: Mutex<()>,
    changed: Condvar,
}

static BUCKETS: [Bucket; 64] =
    [const { Bucket { lock: Mutex::new(()), changed: Condvar::new() } }; 64];

fn bucket(word: *const AtomicU32) -> &'static Bucket {
    &BUCKETS[(word as usize >> 6) % BUCKETS.len()]
}

fn lock(bucket: &Bucket) -> MutexGuard<'_, ()> {
    bucket.lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Sleeps while `word` holds `expected`, at most until `deadline`; may return early.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) {
    let bucket = bucket(word);
    let guard = lock(bucket);
    if word.load(Ordering::SeqCst) != expected {
        return;
    }
    match deadline {
        None => drop(bucket.changed.wait(guard)),
        Some(at) => {
            let left = at.saturating_duration_since(Instant::now());
            drop(bucket.changed.wait_timeout(guard, left));
        }
    }
}

/// Wakes at least `count` threads that sleep on `word`: all of its bucket, since several words
/// share one.
pub fn wake(word: *const AtomicU32, _count: i32) {
    let bucket = bucket(word);
    drop(lock(bucket));
    bucket.changed.notify_all();
}

/// As `wait`: there is one process.
pub fn wait_shared(word: &AtomicU32, expected: u32, deadline: Option<Instant>) {
    wait(word, expected, deadline);
}

/// As `wake`: there is one process.
pub fn wake_shared(word: *const AtomicU32, count: i32) {
    wake(word, count);
}
