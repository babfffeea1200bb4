//! Trees of forks, and loops: each leaf and each number once, whoever takes it.

use super::{check, world::World};

#[test]
fn a_tree_on_workers_and_a_visitor() {
    check(|| {
        let world = World::new(3);
        world.tree(3);
        world.close_join();
    });
}

/// Visitors share a slot; each is gone as soon as its tree has grown.
#[test]
fn trees_of_several_visitors() {
    check(|| {
        let world = World::new(2);
        let others: [_; 2] = std::array::from_fn(|_| {
            world.outside(|world| {
                world.tree(2);
                world.tree(1);
            })
        });
        world.tree(2);
        for other in others {
            other.join().unwrap();
        }
        world.close_join();
    });
}

/// A task waits for a tree of its own, beside another tree.
#[test]
fn a_tree_inside_a_task() {
    check(|| {
        let world = World::new(2);
        let future = world.start(|world| world.tree(2), false).expect("open");
        world.tree(2);
        assert_eq!(future.get(), 0);
        drop(future);
        world.close_join();
    });
}

#[test]
fn a_pool_that_is_terminated_under_a_tree_and_a_loop() {
    check(|| {
        let world = World::new(2);
        let others = [world.outside(|world| world.tree(2)), world.outside(|world| world.count(5))];
        world.terminate();
        for other in others {
            other.join().unwrap();
        }
        world.close_join();
    });
}

#[test]
fn loops_from_outside_and_inside() {
    check(|| {
        let world = World::new(2);
        let future = world.start(|world| world.count(4), false).expect("open");
        world.count(5);
        assert_eq!(future.get(), 0);
        drop(future);
        world.close_join();
    });
}
