//! Who sleeps in another process is woken: a worker, and the supervisor. The queue is the real
//! one; the steps around it are those of `Worker::search`, `sleep`, `found` and `ring`, of
//! `ProcessEngine::wake_workers` and `bury`, and of `supervisor::run`, which no model can run.

use super::check;
use crate::{
    procs::{
        hints::{Ends, Hint, Hints},
        word::{Phase, Word},
    },
    support::wait_word::WaitWord,
};
use loom::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering, fence},
    },
    thread,
};

const SLOTS: usize = 2;

// As in `layout`.
const AWAKE: u32 = 0;
const ASLEEP: u32 = 1;
const SEARCHING: u32 = 2;

struct Pool {
    words: Vec<Word>,
    fresh: (Ends, Vec<AtomicU64>),
    returned: (Ends, Vec<AtomicU64>),
    sleepers: Vec<WaitWord>,
    /// The lock under which the host queues, with how many hints it has put into each queue.
    window: Mutex<(u64, u64)>,
}

impl Pool {
    fn new(workers: usize) -> Arc<Self> {
        let queue = || (Ends::new(), (0..SLOTS).map(|_| AtomicU64::new(0)).collect());
        Arc::new(Self {
            words: (0..SLOTS).map(|_| Word::new()).collect(),
            fresh: queue(),
            returned: queue(),
            sleepers: (0..workers).map(|_| WaitWord::new(AWAKE)).collect(),
            window: Mutex::new((0, 0)),
        })
    }

    fn fresh(&self) -> Hints<'_> {
        Hints::new(&self.fresh.0, &self.fresh.1)
    }

    fn returned(&self) -> Hints<'_> {
        Hints::new(&self.returned.0, &self.returned.1)
    }

    fn submit(&self) {
        {
            let mut tails = self.window.lock().unwrap();
            let slot = tails.0 as u32;
            let generation = self.words[slot as usize].publish(0);
            tails.0 = self.fresh().push(tails.0, Hint { slot, generation });
        }
        self.wake_workers(1);
    }

    fn wake(&self, index: usize) -> bool {
        let word = &self.sleepers[index];
        let asleep =
            word.compare_exchange(ASLEEP, AWAKE, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if asleep {
            word.wake_one();
        }
        asleep
    }

    fn wake_workers(&self, mut count: usize) {
        fence(Ordering::SeqCst);
        for (index, word) in self.sleepers.iter().enumerate() {
            if count == 0 {
                return;
            }
            match word.load(Ordering::Relaxed) {
                SEARCHING => count -= 1,
                ASLEEP if self.wake(index) => count -= 1,
                _ => {}
            }
        }
    }

    /// After a worker's death. The word of one that died asleep or searching must be
    /// set back before the rest are woken, or it swallows the wake-up.
    fn bury(&self, index: usize) {
        for (slot, word) in (0..).zip(&self.words) {
            let reading = word.read();
            if reading.phase() == Phase::Claimed && reading.worker() == number(index) {
                let generation = reading.generation();
                assert!(word.return_to_queue(generation));
                let mut tails = self.window.lock().unwrap();
                tails.1 = self.returned().push(tails.1, Hint { slot, generation });
            }
        }
        self.sleepers[index].store(AWAKE, Ordering::SeqCst);
        self.wake_workers(1);
    }

    fn claim(&self, index: usize) -> bool {
        let claim =
            |hint: Hint| self.words[hint.slot as usize].claim(hint.generation, number(index));
        self.returned().claim(claim).or_else(|| self.fresh().claim(claim)).is_some()
    }

    fn is_idle(&self) -> bool {
        self.fresh().is_empty() && self.returned().is_empty()
    }

    /// Announces the sleep: from here on the host's wake-ups are for this worker.
    fn lie_down(&self, index: usize) {
        self.sleepers[index].store(ASLEEP, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    fn sleep(&self, index: usize) {
        self.lie_down(index);
        let word = &self.sleepers[index];
        while self.is_idle() && word.load(Ordering::SeqCst) == ASLEEP {
            word.wait(ASLEEP, None);
        }
        word.store(AWAKE, Ordering::SeqCst);
    }

    fn search(&self, index: usize) {
        self.sleepers[index].store(SEARCHING, Ordering::SeqCst);
        if self.is_idle() {
            self.sleep(index);
        }
    }

    /// Others may have relied on this worker for the next task, too.
    fn found(&self, index: usize) {
        self.sleepers[index].store(AWAKE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if !self.is_idle() {
            let _ = (0..self.sleepers.len()).any(|worker| self.wake(worker));
        }
    }

    /// A worker until it has claimed so many tasks.
    fn work(&self, index: usize, tasks: usize) {
        for _ in 0..tasks {
            let mut searched = false;
            while !self.claim(index) {
                self.search(index);
                searched = true;
            }
            if searched {
                self.found(index);
            }
        }
    }
}

/// The incarnation of a worker.
fn number(index: usize) -> u32 {
    index as u32 + 1
}

fn with<T: 'static>(
    pool: &Arc<Pool>,
    body: impl FnOnce(&Pool) -> T + 'static,
) -> thread::JoinHandle<T> {
    let pool = Arc::clone(pool);
    thread::spawn(move || body(&pool))
}

/// A lost wake-up would leave the worker asleep: loom reports the deadlock.
#[test]
fn no_wake_up_is_lost_between_two_submitters_and_a_worker() {
    check(3, || {
        let pool = Pool::new(1);
        let worker = with(&pool, |pool| pool.work(0, 2));
        let other = with(&pool, Pool::submit);
        pool.submit();
        other.join().unwrap();
        worker.join().unwrap();
    });
}

/// Neither can take both: the second is woken, too.
#[test]
fn two_workers_come_for_two_tasks() {
    check(2, || {
        let pool = Pool::new(2);
        let workers = [0, 1].map(|index| with(&pool, move |pool| pool.work(index, 1)));
        pool.submit();
        pool.submit();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// Where a worker dies.
#[derive(Clone, Copy)]
enum Death {
    /// It searched.
    Searching,
    /// It was about to sleep, or slept.
    LyingDown,
    /// It was woken, or found something, and has not claimed it.
    Awake,
    /// It has claimed a task.
    Claimed,
}

/// The first worker may swallow the wake-up for the only task, and dies of whatever it does.
fn another_comes_for_what_the_dead_left(death: Death) {
    check(2, move || {
        let pool = Pool::new(2);
        let dying = with(&pool, move |pool| match death {
            Death::Searching => pool.sleepers[0].store(SEARCHING, Ordering::SeqCst),
            Death::LyingDown => pool.lie_down(0),
            Death::Awake => {
                pool.lie_down(0);
                // Here or later it is killed, woken or not: it never waits for ever.
                let _ = pool.is_idle();
                pool.sleepers[0].store(AWAKE, Ordering::SeqCst);
            }
            Death::Claimed => {
                let _ = pool.claim(0);
            }
        });
        let heir = with(&pool, |pool| pool.work(1, 1));
        pool.submit();
        dying.join().unwrap();
        pool.bury(0);
        heir.join().unwrap();
    });
}

#[test]
fn what_a_worker_that_dies_searching_was_relied_on_for_is_passed_on() {
    another_comes_for_what_the_dead_left(Death::Searching);
}

#[test]
fn a_wake_up_of_a_worker_that_dies_lying_down_is_passed_on() {
    another_comes_for_what_the_dead_left(Death::LyingDown);
}

#[test]
fn a_wake_up_of_a_worker_that_dies_awake_is_passed_on() {
    another_comes_for_what_the_dead_left(Death::Awake);
}

#[test]
fn another_worker_comes_for_a_task_that_is_returned() {
    another_comes_for_what_the_dead_left(Death::Claimed);
}

/// The supervisor's bell, with what it is rung for: reports of results.
struct Bell {
    bell: AtomicU32,
    /// An eventfd.
    event: (Mutex<bool>, Condvar),
    reports: Vec<AtomicU32>,
}

impl Bell {
    fn new(workers: usize) -> Arc<Self> {
        Arc::new(Self {
            bell: AtomicU32::new(0),
            event: (Mutex::new(false), Condvar::new()),
            reports: (0..workers).map(|_| AtomicU32::new(0)).collect(),
        })
    }

    fn report(&self, worker: usize) {
        let count = self.reports[worker].load(Ordering::Relaxed);
        self.reports[worker].store(count + 1, Ordering::Release);
        if self.bell.swap(1, Ordering::SeqCst) == 0 {
            *self.event.0.lock().unwrap() = true;
            self.event.1.notify_all();
        }
    }

    /// Waits for the event, and makes ready for the next.
    fn wait(&self) {
        let mut set = self.event.0.lock().unwrap();
        while !*set {
            set = self.event.1.wait(set).unwrap();
        }
        drop(set);
        *self.event.0.lock().unwrap() = false;
        self.bell.swap(0, Ordering::SeqCst);
    }

    fn supervise(&self, reports: u32) {
        while self.reports.iter().map(|count| count.load(Ordering::Acquire)).sum::<u32>() < reports
        {
            self.wait();
        }
    }
}

/// A report that is not seen would leave the supervisor asleep.
#[test]
fn no_report_is_left_unseen() {
    check(3, || {
        let bell = Bell::new(2);
        let workers = [(0, 2), (1, 1)].map(|(worker, reports)| {
            let bell = Arc::clone(&bell);
            thread::spawn(move || (0..reports).for_each(|_| bell.report(worker)))
        });
        bell.supervise(3);
        for worker in workers {
            worker.join().unwrap();
        }
    });
}
