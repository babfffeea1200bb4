//! Ends that race with beginnings: cancel, close, terminate, release.

use super::{
    check,
    world::{OK, Setup, World},
};
use shuttle::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// Whether a task is cancelled or runs, its future says so and its callback is called, once.
fn cancel(callbacks: i32) {
    let world = World::with(&Setup { workers: 1, callbacks, in_callbacks: None });
    let future = Arc::new(world.start(|_| {}, true).expect("open"));
    let canceller = {
        let future = Arc::clone(&future);
        shuttle::thread::spawn(move || future.cancel())
    };
    assert_eq!(world.submit_with_callback(|_| {}), OK);
    let status = future.get();
    let cancelled = canceller.join().unwrap();
    assert_eq!(cancelled, status != OK);
    drop(future);
    world.close_join();
    assert_eq!(world.ran.load(SeqCst), 2 - usize::from(cancelled));
    assert_eq!(world.called_back.load(SeqCst), 2);
    assert_eq!(world.succeeded.load(SeqCst), 2 - usize::from(cancelled));
}

#[test]
fn a_task_is_cancelled_or_run() {
    check(|| cancel(0));
}

#[test]
fn a_task_that_calls_back_in_place_is_cancelled_or_run() {
    check(|| cancel(crate::capi::POOL_CALLBACKS_INLINE));
}

/// What was accepted before close is done; nothing else.
#[test]
fn tasks_are_submitted_while_the_pool_is_closed() {
    check(|| {
        let world = World::new(2);
        let submitters: [_; 2] = std::array::from_fn(|_| {
            let world = Arc::clone(&world);
            shuttle::thread::spawn(move || {
                (0..2).filter(|_| world.submit_with_callback(|_| {}) == OK).count()
            })
        });
        world.close();
        let accepted: usize = submitters.into_iter().map(|one| one.join().unwrap()).sum();
        world.close_join();
        assert_eq!(world.ran.load(SeqCst), accepted);
        assert_eq!(world.called_back.load(SeqCst), accepted);
    });
}

/// Each accepted task calls back once, run or not, and what has run says so.
#[test]
fn tasks_are_submitted_while_the_pool_is_terminated() {
    check(|| {
        let world = World::new(2);
        let submitter = {
            let world = Arc::clone(&world);
            shuttle::thread::spawn(move || {
                let parent = |world: &World| {
                    let _ = world.submit(|_| {});
                };
                (0..3).filter(|_| world.submit_with_callback(parent) == OK).count()
            })
        };
        let future = world.start(|_| {}, true);
        world.terminate();
        let accepted = submitter.join().unwrap() + usize::from(future.is_ok());
        if let Ok(future) = future {
            future.wait();
        }
        world.close_join();
        assert_eq!(world.called_back.load(SeqCst), accepted);
        assert!(world.succeeded.load(SeqCst) <= world.ran.load(SeqCst));
    });
}

/// A future outlives the pool; the last of both frees its memory.
#[test]
fn a_future_is_released_while_the_pool_is_freed() {
    check(|| {
        let world = World::new(1);
        let future = world.start(|_| {}, false).expect("open");
        let other = shuttle::thread::spawn(move || {
            assert_eq!(future.get(), OK);
        });
        assert_eq!(world.submit(|_| {}), OK);
        world.close();
        let unwanted = world.start(|_| {}, false);
        assert!(unwanted.is_err());
        other.join().unwrap();
        world.close_join();
    });
}

/// A closed pool ends when its running tasks have brought all theirs.
#[test]
fn a_closed_pool_runs_what_its_tasks_bring() {
    check(|| {
        let world = World::new(2);
        let parent = |world: &World| {
            assert_eq!(world.submit_with_callback(|_| {}), OK);
            assert_eq!(world.submit(|_| {}), OK);
        };
        assert_eq!(world.submit(parent), OK);
        world.close_join();
        assert_eq!(world.ran.load(SeqCst), 3);
        assert_eq!(world.called_back.load(SeqCst), 1);
    });
}

/// Futures outlive the pool: its memory goes when the last is released, and not before.
#[test]
fn futures_are_released_while_the_pool_is_freed() {
    check(|| {
        let world = World::new(1);
        let futures: Vec<_> = (0..30).map(|_| world.start(|_| {}, true).expect("open")).collect();
        futures.iter().for_each(super::world::Future::wait);
        let releaser = shuttle::thread::spawn(move || drop(futures));
        world.close_join();
        releaser.join().unwrap();
    });
}
