//! Tasks that all wait for one another: each wake-up counts.

use super::{
    check,
    world::{OK, Setup, World},
};

/// Three tasks from outside meet on three workers, which start one after the other.
#[test]
fn tasks_from_outside_meet() {
    check(|| {
        let world = World::new(3);
        for _ in 0..3 {
            assert_eq!(world.submit(|world| world.meet(3)), OK);
        }
        world.close_join();
    });
}

/// The same once more, when the workers are asleep or about to be.
#[test]
fn tasks_meet_after_others_have_met() {
    check(|| {
        let world = World::new(2);
        for _ in 0..2 {
            assert_eq!(world.submit(|world| world.meet(3)), OK);
        }
        world.meet(3);
        for _ in 0..2 {
            assert_eq!(world.submit(|world| world.meet(5)), OK);
        }
        world.close_join();
    });
}

#[test]
fn tasks_from_two_outsiders_meet() {
    check(|| {
        let world = World::new(2);
        let submitters: [_; 2] = std::array::from_fn(|_| {
            world.outside(|world| assert_eq!(world.submit(|world| world.meet(2)), OK))
        });
        for submitter in submitters {
            submitter.join().unwrap();
        }
        world.close_join();
    });
}

#[test]
fn tasks_from_inside_a_task_meet() {
    check(|| {
        let world = World::new(3);
        let bring = |world: &World| {
            for _ in 0..2 {
                assert_eq!(world.submit(|world| world.meet(3)), OK);
            }
            world.meet(3);
        };
        assert_eq!(world.submit(bring), OK);
        world.close_join();
    });
}

#[test]
fn tasks_from_a_callback_meet() {
    check(|| {
        let world = World::with(&Setup {
            workers: 2,
            callbacks: 0,
            in_callbacks: Some(|world| {
                for _ in 0..2 {
                    assert_eq!(world.submit(|world| world.meet(2)), OK);
                }
            }),
        });
        assert_eq!(world.submit_with_callback(|_| {}), OK);
        world.close_join();
        assert_eq!(world.called_back.load(std::sync::atomic::Ordering::SeqCst), 1);
    });
}

/// An outsider takes a place, and gives it back while a task is submitted that relied on it.
#[test]
fn a_task_meets_its_submitter_while_an_outsider_comes_and_goes() {
    check(|| {
        let world = World::new(1);
        let visitor = world.outside(|world| assert_eq!(world.apply(|_| {}), OK));
        assert_eq!(world.submit(|world| world.meet(2)), OK);
        world.meet(2);
        visitor.join().unwrap();
        world.close_join();
    });
}

/// Both workers are taken: one by a task that waits outside the pool's knowledge, one by a task that
/// waits for the first. What the first waits for needs a spare worker, unless the other one has
/// begun the first itself. This thread comes to the meeting too.
fn wait_for_a_spare<const EXPECTED: usize>(world: &World) {
    let parent = |world: &World| {
        let first = world.start(|world| world.meet(EXPECTED), false).expect("inside");
        assert_eq!(world.submit(|world| world.meet(EXPECTED)), OK);
        first.wait();
    };
    assert_eq!(world.submit(parent), OK);
    world.meet(EXPECTED);
}

#[test]
fn a_spare_worker_comes_for_a_task_that_another_waits_for() {
    check(|| {
        let world = World::new(2);
        wait_for_a_spare::<3>(&world);
        world.close_join();
    });
}

/// Spare workers retire while others rely on somebody coming.
#[test]
fn spare_workers_retire_and_come_again() {
    check(|| {
        let world = World::new(2);
        wait_for_a_spare::<3>(&world);
        let other = world.outside(|world| {
            for _ in 0..3 {
                assert_eq!(world.submit(|_| {}), OK);
            }
        });
        wait_for_a_spare::<6>(&world);
        other.join().unwrap();
        world.close_join();
    });
}
