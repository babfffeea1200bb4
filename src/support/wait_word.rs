//! A 32-bit atomic on which threads can sleep: a futex, or what loom and shuttle have.

#[cfg(shuttle)]
use super::parking as futex;
use super::sync::{AtomicU32, Ordering};
#[cfg(not(any(loom, shuttle)))]
use crate::sys::futex;
use std::{ops::Deref, time::Instant};

/// An `AtomicU32` with `wait` and `wake`.
///
/// `wait` returns when the word is found different from `expected`, when a wake reached this
/// thread, at the deadline, or for no reason: callers look at the word again. A wake that
/// follows a change of the word is never lost: either the waiter sees the new value, or it
/// sleeps before the wake and is woken by it.
#[derive(Default)]
#[cfg_attr(not(loom), repr(transparent))]
pub struct WaitWord {
    value: AtomicU32,
    #[cfg(loom)]
    sleepers: (super::sync::Mutex<()>, super::sync::Condvar),
}

impl WaitWord {
    /// A word that holds `value`.
    pub fn new(value: u32) -> Self {
        Self {
            value: AtomicU32::new(value),
            #[cfg(loom)]
            sleepers: (super::sync::Mutex::new(()), super::sync::Condvar::new()),
        }
    }

    /// Sleeps while the word holds `expected`, at most until `deadline` (`None`: for ever).
    #[cfg(not(loom))]
    pub fn wait(&self, expected: u32, deadline: Option<Instant>) {
        futex::wait(&self.value, expected, deadline);
    }

    /// Wakes one thread that sleeps on the word, if there is one.
    #[cfg(not(loom))]
    pub fn wake_one(&self) {
        futex::wake(&self.value, 1);
    }

    /// Wakes all threads that sleep on the word.
    #[cfg(not(loom))]
    pub fn wake_all(&self) {
        futex::wake(&self.value, i32::MAX);
    }

    /// Wakes all threads that sleep on a word that may be gone already: others had a right to
    /// free it as soon as it was changed. Whoever uses the address now is woken for nothing.
    #[cfg(not(loom))]
    pub fn wake_all_at(word: *const Self) {
        futex::wake(word.cast(), i32::MAX);
    }

    #[cfg(loom)]
    #[allow(missing_docs)]
    pub fn wait(&self, expected: u32, _deadline: Option<Instant>) {
        let guard = super::sync::lock(&self.sleepers.0);
        if self.value.load(Ordering::SeqCst) == expected {
            drop(self.sleepers.1.wait(guard));
        }
    }

    #[cfg(loom)]
    #[allow(missing_docs)]
    pub fn wake_one(&self) {
        drop(super::sync::lock(&self.sleepers.0));
        self.sleepers.1.notify_one();
    }

    #[cfg(loom)]
    #[allow(missing_docs)]
    pub fn wake_all(&self) {
        drop(super::sync::lock(&self.sleepers.0));
        self.sleepers.1.notify_all();
    }

    /// Sleeps until the word differs from `value`; false if the deadline came first.
    pub fn wait_until_not(&self, value: u32, deadline: Option<Instant>) -> bool {
        loop {
            if self.value.load(Ordering::Acquire) != value {
                return true;
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                return false;
            }
            self.wait(value, deadline);
        }
    }
}

impl Deref for WaitWord {
    type Target = AtomicU32;
    fn deref(&self) -> &AtomicU32 {
        &self.value
    }
}
