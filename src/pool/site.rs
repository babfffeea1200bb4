//! Where a task runs.

use super::offers::{NOWHERE, Slot};

/// Who runs a task, as far as the task is concerned.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The number that the task sees.
    pub worker: u32,
    /// Where its forks are offered.
    pub slot: &'a Slot,
}

impl Site<'static> {
    /// Where nobody takes a fork.
    pub fn nowhere(worker: u32) -> Self {
        Self { worker, slot: &NOWHERE }
    }
}
