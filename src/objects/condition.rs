#![allow(unsafe_code)]
//! A condition: threads that hold a lock wait for others to tell them that something has changed.
//!
//! Each waiter has a place, with a word of its own to sleep on, so that exactly those are woken who
//! were waiting, the oldest first. A notice is given to nobody who is dead, and one that was given
//! to a thread that died before it could act on it is passed on.
//!
//! | word      | moved on by                                 | to |
//! |-----------|---------------------------------------------|----|
//! | `FREE`    | who begins to wait, in the guard            | `WAITS` |
//! | `WAITS`   | `notify` in the guard; a death of a process | `CALLED` |
//! | any       | who has waited; who finds it dead           | `FREE` |

use super::{
    guard::{Cells, Guard},
    header::{Header, Object, Plan},
    lock::Lock,
};
use crate::{
    objects::point,
    pool::{
        context,
        status::{self, Error, Result},
    },
    support::{
        person,
        robust::is_dead,
        shared_word::SharedWord,
        sync::{AtomicU32, AtomicU64, Ordering},
    },
};
use std::time::Instant;

/// So many may wait at a time.
pub const MOST: usize = 1024;

const FREE: u32 = 0;
const WAITS: u32 = 1;
const CALLED: u32 = 2;

#[repr(C)]
struct Waiter {
    word: SharedWord,
    thread: AtomicU32,
    /// Who came first has the lower one.
    number: AtomicU64,
}

/// See the module.
#[repr(C)]
pub struct Condition {
    header: Header,
    guard: Guard,
    /// Numbers given out.
    numbers: AtomicU64,
    /// Places that have ever been used are below this.
    used: AtomicU32,
    waiters: [Waiter; MOST],
}

// SAFETY: as the trait asks.
unsafe impl Object for Condition {
    const KIND: u32 = 6;
    const NOUN: &'static str = "condition";

    /// A notice may have died with it: all look for themselves.
    fn bury(&self, plan: &Plan, violently: bool) {
        self.guard.look_after_owner();
        if violently {
            for waiter in self.places() {
                waiter.call(plan);
            }
        }
    }
}

impl Cells for Condition {
    fn cell(&self, _number: u64) -> Option<&AtomicU64> {
        None
    }
}

impl Waiter {
    /// Lets it go on, if it waits.
    fn call(&self, plan: &Plan) -> bool {
        let order = Ordering::SeqCst;
        let waits = self.word.compare_exchange(WAITS, CALLED, order, order).is_ok();
        if waits {
            self.word.wake(plan.shared, 1);
        }
        waits
    }

    fn is_dead(&self) -> bool {
        is_dead(self.thread.load(Ordering::Relaxed))
    }
}

impl Condition {
    fn places(&self) -> &[Waiter] {
        let used = self.used.load(Ordering::Acquire) as usize;
        &self.waiters[..used.min(MOST)]
    }

    /// Gives the lock back, waits until it is told or the time is over, and takes the lock again.
    ///
    /// # Errors
    /// `INVALID` when the caller does not have the lock; `FULL` when too many wait, and the lock
    /// is still the caller's. `TIMEOUT`, and `WORKER_DIED` from the lock, which is the caller's.
    pub fn wait(
        &self,
        plan: &Plan,
        (lock, its): (&Lock, &Plan),
        deadline: Option<Instant>,
    ) -> Result<()> {
        lock.require_mine()?;
        let waiter = self.take_place(plan, deadline)?;
        point("placed");
        let again = lock.lay_down(its);
        point("laid_down");
        let was_called = context::blocking(|_| {
            loop {
                if waiter.word.load(Ordering::SeqCst) != WAITS {
                    return true;
                }
                if deadline.is_some_and(|at| Instant::now() >= at) {
                    return false;
                }
                waiter.word.wait(plan.shared, WAITS, deadline);
            }
        });
        point("called");
        // Called in the last moment is called.
        let was_called = waiter.word.swap(FREE, Ordering::SeqCst) != WAITS || was_called;
        lock.take_back(its, again)?;
        if was_called { Ok(()) } else { Err(Error::from(status::TIMEOUT)) }
    }

    fn take_place(&self, plan: &Plan, deadline: Option<Instant>) -> Result<&Waiter> {
        let _section = self.guard.enter(plan.shared, deadline, self)?;
        self.pass_on(plan);
        let is_free = |waiter: &&Waiter| waiter.word.load(Ordering::SeqCst) == FREE;
        let waiter = if let Some(waiter) = self.places().iter().find(is_free) {
            waiter
        } else {
            let used = self.places().len();
            let waiter = self.waiters.get(used).ok_or_else(|| {
                Error::new(status::FULL, format!("{MOST} threads wait for the condition already"))
            })?;
            self.used.store(used as u32 + 1, Ordering::Release);
            waiter
        };
        waiter.thread.store(person::thread(), Ordering::Relaxed);
        waiter.number.store(self.numbers.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        waiter.word.store(WAITS, Ordering::SeqCst);
        Ok(waiter)
    }

    /// Clears the places of the dead, and gives the notices that died with them to others.
    fn pass_on(&self, plan: &Plan) {
        if !plan.shared {
            return;
        }
        let mut notices = 0;
        for waiter in self.places() {
            let word = waiter.word.load(Ordering::SeqCst);
            if word != FREE && waiter.is_dead() {
                notices += u32::from(word == CALLED);
                waiter.word.store(FREE, Ordering::SeqCst);
            }
        }
        for _ in 0..notices {
            self.call_oldest(plan);
        }
    }

    fn call_oldest(&self, plan: &Plan) -> bool {
        loop {
            let waits = |waiter: &&Waiter| waiter.word.load(Ordering::SeqCst) == WAITS;
            let number = |waiter: &&Waiter| waiter.number.load(Ordering::Relaxed);
            let Some(oldest) = self.places().iter().filter(waits).min_by_key(number) else {
                return false;
            };
            if oldest.call(plan) {
                return true;
            }
        }
    }

    /// Tells the thread that has waited longest; nobody, if nobody waits.
    ///
    /// # Errors
    /// None but those of the guard.
    pub fn notify(&self, plan: &Plan) -> Result<()> {
        let _section = self.guard.enter(plan.shared, None, self)?;
        self.pass_on(plan);
        self.call_oldest(plan);
        Ok(())
    }

    /// Tells all who wait.
    ///
    /// # Errors
    /// None but those of the guard.
    pub fn notify_all(&self, plan: &Plan) -> Result<()> {
        let _section = self.guard.enter(plan.shared, None, self)?;
        for waiter in self.places() {
            waiter.call(plan);
        }
        Ok(())
    }
}
