#![allow(unsafe_code)]
//! Where all workers wait until each of them has come.
//!
//! It is one word for the gate, and one for each who is expected, in memory that the workers share.
//! Whoever comes marks its own word, and opens the gate if all are marked. Nothing is counted: who
//! dies between two steps leaves nothing half done, for whoever notices the death marks its word
//! once more, and looks again.

use super::status::{Error, Result};
use crate::support::{shared_word::SharedWord, sync::Ordering};
use std::{ptr, slice};

/// The gate: shut.
const SHUT: u32 = 0;
/// The gate: all have come.
const OPEN: u32 = 1;
/// The gate: not all can come; nobody shall wait, nor go on.
const CANCELLED: u32 = 2;

/// A word of who has not come.
const EXPECTED: u32 = 0;
/// A word of who has come, or never will.
const CAME: u32 = 1;
/// A word of who has come, and not gone on.
const TURNED_BACK: u32 = 2;

/// See the module. It is plain numbers, and can be sent to other processes that have the memory at
/// the same address.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Rendezvous {
    words: *const SharedWord,
    count: usize,
    is_between_processes: usize,
}

// SAFETY: what it points to are atomics.
unsafe impl Send for Rendezvous {}
// SAFETY: as above.
unsafe impl Sync for Rendezvous {}

impl Rendezvous {
    /// How much memory is needed for `count`.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn size_for(count: usize) -> Result<usize> {
        let size =
            count.checked_add(1).and_then(|words| words.checked_mul(size_of::<SharedWord>()));
        size.ok_or_else(|| Error::no_memory("no memory for all workers to meet"))
    }

    /// One for `count`, nobody of whom has come.
    ///
    /// # Safety
    /// `memory` is zeroed, aligned, and of the size for `count`, as long as this is used.
    pub unsafe fn new(memory: ptr::NonNull<u8>, count: usize, is_between_processes: bool) -> Self {
        let words = memory.as_ptr().cast_const().cast();
        Self { words, count, is_between_processes: usize::from(is_between_processes) }
    }

    fn gate(&self) -> &SharedWord {
        // SAFETY: promised by the maker.
        unsafe { &*self.words }
    }

    fn marks(&self) -> &[SharedWord] {
        // SAFETY: promised by the maker.
        unsafe { slice::from_raw_parts(self.words.add(1), self.count) }
    }

    fn set_gate(&self, to: u32) {
        let _ = self.gate().compare_exchange(SHUT, to, Ordering::SeqCst, Ordering::SeqCst);
        // Also when another has set it: it may have died before it woke anybody.
        self.gate().wake(self.is_between_processes != 0, i32::MAX);
    }

    /// One has come, or never will.
    pub fn come(&self, index: usize) {
        let (before, after) = (Ordering::SeqCst, Ordering::SeqCst);
        let _ = self.marks()[index].compare_exchange(EXPECTED, CAME, before, after);
        if self.marks().iter().all(|mark| mark.load(Ordering::SeqCst) != EXPECTED) {
            self.set_gate(OPEN);
        }
    }

    /// Waits until all have come; false if they cannot.
    pub fn wait(&self) -> bool {
        loop {
            match self.gate().load(Ordering::SeqCst) {
                SHUT => self.gate().wait(self.is_between_processes != 0, SHUT, None),
                gate => return gate == OPEN,
            }
        }
    }

    /// Whether some are still expected.
    pub fn is_shut(&self) -> bool {
        self.gate().load(Ordering::SeqCst) == SHUT
    }

    /// Not all can come: nobody goes on, unless all have come before.
    pub fn cancel(&self) {
        self.set_gate(CANCELLED);
    }

    /// Whether that was so.
    pub fn is_cancelled(&self) -> bool {
        self.gate().load(Ordering::SeqCst) == CANCELLED
    }

    /// One that has come does not go on.
    pub fn turn_back(&self, index: usize) {
        self.marks()[index].store(TURNED_BACK, Ordering::SeqCst);
    }

    /// Whether it has done so.
    pub fn has_turned_back(&self, index: usize) -> bool {
        self.marks()[index].load(Ordering::SeqCst) == TURNED_BACK
    }
}
