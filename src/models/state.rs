#![allow(unsafe_code)]
//! Complete, wait, cancel, release: one task, its worker, and its handles.

use super::check;
use crate::pool::state::{Cancel, State};
use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

struct Block {
    state: State,
    outcome: UnsafeCell<u32>,
    freed: AtomicUsize,
}

// SAFETY: the state decides who may touch the outcome; loom checks that it does.
unsafe impl Sync for Block {}
// SAFETY: plain data.
unsafe impl Send for Block {}

impl Block {
    fn queued(references: u32) -> Arc<Self> {
        let block = Self {
            state: State::default(),
            outcome: UnsafeCell::new(0),
            freed: AtomicUsize::new(0),
        };
        block.state.publish(references);
        Arc::new(block)
    }

    fn write(&self, outcome: u32) {
        // SAFETY: loom fails the model if anybody else is at it.
        self.outcome.with_mut(|place| unsafe { *place = outcome });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.outcome.with(|place| unsafe { *place })
    }

    fn finish(&self) {
        if self.state.finish_alone() {
            self.free();
            return;
        }
        let (finished, last) = self.state.finish_and_drop();
        if finished.wake {
            self.state.wake();
        }
        if last {
            self.free();
        }
    }

    fn release(&self) {
        if self.state.drop_reference() {
            self.free();
        }
    }

    fn free(&self) {
        // The last owner is alone, or loom complains.
        self.write(0);
        self.freed.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_waiter_sees_the_outcome_and_the_last_owner_frees() {
    check(3, || {
        let block = Block::queued(3);
        let worker = {
            let block = Arc::clone(&block);
            thread::spawn(move || {
                assert!(block.state.claim());
                block.write(7);
                block.finish();
            })
        };
        let waiter = {
            let block = Arc::clone(&block);
            thread::spawn(move || {
                assert!(block.state.wait(None));
                assert_eq!(block.read(), 7);
                block.release();
            })
        };
        assert!(block.state.wait(None));
        assert_eq!(block.read(), 7);
        block.release();
        worker.join().unwrap();
        waiter.join().unwrap();
        assert_eq!(block.freed.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn worker_helper_and_canceller_never_both_have_the_task() {
    check(3, || {
        let block = Block::queued(3);
        let runs = Arc::new(AtomicUsize::new(0));
        let try_run = |outcome| {
            let (block, runs) = (Arc::clone(&block), Arc::clone(&runs));
            move || {
                if block.state.claim() {
                    runs.fetch_add(1, Ordering::Relaxed);
                    block.state.add_reference();
                    block.write(outcome);
                    block.finish();
                }
                block.release();
            }
        };
        let worker = thread::spawn(try_run(1));
        let helper = thread::spawn(try_run(2));
        if block.state.cancel() == Cancel::Claimed {
            runs.fetch_add(1, Ordering::Relaxed);
            block.state.add_reference();
            block.write(3);
            block.finish();
        }
        assert!(block.state.wait(None));
        assert_ne!(block.read(), 0);
        block.release();
        worker.join().unwrap();
        helper.join().unwrap();
        assert_eq!(runs.load(Ordering::Relaxed), 1);
        assert_eq!(block.freed.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_handle_released_early_does_not_disturb_the_worker() {
    check(3, || {
        let block = Block::queued(2);
        let worker = {
            let block = Arc::clone(&block);
            thread::spawn(move || {
                assert!(block.state.claim());
                block.write(7);
                block.finish();
            })
        };
        block.release();
        worker.join().unwrap();
        assert_eq!(block.freed.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn who_watches_is_called_or_sees_the_end() {
    check(3, || {
        let block = Block::queued(2);
        let watching = Arc::new(Mutex::new(false));
        let called = Arc::new(AtomicUsize::new(0));
        let worker = {
            let (block, watching) = (Arc::clone(&block), Arc::clone(&watching));
            let called = Arc::clone(&called);
            thread::spawn(move || {
                assert!(block.state.claim());
                block.write(7);
                let (finished, last) = block.state.finish_and_drop();
                if finished.watched {
                    // `Watchers::call`.
                    assert!(*watching.lock().unwrap());
                    assert_eq!(block.read(), 7);
                    called.fetch_add(1, Ordering::Relaxed);
                    block.release();
                } else if last {
                    block.free();
                }
            })
        };
        {
            // `Watchers::add`.
            let mut watching = watching.lock().unwrap();
            *watching = block.state.watch();
            if !*watching {
                assert_eq!(block.read(), 7);
                called.fetch_add(1, Ordering::Relaxed);
            }
        }
        block.release();
        worker.join().unwrap();
        assert_eq!(called.load(Ordering::Relaxed), 1);
        assert_eq!(block.freed.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_deferred_task_is_run_or_cancelled() {
    check(3, || {
        let block = Block::queued(2);
        block.state.defer();
        let ends = Arc::new(AtomicUsize::new(0));
        let agenda = {
            let (block, ends) = (Arc::clone(&block), Arc::clone(&ends));
            thread::spawn(move || {
                if !block.state.claim_deferred() {
                    block.release();
                    return;
                }
                // `Agenda::conclude_one`; its queue has a worker that comes at once.
                if !block.state.requeue() {
                    ends.fetch_add(1, Ordering::Relaxed);
                    block.write(1);
                    block.finish();
                } else if block.state.claim() {
                    ends.fetch_add(1, Ordering::Relaxed);
                    block.write(2);
                    block.finish();
                } else {
                    block.release();
                }
            })
        };
        assert!(!block.state.is_done() || block.read() != 0);
        if matches!(block.state.cancel(), Cancel::Claimed | Cancel::Withheld) {
            ends.fetch_add(1, Ordering::Relaxed);
            block.state.add_reference();
            block.write(3);
            block.finish();
        }
        assert!(block.state.wait(None));
        assert_ne!(block.read(), 0);
        block.release();
        agenda.join().unwrap();
        assert_eq!(ends.load(Ordering::Relaxed), 1);
        assert_eq!(block.freed.load(Ordering::Relaxed), 1);
    });
}
