//! The short sections in which an object changes: one thread at a time, and whole or not at all,
//! whoever dies in one.
//!
//! A section that changes several words writes first what they are to be, then that it has done
//! so, then the words. Who comes after a death in between writes them again.

use crate::{
    objects::point,
    pool::status::{self, Error, Result},
    support::{
        robust::{Refused, RobustLock, Taken},
        sync::{AtomicU64, Ordering},
    },
};
use std::time::{Duration, Instant};

/// So many words change in a section at most.
const MOST: usize = 4;
/// Even who does not want to wait waits so long for the end of somebody's section.
const PATIENCE: Duration = Duration::from_millis(200);

/// The words of an object that sections change, by number.
pub trait Cells {
    /// The word of that number; `None` if there is none, the number having been written over.
    fn cell(&self, number: u64) -> Option<&AtomicU64>;
}

/// What words are to be.
#[derive(Default)]
pub struct Steps {
    steps: [(u64, u64); MOST],
    count: usize,
}

impl Steps {
    /// One more.
    pub fn set(&mut self, cell: u64, value: u64) {
        self.steps[self.count] = (cell, value);
        self.count += 1;
    }
}

/// See the module. All is written in sections only.
#[repr(C)]
pub struct Guard {
    lock: RobustLock,
    _padding: u32,
    /// How many of these hold; written last, with release.
    armed: AtomicU64,
    journal: [(AtomicU64, AtomicU64); MOST],
}

/// A section, until it is dropped.
pub struct Section<'a> {
    guard: &'a Guard,
    shared: bool,
}

impl Guard {
    /// Begins a section.
    ///
    /// # Errors
    /// `TIMEOUT` when somebody else's does not end; `DEADLOCK` when it is the caller's own, which
    /// a signal has interrupted.
    #[inline]
    pub fn enter(
        &self,
        shared: bool,
        deadline: Option<Instant>,
        cells: &impl Cells,
    ) -> Result<Section<'_>> {
        let section = || Section { guard: self, shared };
        let taken = self.lock.try_lock();
        if taken == Some(Taken::Freely) {
            point("section");
            return Ok(section());
        }
        let deadline = deadline.map(|at| at.max(Instant::now() + PATIENCE));
        let taken = taken.map_or_else(|| self.lock.lock(shared, deadline), Ok);
        if taken.map_err(refusal)? == Taken::FromTheDead {
            self.write(cells);
        }
        Ok(section())
    }

    fn write(&self, cells: &impl Cells) {
        let armed = self.armed.load(Ordering::Acquire) as usize;
        for (number, value) in self.journal.iter().take(armed.min(MOST)) {
            if let Some(cell) = cells.cell(number.load(Ordering::Relaxed)) {
                cell.store(value.load(Ordering::Relaxed), Ordering::Release);
                point("half");
            }
        }
        self.armed.store(0, Ordering::Release);
    }

    /// Notes that the owner is dead, if it is.
    pub fn look_after_owner(&self) {
        self.lock.look_after_owner();
    }
}

/// Why a lock was not had.
#[cold]
pub fn refusal(refused: Refused) -> Error {
    Error::from(match refused {
        Refused::Late => status::TIMEOUT,
        Refused::Deadlock => status::DEADLOCK,
    })
}

impl Section<'_> {
    /// Changes words, all or none.
    pub fn commit(&self, cells: &impl Cells, steps: &Steps) {
        for ((number, value), step) in self.guard.journal.iter().zip(&steps.steps[..steps.count]) {
            number.store(step.0, Ordering::Relaxed);
            value.store(step.1, Ordering::Relaxed);
        }
        point("journal");
        self.guard.armed.store(steps.count as u64, Ordering::Release);
        point("armed");
        self.guard.write(cells);
    }
}

impl Drop for Section<'_> {
    #[inline]
    fn drop(&mut self) {
        point("leaving_section");
        self.guard.lock.unlock(self.shared);
        point("left_section");
    }
}
