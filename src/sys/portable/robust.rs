//! Locks of threads out of a futex: a thread that ends while it holds one is not noticed.

use super::futex;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

/// In the word: the thread.
pub const OWNER: u32 = 0x3fff_ffff;
/// In the word: somebody waits.
pub const WANTED: u32 = 0x8000_0000;
/// In the word: never set here.
pub const DIED: u32 = 0x4000_0000;

/// What came of a wait for a lock; see the Linux side.
#[allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Locked,
    Dead,
    TimedOut,
    Deadlock,
    Again,
    Spoilt,
}

/// Waits until the word has changed, or until the deadline.
pub fn lock(word: &AtomicU32, _shared: bool, deadline: Option<Instant>) -> Verdict {
    let seen = word.load(Ordering::Relaxed);
    if seen & OWNER == 0 {
        return Verdict::Again;
    }
    if deadline.is_some_and(|at| Instant::now() >= at) {
        return Verdict::TimedOut;
    }
    let wanted = seen | WANTED;
    if word.compare_exchange(seen, wanted, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        futex::wait(word, wanted, deadline);
    }
    Verdict::Again
}

/// Gives the lock back, and wakes who waits.
pub fn unlock(word: &AtomicU32, _shared: bool) -> bool {
    word.store(0, Ordering::Release);
    futex::wake(word, i32::MAX);
    true
}

/// Not known here.
pub fn is_dead(_thread: u32) -> bool {
    false
}
