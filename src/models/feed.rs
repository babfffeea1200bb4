//! A thread waits for the supervisor while its task is on the way to a worker, or back. Words and
//! states are the real ones; the steps around them are those of `ProcessEngine::place_task`,
//! `find`, `wait_for_supervisor` and `take`, and of `Worker::end`, which no model can run.

use super::check;
use crate::{
    pool::state::State,
    procs::word::{AWAITED, Finish, Generation, NOTICE, Phase, Reading, Word},
};
use loom::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering, fence},
    },
    thread,
};

/// What `owners` holds while the slot is the task's, and while it is that of one before.
const TASK: u32 = 1;
const OTHER: u32 = 2;

struct Host {
    state: State,
    /// The task's number in the engine. Relaxed, and from the beginning what it will be, as after
    /// a task before in the same block: it tells nothing.
    number: AtomicU32,
    owner: AtomicU32,
    word: Word,
    /// Reports of results.
    reports: AtomicU32,
    /// How often the task was ended.
    ended: AtomicU32,
}

impl Host {
    fn new() -> Arc<Self> {
        let host = Self {
            state: State::default(),
            number: AtomicU32::new(0),
            owner: AtomicU32::new(0),
            word: Word::new(),
            reports: AtomicU32::new(0),
            ended: AtomicU32::new(0),
        };
        host.state.publish(2);
        Arc::new(host)
    }

    /// The task goes to a slot. Either the waiter finds it there, or it is seen here.
    fn place(&self) -> Generation {
        assert!(self.state.claim());
        self.owner.store(TASK, Ordering::SeqCst);
        self.number.store(0, Ordering::Relaxed);
        let flags = if self.state.is_waited() { NOTICE } else { 0 };
        let generation = self.word.publish(flags);
        fence(Ordering::SeqCst);
        if self.state.is_waited() {
            self.notice(generation);
        }
        generation
    }

    /// The supervisor is told by the worker, or need not be.
    fn notice(&self, generation: Generation) {
        if let Err(now) = self.word.set(generation, NOTICE) {
            // The worker has not seen the flag, and may not have reported yet, so that the
            // supervisor would look too soon.
            if now.generation() == generation && now.phase() == Phase::Done {
                let _ = self.collect(generation);
            }
        }
    }

    /// The owner before the reading: it is of the task's slot, and not of what was there before.
    /// The owner after it: it is not of what came there later.
    fn find(&self) -> Option<Reading> {
        let _ = self.number.load(Ordering::Relaxed);
        if self.owner.load(Ordering::SeqCst) != TASK {
            return None;
        }
        let reading = self.word.read();
        let is_its = self.owner.load(Ordering::SeqCst) == TASK;
        (is_its && reading.phase() != Phase::Free).then_some(reading)
    }

    /// Takes the result in, and ends the task.
    fn collect(&self, generation: Generation) -> bool {
        let taken = self.word.take(generation);
        if taken {
            self.owner.store(0, Ordering::SeqCst);
            self.ended.fetch_add(1, Ordering::SeqCst);
            let _ = self.state.finish();
            let _ = self.word.release();
        }
        taken
    }

    /// As far as the sleep.
    fn wait_for_supervisor(&self) {
        if !self.state.announce() {
            return;
        }
        fence(Ordering::SeqCst);
        if let Some(reading) = self.find() {
            self.notice(reading.generation());
        }
    }

    /// The worker: whether it has called the supervisor.
    fn run(&self, generation: Generation) -> bool {
        if !self.word.claim(generation, 1) {
            return false;
        }
        assert!(self.word.start(1));
        let Finish::Done(flags) = self.word.finish(1) else { unreachable!() };
        if flags & (AWAITED | NOTICE) != AWAITED {
            self.reports.fetch_add(1, Ordering::Release);
        }
        flags & NOTICE != 0
    }
}

fn with<T: 'static>(
    host: &Arc<Host>,
    body: impl FnOnce(&Host) -> T + 'static,
) -> thread::JoinHandle<T> {
    let host = Arc::clone(host);
    thread::spawn(move || body(&host))
}

/// The task waits in the host's own queue while its waiter goes to sleep.
#[test]
fn a_waiter_is_not_left_alone_while_its_task_goes_to_a_slot() {
    check(4, || {
        let host = Host::new();
        let waiter = with(&host, Host::wait_for_supervisor);
        let generation = host.place();
        waiter.join().unwrap();
        assert!(host.run(generation), "the supervisor is not called for the waiter's task");
    });
}

/// And all the way through a worker: it is noticed, or has ended.
#[test]
fn a_waiter_is_not_left_alone_while_its_task_is_run() {
    check(3, || {
        let host = Host::new();
        let waiter = with(&host, Host::wait_for_supervisor);
        let worker = with(&host, |host| host.run(Generation::default()));
        let generation = host.place();
        waiter.join().unwrap();
        let mut called = worker.join().unwrap();
        called |= host.run(generation);
        assert!(called || host.ended.load(Ordering::SeqCst) == 1);
        assert!(host.ended.load(Ordering::SeqCst) <= 1);
    });
}

/// What a waiter reads is of its own task, whatever was in the slot before.
#[test]
fn a_waiter_does_not_take_another_tasks_word_for_its_own() {
    check(4, || {
        let host = Host::new();
        host.owner.store(OTHER, Ordering::SeqCst);
        let before = host.word.publish(0);
        assert!(!host.run(before));
        let waiter = with(&host, |host| host.find());
        assert!(host.word.take(before));
        host.owner.store(0, Ordering::SeqCst);
        let _ = host.word.release();
        let generation = host.place();
        if let Some(reading) = waiter.join().unwrap() {
            assert_eq!(reading.generation(), generation);
        }
    });
}

/// The same at the other end: the slot goes to the next task while the waiter looks.
#[test]
fn a_waiter_does_not_take_the_next_tasks_word_for_its_own() {
    check(4, || {
        let host = Host::new();
        let generation = host.place();
        let waiter = with(&host, |host| host.find());
        assert!(!host.run(generation));
        assert!(host.collect(generation));
        host.owner.store(OTHER, Ordering::SeqCst);
        let _ = host.word.publish(0);
        if let Some(reading) = waiter.join().unwrap() {
            assert_eq!(reading.generation(), generation);
        }
    });
}
