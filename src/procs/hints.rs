//! A queue of hints at tasks, in memory that processes share.
//!
//! The host alone puts hints in, under a lock of its own; any worker may claim what the first one
//! leads to. A hint leaves the queue only after the word that it leads to has left `QUEUED`, and
//! anybody who sees that may move the head on: a worker that dies between the two leaves a hint
//! at nothing, which the next one passes by, and never a task without a hint.
//!
//! The head and the tail count for ever; a worker that was asleep while the ring went round reads
//! a newer hint, which is as good, and fails to move the head.

use super::word::Generation;
use crate::support::{
    CachePadded,
    sync::{AtomicU64, Ordering},
};

/// Head and tail; the ring follows in memory.
#[repr(C)]
pub struct Ends {
    head: CachePadded<AtomicU64>,
    tail: CachePadded<AtomicU64>,
}

impl Ends {
    /// Those of an empty queue, for models.
    #[cfg(all(test, loom))]
    pub fn new() -> Self {
        Self {
            head: CachePadded::new(AtomicU64::new(0)),
            tail: CachePadded::new(AtomicU64::new(0)),
        }
    }
}

/// A slot, and the generation of the task that was put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The slot's number.
    pub slot: u32,
    /// The task's.
    pub generation: Generation,
}

/// Whether a hint can be put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It can.
    Yes,
    /// The ring is full, and the first hint leads somewhere.
    No,
    /// The head is where it cannot be: a worker has written over it.
    Garbled,
}

/// The queue: a view on its two parts.
#[derive(Clone, Copy)]
pub struct Hints<'a> {
    ends: &'a Ends,
    /// A power of two.
    ring: &'a [AtomicU64],
}

impl<'a> Hints<'a> {
    /// A view.
    pub fn new(ends: &'a Ends, ring: &'a [AtomicU64]) -> Self {
        debug_assert!(ring.len().is_power_of_two());
        Self { ends, ring }
    }

    fn place(&self, at: u64) -> &AtomicU64 {
        &self.ring[at as usize & (self.ring.len() - 1)]
    }

    /// Whether one more hint can be put in behind `tail`, the host's own count. By the host, one
    /// thread at a time. Hints that lead nowhere are passed by, if they are in front.
    pub fn has_room(&self, tail: u64, is_queued: impl Fn(Hint) -> bool) -> Room {
        for _ in 0..=self.ring.len() {
            let head = self.ends.head.load(Ordering::Acquire);
            let count = tail.wrapping_sub(head);
            if count > self.ring.len() as u64 {
                return Room::Garbled;
            }
            if count < self.ring.len() as u64 {
                return Room::Yes;
            }
            if is_queued(self.hint(head)) {
                return Room::No;
            }
            self.pass(head);
        }
        Room::Garbled
    }

    /// Puts a hint behind the others, where `has_room` said yes; the new tail.
    pub fn push(&self, tail: u64, hint: Hint) -> u64 {
        let number = u64::from(hint.generation.number()) << 32 | u64::from(hint.slot);
        self.place(tail).store(number, Ordering::Relaxed);
        // Release: who sees the tail sees the hint. The fence of `wake_workers` follows.
        self.ends.tail.store(tail.wrapping_add(1), Ordering::Release);
        tail.wrapping_add(1)
    }

    /// Makes the queue an empty one that begins at `tail`, whatever was written over it.
    pub fn reset(&self, tail: u64) {
        self.ends.tail.store(tail, Ordering::SeqCst);
        self.ends.head.store(tail, Ordering::SeqCst);
    }

    fn hint(&self, at: u64) -> Hint {
        let number = self.place(at).load(Ordering::Relaxed);
        Hint { slot: number as u32, generation: Generation::from_number((number >> 32) as u32) }
    }

    fn pass(&self, head: u64) {
        let next = head.wrapping_add(1);
        let _ = self.ends.head.compare_exchange(head, next, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Claims the first task that can be claimed.
    pub fn claim(&self, claim: impl Fn(Hint) -> bool) -> Option<Hint> {
        // More than once round the ring is only possible where the ends were written over.
        for _ in 0..=self.ring.len() {
            let head = self.ends.head.load(Ordering::Acquire);
            if head == self.ends.tail.load(Ordering::Acquire) {
                return None;
            }
            let hint = self.hint(head);
            let claimed = claim(hint);
            self.pass(head);
            if claimed {
                return Some(hint);
            }
        }
        None
    }

    /// Whether no hint is there, or none can be: the ends were written over.
    pub fn is_empty(&self) -> bool {
        let head = self.ends.head.load(Ordering::SeqCst);
        let count = self.ends.tail.load(Ordering::SeqCst).wrapping_sub(head);
        // The head may have been moved on between the two.
        count == 0 || count > self.ring.len() as u64
    }
}
