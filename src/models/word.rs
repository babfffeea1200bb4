#![allow(unsafe_code)]
//! The life of a task in shared memory: the real `Word`, and beside it the bytes that it guards.

use super::check;
use crate::procs::word::{Finish, Generation, NOTICE, Phase, STOP, WAITED, Word};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    thread,
};

/// What the first task's argument is; that of the next is one more, and so on.
const ARGUMENT: u32 = 10;
const RESULT: u32 = 70;

struct Slot {
    word: Word,
    argument: UnsafeCell<u32>,
    result: UnsafeCell<u32>,
    /// How many have got the task.
    winners: AtomicUsize,
    /// The number of a generation. Relaxed, so that only the word gives an order.
    hint: AtomicU32,
}

// SAFETY: the word decides who may touch the cells; loom checks that it does.
unsafe impl Sync for Slot {}
// SAFETY: plain data.
unsafe impl Send for Slot {}

impl Slot {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            word: Word::new(),
            argument: UnsafeCell::new(0),
            result: UnsafeCell::new(0),
            winners: AtomicUsize::new(0),
            hint: AtomicU32::new(u32::MAX),
        })
    }

    fn publish(&self, argument: u32) -> Generation {
        // SAFETY: loom fails the model if anybody else is at it; so below.
        self.argument.with_mut(|place| unsafe { *place = argument });
        self.word.publish(0)
    }

    /// The host is alone with a task that it has withdrawn.
    fn wipe(&self) {
        // SAFETY: as above.
        self.argument.with_mut(|place| unsafe { *place = 0 });
    }

    fn argument(&self) -> u32 {
        // SAFETY: as above.
        self.argument.with(|place| unsafe { *place })
    }

    fn result(&self) -> u32 {
        // SAFETY: as above.
        self.result.with(|place| unsafe { *place })
    }

    fn write(&self, result: u32) {
        // SAFETY: as above.
        self.result.with_mut(|place| unsafe { *place = result });
    }

    fn win(&self) {
        self.winners.fetch_add(1, Ordering::Relaxed);
    }

    fn won(&self) -> usize {
        self.winners.load(Ordering::Relaxed)
    }

    /// What a worker does with a claimed task; `None` if it is killed for it.
    fn run(&self, worker: u32) -> Option<u64> {
        if !self.word.start(worker) {
            return None;
        }
        self.write(RESULT);
        match self.word.finish(worker) {
            Finish::Done(flags) => Some(flags),
            Finish::Refused => None,
        }
    }

    fn claim_and_run(&self, worker: u32) -> Option<u64> {
        assert!(self.word.claim(Generation::default(), worker));
        self.run(worker)
    }
}

fn with<T: 'static>(
    slot: &Arc<Slot>,
    body: impl FnOnce(&Slot) -> T + 'static,
) -> thread::JoinHandle<T> {
    let slot = Arc::clone(slot);
    thread::spawn(move || body(&slot))
}

#[test]
fn one_of_two_workers_and_a_withdrawing_host_gets_the_task_and_sees_it() {
    check(3, || {
        let slot = Slot::new();
        let workers = [1, 2].map(|worker| {
            with(&slot, move |slot| {
                if slot.word.claim(Generation::default(), worker) {
                    slot.win();
                    assert_eq!(slot.argument(), ARGUMENT);
                    assert_eq!(slot.word.read().worker(), worker);
                }
            })
        });
        let generation = slot.publish(ARGUMENT);
        if slot.word.withdraw(generation) {
            slot.win();
            slot.wipe();
        }
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(slot.won(), 1);
    });
}

#[test]
fn one_of_two_takers_gets_the_result_and_sees_it() {
    check(3, || {
        let slot = Slot::new();
        let generation = slot.publish(ARGUMENT);
        let worker = with(&slot, |slot| {
            assert_eq!(slot.claim_and_run(1), Some(0));
        });
        let take = move |slot: &Slot| {
            if slot.word.take(generation) {
                slot.win();
                assert_eq!(slot.result(), RESULT);
                // The taker is alone with it.
                slot.write(0);
            }
        };
        let other = with(&slot, take);
        take(&slot);
        worker.join().unwrap();
        other.join().unwrap();
        take(&slot);
        assert_eq!(slot.won(), 1);
    });
}

#[test]
fn either_the_worker_finishes_or_the_host_kills() {
    check(3, || {
        let slot = Slot::new();
        let generation = slot.publish(ARGUMENT);
        let worker = with(&slot, |slot| slot.claim_and_run(1));
        let killer = with(&slot, move |slot| {
            let killed = slot.word.kill(generation);
            // The word says so before the signal is sent: nothing is finished from here on.
            assert!(killed.is_none() || slot.word.read().phase() == Phase::Killed);
            killed
        });
        let is_done = worker.join().unwrap().is_some();
        let killed = killer.join().unwrap();
        assert_eq!(is_done, killed.is_none());
        if let Some(worker) = killed {
            assert_eq!(worker, 1);
            assert!(!slot.word.take(generation));
            assert!(slot.word.bury(generation));
        } else {
            assert!(!slot.word.bury(generation));
            assert!(slot.word.take(generation));
            assert_eq!(slot.result(), RESULT);
        }
    });
}

#[test]
fn a_flag_is_reported_by_the_worker_or_refused_to_who_sets_it() {
    check(3, || {
        let slot = Slot::new();
        let generation = slot.publish(ARGUMENT);
        let worker = with(&slot, |slot| slot.claim_and_run(1).unwrap());
        let set = move |slot: &Slot, flag| match slot.word.set(generation, flag) {
            Ok(reading) => {
                assert!(reading.has(flag));
                true
            }
            Err(reading) => {
                assert_eq!(reading.phase(), Phase::Done);
                // Who is refused may take the result at once.
                assert_eq!(slot.result(), RESULT);
                false
            }
        };
        let other = with(&slot, move |slot| set(slot, NOTICE));
        let waited = set(&slot, WAITED);
        let noticed = other.join().unwrap();
        let flags = worker.join().unwrap();
        assert_eq!(flags & WAITED != 0, waited);
        assert_eq!(flags & NOTICE != 0, noticed);
    });
}

/// A flag outlives the worker that had claimed the task; what a second worker sees is whole.
#[test]
fn a_flag_stays_with_a_task_that_is_returned() {
    check(3, || {
        let slot = Slot::new();
        let generation = slot.publish(ARGUMENT);
        let dying = with(&slot, move |slot| slot.word.claim(generation, 1));
        let heir = with(&slot, move |slot| {
            if !slot.word.claim(generation, 2) {
                return None;
            }
            assert_eq!(slot.argument(), ARGUMENT);
            slot.run(2)
        });
        let waiter = with(&slot, move |slot| slot.word.set(generation, WAITED).is_ok());
        let has_claimed = dying.join().unwrap();
        if has_claimed {
            assert!(slot.word.return_to_queue(generation));
        }
        let mut flags = heir.join().unwrap();
        let waited = waiter.join().unwrap();
        if slot.word.claim(generation, 3) {
            assert_eq!(flags, None);
            flags = slot.run(3);
        }
        assert_eq!(flags, Some(if waited { WAITED } else { 0 }));
    });
}

#[test]
fn a_stale_hint_never_claims_the_next_task_of_a_slot() {
    check(3, || {
        let slot = Slot::new();
        let stale = with(&slot, |slot| {
            let claimed = slot.word.claim(Generation::default(), 1);
            if claimed {
                assert_eq!(slot.argument(), ARGUMENT);
            }
            claimed
        });
        let fresh = with(&slot, |slot| {
            let hint = slot.hint.load(Ordering::Relaxed);
            let claimed = hint != u32::MAX && slot.word.claim(Generation::from_number(hint), 2);
            if claimed {
                assert_eq!(slot.argument(), ARGUMENT + 1);
            }
            claimed
        });
        let first = slot.publish(ARGUMENT);
        let withdrawn = slot.word.withdraw(first);
        let mut second = None;
        if withdrawn {
            let _ = slot.word.release();
            let next = slot.publish(ARGUMENT + 1);
            assert_ne!(next, first);
            slot.hint.store(next.number(), Ordering::Relaxed);
            second = Some(next);
        }
        assert_eq!(stale.join().unwrap(), !withdrawn);
        let claimed = fresh.join().unwrap();
        if let Some(second) = second {
            assert_eq!(slot.word.withdraw(second), !claimed);
        }
    });
}

/// Who comes too late with a flag, a signal or a grip touches neither its task nor the next.
#[test]
fn nobody_touches_the_next_task_by_the_old_generation() {
    check(3, || {
        let slot = Slot::new();
        let first = slot.publish(ARGUMENT);
        let late = with(&slot, move |slot| {
            let killed = slot.word.kill(first).is_some();
            let asked = slot.word.set(first, STOP).is_ok();
            let taken = slot.word.take(first) || slot.word.withdraw(first);
            (killed, asked, taken)
        });
        if !slot.word.withdraw(first) {
            assert!(late.join().unwrap().2);
            return;
        }
        let _ = slot.word.release();
        let second = slot.publish(ARGUMENT + 1);
        assert!(slot.word.claim(second, 2));
        assert_eq!(slot.run(2), Some(0));
        assert!(slot.word.take(second));
        let (killed, _, taken) = late.join().unwrap();
        assert!(!killed && !taken);
    });
}

/// The worker's slab: what the host has not moved on is not written over.
#[test]
fn a_worker_uses_its_memory_again_only_when_the_host_has_read_it() {
    check(3, || {
        let slot = Slot::new();
        let generation = slot.publish(ARGUMENT);
        let worker = with(&slot, move |slot| {
            assert_eq!(slot.claim_and_run(1), Some(0));
            while slot.word.read().generation() == generation {
                thread::yield_now();
            }
            slot.write(0);
        });
        let host = with(&slot, move |slot| {
            while !slot.word.take(generation) {
                thread::yield_now();
            }
            assert_eq!(slot.result(), RESULT);
            let _ = slot.word.release();
        });
        worker.join().unwrap();
        host.join().unwrap();
    });
}

/// A worker that only thinks that the task is its own neither starts nor finishes it.
#[test]
fn only_the_worker_that_has_claimed_a_task_moves_it_on() {
    check(3, || {
        let slot = Slot::new();
        let generation = slot.publish(ARGUMENT);
        assert!(slot.word.claim(generation, 1));
        let impostor = with(&slot, |slot| {
            assert!(!slot.word.start(2));
            assert_eq!(slot.word.finish(2), Finish::Refused);
        });
        assert_eq!(slot.run(1), Some(0));
        impostor.join().unwrap();
    });
}
