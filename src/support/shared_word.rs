//! A 32-bit atomic on which threads of several processes can sleep.

use super::sync::{AtomicU32, Ordering};
use crate::sys::futex;
use std::{ops::Deref, time::Instant};

/// As `WaitWord`, in memory that processes may share: `shared` says in each call whether they do.
#[derive(Default)]
#[repr(transparent)]
pub struct SharedWord(AtomicU32);

impl SharedWord {
    /// Sleeps while the word holds `expected`, at most until `deadline` (`None`: for ever); may
    /// return for no reason. A wake that follows a change of the word is never lost.
    pub fn wait(&self, shared: bool, expected: u32, deadline: Option<Instant>) {
        let wait = if shared { futex::wait_shared } else { futex::wait };
        wait(&self.0, expected, deadline);
    }

    /// Wakes up to `count` threads that sleep on the word.
    pub fn wake(&self, shared: bool, count: i32) {
        let wake = if shared { futex::wake_shared } else { futex::wake };
        wake(&self.0, count);
    }

    /// Changes the word, and wakes all who sleep on it.
    pub fn stir(&self, shared: bool) {
        self.0.fetch_add(1, Ordering::SeqCst);
        self.wake(shared, i32::MAX);
    }
}

impl Deref for SharedWord {
    type Target = AtomicU32;
    fn deref(&self) -> &AtomicU32 {
        &self.0
    }
}
