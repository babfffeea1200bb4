//! Where threads wait until an object has something for them.
//!
//! They stand in line: the first one has the lock `head` and sleeps on `word`, the others wait for
//! that lock. A thread that is killed at the head, or in the line, has taken nobody's turn: the
//! lock goes to the next, who looks at the object itself.
//!
//! Who changes the object calls: it wakes the head, if that sleeps. The head says `sleeping`
//! before it looks at the object, and whoever changes it looks at `sleeping` afterwards; both enter
//! the object's guard in between, so one of them sees the other. One call may be for several: each
//! head that has got what it wanted leaves the lock to the next, who looks before it sleeps.

use super::guard::refusal;
use crate::{
    objects::point,
    pool::{
        context,
        status::{self, Error, Result},
    },
    support::{
        robust::RobustLock,
        shared_word::SharedWord,
        sync::{AtomicU32, Ordering},
    },
};
use std::time::{Duration, Instant};

/// So often is looked after processes whose deaths nobody tells.
const LOOK: Duration = Duration::from_millis(250);

/// What a look at the object came to.
pub enum Look<T> {
    /// What was waited for.
    Found(T),
    /// Not yet; a call will tell.
    NotYet,
    /// Not yet, and what may change that is not always told.
    Untold,
}

/// See the module.
#[repr(C)]
pub struct Line {
    head: RobustLock,
    /// 1 while the head may sleep. Written by it; read by who calls.
    sleeping: AtomicU32,
    /// Changed by each call.
    word: SharedWord,
    _padding: u32,
}

impl Line {
    /// Waits in line until `look` finds something.
    ///
    /// # Errors
    /// `TIMEOUT`, and what `look` fails with.
    pub fn wait<T>(
        &self,
        shared: bool,
        deadline: Option<Instant>,
        mut look: impl FnMut() -> Result<Look<T>>,
    ) -> Result<T> {
        if deadline.is_some_and(|at| Instant::now() >= at) {
            return Err(Error::from(status::TIMEOUT));
        }
        context::blocking(|_| {
            let _ = self.head.lock(shared, deadline).map_err(refusal)?;
            point("head");
            let outcome = self.wait_at_head(shared, deadline, &mut look);
            point("found");
            self.head.unlock(shared);
            outcome
        })
    }

    fn wait_at_head<T>(
        &self,
        shared: bool,
        deadline: Option<Instant>,
        look: &mut impl FnMut() -> Result<Look<T>>,
    ) -> Result<T> {
        loop {
            self.sleeping.store(1, Ordering::SeqCst);
            let seen = self.word.load(Ordering::SeqCst);
            let found = look();
            let is_told = matches!(found, Ok(Look::NotYet));
            if let Ok(Look::Found(_)) | Err(_) = found {
                self.sleeping.store(0, Ordering::Relaxed);
            }
            match found? {
                Look::Found(what) => return Ok(what),
                Look::NotYet | Look::Untold => {}
            }
            let now = Instant::now();
            if deadline.is_some_and(|at| now >= at) {
                self.sleeping.store(0, Ordering::Relaxed);
                return Err(Error::from(status::TIMEOUT));
            }
            let until = if is_told {
                deadline
            } else {
                Some(deadline.map_or(now + LOOK, |at| at.min(now + LOOK)))
            };
            point("asleep");
            self.word.wait(shared, seen, until);
            point("awake");
        }
    }

    /// The object has changed: somebody may find what he waits for.
    #[inline]
    pub fn call(&self, shared: bool) {
        if self.sleeping.load(Ordering::SeqCst) != 0 {
            self.word.stir(shared);
        }
    }

    /// As `call`, by who has not changed the object in its guard.
    pub fn call_unseen(&self, shared: bool) {
        self.head.look_after_owner();
        self.word.stir(shared);
    }
}
