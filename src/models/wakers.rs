//! Several wakers and several sleepers; workers that retire, or never come, while somebody relies on
//! them. The pool around `Sleep` is that of `sleep`.

use super::{
    check,
    sleep::{Pool, start},
};
use crate::threads::sleep::Rest;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A sleeper that comes for one task, which ends only when so many have begun.
fn start_guest(
    pool: &Arc<Pool>,
    meeting: &Arc<AtomicUsize>,
    guests: usize,
) -> thread::JoinHandle<()> {
    pool.sleep.count_sleeper();
    let (pool, meeting) = (Arc::clone(pool), Arc::clone(meeting));
    thread::spawn(move || {
        pool.sleep.sleep();
        assert!(pool.take(), "a worker was called for nothing");
        if pool.sleep.found() && !pool.is_empty() {
            pool.notify();
        }
        meeting.fetch_add(1, Ordering::Relaxed);
        while meeting.load(Ordering::Relaxed) < guests {
            thread::yield_now();
        }
    })
}

/// Two tasks that need each other, two sleepers: the second is called too, by the submitter or by the
/// first.
#[test]
fn two_workers_come_for_two_tasks_that_need_each_other() {
    check(2, || {
        let pool = Pool::new(2, usize::MAX);
        let meeting = Arc::new(AtomicUsize::new(0));
        let guests: [_; 2] = std::array::from_fn(|_| start_guest(&pool, &meeting, 2));
        assert!(pool.submit());
        assert!(pool.submit());
        for guest in guests {
            guest.join().unwrap();
        }
    });
}

/// Two submitters at once, two sleepers: two tokens reach them, whoever posts them.
#[test]
fn two_workers_come_for_two_submitters() {
    check(1, || {
        let pool = Pool::new(2, usize::MAX);
        let meeting = Arc::new(AtomicUsize::new(0));
        let guests: [_; 2] = std::array::from_fn(|_| start_guest(&pool, &meeting, 2));
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || assert!(pool.submit()))
        };
        assert!(pool.submit());
        other.join().unwrap();
        for guest in guests {
            guest.join().unwrap();
        }
    });
}

/// Both active threads bring a task, which finds all places taken, and then wait: two sleepers step
/// in.
#[test]
fn two_workers_step_in_for_two_that_wait() {
    check(1, || {
        let pool = Pool::new(2, usize::MAX);
        let meeting = Arc::new(AtomicUsize::new(0));
        let guests: [_; 2] = std::array::from_fn(|_| start_guest(&pool, &meeting, 2));
        assert!(pool.sleep.enter() && pool.sleep.enter());
        let bring_and_wait = |pool: &Pool| {
            assert!(pool.submit());
            pool.sleep.begin_blocking();
            if !pool.is_empty() {
                pool.notify();
            }
        };
        let other = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || bring_and_wait(&pool))
        };
        bring_and_wait(&pool);
        other.join().unwrap();
        for guest in guests {
            guest.join().unwrap();
        }
    });
}

/// The end wakes all, while a submitter wakes one, and another is on the way to its bed.
#[test]
fn the_end_reaches_every_worker() {
    check(2, || {
        let pool = Pool::new(2, usize::MAX);
        let workers: [_; 2] = std::array::from_fn(|_| start(&pool));
        assert!(pool.submit());
        pool.close();
        for worker in workers {
            worker.join().unwrap();
        }
        assert_eq!(pool.done.load(Ordering::Relaxed), 1);
    });
}

/// A spare worker retires, while a submitter that saw its place taken relies on it.
#[test]
fn a_worker_that_retires_passes_on_what_was_left_to_it() {
    check(3, || {
        let pool = Pool::new(1, 1);
        let sleeper = start(&pool);
        assert!(pool.sleep.enter());
        let spare = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                assert_eq!(pool.sleep.rest(false), Rest::Retire);
                if !pool.is_empty() {
                    pool.notify();
                }
                pool.sleep.release();
            })
        };
        assert!(pool.submit());
        spare.join().unwrap();
        sleeper.join().unwrap();
    });
}

/// A worker cannot be started. Meanwhile another submitter has relied on it, and the only other
/// worker has gone to sleep: it is called instead.
#[test]
fn a_worker_that_never_comes_is_made_up_for() {
    check(3, || {
        let pool = Pool::without_threads(2, 2);
        assert!(pool.sleep.enter());
        let worker = {
            let pool = Arc::clone(&pool);
            thread::spawn(move || pool.work_on())
        };
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
