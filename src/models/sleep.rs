//! Sleep, wake, close: the worker's loop around the real `Sleep`, with a counter as the queue.

use super::check;
use crate::threads::sleep::{Notify, Rest, Sleep};
use loom::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

pub(super) struct Pool {
    pub(super) sleep: Sleep,
    /// How many tasks are queued. Relaxed, so that only the fences of `Sleep` give an order.
    queued: AtomicUsize,
    pub(super) done: AtomicUsize,
    /// Callbacks that an outsider has left for a worker.
    wanted: AtomicUsize,
    /// The one task that can be cancelled: somebody has it.
    claimed: AtomicBool,
    called_back: AtomicUsize,
    /// The gate: closed.
    gate: Mutex<bool>,
    closed: AtomicBool,
    pub(super) finished: AtomicBool,
    /// After so many tasks a worker leaves, where a model has no close.
    enough: usize,
    /// The system gives no more threads. In the other models none is ever asked for.
    no_threads: bool,
}

impl Pool {
    pub(super) fn new(limit: usize, enough: usize) -> Arc<Self> {
        Arc::new(Self::plain(limit, enough))
    }

    /// A pool that cannot start workers.
    pub(super) fn without_threads(limit: usize, enough: usize) -> Arc<Self> {
        Arc::new(Self { no_threads: true, ..Self::plain(limit, enough) })
    }

    fn plain(limit: usize, enough: usize) -> Self {
        Self {
            sleep: Sleep::new(limit),
            queued: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            wanted: AtomicUsize::new(0),
            claimed: AtomicBool::new(false),
            called_back: AtomicUsize::new(0),
            gate: Mutex::new(false),
            closed: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            enough,
            no_threads: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queued.load(Ordering::Relaxed) == 0 && self.wanted.load(Ordering::Relaxed) == 0
    }

    pub(super) fn take(&self) -> bool {
        take_one(&self.queued)
    }

    /// Whether the caller is the one who ends the task.
    fn claim(&self) -> bool {
        !self.claimed.swap(true, Ordering::AcqRel)
    }

    /// An outsider cancels the task, and leaves its callback to a worker.
    fn cancel(&self) {
        self.sleep.hold();
        if self.claim() {
            self.wanted.fetch_add(1, Ordering::Release);
            self.notify();
        }
        self.sleep.release();
        self.check_finished();
    }

    pub(super) fn notify(&self) {
        // As `ThreadEngine::try_wake`, when no thread can be started.
        while self.sleep.notify() == Notify::Start {
            assert!(self.no_threads, "all workers of this model are started before");
            self.sleep.leave(true);
            if !self.sleep.has_sleepers() {
                return;
            }
        }
    }

    /// True if the pool took the task.
    pub(super) fn submit(&self) -> bool {
        let gate = self.gate.lock().unwrap();
        if *gate {
            return false;
        }
        self.queued.fetch_add(1, Ordering::Release);
        drop(gate);
        self.notify();
        true
    }

    fn check_finished(&self) {
        if !self.closed.load(Ordering::SeqCst) || self.finished.load(Ordering::SeqCst) {
            return;
        }
        if self.sleep.is_quiet(|| self.is_empty()) && !self.finished.swap(true, Ordering::SeqCst) {
            self.sleep.wake_all();
        }
    }

    pub(super) fn close(&self) {
        *self.gate.lock().unwrap() = true;
        self.closed.store(true, Ordering::SeqCst);
        self.check_finished();
    }

    /// A worker that was counted as sleeping.
    pub(super) fn work(&self) {
        self.sleep.sleep();
        self.look(true);
    }

    /// A worker that was counted as active, and does not search.
    pub(super) fn work_on(&self) {
        self.look(false);
    }

    fn look(&self, mut searching: bool) {
        loop {
            if self.finished.load(Ordering::SeqCst) {
                self.sleep.leave(searching);
                return;
            }
            if take_one(&self.wanted) {
                if searching {
                    searching = false;
                    let _ = self.sleep.found();
                }
                self.called_back.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            if self.take() {
                if searching {
                    searching = false;
                    if self.sleep.found() && !self.is_empty() {
                        self.notify();
                    }
                }
                if self.claim() {
                    self.called_back.fetch_add(1, Ordering::Relaxed);
                }
                if self.done.fetch_add(1, Ordering::Relaxed) + 1 == self.enough {
                    return;
                }
                continue;
            }
            assert_eq!(self.sleep.rest(searching), Rest::Sleep);
            if !(!self.is_empty() && self.sleep.stay()) {
                self.check_finished();
                self.sleep.sleep();
            }
            searching = true;
        }
    }
}

fn take_one(count: &AtomicUsize) -> bool {
    let mut left = count.load(Ordering::Relaxed);
    while left > 0 {
        match count.compare_exchange(left, left - 1, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(now) => left = now,
        }
    }
    false
}

pub(super) fn start(pool: &Arc<Pool>) -> thread::JoinHandle<()> {
    pool.sleep.count_sleeper();
    let pool = Arc::clone(pool);
    thread::spawn(move || pool.work())
}

/// A lost wake-up would leave the worker asleep: loom reports the deadlock.
#[test]
fn no_wake_up_is_lost_between_two_submitters_and_a_worker() {
    check(3, || {
        let pool = Pool::new(1, 2);
        let worker = start(&pool);
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.submit()))
        };
        assert!(pool.submit());
        other.join().unwrap();
        worker.join().unwrap();
        assert_eq!(pool.done.load(Ordering::Relaxed), 2);
    });
}

/// The task that a helping outsider's place kept waiting is passed on when it leaves.
#[test]
fn no_wake_up_is_lost_when_an_outsider_gives_up_the_place() {
    check(3, || {
        let pool = Pool::new(1, 1);
        let worker = start(&pool);
        let helper = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                if pool.sleep.enter() {
                    pool.sleep.leave(false);
                    if !pool.is_empty() {
                        pool.notify();
                    }
                }
            })
        };
        assert!(pool.submit());
        helper.join().unwrap();
        worker.join().unwrap();
    });
}

/// A task that found all places taken is not forgotten when there are more of them.
#[test]
fn no_wake_up_is_lost_when_the_pool_grows() {
    check(3, || {
        let pool = Pool::new(1, 1);
        assert!(pool.sleep.enter());
        let worker = start(&pool);
        let submitter = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.submit()))
        };
        pool.sleep.set_limit(2);
        if !pool.is_empty() {
            pool.notify();
        }
        submitter.join().unwrap();
        worker.join().unwrap();
        assert_eq!(pool.done.load(Ordering::Relaxed), 1);
    });
}

/// What was accepted before close is done before the pool is finished; then the worker leaves.
#[test]
fn close_waits_for_what_was_accepted() {
    check(3, || {
        let pool = Pool::new(1, usize::MAX);
        let worker = start(&pool);
        let submitter = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || usize::from(pool.submit()))
        };
        pool.close();
        let accepted = submitter.join().unwrap();
        worker.join().unwrap();
        assert!(pool.finished.load(Ordering::Relaxed));
        assert_eq!(pool.done.load(Ordering::Relaxed), accepted);
        assert!(pool.is_empty());
    });
}

/// A task is cancelled from outside while the pool is closed: its callback is called, once,
/// before the pool is finished.
#[test]
fn close_waits_for_the_callback_of_a_cancelled_task() {
    check(3, || {
        let pool = Pool::new(1, usize::MAX);
        let worker = start(&pool);
        assert!(pool.submit());
        let canceller = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.cancel())
        };
        pool.close();
        canceller.join().unwrap();
        worker.join().unwrap();
        assert!(pool.finished.load(Ordering::Relaxed));
        assert_eq!(pool.called_back.load(Ordering::Relaxed), 1);
        assert!(pool.is_empty());
    });
}
