#![allow(unsafe_code)]
//! A worker's own memory in the shared: results, messages and statuses on their way to the host.
//!
//! It is filled from the front. When the host has moved all results on, which the words of their
//! slots say, it begins anew; until then the worker goes on behind them, and waits for the host
//! only when it has come far.

use super::{
    layout::Memory,
    word::{Generation, Phase},
};
use crate::{
    support::{fail, sync::Ordering},
    sys::futex,
};
use std::{
    ops::Range,
    ptr::NonNull,
    time::{Duration, Instant},
};

/// So much is kept in memory once it was used; what lies behind the host gives back.
pub const KEPT: usize = 1 << 20;
/// So far a worker goes on while results wait to be moved.
const FAR: usize = 16 << 20;
/// Pages are asked for in steps of this.
const STEP: usize = 64 << 10;

/// See the module.
pub struct Slab<'a> {
    memory: &'a Memory,
    worker: usize,
    range: Range<usize>,
    used: usize,
    populated: usize,
    /// Slots whose results may still lie here.
    waiting: Vec<(u32, Generation)>,
}

impl<'a> Slab<'a> {
    /// The slab of a worker.
    pub fn new(memory: &'a Memory, worker: usize) -> Self {
        let range = memory.layout.slab(worker);
        Self { memory, worker, range, used: 0, populated: 0, waiting: Vec::new() }
    }

    /// Between tasks: begins anew if nothing waits.
    fn tidy(&mut self) {
        let slots = self.memory.slots();
        self.waiting.retain(|(slot, generation)| {
            let word = slots[*slot as usize].word.read();
            // `Taken`: the host is still at it.
            word.generation() == *generation && word.phase() != Phase::Free
        });
        if self.waiting.is_empty() {
            self.used = 0;
        }
    }

    /// Before a task that needs `size` bytes: sees to it that it need not wait amid its work.
    /// `before_waiting` is called so that the host comes.
    pub fn make_room(&mut self, size: usize, before_waiting: impl Fn()) {
        self.tidy();
        while self.used > 0 && self.used.saturating_add(size) > FAR {
            let (slot, generation) = self.waiting[0];
            let word = &self.memory.slots()[slot as usize].word;
            let reading = word.read();
            if reading.generation() == generation {
                before_waiting();
                // The host does not wake anybody here: that would be a system call for each
                // result, and it is seldom that one is waited for.
                let soon = Instant::now() + Duration::from_micros(500);
                futex::wait_shared(self.memory.futex(word), reading.low(), Some(soon));
            }
            self.tidy();
        }
    }

    /// Whether something lies here.
    pub fn is_used(&self) -> bool {
        self.used > 0
    }

    /// `size` bytes with their pages, 64-aligned; `None` when there is no memory.
    pub fn take(&mut self, size: usize) -> Option<(u64, NonNull<u8>)> {
        let start = self.used;
        let end = start.checked_add(size)?.checked_next_multiple_of(64)?;
        if end > self.range.len() {
            return None;
        }
        if end > self.populated {
            let from = self.populated.min(start);
            let to = end.next_multiple_of(STEP).min(self.range.len());
            if to > KEPT {
                self.memory.record(self.worker).high.store(1, Ordering::Relaxed);
            }
            self.memory.populate(self.range.start + from..self.range.start + to).ok()?;
            self.populated = to.min(KEPT);
        }
        self.used = end;
        Some((start as u64, self.memory.at(self.range.start + start)))
    }

    /// A copy of some bytes; `None` when there is no memory.
    pub fn keep(&mut self, bytes: &[u8]) -> Option<u64> {
        let (at, place) = self.take(bytes.len())?;
        fail::point("copying");
        // SAFETY: `take` gave that much, and to nobody else.
        unsafe { place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        fail::point("copied");
        Some(at)
    }

    /// The slot's task is about to be done, and has something here.
    pub fn wait_for(&mut self, slot: u32, generation: Generation) {
        self.waiting.push((slot, generation));
    }
}
