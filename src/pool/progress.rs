//! How far a task says it has come: two numbers that belong together.
//!
//! A sequence lock: a writer makes the count odd, writes the numbers, and makes it even; a reader
//! that finds it odd, or changed meanwhile, looks again. Nobody waits for anybody for long: a
//! writer may be the part of a task that died in the midst, or lie in memory that a worker spoils.
//!
//! `say` fences its numbers off from the odd count before and releases them with the even one
//! after; `read` acquires the first count and fences its numbers off from the second.

use crate::support::{
    spin,
    sync::{AtomicU64, Ordering, fence},
};

/// How often to look again while somebody writes.
const PATIENCE: u32 = if cfg!(any(loom, shuttle)) { 1 } else { 64 };

/// See the module. Zero bytes are the right beginning: nobody has said anything.
#[derive(Default)]
#[repr(C)]
pub struct Progress {
    /// Whose it is in the high half; in the low half the count.
    sequence: AtomicU64,
    done: AtomicU64,
    total: AtomicU64,
}

impl Progress {
    /// The task `owner`, which is not 0, has come so far. Parts of it may say so at the same time.
    pub fn say(&self, owner: u32, done: u64, total: u64) {
        let owner = u64::from(owner) << 32;
        let mut before = self.sequence.load(Ordering::Relaxed);
        let free = spin::spin_until(PATIENCE, || {
            before = self.sequence.load(Ordering::Relaxed);
            before & 1 == 0 || before >> 32 != owner >> 32
        });
        let odd = owner | u64::from(before as u32 | 1);
        let taken = |from, to| {
            let (order, failed) = (Ordering::Acquire, Ordering::Relaxed);
            self.sequence.compare_exchange(from, to, order, failed).is_ok()
        };
        if !free || !taken(before, odd) {
            // Another part of the task is at it, and says what is as new.
            return;
        }
        fence(Ordering::Release);
        self.done.store(done, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
        let even = owner | u64::from((odd as u32).wrapping_add(1));
        self.sequence.store(even, Ordering::Release);
    }

    /// What the task `owner` has said last; `None` if it has not, or while it is saying it.
    pub fn read(&self, owner: u32) -> Option<(u64, u64)> {
        let mut said = None;
        spin::spin_until(PATIENCE, || {
            let before = self.sequence.load(Ordering::Acquire);
            if before >> 32 != u64::from(owner) {
                return true;
            }
            let now = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
            fence(Ordering::Acquire);
            let same = before & 1 == 0 && self.sequence.load(Ordering::Relaxed) == before;
            said = same.then_some(now);
            same
        });
        said
    }
}
