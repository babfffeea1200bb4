#![allow(unsafe_code)]
//! An event that some wait for and others set.
//!
//! | word                      | left by |
//! |---------------------------|---------|
//! | an even number: clear     | `set`: one more, and all are woken |
//! | an odd number: set        | `clear`: one more |
//!
//! Who waits has seen an even number, and is done as soon as it is another: also when the event was
//! cleared again before it looked.

use super::header::{Header, Object, Plan};
use crate::{
    pool::{
        context,
        status::{self, Error, Result},
    },
    support::{shared_word::SharedWord, sync::Ordering},
};
use std::time::Instant;

/// See the module.
#[repr(C)]
pub struct Event {
    header: Header,
    word: SharedWord,
}

// SAFETY: as the trait asks.
unsafe impl Object for Event {
    const KIND: u32 = 2;
    const NOUN: &'static str = "event";

    fn bury(&self, _plan: &Plan, _violently: bool) {}
}

impl Event {
    /// Sets it, if it is not set, and lets all go on who wait.
    pub fn set(&self, plan: &Plan) {
        let turn = |word: u32| word.is_multiple_of(2).then(|| word.wrapping_add(1));
        // Release: who goes on sees what was done before.
        if self.word.fetch_update(Ordering::Release, Ordering::Relaxed, turn).is_ok() {
            self.word.wake(plan.shared, i32::MAX);
        }
    }

    /// Clears it, if it is set.
    pub fn clear(&self) {
        let turn = |word: u32| (!word.is_multiple_of(2)).then(|| word.wrapping_add(1));
        let _ = self.word.fetch_update(Ordering::AcqRel, Ordering::Relaxed, turn);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        !self.word.load(Ordering::Acquire).is_multiple_of(2)
    }

    /// Waits until it is set.
    ///
    /// # Errors
    /// `TIMEOUT`.
    pub fn wait(&self, plan: &Plan, deadline: Option<Instant>) -> Result<()> {
        let seen = self.word.load(Ordering::Acquire);
        if !seen.is_multiple_of(2) {
            return Ok(());
        }
        if deadline.is_some_and(|at| Instant::now() >= at) {
            return Err(Error::from(status::TIMEOUT));
        }
        context::blocking(|_| {
            while self.word.load(Ordering::Acquire) == seen {
                if deadline.is_some_and(|at| Instant::now() >= at) {
                    return Err(Error::from(status::TIMEOUT));
                }
                self.word.wait(plan.shared, seen, deadline);
            }
            Ok(())
        })
    }
}
