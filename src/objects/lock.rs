#![allow(unsafe_code)]
//! A lock that one thread has at a time.

use super::{
    guard::refusal,
    header::{Header, Object, Plan},
};
use crate::{
    objects::point,
    pool::{
        context,
        status::{self, Error, Result},
    },
    support::{
        robust::{Refused, RobustLock, Taken},
        sync::{AtomicU32, Ordering},
    },
};
use std::time::Instant;

/// The lock. Its plan's first number says whether its owner may take it again.
#[repr(C)]
pub struct Lock {
    header: Header,
    lock: RobustLock,
    /// How often its owner has taken it again; the owner's.
    again: AtomicU32,
}

// SAFETY: as the trait asks.
unsafe impl Object for Lock {
    const KIND: u32 = 1;
    const NOUN: &'static str = "lock";

    fn bury(&self, _plan: &Plan, _violently: bool) {
        self.lock.look_after_owner();
    }
}

/// Its owner died with it; now the caller has it.
pub fn bequest() -> Error {
    let text =
        "who had the lock has died; it is the caller's now, and what it guards may be half changed";
    Error::new(status::WORKER_DIED, text)
}

impl Lock {
    /// Takes the lock; waits for it until the deadline.
    ///
    /// # Errors
    /// `WORKER_DIED`, and the lock is the caller's; `TIMEOUT`, `DEADLOCK`.
    pub fn acquire(&self, plan: &Plan, deadline: Option<Instant>) -> Result<()> {
        let taken = self.lock.try_lock().map_or_else(|| self.wait(plan, deadline), Ok)?;
        point("locked");
        if taken == Taken::FromTheDead {
            self.again.store(0, Ordering::Relaxed);
            return Err(bequest());
        }
        Ok(())
    }

    fn wait(&self, plan: &Plan, deadline: Option<Instant>) -> Result<Taken> {
        if self.lock.is_mine() {
            return self.take_again(plan);
        }
        if deadline.is_some_and(|at| Instant::now() >= at) && self.lock.is_taken() {
            // Who does not want to wait takes it from the dead none the less.
            self.lock.look_after_owner();
            return self.lock.try_lock().ok_or_else(|| refusal(Refused::Late));
        }
        let outcome = context::blocking(|_| self.lock.lock(plan.shared, deadline));
        outcome.map_err(|refused| match refused {
            Refused::Late => refusal(refused),
            Refused::Deadlock => Error::new(
                status::DEADLOCK,
                "who has the lock waits, directly or by way of others, for a lock of the caller",
            ),
        })
    }

    fn take_again(&self, plan: &Plan) -> Result<Taken> {
        if plan.sizes[0] == 0 {
            return Err(Error::new(status::DEADLOCK, "the caller has the lock already"));
        }
        let again = self.again.load(Ordering::Relaxed);
        let more = again.checked_add(1).ok_or_else(|| Error::invalid("taken too often"))?;
        self.again.store(more, Ordering::Relaxed);
        Ok(Taken::Freely)
    }

    /// Gives it back, or takes back the last `acquire` of several.
    ///
    /// # Errors
    /// `INVALID` when the caller does not have it.
    pub fn release(&self, plan: &Plan) -> Result<()> {
        self.require_mine()?;
        let again = self.again.load(Ordering::Relaxed);
        if again > 0 && plan.sizes[0] != 0 {
            self.again.store(again - 1, Ordering::Relaxed);
        } else {
            self.lock.unlock(plan.shared);
        }
        Ok(())
    }

    /// Fails unless the caller has the lock.
    ///
    /// # Errors
    /// `INVALID`.
    pub fn require_mine(&self) -> Result<()> {
        if self.lock.is_mine() {
            return Ok(());
        }
        Err(Error::invalid("the calling thread does not have the lock"))
    }

    /// Gives it back, however often it was taken; for `take_back`.
    pub fn lay_down(&self, plan: &Plan) -> u32 {
        let again = self.again.swap(0, Ordering::Relaxed);
        self.lock.unlock(plan.shared);
        again
    }

    /// Takes it as it was before `lay_down`.
    ///
    /// # Errors
    /// As `acquire`, but `TIMEOUT`.
    pub fn take_back(&self, plan: &Plan, again: u32) -> Result<()> {
        let outcome = self.acquire(plan, None);
        if self.lock.is_mine() {
            self.again.store(again, Ordering::Relaxed);
        }
        outcome
    }
}
