#![allow(unsafe_code)]
//! One puts in, many take out: every item is taken exactly once, in order, and what was written
//! before it was put in is seen by who takes it.

use super::check;
use crate::threads::fifo::Fifo;
use loom::{cell::UnsafeCell, sync::Arc, thread};
use std::ptr::NonNull;

/// Items that loom watches: each is written before it is put in, and again by who took it.
struct Items {
    queue: Fifo<UnsafeCell<usize>>,
    items: Vec<UnsafeCell<usize>>,
}

// SAFETY: loom fails the model if two threads are at an item.
unsafe impl Sync for Items {}
// SAFETY: plain data.
unsafe impl Send for Items {}

impl Items {
    fn new(count: usize) -> Arc<Self> {
        let items = (0..count).map(|_| UnsafeCell::new(0)).collect();
        Arc::new(Self { queue: Fifo::new(), items })
    }

    fn put(&self, index: usize) {
        // SAFETY: not yet known to others, or loom complains.
        self.items[index].with_mut(|item| unsafe { *item = index + 1 });
        assert!(self.queue.reserve(1));
        // SAFETY: reserved just now, by the one owner.
        unsafe { self.queue.put(0, NonNull::from(&self.items[index])) };
        self.queue.publish(1);
    }

    /// The number of the item taken; it is the taker's alone.
    fn take(&self) -> Option<usize> {
        let item = self.queue.take()?;
        // SAFETY: the items live as long as the queue.
        let item = unsafe { item.as_ref() };
        // SAFETY: taken, so this thread's, or loom complains.
        Some(item.with_mut(|item| unsafe { std::mem::take(&mut *item) }) - 1)
    }
}

/// Two thieves, and the owner puts in one by one: segments of two, so that the directory grows.
#[test]
fn each_item_is_taken_once_and_in_order() {
    check(2, || {
        let items = Items::new(3);
        items.put(0);
        let thieves = [(); 2].map(|()| {
            let items = Arc::clone(&items);
            thread::spawn(move || {
                let first = items.take();
                let second = items.take();
                assert!(second.is_none() || first < second, "in order");
                usize::from(first.is_some()) + usize::from(second.is_some())
            })
        });
        items.put(1);
        items.put(2);
        let mut taken: usize = thieves.map(|thief| thief.join().unwrap()).iter().sum();
        while items.take().is_some() {
            taken += 1;
        }
        assert_eq!(taken, 3);
        assert!(items.queue.is_empty());
    });
}

/// The last item, wanted by its owner and by a thief.
#[test]
fn the_last_item_goes_to_one() {
    check(3, || {
        let items = Items::new(1);
        let thief = {
            let items = Arc::clone(&items);
            thread::spawn(move || items.take().is_some())
        };
        items.put(0);
        let mine = items.take().is_some();
        let stolen = thief.join().unwrap();
        assert!(!(mine && stolen));
        assert!(mine || stolen || items.take().is_some());
    });
}

/// Places are used again while a thief is held up with an old look at them.
#[test]
fn a_thief_that_was_overtaken_takes_nothing_twice() {
    check(2, || {
        let items = Items::new(4);
        items.put(0);
        items.put(1);
        let thief = {
            let items = Arc::clone(&items);
            thread::spawn(move || items.take())
        };
        let mut taken = [items.take(), items.take()].into_iter().flatten().count();
        items.put(2);
        items.put(3);
        taken += usize::from(thief.join().unwrap().is_some());
        while items.take().is_some() {
            taken += 1;
        }
        assert_eq!(taken, 4);
    });
}
