//! The life of a task, in one word.
//!
//! | phase     | who moves it on                                   | to        |
//! |-----------|---------------------------------------------------|-----------|
//! | `FREE`    | the submitter, `publish`                          | `QUEUED`  |
//! | `QUEUED`  | whoever is first: worker, waiter (`claim`), `cancel` | `RUNNING` |
//! |           | if `DEFERRED`: the agenda (`claim_deferred`), `cancel` | `RUNNING` |
//! | `RUNNING` | who claimed it, `finish`, `finish_and_drop`       | `DONE`    |
//! |           | the agenda, `requeue`: it may start now           | `QUEUED`  |
//! |           | the same, `finish_alone`, if nobody else owns it  | `FREE`    |
//! | `DONE`    | who drops the last reference, `drop_reference`    | `FREE`    |
//!
//! Beside the phase the word holds six flags and the count of references:
//!
//! * `WAITED`: set by `wait`; some thread sleeps on the word, and `finish` must wake it.
//! * `STOP`: set by `cancel` on a running task; read by the task.
//! * `HELD`: the user has a handle; a second release, or a use after it, is told by its absence.
//! * `WATCHED`: set by `watch`; somebody is to be called when the task has ended (`watchers`).
//! * `DEFERRED`: set by `defer`; the task is in no queue and may not start yet.
//! * `KNOWN`: set by `defer`; others know the task before it comes into a queue, and may wait for it.
//! * references: one for each queue entry (of a deferred task: the agenda's) and each handle; one for
//!   all who watch, and one for each seat in a group; one of a map itself until it ends; one that
//!   whoever claims a task outside the queues takes for `finish` to give up. The block is free at
//!   zero.
//!
//! A claim is acquire and pairs with the release of `publish`, so the claimer sees the
//! arguments; `finish` is release and pairs with the acquire of `is_done`, so whoever sees
//! `DONE` sees the outcome. `drop_reference` is both, so the last owner sees all other owners'
//! accesses before it reuses the block.

use crate::support::{sync::Ordering, wait_word::WaitWord};
use std::time::Instant;

const PHASE: u32 = 0b11;
const FREE: u32 = 0;
const QUEUED: u32 = 1;
const RUNNING: u32 = 2;
const DONE: u32 = 3;
const WAITED: u32 = 1 << 2;
const STOP: u32 = 1 << 3;
const HELD: u32 = 1 << 4;
const WATCHED: u32 = 1 << 5;
const DEFERRED: u32 = 1 << 6;
const KNOWN: u32 = 1 << 7;
const REFERENCE: u32 = 1 << 8;

/// The word. See the module's table.
#[derive(Default)]
#[cfg_attr(not(loom), repr(transparent))]
pub struct State(WaitWord);

/// What `cancel` achieved.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Cancel {
    /// The task was queued and is now the caller's to finish.
    Claimed,
    /// As `Claimed`; and the agenda is to forget it.
    Withheld,
    /// The task is running and has been asked to stop.
    Asked,
    /// The task has ended.
    TooLate,
}

/// What `finish` leaves to do.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Finished {
    /// Somebody sleeps on the word, and must be woken.
    pub wake: bool,
    /// Somebody watches, and must be called.
    pub watched: bool,
}

impl Finished {
    fn after(before: u32) -> Self {
        Self { wake: before & WAITED != 0, watched: before & WATCHED != 0 }
    }
}

impl State {
    /// A new task's word, `QUEUED`, with `references` owners. Ordering: whoever is handed the
    /// block gets it through a queue that synchronises.
    pub fn publish(&self, references: u32) {
        self.0.store(QUEUED + references * REFERENCE, Ordering::Release);
    }

    /// `FREE` again: the task was not submitted, and nobody knows it.
    pub fn unpublish(&self) {
        self.0.store(FREE, Ordering::Relaxed);
    }

    /// `QUEUED` to `RUNNING`; false if somebody else was first.
    #[must_use]
    pub fn claim(&self) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        if word == QUEUED + REFERENCE {
            // The only reference is the claimer's: nobody else can be at the word.
            self.0.store(RUNNING + REFERENCE, Ordering::Relaxed);
            return true;
        }
        while word & (PHASE | DEFERRED) == QUEUED {
            let next = word - QUEUED + RUNNING;
            match self.0.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// A new task may not start yet. By the submitter, before anybody else knows the task.
    pub fn defer(&self) {
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(word | DEFERRED | KNOWN, Ordering::Release);
    }

    /// A deferred task to `RUNNING`, for the agenda to finish or to `requeue`; false if it was
    /// cancelled.
    #[must_use]
    pub fn claim_deferred(&self) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        while word & (PHASE | DEFERRED) == QUEUED | DEFERRED {
            let next = word - QUEUED - DEFERRED + RUNNING;
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// `RUNNING` to `QUEUED`, for anybody to claim; only by who claimed the task. False if it has
    /// been asked to stop meanwhile.
    #[must_use]
    pub fn requeue(&self) -> bool {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & STOP == 0 {
            let next = word - RUNNING + QUEUED;
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// `RUNNING` to `FREE`, if the only reference is that of who claimed the task: nobody could
    /// ever see it `DONE`.
    #[must_use]
    pub fn finish_alone(&self) -> bool {
        // Acquire: what the owners before did with the block comes before its reuse.
        let alone = self.0.load(Ordering::Acquire) == RUNNING + REFERENCE;
        if alone {
            self.0.store(FREE, Ordering::Relaxed);
        }
        alone
    }

    /// `RUNNING` to `DONE`; only by who claimed the task.
    pub fn finish(&self) -> Finished {
        let before = self.0.fetch_add(DONE - RUNNING, Ordering::AcqRel);
        debug_assert_eq!(before & PHASE, RUNNING);
        Finished::after(before)
    }

    /// `finish` and `drop_reference` in one step: whether somebody must be woken, and whether the
    /// caller was the last owner, who then frees the block.
    pub fn finish_and_drop(&self) -> (Finished, bool) {
        let before = self.0.fetch_sub(REFERENCE - (DONE - RUNNING), Ordering::AcqRel);
        debug_assert_eq!(before & PHASE, RUNNING);
        let last = before < 2 * REFERENCE;
        if last {
            self.0.store(FREE, Ordering::Relaxed);
        }
        (Finished::after(before), last)
    }

    /// Wakes all who sleep on the word; for a finisher that keeps a reference meanwhile.
    #[cfg(loom)]
    pub fn wake(&self) {
        self.0.wake_all();
    }

    /// Wakes all who sleep on the word of a block that others may have freed since `finish`.
    #[cfg(not(loom))]
    pub fn wake_at(state: *const Self) {
        WaitWord::wake_all_at(state.cast());
    }

    /// Claims a queued task for the caller to finish, or asks a running one to stop.
    pub fn cancel(&self) -> Cancel {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let next = match word & PHASE {
                QUEUED => (word - QUEUED + RUNNING) & !DEFERRED,
                RUNNING => word | STOP,
                _ => return Cancel::TooLate,
            };
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if word & (PHASE | DEFERRED) == QUEUED => return Cancel::Claimed,
                Ok(_) if word & PHASE == QUEUED => return Cancel::Withheld,
                Ok(_) => return Cancel::Asked,
                Err(now) => word = now,
            }
        }
    }

    /// Sleeps until the task has ended, or until the deadline: then false.
    pub fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        loop {
            if word & PHASE == DONE {
                return true;
            }
            if word & WAITED == 0 {
                let next = word | WAITED;
                if let Err(now) =
                    self.0.compare_exchange_weak(word, next, Ordering::Acquire, Ordering::Acquire)
                {
                    word = now;
                    continue;
                }
                word = next;
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                return false;
            }
            self.0.wait(word, deadline);
            word = self.0.load(Ordering::Acquire);
        }
    }

    /// Somebody will sleep on the word; false if the task has ended.
    pub fn announce(&self) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        while word & PHASE != DONE {
            if word & WAITED != 0 {
                return true;
            }
            let next = word | WAITED;
            match self.0.compare_exchange_weak(word, next, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Somebody is to be called when the task has ended, and owns a reference until then; false if
    /// it has ended already. The caller is an owner. `SeqCst` for the same reason as in `announce`.
    pub fn watch(&self) -> bool {
        let mut word = self.0.load(Ordering::Acquire);
        while word & PHASE != DONE {
            let next = (word | WATCHED) + REFERENCE;
            match self.0.compare_exchange_weak(word, next, Ordering::SeqCst, Ordering::Acquire) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Whether somebody has said that it will sleep on the word, or is to be called.
    pub fn is_waited(&self) -> bool {
        self.0.load(Ordering::SeqCst) & (WAITED | WATCHED) != 0
    }

    /// Whether others have known the task since before it came into a queue.
    pub fn is_known(&self) -> bool {
        self.0.load(Ordering::Relaxed) & KNOWN != 0
    }

    /// Whether the task has ended.
    pub fn is_done(&self) -> bool {
        self.0.load(Ordering::Acquire) & PHASE == DONE
    }

    /// Whether somebody has claimed the task and not yet finished it.
    pub fn is_running(&self) -> bool {
        self.0.load(Ordering::Relaxed) & PHASE == RUNNING
    }

    /// Whether anybody may claim the task.
    pub fn is_queued(&self) -> bool {
        self.0.load(Ordering::Relaxed) & (PHASE | DEFERRED) == QUEUED
    }

    /// Whether nobody has claimed the task, which may be deferred.
    pub fn is_ahead(&self) -> bool {
        self.0.load(Ordering::Relaxed) & PHASE == QUEUED
    }

    /// Whether the running task has been asked to stop.
    pub fn is_asked_to_stop(&self) -> bool {
        self.0.load(Ordering::Relaxed) & STOP != 0
    }

    /// One of the references is a handle of the user's. By the submitter, before anybody else
    /// knows the task.
    pub fn hand_out(&self) {
        let word = self.0.load(Ordering::Relaxed);
        self.0.store(word | HELD, Ordering::Release);
    }

    /// Whether the user has a handle.
    pub fn is_held(&self) -> bool {
        self.0.load(Ordering::Relaxed) & HELD != 0
    }

    /// The user gives the handle back: `None` if there is none, else whether that was the last
    /// reference.
    #[must_use]
    pub fn take_handle(&self) -> Option<bool> {
        let mut word = self.0.load(Ordering::Relaxed);
        while word & HELD != 0 {
            let next = word - HELD - REFERENCE;
            match self.0.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) if next < REFERENCE => {
                    self.0.store(FREE, Ordering::Relaxed);
                    return Some(true);
                }
                Ok(_) => return Some(false),
                Err(now) => word = now,
            }
        }
        None
    }

    /// One more owner; the caller is one.
    pub fn add_reference(&self) {
        self.0.fetch_add(REFERENCE, Ordering::Relaxed);
    }

    /// One owner less; true if it was the last, who then frees the block.
    #[must_use]
    pub fn drop_reference(&self) -> bool {
        let before = self.0.fetch_sub(REFERENCE, Ordering::AcqRel);
        debug_assert!(before >= REFERENCE);
        if before < 2 * REFERENCE {
            self.0.store(FREE, Ordering::Relaxed);
            return true;
        }
        false
    }
}
