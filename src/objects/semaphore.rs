#![allow(unsafe_code)]
//! So many permits, taken one at a time.
//!
//! A permit is that process's which has taken it, until some process gives one back; so it comes
//! back when the process dies. Not so where there were none to begin with: such a semaphore counts
//! signals, and a signal that was taken is used up.

use super::{
    guard::{Cells, Guard, Section, Steps},
    header::{Header, Object, Plan},
    holders::Holders,
    line::{Line, Look},
};
use crate::{
    pool::status::{self, Error, Result},
    support::sync::{AtomicU32, AtomicU64, Ordering},
};
use std::time::Instant;

/// As many permits as there can be.
pub const MOST: u64 = u32::MAX as u64;

const VALUE: u64 = 0;
const BEQUEATHED: u64 = 1;

/// See the module.
#[repr(C)]
pub struct Semaphore {
    header: Header,
    guard: Guard,
    /// Permits that nobody has.
    value: AtomicU64,
    /// How many of them were left by the dead, which has not been told yet.
    bequeathed: AtomicU64,
    line: Line,
    /// Counts deaths; by the maker.
    deaths: AtomicU32,
    /// How many deaths have been looked into.
    buried: AtomicU32,
    holders: Holders,
}

// SAFETY: as the trait asks.
unsafe impl Object for Semaphore {
    const KIND: u32 = 4;
    const NOUN: &'static str = "semaphore";

    fn bury(&self, plan: &Plan, _violently: bool) {
        self.guard.look_after_owner();
        self.deaths.fetch_add(1, Ordering::SeqCst);
        self.line.call_unseen(plan.shared);
    }
}

impl Cells for Semaphore {
    fn cell(&self, number: u64) -> Option<&AtomicU64> {
        match number {
            VALUE => Some(&self.value),
            BEQUEATHED => Some(&self.bequeathed),
            _ => self.holders.cell(number),
        }
    }
}

/// How a permit was had.
enum Permit {
    Free,
    FromTheDead,
}

impl Semaphore {
    /// The permits at the beginning.
    pub fn begin(&self, value: u32) {
        self.value.store(u64::from(value), Ordering::Relaxed);
    }

    fn is_kept_account_of(plan: &Plan) -> bool {
        plan.shared && plan.sizes[0] != 0
    }

    /// Takes a permit; waits for one until the deadline.
    ///
    /// # Errors
    /// `WORKER_DIED`, and the permit is the caller's; `TIMEOUT`.
    pub fn acquire(&self, plan: &Plan, deadline: Option<Instant>) -> Result<()> {
        let now = self.look(plan, deadline)?;
        let permit = match now {
            Look::Found(permit) => permit,
            _ => self.line.wait(plan.shared, deadline, || self.look(plan, deadline))?,
        };
        match permit {
            Permit::Free => Ok(()),
            Permit::FromTheDead => Err(Error::new(
                status::WORKER_DIED,
                "a process has died with this permit; it is the caller's now",
            )),
        }
    }

    fn look(&self, plan: &Plan, deadline: Option<Instant>) -> Result<Look<Permit>> {
        let section = self.guard.enter(plan.shared, deadline, self)?;
        if let Some(permit) = self.take(plan, &section) {
            return Ok(Look::Found(permit));
        }
        if !Self::is_kept_account_of(plan) {
            return Ok(Look::NotYet);
        }
        let deaths = self.deaths.load(Ordering::SeqCst);
        let is_untold = !plan.is_watched() || self.holders.are_untold();
        if is_untold || self.buried.swap(deaths, Ordering::Relaxed) != deaths {
            self.inherit(&section);
            if let Some(permit) = self.take(plan, &section) {
                return Ok(Look::Found(permit));
            }
        }
        Ok(if is_untold { Look::Untold } else { Look::NotYet })
    }

    fn take(&self, plan: &Plan, section: &Section<'_>) -> Option<Permit> {
        let value = self.value.load(Ordering::Relaxed);
        if value == 0 {
            return None;
        }
        let mut steps = Steps::default();
        steps.set(VALUE, value - 1);
        let bequeathed = self.bequeathed.load(Ordering::Relaxed);
        if bequeathed > 0 {
            steps.set(BEQUEATHED, bequeathed - 1);
        }
        if Self::is_kept_account_of(plan) {
            self.holders.add(plan, &mut steps);
        }
        section.commit(self, &steps);
        Some(if bequeathed > 0 { Permit::FromTheDead } else { Permit::Free })
    }

    /// Takes the permits of the dead back.
    fn inherit(&self, section: &Section<'_>) {
        while let Some(held) = self.holders.of_the_dead() {
            let (value, left) = (&self.value, &self.bequeathed);
            let mut steps = Steps::default();
            steps.set(VALUE, value.load(Ordering::Relaxed).saturating_add(held.count).min(MOST));
            steps.set(BEQUEATHED, left.load(Ordering::Relaxed).saturating_add(held.count));
            Holders::clear(held, &mut steps);
            section.commit(self, &steps);
        }
    }

    /// Gives permits back, or gives new ones.
    ///
    /// # Errors
    /// `FULL` when there would be too many.
    pub fn release(&self, plan: &Plan, count: u32) -> Result<()> {
        let section = self.guard.enter(plan.shared, None, self)?;
        let mut left = u64::from(count);
        if self.value.load(Ordering::Relaxed).saturating_add(left) > MOST {
            return Err(Error::new(status::FULL, "more permits than there can be"));
        }
        while left > 0 {
            let mut steps = Steps::default();
            let given = match self.holders.subtract(plan, left, &mut steps) {
                0 => left,
                given => given,
            };
            steps.set(VALUE, self.value.load(Ordering::Relaxed).saturating_add(given));
            section.commit(self, &steps);
            left -= given;
        }
        drop(section);
        self.line.call(plan.shared);
        Ok(())
    }
}
