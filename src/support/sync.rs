//! Atomics, locks and threads: std's; loom's when the models run (`--cfg loom`); shuttle's when
//! whole pools run under its schedulers (`--cfg shuttle`).

#[cfg(tsan)]
pub use super::mutex::{Mutex, MutexGuard};
#[cfg(not(any(loom, shuttle, tsan)))]
pub use std::sync::{Mutex, MutexGuard};
#[cfg(not(any(loom, shuttle)))]
pub use std::{
    sync::{
        Arc, Weak,
        atomic::{
            AtomicBool, AtomicI32, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
            Ordering, fence,
        },
    },
    thread, thread_local,
};

#[cfg(shuttle)]
pub use shuttle::{
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{
            AtomicBool, AtomicI32, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize,
            Ordering, fence,
        },
    },
    thread_local,
};

/// Shuttle's threads, and std's answers where shuttle has none.
#[cfg(shuttle)]
pub mod thread {
    pub use shuttle::thread::*;
    pub use std::thread::{available_parallelism, panicking};
}

#[cfg(loom)]
pub use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

/// A word that C code reads in place, and that orders nothing: std's own for every tool but loom,
/// whose have no address.
#[cfg(loom)]
pub use loom::sync::atomic::AtomicU32 as WordForC;
#[cfg(not(loom))]
pub use std::sync::atomic::AtomicU32 as WordForC;

/// Locks, also when a panic has poisoned the lock: what these locks guard is consistent at
/// every step, and a panic inside the scheduler aborts anyway.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
