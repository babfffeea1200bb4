#![allow(unsafe_code)]
//! A queue with one thread that puts in and many that take out, in order, without a lock.
//!
//! The items lie in one endless row, of which the part between `head` and `tail` is there. `tail`
//! is moved by the owner alone, `head` by whoever takes: by compare-and-swap, so that every item
//! is taken exactly once. The row is laid out in segments, which the owner makes as it needs them
//! and uses again when all their items are taken. It never gives one back: so a thread that was
//! overtaken reads an old item at the worst, and then its compare-and-swap fails, because `head`
//! only grows.
//!
//! Orders. A push is release, and who sees the item by acquiring `tail`, or `seen`, which somebody
//! stored after acquiring `tail`, sees what was before the push. A take is release, and the owner
//! acquires `head` before it uses a place again: so the reads before the take came before. The
//! model is `src/models/fifo.rs`.

use crate::support::{
    CachePadded,
    alloc::{try_box, try_boxed},
    sync::{AtomicPtr, AtomicUsize, Ordering},
};
use std::{
    cell::Cell,
    ptr::{self, NonNull},
};

/// Items in a segment, a power of two.
const SEGMENT: usize = if cfg!(any(loom, shuttle)) { 2 } else { 512 };
/// Segments that the first directory knows, a power of two.
const FIRST: usize = if cfg!(any(loom, shuttle)) { 1 } else { 8 };

struct Segment<T>([AtomicPtr<T>; SEGMENT]);

/// Where the segments are: that of the row's part `n` at `n` modulo the length.
struct Directory<T> {
    segments: Box<[AtomicPtr<Segment<T>>]>,
    /// The one before, which somebody may still be looking into.
    older: *mut Directory<T>,
}

struct Takers {
    /// How many have been taken.
    head: AtomicUsize,
    /// Up to here there are items: never more than `tail`, which need not be read so often.
    seen: AtomicUsize,
}

struct Owner {
    /// How many have been put in.
    tail: AtomicUsize,
    /// Up to here the row has places that are free.
    room: Cell<usize>,
}

/// See the module.
pub struct Fifo<T> {
    takers: CachePadded<Takers>,
    owner: CachePadded<Owner>,
    directory: CachePadded<AtomicPtr<Directory<T>>>,
}

// SAFETY: what is put in goes to another thread, as a pointer; `room` is the owner's alone.
unsafe impl<T> Sync for Fifo<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Fifo<T> {}

impl<T> Directory<T> {
    fn try_new(length: usize, older: *mut Self) -> Option<Box<Self>> {
        let segments = try_boxed(length, || AtomicPtr::new(ptr::null_mut()))?;
        try_box(Self { segments, older })
    }

    fn segment(&self, index: usize) -> &AtomicPtr<Segment<T>> {
        &self.segments[(index / SEGMENT) & (self.segments.len() - 1)]
    }
}

impl<T> Fifo<T> {
    /// An empty queue, without memory yet.
    pub fn new() -> Self {
        Self {
            takers: CachePadded::new(Takers {
                head: AtomicUsize::new(0),
                seen: AtomicUsize::new(0),
            }),
            owner: CachePadded::new(Owner { tail: AtomicUsize::new(0), room: Cell::new(0) }),
            directory: CachePadded::new(AtomicPtr::new(ptr::null_mut())),
        }
    }

    /// How many items there are, more or less.
    #[cfg(not(loom))]
    pub fn len(&self) -> usize {
        let head = self.takers.head.load(Ordering::Relaxed);
        let count = self.owner.tail.load(Ordering::Relaxed).wrapping_sub(head);
        if count.cast_signed() < 0 { 0 } else { count }
    }

    /// Makes room for `count` items; false when there is no memory. Only for the owner.
    #[must_use]
    pub fn reserve(&self, count: usize) -> bool {
        let needed = self.owner.tail.load(Ordering::Relaxed).wrapping_add(count);
        self.owner.room.get().wrapping_sub(needed).cast_signed() >= 0
            || self.make_room(needed).is_some()
    }

    #[cold]
    fn make_room(&self, needed: usize) -> Option<()> {
        // SAFETY: directories live as long as the queue.
        let directory = unsafe { self.directory.load(Ordering::Relaxed).as_ref() };
        let length = directory.map_or(0, |directory| directory.segments.len());
        let start = self.takers.head.load(Ordering::Acquire) / SEGMENT * SEGMENT;
        let segments = needed.wrapping_sub(start).div_ceil(SEGMENT);
        let directory = match directory {
            Some(directory) if segments <= length => directory,
            _ => self.grow(segments.next_power_of_two().max(FIRST))?,
        };
        let mut room = self.owner.room.get();
        while (room.wrapping_sub(needed)).cast_signed() < 0 {
            let place = directory.segment(room);
            if place.load(Ordering::Relaxed).is_null() {
                let segment = Segment(std::array::from_fn(|_| AtomicPtr::new(ptr::null_mut())));
                place.store(Box::into_raw(try_box(segment)?), Ordering::Release);
            }
            room = (room / SEGMENT + 1).wrapping_mul(SEGMENT);
            self.owner.room.set(room);
        }
        Some(())
    }

    /// A longer directory with all segments of the present one.
    fn grow(&self, length: usize) -> Option<&Directory<T>> {
        let present = self.directory.load(Ordering::Relaxed);
        let directory = Directory::try_new(length, present)?;
        // SAFETY: directories live as long as the queue.
        if let Some(present) = unsafe { present.as_ref() } {
            // The part that is being written to, and those before it in turn, as far as they may
            // hold items. All segments of the present one are among them.
            let last = self.owner.room.get().wrapping_sub(1);
            for step in 0..present.segments.len() {
                let index = last.wrapping_sub(step * SEGMENT);
                let segment = present.segment(index).load(Ordering::Relaxed);
                directory.segment(index).store(segment, Ordering::Relaxed);
            }
        }
        let directory = Box::into_raw(directory);
        self.directory.store(directory, Ordering::Release);
        // SAFETY: as above.
        Some(unsafe { &*directory })
    }

    /// Puts an item in, for which there is room; it can be had after `publish`. Only for the owner.
    ///
    /// # Safety
    /// The room was reserved, and `ahead` items have been put in since the last `publish`.
    pub unsafe fn put(&self, ahead: usize, item: NonNull<T>) {
        let index = self.owner.tail.load(Ordering::Relaxed).wrapping_add(ahead);
        debug_assert!((self.owner.room.get().wrapping_sub(index)).cast_signed() > 0);
        // SAFETY: `reserve` has made the directory and the segment.
        let segment = unsafe {
            let directory = &*self.directory.load(Ordering::Relaxed);
            &*directory.segment(index).load(Ordering::Relaxed)
        };
        segment.0[index % SEGMENT].store(item.as_ptr(), Ordering::Relaxed);
    }

    /// Lets others have the `count` items that were put in. Only for the owner.
    pub fn publish(&self, count: usize) {
        let tail = self.owner.tail.load(Ordering::Relaxed);
        self.owner.tail.store(tail.wrapping_add(count), Ordering::Release);
    }

    /// Takes the oldest item.
    pub fn take(&self) -> Option<NonNull<T>> {
        let mut head = self.takers.head.load(Ordering::Acquire);
        loop {
            let seen = self.takers.seen.load(Ordering::Acquire);
            if seen.wrapping_sub(head).cast_signed() <= 0 {
                let tail = self.owner.tail.load(Ordering::Acquire);
                if tail.wrapping_sub(head).cast_signed() <= 0 {
                    return None;
                }
                self.takers.seen.store(tail, Ordering::Release);
            }
            // SAFETY: directories and segments live as long as the queue; once something was there,
            // there is a directory.
            let segment = unsafe {
                let directory = &*self.directory.load(Ordering::Acquire);
                directory.segment(head).load(Ordering::Acquire).as_ref()
            };
            let Some(segment) = segment else {
                // Overtaken so far that a longer directory has another use for the place.
                head = self.takers.head.load(Ordering::Acquire);
                continue;
            };
            let item = segment.0[head % SEGMENT].load(Ordering::Relaxed);
            match self.takers.head.compare_exchange_weak(
                head,
                head.wrapping_add(1),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return NonNull::new(item),
                Err(now) => head = now,
            }
        }
    }

    /// Whether nothing is there. After a fence that follows a push, or that the pusher's fence
    /// follows, it sees the push.
    pub fn is_empty(&self) -> bool {
        let head = self.takers.head.load(Ordering::Acquire);
        let tail = self.owner.tail.load(Ordering::Acquire);
        tail.wrapping_sub(head).cast_signed() <= 0
    }
}

impl<T> Drop for Fifo<T> {
    fn drop(&mut self) {
        let mut directory = self.directory.load(Ordering::Relaxed);
        let mut is_newest = true;
        while !directory.is_null() {
            // SAFETY: made by `grow`, and nobody looks into it any more.
            let present = unsafe { Box::from_raw(directory) };
            if is_newest {
                for segment in &present.segments {
                    let segment = segment.load(Ordering::Relaxed);
                    if !segment.is_null() {
                        // SAFETY: made by `make_room`; the newest directory holds each once.
                        drop(unsafe { Box::from_raw(segment) });
                    }
                }
            }
            is_newest = false;
            directory = present.older;
        }
    }
}
