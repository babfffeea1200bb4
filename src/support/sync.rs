//! Atomics, locks and threads: std's, or loom's when the models run (`--cfg loom`).

#[cfg(not(loom))]
pub use std::{
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{
            AtomicBool, AtomicI32, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
            Ordering, fence,
        },
    },
    thread,
};

#[cfg(loom)]
pub use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// Locks, also when a panic has poisoned the lock: what these locks guard is consistent at
/// every step, and a panic inside the scheduler aborts anyway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
