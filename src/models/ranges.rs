//! The items of a map: each is taken exactly once, whoever takes, steals, puts back and drains.

use super::check;
use crate::pool::ranges::Ranges;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

struct Items {
    ranges: Ranges,
    /// How often each was taken. Relaxed, so that only the ranges give an order.
    taken: Vec<AtomicUsize>,
    stopped: AtomicBool,
}

impl Items {
    fn new(participants: usize, count: u32) -> Arc<Self> {
        Arc::new(Self {
            ranges: Ranges::try_new(participants, count).unwrap(),
            taken: (0..count).map(|_| AtomicUsize::new(0)).collect(),
            stopped: AtomicBool::new(false),
        })
    }

    fn note(&self, low: u32, high: u32) {
        for item in low..high {
            self.taken[item as usize].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn drain(&self) {
        self.ranges.drain(|low, high| self.note(low, high));
    }

    /// Takes part as a map's participants do; of each chunk only `most` items are begun, and the
    /// rest is put back.
    fn participate(&self, size: usize, most: u32) {
        let Some(mine) = self.ranges.enter() else { return };
        loop {
            if self.stopped.load(Ordering::Relaxed) {
                self.drain();
                break;
            }
            if let Some((low, high)) = self.ranges.take(mine, size, 1) {
                let end = high.min(low + most);
                self.note(low, end);
                if end < high {
                    self.ranges.put_back(mine, end, high);
                }
            } else if !self.ranges.steal(mine) {
                break;
            }
        }
        self.ranges.leave(mine);
    }

    fn assert_each_once(&self) {
        for taken in &self.taken {
            assert_eq!(taken.load(Ordering::Relaxed), 1);
        }
        assert!(!self.ranges.has_more());
    }
}

fn with(items: &Arc<Items>, body: impl FnOnce(&Items) + 'static) -> thread::JoinHandle<()> {
    let items = Arc::clone(items);
    thread::spawn(move || body(&items))
}

#[test]
fn each_item_is_taken_once_by_its_owner_or_a_thief() {
    check(2, || {
        let items = Items::new(3, 3);
        let thieves =
            [1, 2].map(|size| with(&items, move |items| items.participate(size, size as u32)));
        items.participate(2, 2);
        for thief in thieves {
            thief.join().unwrap();
        }
        items.assert_each_once();
    });
}

#[test]
fn what_is_put_back_is_taken_again_by_one() {
    check(2, || {
        let items = Items::new(2, 3);
        let thief = with(&items, |items| items.participate(2, 1));
        items.participate(3, 1);
        thief.join().unwrap();
        items.assert_each_once();
    });
}

/// Whoever stops a map need not have a range; what thieves have in their hands they drain.
#[test]
fn what_is_drained_is_not_taken() {
    check(2, || {
        let items = Items::new(2, 3);
        let thief = with(&items, |items| items.participate(1, 1));
        let stopper = with(&items, |items| {
            items.stopped.store(true, Ordering::Relaxed);
            items.drain();
        });
        items.participate(2, 1);
        thief.join().unwrap();
        stopper.join().unwrap();
        items.drain();
        items.assert_each_once();
    });
}

/// The next owner of a slot goes on from the range that the last one left.
#[test]
fn a_slot_has_one_owner_at_a_time() {
    check(2, || {
        let items = Items::new(1, 3);
        let others = [1, 2].map(|size| {
            with(&items, move |items| {
                let Some(mine) = items.ranges.enter() else { return };
                if let Some((low, high)) = items.ranges.take(mine, size, 1) {
                    items.note(low, low + 1);
                    items.ranges.put_back(mine, low + 1, high);
                }
                items.ranges.leave(mine);
            })
        });
        for other in others {
            other.join().unwrap();
        }
        items.participate(1, 1);
        items.assert_each_once();
    });
}
