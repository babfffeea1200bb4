//! The calls of a pool, one after the other and from several threads.

use super::{
    check,
    world::{OK, Setup, World},
};
use crate::capi::{POOL_CALLBACKS_INLINE, POOL_CALLBACKS_POLLED};
use std::sync::atomic::Ordering::SeqCst;

/// Two outsiders submit tasks with futures and callbacks: each task runs once, each callback is
/// called once, and after the future is ready.
fn futures_and_callbacks(callbacks: i32) {
    let world = World::with(&Setup { workers: 2, callbacks, in_callbacks: None });
    let other = world.outside(|world| {
        let future = world.start(|_| {}, true).expect("open");
        assert_eq!(world.submit_with_callback(|_| {}), OK);
        assert_eq!(future.get(), OK);
    });
    let future = world.start(|_| {}, true).expect("open");
    assert_eq!(world.submit(|_| {}), OK);
    assert_eq!(future.get(), OK);
    drop(future);
    other.join().unwrap();
    world.close_join();
    assert_eq!(world.ran.load(SeqCst), 4);
    assert_eq!(world.called_back.load(SeqCst), 3);
    assert_eq!(world.succeeded.load(SeqCst), 3);
}

#[test]
fn futures_and_serial_callbacks() {
    check(|| futures_and_callbacks(0));
}

#[test]
fn futures_and_callbacks_in_place() {
    check(|| futures_and_callbacks(POOL_CALLBACKS_INLINE));
}

#[test]
fn futures_and_polled_callbacks() {
    check(|| futures_and_callbacks(POOL_CALLBACKS_POLLED));
}

/// A poller that sleeps is woken by each callback, and by the end.
#[test]
fn a_poller_hears_of_every_callback_and_of_the_end() {
    check(|| {
        let setup = Setup { workers: 1, callbacks: POOL_CALLBACKS_POLLED, in_callbacks: None };
        let world = World::with(&setup);
        let submitter = world.outside(|world| {
            for _ in 0..2 {
                assert_eq!(world.submit_with_callback(|_| {}), OK);
            }
            world.close();
        });
        while world.poll() > 0 {}
        submitter.join().unwrap();
        world.close_join();
        assert_eq!(world.called_back.load(SeqCst), 2);
    });
}

/// Tasks submit tasks and wait for them, two deep; outsiders wait too, and help.
#[test]
fn nested_tasks_are_waited_for() {
    check(|| {
        let world = World::new(2);
        let parent = |world: &World| {
            let children = [(); 2].map(|()| world.start(|_| {}, false).expect("open"));
            assert_eq!(world.apply(|_| {}), OK);
            for child in children {
                assert_eq!(child.get(), OK);
            }
        };
        let futures = [(); 2].map(|()| world.start(parent, false).expect("open"));
        for future in futures {
            assert_eq!(future.get(), OK);
        }
        world.close_join();
        assert_eq!(world.ran.load(SeqCst), 8);
    });
}

#[test]
fn outsiders_apply_and_submit_at_the_same_time() {
    check(|| {
        let world = World::new(2);
        let others: [_; 2] =
            std::array::from_fn(|_| world.outside(|world| assert_eq!(world.apply(|_| {}), OK)));
        assert_eq!(world.submit(|_| {}), OK);
        assert_eq!(world.apply(|_| {}), OK);
        for other in others {
            other.join().unwrap();
        }
        world.close_join();
        assert_eq!(world.ran.load(SeqCst), 4);
    });
}

#[test]
fn maps_from_outside_and_inside() {
    check(|| {
        let world = World::new(2);
        let future = world.start(|world| world.map(4), false).expect("open");
        world.map(5);
        assert_eq!(future.get(), OK);
        drop(future);
        world.close_join();
    });
}
