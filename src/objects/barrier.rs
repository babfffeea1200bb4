#![allow(unsafe_code)]
//! A place where so many wait for one another, again and again.
//!
//! `word` is what they sleep on: the number of the round, and whether the barrier is broken.
//! `arrived` counts all who ever came, so that one step of it is an arrival; the round follows from
//! it, and who finds the word behind it, its writer having died, brings it up to date.
//!
//! | word          | moved on by                                        | to |
//! |---------------|----------------------------------------------------|----|
//! | round         | the last of its parties                            | round + 1 |
//! | round         | a party's time-out, `abort`, a death of a process  | round, broken |
//! | either        | `reset`                                            | round + 1, and `spoilt` names the round before |

use super::{
    guard::{Cells, Guard, Steps},
    header::{Header, Object, Plan},
};
use crate::{
    pool::{
        context,
        status::{self, Error, Result},
    },
    support::{
        shared_word::SharedWord,
        sync::{AtomicU64, Ordering},
    },
};
use std::time::Instant;

const ARRIVED: u64 = 0;
const SPOILT: u64 = 1;
const BROKEN: u32 = 1;

/// See the module. Its plan's first number is how many parties there are.
#[repr(C)]
pub struct Barrier {
    header: Header,
    guard: Guard,
    arrived: AtomicU64,
    /// One more than the round that a reset has ended last.
    spoilt: AtomicU64,
    word: SharedWord,
}

// SAFETY: as the trait asks.
unsafe impl Object for Barrier {
    const KIND: u32 = 5;
    const NOUN: &'static str = "barrier";

    /// Who waits may wait for the dead one: nobody can tell, so they are told.
    fn bury(&self, plan: &Plan, violently: bool) {
        self.guard.look_after_owner();
        let mut word = self.word.load(Ordering::SeqCst);
        while violently
            && word & BROKEN == 0
            && !self.arrived.load(Ordering::SeqCst).is_multiple_of(parties(plan))
        {
            let order = Ordering::SeqCst;
            match self.word.compare_exchange(word, word | BROKEN, order, order) {
                Ok(_) => return self.word.wake(plan.shared, i32::MAX),
                Err(now) => word = now,
            }
        }
    }
}

impl Cells for Barrier {
    fn cell(&self, number: u64) -> Option<&AtomicU64> {
        match number {
            ARRIVED => Some(&self.arrived),
            SPOILT => Some(&self.spoilt),
            _ => None,
        }
    }
}

fn parties(plan: &Plan) -> u64 {
    plan.sizes[0].max(1)
}

fn broken() -> Error {
    Error::new(
        status::BROKEN,
        "the barrier is broken: a party ran out of time, or a process has died, or it was aborted \
         or reset",
    )
}

/// What a party does that has arrived.
enum Arrival {
    /// It was the last.
    Last(u32),
    /// It waits while the word is this.
    Early(u32, u32),
}

impl Barrier {
    /// Waits until all parties are here; which of them the caller was, from 0.
    ///
    /// # Errors
    /// `TIMEOUT`, and the barrier is broken; `BROKEN`.
    pub fn wait(&self, plan: &Plan, deadline: Option<Instant>) -> Result<u32> {
        let (place, seen) = match self.arrive(plan, deadline)? {
            Arrival::Last(place) => return Ok(place),
            Arrival::Early(place, seen) => (place, seen),
        };
        context::blocking(|_| {
            loop {
                let word = self.word.load(Ordering::SeqCst);
                if word == seen | BROKEN || word != seen && self.is_spoilt(seen) {
                    return Err(broken());
                }
                if word != seen {
                    return Ok(place);
                }
                if deadline.is_some_and(|at| Instant::now() >= at) {
                    let order = Ordering::SeqCst;
                    let breaks = self.word.compare_exchange(seen, seen | BROKEN, order, order);
                    if breaks.is_ok() {
                        self.word.wake(plan.shared, i32::MAX);
                        return Err(Error::from(status::TIMEOUT));
                    }
                    continue;
                }
                self.word.wait(plan.shared, seen, deadline);
            }
        })
    }

    fn is_spoilt(&self, seen: u32) -> bool {
        self.spoilt.load(Ordering::SeqCst) as u32 == (seen >> 1).wrapping_add(1)
    }

    /// The word as it should be, if it is not broken.
    fn round(&self, plan: &Plan) -> u32 {
        ((self.arrived.load(Ordering::SeqCst) / parties(plan)) as u32) << 1
    }

    fn arrive(&self, plan: &Plan, deadline: Option<Instant>) -> Result<Arrival> {
        let section = self.guard.enter(plan.shared, deadline, self)?;
        self.bring_up_to_date(plan);
        let seen = self.word.load(Ordering::SeqCst);
        if seen & BROKEN != 0 {
            return Err(broken());
        }
        let arrived = self.arrived.load(Ordering::SeqCst);
        let place = (arrived % parties(plan)) as u32;
        self.arrived.store(arrived.wrapping_add(1), Ordering::SeqCst);
        if u64::from(place) + 1 < parties(plan) {
            return Ok(Arrival::Early(place, seen));
        }
        // Only a break can come in between.
        let order = Ordering::SeqCst;
        let next = self.word.compare_exchange(seen, self.round(plan), order, order);
        drop(section);
        if next.is_err() {
            return Err(broken());
        }
        self.word.wake(plan.shared, i32::MAX);
        Ok(Arrival::Last(place))
    }

    /// Ends the round of one that died as the last party, or while it reset the barrier.
    fn bring_up_to_date(&self, plan: &Plan) {
        let (word, round) = (self.word.load(Ordering::SeqCst), self.round(plan));
        if word & !BROKEN != round && word & BROKEN == 0 {
            self.word.store(round, Ordering::SeqCst);
            self.word.wake(plan.shared, i32::MAX);
        }
    }

    /// Breaks the barrier: who waits, and who comes, is told.
    ///
    /// # Errors
    /// None but those of the guard.
    pub fn abort(&self, plan: &Plan) -> Result<()> {
        let _section = self.guard.enter(plan.shared, None, self)?;
        self.bring_up_to_date(plan);
        self.word.fetch_or(BROKEN, Ordering::SeqCst);
        self.word.wake(plan.shared, i32::MAX);
        Ok(())
    }

    /// Makes it whole and empty; who waits is told that it was broken.
    ///
    /// # Errors
    /// None but those of the guard.
    pub fn reset(&self, plan: &Plan) -> Result<()> {
        let section = self.guard.enter(plan.shared, None, self)?;
        self.bring_up_to_date(plan);
        let round = self.word.load(Ordering::SeqCst) >> 1;
        let count = parties(plan);
        let arrived = self.arrived.load(Ordering::SeqCst);
        let mut steps = Steps::default();
        steps.set(
            ARRIVED,
            (arrived / count).max(u64::from(round)).wrapping_add(1).wrapping_mul(count),
        );
        steps.set(SPOILT, u64::from(round) + 1);
        section.commit(self, &steps);
        self.word.store(self.round(plan), Ordering::SeqCst);
        self.word.wake(plan.shared, i32::MAX);
        Ok(())
    }

    /// How many wait for the others now.
    ///
    /// # Errors
    /// `BROKEN`.
    pub fn waiting(&self, plan: &Plan) -> Result<i32> {
        if self.word.load(Ordering::SeqCst) & BROKEN != 0 {
            return Err(broken());
        }
        let waiting = self.arrived.load(Ordering::SeqCst) % parties(plan);
        Ok(i32::try_from(waiting).unwrap_or(i32::MAX))
    }
}
