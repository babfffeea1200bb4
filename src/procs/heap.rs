#![allow(unsafe_code)]
//! The host's allocator in the shared memory: for arguments, and for `pool_shared_alloc`.
//!
//! Pages are there before they are handed out, so that nobody ever gets SIGBUS for want of
//! memory, and go back to the system when a large block is freed.

use super::layout::Memory;
use crate::{
    objects::home,
    pool::{
        shared::{SHARED_ALIGN, Shared, layout, unknown_address},
        status::{Error, Result},
    },
    support::{
        alloc::Lender,
        extents::Extents,
        sync::{Arc, Mutex, lock},
    },
};
use std::{ops::Range, ptr::NonNull};

/// Pages are asked for in steps of this.
const STEP: usize = 64 << 10;
/// Free extents of this size go back to the system.
const LARGE: usize = 1 << 20;
/// So much at the front is kept once it has been used.
const KEPT: usize = 16 << 20;

struct Books {
    extents: Extents,
    /// Up to here all pages have been asked for; blocks beyond are few and ask for themselves.
    populated: usize,
}

/// See the module.
pub struct Heap {
    memory: Arc<Memory>,
    range: Range<usize>,
    books: Mutex<Books>,
}

impl Heap {
    /// A heap on a part of the memory.
    pub fn new(memory: Arc<Memory>, range: Range<usize>) -> Self {
        let books = Books { extents: Extents::new(range.clone()), populated: range.start };
        Self { memory, range, books: Mutex::new(books) }
    }

    /// `size` bytes, 64-aligned, with their pages.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn take(&self, size: usize) -> Result<NonNull<u8>> {
        let error = || Error::no_memory("no memory to share with the workers");
        let mut books = lock(&self.books);
        let start = books.extents.allocate(size, SHARED_ALIGN).ok_or_else(error)?;
        let end = start + size;
        // Small blocks lie at the front, where pages are asked for once and kept.
        let keep = self.range.start + KEPT;
        let populated = if end <= keep {
            let to = end.next_multiple_of(STEP).min(keep);
            let from = books.populated;
            let there = to <= from || self.memory.populate(from..to).is_ok();
            if there {
                books.populated = from.max(to);
            }
            there
        } else {
            self.memory.populate(start..end).is_ok()
        };
        if !populated {
            books.extents.free(start);
            return Err(error());
        }
        Ok(self.memory.at(start))
    }

    /// Takes a block back; false if it is none.
    pub fn give(&self, address: usize) -> bool {
        let Some(start) = self.memory.offset_of(address) else { return false };
        if !self.range.contains(&start) {
            return false;
        }
        let mut books = lock(&self.books);
        let Some((block, free)) = books.extents.free(start) else { return false };
        // A large free extent has no pages but those that this block leaves behind, and crumbs
        // from the edges of earlier ones.
        let edges =
            block.start.saturating_sub(LARGE).max(free.start)..(block.end + LARGE).min(free.end);
        let keep = self.range.start + KEPT;
        if free.len() >= LARGE && edges.end > keep {
            self.memory.discard(edges.start.max(keep)..edges.end);
        }
        true
    }

    /// Whether these bytes lie in a block that was given out.
    pub fn contains(&self, address: usize, size: usize) -> bool {
        let Some(offset) = self.memory.offset_of(address) else { return false };
        if !self.range.contains(&offset) {
            return false;
        }
        let block = lock(&self.books).extents.holding(offset);
        block.is_some_and(|block| block.end - offset >= size)
    }
}

impl Lender for Heap {
    fn take_back(&self, place: NonNull<u8>) {
        self.give(place.as_ptr() as usize);
    }
}

impl Shared for Heap {
    fn allocate(&self, size: usize) -> Result<NonNull<u8>> {
        let place = self.take(layout(size)?.size())?;
        // SAFETY: the heap has just given these bytes to nobody else.
        unsafe { place.write_bytes(0, size) };
        Ok(place)
    }

    fn free(&self, address: *mut u8) -> Result<()> {
        if self.give(address as usize) { Ok(()) } else { Err(unknown_address()) }
    }

    fn is_between_processes(&self) -> bool {
        true
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        let start = self.memory.at(self.range.start).as_ptr() as usize;
        home::forget(start..start + self.range.len());
    }
}
