//! What has been submitted and not begun, and whose turn it is.

use crate::{
    pool::task::TaskRef,
    support::sync::{Mutex, MutexGuard, lock},
};
use std::collections::VecDeque;

/// A task, and which thread has submitted it.
struct Entry {
    task: TaskRef,
    submitter: usize,
}

/// See the module.
#[derive(Default)]
pub struct State {
    entries: VecDeque<Entry>,
    /// Threads that run something. More than one only after one of them has waited.
    pub active: usize,
    /// Threads that wait inside a task, and threads that `hold` the pool.
    pub aside: usize,
    /// Counts whoever became active, or held the pool.
    pub arrivals: u64,
    /// Whether a closed pool has done all it had to do.
    pub finished: bool,
}

/// The state, behind its lock: no function of the user's is called while it is held.
#[derive(Default)]
pub struct Queue(Mutex<State>);

impl Queue {
    /// The state.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.0)
    }
}

impl State {
    /// Makes room; false when there is no memory.
    pub fn reserve(&mut self, count: usize) -> bool {
        self.entries.try_reserve(count).is_ok()
    }

    /// Puts a task behind the others.
    pub fn put(&mut self, task: TaskRef, submitter: usize) {
        self.entries.push_back(Entry { task, submitter });
    }

    /// The first task.
    pub fn take(&mut self) -> Option<TaskRef> {
        self.entries.pop_front().map(|entry| entry.task)
    }

    /// The first task that this thread has submitted.
    pub fn take_own(&mut self, submitter: usize) -> Option<TaskRef> {
        let at = self.entries.iter().position(|entry| entry.submitter == submitter)?;
        self.entries.remove(at).map(|entry| entry.task)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the place, if it is free.
    pub fn enter(&mut self) -> bool {
        let free = self.active == 0;
        if free {
            self.active = 1;
            self.arrivals += 1;
        }
        free
    }

    /// Whether something waits here that nobody is about to run.
    pub fn is_deserted(&self) -> bool {
        self.active == 0 && !self.entries.is_empty()
    }

    /// Whether nothing runs, waits or holds the pool.
    pub fn is_quiet(&self) -> bool {
        self.active == 0 && self.aside == 0 && self.entries.is_empty()
    }
}
