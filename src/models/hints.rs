#![allow(unsafe_code)]
//! The queue of hints: the real `Hints` and `Word`, with workers that die at any point.

use super::check;
use crate::procs::{
    hints::{Ends, Hint, Hints, Room},
    word::{Finish, Generation, Phase, Word},
};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Mutex,
};

struct Slot {
    word: Word,
    argument: UnsafeCell<usize>,
}

struct Memory {
    slots: Vec<Slot>,
    fresh: (Ends, Vec<AtomicU64>),
    returned: (Ends, Vec<AtomicU64>),
    /// The host's own counts: of `fresh` and of `returned`. Only the host is at them.
    tails: Mutex<(u64, u64)>,
    /// How often each task was claimed by somebody who lived on.
    claimed: Vec<AtomicUsize>,
}

// SAFETY: the words decide who may touch the arguments; loom checks that they do.
unsafe impl Sync for Memory {}
// SAFETY: plain data.
unsafe impl Send for Memory {}

/// Where a worker dies.
#[derive(Clone, Copy, PartialEq)]
enum Death {
    BeforeClaim,
    BeforePassing,
    AfterPassing,
}

impl Memory {
    fn new(slots: usize, ring: usize, tasks: usize) -> Arc<Self> {
        let queue = || (Ends::new(), (0..ring).map(|_| AtomicU64::new(0)).collect());
        let slot = || Slot { word: Word::new(), argument: UnsafeCell::new(usize::MAX) };
        Arc::new(Self {
            slots: (0..slots).map(|_| slot()).collect(),
            fresh: queue(),
            returned: queue(),
            tails: Mutex::new((0, 0)),
            claimed: (0..tasks).map(|_| AtomicUsize::new(0)).collect(),
        })
    }

    fn fresh(&self) -> Hints<'_> {
        Hints::new(&self.fresh.0, &self.fresh.1)
    }

    fn returned(&self) -> Hints<'_> {
        Hints::new(&self.returned.0, &self.returned.1)
    }

    fn word(&self, slot: u32) -> &Word {
        &self.slots[slot as usize].word
    }

    fn is_queued(&self, hint: Hint) -> bool {
        let word = self.word(hint.slot).read();
        word.generation() == hint.generation && word.phase() == Phase::Queued
    }

    /// The host puts a task into a free slot; its hint, or `None` while the ring has no room.
    fn publish(&self, slot: u32, task: usize) -> Option<Hint> {
        let mut tails = self.tails.lock().unwrap();
        match self.fresh().has_room(tails.0, |hint| self.is_queued(hint)) {
            Room::Yes => {}
            Room::No => return None,
            Room::Garbled => panic!("nobody has written over the head"),
        }
        // SAFETY: loom fails the model if anybody else is at it; so below.
        self.slots[slot as usize].argument.with_mut(|place| unsafe { *place = task });
        let hint = Hint { slot, generation: self.word(slot).publish(0) };
        tails.0 = self.fresh().push(tails.0, hint);
        Some(hint)
    }

    fn place(&self, slot: u32, task: usize) -> Hint {
        self.publish(slot, task).unwrap()
    }

    /// The host writes the queues anew, as `ProcessEngine::mend_hints` does.
    fn mend(&self) {
        let mut tails = self.tails.lock().unwrap();
        self.fresh().reset(tails.0);
        self.returned().reset(tails.1);
        for slot in 0..self.slots.len() as u32 {
            let hint = Hint { slot, generation: self.word(slot).read().generation() };
            if self.is_queued(hint) {
                tails.0 = self.fresh().push(tails.0, hint);
            }
        }
    }

    fn argument(&self, hint: Hint) -> usize {
        // SAFETY: as above.
        self.slots[hint.slot as usize].argument.with(|place| unsafe { *place })
    }

    /// Claims a task, if there is one, and counts it.
    fn claim(&self, worker: u32) -> Option<Hint> {
        let claim = |hint: Hint| self.word(hint.slot).claim(hint.generation, worker);
        let hint = self.returned().claim(claim).or_else(|| self.fresh().claim(claim))?;
        self.claimed[self.argument(hint)].fetch_add(1, Ordering::Relaxed);
        Some(hint)
    }

    fn claim_up_to(&self, worker: u32, most: usize) {
        for _ in 0..most {
            if self.claim(worker).is_none() {
                return;
            }
        }
    }

    /// Claims a task as `claim` does, and dies of it: the queue's code is left where it is, which
    /// is what unwinding is for here.
    fn die(&self, worker: u32, death: Death) {
        let claim = |hint: Hint| {
            if death == Death::BeforeClaim {
                resume_unwind(Box::new(()));
            }
            let claimed = self.word(hint.slot).claim(hint.generation, worker);
            if claimed && death == Death::BeforePassing {
                resume_unwind(Box::new(()));
            }
            claimed
        };
        let _ = catch_unwind(AssertUnwindSafe(|| {
            self.returned().claim(claim).or_else(|| self.fresh().claim(claim))
        }));
    }

    /// The host, after a worker's death.
    fn bury(&self, worker: u32) {
        for (number, slot) in self.slots.iter().enumerate() {
            let reading = slot.word.read();
            if reading.worker() != worker || reading.phase() != Phase::Claimed {
                continue;
            }
            assert!(slot.word.return_to_queue(reading.generation()));
            let hint = Hint { slot: number as u32, generation: reading.generation() };
            let mut tails = self.tails.lock().unwrap();
            let room = self.returned().has_room(tails.1, |hint| self.is_queued(hint));
            assert_eq!(room, Room::Yes);
            tails.1 = self.returned().push(tails.1, hint);
        }
    }

    fn times(&self, task: usize) -> usize {
        self.claimed[task].load(Ordering::Relaxed)
    }

    /// All that is still queued can be found, and then there is nothing more.
    fn drain(&self) {
        while self.claim(9).is_some() {}
        assert!(self.fresh().is_empty() && self.returned().is_empty());
        for slot in &self.slots {
            assert_ne!(slot.word.read().phase(), Phase::Queued, "a task without a hint");
        }
    }
}

fn worker(memory: &Arc<Memory>, number: u32, most: usize) -> thread::JoinHandle<()> {
    let memory = Arc::clone(memory);
    thread::spawn(move || memory.claim_up_to(number, most))
}

#[test]
fn every_task_is_claimed_once() {
    check(3, || {
        let memory = Memory::new(2, 2, 2);
        let workers = [worker(&memory, 1, 2), worker(&memory, 2, 2)];
        memory.place(0, 0);
        memory.place(1, 1);
        for worker in workers {
            worker.join().unwrap();
        }
        memory.drain();
        assert_eq!((memory.times(0), memory.times(1)), (1, 1));
    });
}

/// The ring goes round, over a hint at a withdrawn task, under workers that may have read it.
#[test]
fn hints_at_withdrawn_tasks_are_passed_by() {
    check(2, || {
        let memory = Memory::new(2, 2, 3);
        let workers = [worker(&memory, 1, 1), worker(&memory, 2, 1)];
        let first = memory.place(0, 0);
        let withdrawn = memory.word(0).withdraw(first.generation);
        memory.place(1, 1);
        if withdrawn {
            let _ = memory.word(0).release();
            memory.place(0, 2);
        }
        for worker in workers {
            worker.join().unwrap();
        }
        memory.drain();
        let times: Vec<_> = (0..3).map(|task| memory.times(task)).collect();
        assert_eq!(times, if withdrawn { [0, 1, 1] } else { [1, 1, 0] });
    });
}

/// A slot and the ring are used again and again while workers claim and finish.
#[test]
fn the_ring_goes_round() {
    check(2, || {
        let memory = Memory::new(2, 2, 4);
        let workers = [1, 2].map(|number| {
            let memory = Arc::clone(&memory);
            thread::spawn(move || {
                for _ in 0..2 {
                    let Some(hint) = memory.claim(number) else { return };
                    assert!(memory.word(hint.slot).start(number));
                    assert_eq!(memory.word(hint.slot).finish(number), Finish::Done(0));
                }
            })
        });
        let mut placed = 0;
        let mut generations = [Generation::default(); 2];
        for slot in [0, 1, 0, 1] {
            let at = slot as usize;
            if placed >= 2 {
                if !memory.word(slot).take(generations[at]) {
                    continue;
                }
                let _ = memory.word(slot).release();
            }
            generations[at] = memory.place(slot, placed).generation;
            placed += 1;
        }
        for worker in workers {
            worker.join().unwrap();
        }
        memory.drain();
        for task in 0..placed {
            assert_eq!(memory.times(task), 1);
        }
    });
}

/// Behind a queued task the ring may be full of hints at withdrawn ones: then the host is refused,
/// and has room as soon as that task is claimed.
#[test]
fn a_full_ring_has_room_when_its_first_task_is_claimed() {
    check(3, || {
        let memory = Memory::new(2, 2, 3);
        memory.place(0, 0);
        let second = memory.place(1, 1);
        let worker = worker(&memory, 1, 1);
        assert!(memory.word(1).withdraw(second.generation));
        let _ = memory.word(1).release();
        while memory.publish(1, 2).is_none() {
            thread::yield_now();
        }
        worker.join().unwrap();
        memory.drain();
        assert_eq!((0..3).map(|task| memory.times(task)).collect::<Vec<_>>(), [1, 0, 1]);
    });
}

fn a_death_loses_nothing(death: Death) {
    check(3, move || {
        let memory = Memory::new(2, 2, 2);
        let dying = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || memory.die(1, death))
        };
        let heir = worker(&memory, 2, 2);
        memory.place(0, 0);
        memory.place(1, 1);
        dying.join().unwrap();
        memory.bury(1);
        heir.join().unwrap();
        memory.drain();
        assert_eq!((memory.times(0), memory.times(1)), (1, 1));
    });
}

#[test]
fn a_death_before_the_claim_loses_nothing() {
    a_death_loses_nothing(Death::BeforeClaim);
}

#[test]
fn a_death_between_claim_and_passing_loses_nothing() {
    a_death_loses_nothing(Death::BeforePassing);
}

#[test]
fn a_death_after_passing_loses_nothing() {
    a_death_loses_nothing(Death::AfterPassing);
}

/// The second dies of the same task, by either of the two hints at it.
#[test]
fn two_deaths_of_one_task_lose_nothing() {
    check(3, || {
        let memory = Memory::new(2, 2, 2);
        memory.place(0, 0);
        memory.place(1, 1);
        memory.die(1, Death::BeforePassing);
        let dying = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || memory.die(2, Death::BeforePassing))
        };
        let heir = worker(&memory, 3, 1);
        memory.bury(1);
        dying.join().unwrap();
        memory.bury(2);
        heir.join().unwrap();
        memory.drain();
        assert_eq!((memory.times(0), memory.times(1)), (1, 1));
    });
}

/// The queues are written anew, as after a worker has written over them, while others claim.
#[test]
fn mending_loses_nothing() {
    check(2, || {
        let memory = Memory::new(2, 2, 2);
        memory.place(0, 0);
        memory.place(1, 1);
        let worker = worker(&memory, 1, 2);
        let host = {
            let memory = Arc::clone(&memory);
            thread::spawn(move || memory.mend())
        };
        host.join().unwrap();
        worker.join().unwrap();
        memory.drain();
        assert_eq!((memory.times(0), memory.times(1)), (1, 1));
    });
}
