//! Tasks in the order in which they end, for somebody who waits for many at once.

use super::{
    status::{Error, Result},
    task::TaskRef,
    watchers::Watch,
};
use crate::support::{
    counted::Counted,
    sync::{AtomicU32, Mutex, Ordering, lock},
    wait_word::WaitWord,
};
use std::{collections::VecDeque, time::Instant};

/// Numbers of tasks that have ended. Each task may be watched with this, its number being the key.
#[derive(Default)]
pub struct Arrivals {
    ended: Mutex<VecDeque<usize>>,
    /// Counts arrivals; who waits sleeps on it. Either `ring` sees the sleeper counted, or the
    /// sleeper sees that the bell has rung.
    bell: WaitWord,
    sleepers: AtomicU32,
}

impl Arrivals {
    /// None yet.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn new() -> Result<Counted<Self>> {
        let made = Counted::try_new(Self::default());
        made.ok_or_else(|| Error::no_memory("no memory to wait for tasks"))
    }

    /// Makes room for as many, so that nothing can fail when they come.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn reserve(&self, count: usize) -> Result<()> {
        let reserved = lock(&self.ended).try_reserve(count);
        reserved.map_err(|_| Error::no_memory("no memory to wait for tasks"))
    }

    /// One more, for which there is room.
    pub fn push(&self, number: usize) {
        lock(&self.ended).push_back(number);
        self.bell.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) != 0 {
            self.bell.wake_all();
        }
    }

    /// The one that has waited longest to be taken.
    pub fn pop(&self) -> Option<usize> {
        lock(&self.ended).pop_front()
    }

    /// How many have ever arrived: to be asked before `pop`, and then handed to `wait`.
    pub fn heard(&self) -> u32 {
        self.bell.load(Ordering::SeqCst)
    }

    /// Waits until there are more than were heard, or until the deadline.
    pub fn wait(&self, heard: u32, deadline: Option<Instant>) {
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        self.bell.wait_until_not(heard, deadline);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Watch for Arrivals {
    fn ended(&self, _task: TaskRef, key: usize) {
        self.push(key);
    }
}
