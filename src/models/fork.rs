#![allow(unsafe_code)]
//! Public forks: promoted, stolen, reclaimed, waited for.

use super::check;
use crate::{
    pool::{
        abi::pool_task_t,
        fork_record::{Fork, Half, Mark, Stolen},
        offers::{Slot, Thief},
    },
    support::wait_word::WaitWord,
    threads::sleep::{Notify, Rest, Sleep},
};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use std::{cell, ffi::c_void, ptr};

/// What a fork works on: loom checks that no two touch it at a time, unordered.
struct Work {
    number: UnsafeCell<u32>,
    runs: AtomicUsize,
}

impl Work {
    fn change(&self, change: impl FnOnce(u32) -> u32) {
        // SAFETY: loom fails the model if anybody else is at it.
        self.number.with_mut(|number| unsafe { *number = change(*number) });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.number.with(|number| unsafe { *number })
    }
}

unsafe extern "C" fn work(arg: *const c_void, _: *mut c_void, _: *mut pool_task_t) -> i32 {
    // SAFETY: the argument of all forks here.
    let work = unsafe { &*arg.cast::<Work>() };
    work.runs.fetch_add(1, Ordering::Relaxed);
    work.change(|number| number + 1);
    5
}

/// A fork that stays to the end of the model, where in the library its owner's frame would go
/// once it has ended, and what it works on.
struct Forked {
    fork: cell::UnsafeCell<Fork>,
    work: Work,
}

// SAFETY: threads touch the fork under the rules that the models check.
unsafe impl Sync for Forked {}
// SAFETY: as above.
unsafe impl Send for Forked {}

impl Forked {
    fn new() -> Arc<Self> {
        let half = Half { function: work, arg: ptr::null(), result: ptr::null_mut() };
        let work = Work { number: UnsafeCell::new(0), runs: AtomicUsize::new(0) };
        Arc::new(Self { fork: cell::UnsafeCell::new(Fork::new(half)), work })
    }

    fn offer(&self, slot: &Slot, owner: Mark) {
        self.work.change(|_| 7);
        // SAFETY: the fork is this thread's, and stays.
        unsafe {
            (*self.fork.get()).half.arg = (&raw const self.work).cast();
            slot.offer(self.fork.get(), owner, ptr::null(), 0);
        }
    }

    /// The join: true if it was stolen.
    fn join(&self, slot: &Slot) -> bool {
        let fork = self.fork.get();
        // SAFETY: this thread has offered it in this slot.
        let stolen = unsafe {
            let half = (*fork).half;
            if slot.reclaim(fork) {
                (half.function)(half.arg, half.result, ptr::null_mut());
                false
            } else {
                Fork::wait(fork);
                assert_eq!(Fork::end(fork).0, 5);
                true
            }
        };
        assert_eq!(self.work.read(), 8);
        assert_eq!(self.work.runs.load(Ordering::Relaxed), 1);
        stolen
    }

    fn is(&self, stolen: &Stolen) -> bool {
        ptr::eq(stolen.half().arg, (&raw const self.work).cast())
    }
}

fn run(stolen: Stolen) {
    let half = stolen.half();
    // SAFETY: who offered it waits.
    let status = unsafe { (half.function)(half.arg, half.result, ptr::null_mut()) };
    stolen.finish(status, None);
}

/// A stolen fork on its way to the thread that runs it.
struct Moved(Stolen);

// SAFETY: only its new owner uses it.
unsafe impl Send for Moved {}

fn mark(who: usize, number: u64) -> Mark {
    Mark { who: ptr::without_provenance(who), number }
}

/// One thread as a thief.
fn thief(slot: &Slot, who: usize) -> Thief<'_> {
    Thief { mark: mark(who, 0), slot }
}

/// Whoever runs it, it runs once, and its owner sees what it did; also when the owner sleeps.
#[test]
fn two_thieves_and_the_owner_want_one_fork() {
    check(3, || {
        let slot = Arc::new(Slot::new(1, 0));
        let forked = Forked::new();
        let thieves: Vec<_> = (2..4)
            .map(|who| {
                let (slot, forked) = (Arc::clone(&slot), Arc::clone(&forked));
                thread::spawn(move || {
                    slot.take(thief(&slot, who)).map(run);
                    drop(forked);
                })
            })
            .collect();
        forked.offer(&slot, mark(1, 0));
        forked.join(&slot);
        for thief in thieves {
            thief.join().unwrap();
        }
        assert!(slot.is_empty() && slot.is_hungry());
    });
}

/// Two owners share a slot, and a thief takes from it.
#[test]
fn threads_that_share_a_slot_keep_their_forks() {
    check(2, || {
        let slot = Arc::new(Slot::new(1, 0));
        let (one, two) = (Forked::new(), Forked::new());
        let other = {
            let (slot, two) = (Arc::clone(&slot), Arc::clone(&two));
            thread::spawn(move || {
                two.offer(&slot, mark(2, 0));
                two.join(&slot);
            })
        };
        let last = {
            let (slot, forks) = (Arc::clone(&slot), (Arc::clone(&one), Arc::clone(&two)));
            thread::spawn(move || {
                slot.take(thief(&slot, 3)).map(run);
                drop(forks);
            })
        };
        one.offer(&slot, mark(1, 0));
        one.join(&slot);
        other.join().unwrap();
        last.join().unwrap();
        assert!(slot.is_empty() && slot.is_hungry());
    });
}

/// Thread 2 has stolen a fork of thread 1's, forks a child, ends both, and then forks something
/// else. Thread 1, which waits, may run the child and nothing else.
#[test]
fn a_waiter_takes_only_what_its_fork_has_forked() {
    check(4, || {
        let steps = Arc::new(AtomicUsize::new(0));
        let slots = Arc::new([Slot::new(1, 0), Slot::new(1, 0)]);
        let forks = Arc::new([Forked::new(), Forked::new(), Forked::new()]);
        forks[0].offer(&slots[0], mark(1, 0));
        let stolen = Moved(slots[0].take(thief(&slots[1], 2)).unwrap());
        let other = {
            let (slots, forks) = (Arc::clone(&slots), Arc::clone(&forks));
            let steps = Arc::clone(&steps);
            thread::spawn(move || {
                let moved = stolen;
                forks[1].offer(&slots[1], mark(2, 0));
                steps.fetch_add(1, Ordering::Relaxed);
                forks[1].join(&slots[1]);
                run(moved.0);
                forks[2].offer(&slots[1], mark(2, 1));
                steps.fetch_add(1, Ordering::Relaxed);
                assert!(!forks[2].join(&slots[1]), "a stranger was taken");
            })
        };
        // Makes the model look at this moment of the other thread's, too.
        let _ = steps.load(Ordering::Relaxed);
        // SAFETY: the fork was stolen.
        let below = unsafe { slots[1].take_below(forks[0].fork.get(), thief(&slots[0], 1)) };
        if let Some(below) = below {
            assert!(forks[1].is(&below));
            run(below);
        }
        assert!(forks[0].join(&slots[0]));
        other.join().unwrap();
    });
}

/// As above, where the stolen fork has forked nothing.
#[test]
fn a_waiter_takes_no_stranger() {
    check(3, || {
        let steps = Arc::new(AtomicUsize::new(0));
        let slots = Arc::new([Slot::new(1, 0), Slot::new(1, 0)]);
        let forks = Arc::new([Forked::new(), Forked::new()]);
        forks[0].offer(&slots[0], mark(1, 0));
        let stolen = Moved(slots[0].take(thief(&slots[1], 2)).unwrap());
        let other = {
            let (slots, forks) = (Arc::clone(&slots), Arc::clone(&forks));
            let steps = Arc::clone(&steps);
            thread::spawn(move || {
                let moved = stolen;
                run(moved.0);
                forks[1].offer(&slots[1], mark(2, 0));
                steps.fetch_add(1, Ordering::Relaxed);
                assert!(!forks[1].join(&slots[1]), "a stranger was taken");
            })
        };
        // Makes the model look at this moment of the other thread's, too.
        let _ = steps.load(Ordering::Relaxed);
        // SAFETY: the fork was stolen.
        let below = unsafe { slots[1].take_below(forks[0].fork.get(), thief(&slots[0], 1)) };
        assert!(below.is_none());
        assert!(forks[0].join(&slots[0]));
        other.join().unwrap();
    });
}

/// A worker finds nothing and goes to rest, while another thread forks, sees that forks are
/// wanted, and promotes one: the worker comes. A lost wake-up would leave both asleep.
#[test]
fn a_promotion_calls_a_worker_that_is_about_to_rest() {
    check(3, || {
        let (sleep, slot) = (Arc::new(Sleep::new(2)), Arc::new(Slot::new(1, 0)));
        let (forked, ended) = (Forked::new(), Arc::new(WaitWord::new(0)));
        assert!(sleep.enter() && sleep.enter());
        let worker = {
            let (sleep, slot) = (Arc::clone(&sleep), Arc::clone(&slot));
            let (forked, ended) = (Arc::clone(&forked), Arc::clone(&ended));
            thread::spawn(move || {
                let mut searching = false;
                loop {
                    if let Some(stolen) = slot.take(thief(&slot, 2)) {
                        run(stolen);
                        ended.store(1, Ordering::Release);
                        ended.wake_all();
                        drop(forked);
                        return;
                    }
                    assert_eq!(sleep.rest(searching), Rest::Sleep);
                    if slot.is_empty() || !sleep.stay() {
                        sleep.sleep();
                    }
                    searching = true;
                }
            })
        };
        assert!(slot.is_hungry());
        forked.offer(&slot, mark(1, 0));
        assert_eq!(sleep.notify(), Notify::Done);
        assert!(ended.wait_until_not(0, None));
        assert!(forked.join(&slot));
        assert!(slot.is_hungry());
        worker.join().unwrap();
    });
}
