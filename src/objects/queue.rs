#![allow(unsafe_code)]
//! A queue of items that are copied in and out.
//!
//! `tail`, `head` and `done` count the items that were ever put, got and done with; an item's place
//! in the ring follows from its number. To put an item is to copy it, then to move `tail` by one;
//! who dies before that has put nothing. To get one is to copy it, then to move `head` and to note
//! who has it, both or neither; who dies before that has left it there.
//!
//! What was got and not done with is its process's. When that dies, the item is done with, and
//! lost: `join` tells.

use super::{
    guard::{Cells, Guard, Section, Steps},
    header::{Header, Object, Plan},
    holders::Holders,
    line::{Line, Look},
};
use crate::{
    objects::point,
    pool::status::{self, Error, Result},
    support::sync::{AtomicU32, AtomicU64, Ordering},
};
use std::{ptr::NonNull, time::Instant};

const HEAD: u64 = 0;
const TAIL: u64 = 1;
const DONE: u64 = 2;
const LOST: u64 = 3;

/// Before each item in the ring: its size.
const PREFIX: usize = 16;

/// See the module. Its plan's numbers are the most bytes of an item, and the most items.
#[repr(C)]
pub struct Queue {
    header: Header,
    guard: Guard,
    head: AtomicU64,
    tail: AtomicU64,
    done: AtomicU64,
    /// Items that were lost with their consumers, which has not been told yet.
    lost: AtomicU64,
    /// 1 once nothing more may be put.
    closed: AtomicU32,
    /// Counts deaths; by the maker.
    deaths: AtomicU32,
    /// How many deaths have been looked into.
    buried: AtomicU32,
    getters: Line,
    putters: Line,
    joiners: Line,
    holders: Holders,
}

// SAFETY: as the trait asks.
unsafe impl Object for Queue {
    const KIND: u32 = 7;
    const NOUN: &'static str = "queue";

    fn bury(&self, plan: &Plan, _violently: bool) {
        self.guard.look_after_owner();
        self.deaths.fetch_add(1, Ordering::SeqCst);
        for line in [&self.getters, &self.putters, &self.joiners] {
            line.call_unseen(plan.shared);
        }
    }
}

impl Cells for Queue {
    fn cell(&self, number: u64) -> Option<&AtomicU64> {
        match number {
            HEAD => Some(&self.head),
            TAIL => Some(&self.tail),
            DONE => Some(&self.done),
            LOST => Some(&self.lost),
            _ => self.holders.cell(number),
        }
    }
}

/// Bytes that the ring takes; `None` if no memory has them.
pub fn ring_size(item_size: usize, capacity: usize) -> Option<usize> {
    stride(item_size)?.checked_mul(capacity).filter(|size| *size <= isize::MAX as usize)
}

fn stride(item_size: usize) -> Option<usize> {
    item_size.checked_next_multiple_of(PREFIX)?.checked_add(PREFIX)
}

/// What the ring holds right now, as the words say that anybody may have written over.
struct State {
    head: u64,
    tail: u64,
    done: u64,
}

impl Queue {
    fn state(&self, plan: &Plan) -> Result<State> {
        let head = self.head.load(Ordering::Relaxed);
        let tail = self.tail.load(Ordering::Relaxed);
        let done = self.done.load(Ordering::Relaxed);
        if tail.wrapping_sub(head) > plan.sizes[1] || head.wrapping_sub(done) > u64::MAX / 2 {
            return Err(spoilt());
        }
        Ok(State { head, tail, done })
    }

    /// Where an item's size is, and behind it the item.
    fn place(&self, plan: &Plan, number: u64) -> NonNull<u8> {
        let stride = stride(plan.sizes[0] as usize).unwrap_or(PREFIX);
        let place = (number % plan.sizes[1].max(1)) as usize * stride;
        // SAFETY: the ring lies behind the queue, as the sealed plan says, and has room for so
        // many items.
        unsafe { NonNull::from(self).cast::<u8>().add(size_of::<Self>() + place) }
    }

    /// Puts a copy of an item at the end; waits for room until the deadline.
    ///
    /// # Safety
    /// `size` bytes are readable at `item`.
    ///
    /// # Errors
    /// `SIZE` for an item that is too large; `CLOSED`, `TIMEOUT`.
    pub unsafe fn put(
        &self,
        plan: &Plan,
        item: *const u8,
        size: usize,
        deadline: Option<Instant>,
    ) -> Result<()> {
        if size as u64 > plan.sizes[0] {
            let text =
                format!("an item of {size} bytes; the queue's have at most {}", plan.sizes[0]);
            return Err(Error::new(status::SIZE, text));
        }
        let look = || {
            let section = self.guard.enter(plan.shared, deadline, self)?;
            if self.closed.load(Ordering::SeqCst) != 0 {
                return Err(Error::new(status::CLOSED, "the queue is closed"));
            }
            let State { head, tail, .. } = self.state(plan)?;
            if tail.wrapping_sub(head) >= plan.sizes[1] {
                return Ok(Look::NotYet);
            }
            let place = self.place(plan, tail);
            // SAFETY: the place has room for the size and for the item, which the caller
            // vouches for; it is nobody else's while the section lasts.
            unsafe {
                place.cast::<u64>().write(size as u64);
                place.add(PREFIX).copy_from_nonoverlapping(bytes(item), size);
            }
            point("copied_in");
            self.tail.store(tail.wrapping_add(1), Ordering::Release);
            point("put");
            drop(section);
            Ok(Look::Found(()))
        };
        match look()? {
            Look::Found(()) => {}
            _ => self.putters.wait(plan.shared, deadline, look)?,
        }
        self.getters.call(plan.shared);
        Ok(())
    }

    /// Gets the first item; waits for one until the deadline. Its size.
    ///
    /// # Safety
    /// `room` bytes are writable at `item`.
    ///
    /// # Errors
    /// `SIZE` when the item is larger, and stays; `CLOSED` when there will be none; `TIMEOUT`.
    pub unsafe fn get(
        &self,
        plan: &Plan,
        item: *mut u8,
        room: usize,
        deadline: Option<Instant>,
    ) -> Result<usize> {
        let look = || {
            let section = self.guard.enter(plan.shared, deadline, self)?;
            let State { head, tail, .. } = self.state(plan)?;
            if head == tail {
                if self.closed.load(Ordering::SeqCst) != 0 {
                    return Err(Error::new(status::CLOSED, "the queue is closed and empty"));
                }
                return Ok(Look::NotYet);
            }
            let place = self.place(plan, head);
            // SAFETY: as in `put`.
            let size = unsafe { place.cast::<u64>().read() };
            if size > plan.sizes[0] {
                return Err(spoilt());
            }
            let size = size as usize;
            if size > room {
                let text = format!("the item has {size} bytes, and there is room for {room}");
                return Err(Error::new(status::SIZE, text));
            }
            // SAFETY: as in `put`; the caller vouches for the room.
            unsafe { bytes(item).copy_from_nonoverlapping(place.add(PREFIX), size) };
            point("copied_out");
            let mut steps = Steps::default();
            steps.set(HEAD, head.wrapping_add(1));
            self.holders.add(plan, &mut steps);
            section.commit(self, &steps);
            Ok(Look::Found(size))
        };
        let size = match look()? {
            Look::Found(size) => size,
            _ => self.getters.wait(plan.shared, deadline, look)?,
        };
        self.putters.call(plan.shared);
        Ok(size)
    }

    /// One item that was got is done with.
    ///
    /// # Errors
    /// `INVALID` when all are.
    pub fn task_done(&self, plan: &Plan) -> Result<()> {
        let section = self.guard.enter(plan.shared, None, self)?;
        let State { head, done, .. } = self.state(plan)?;
        if head == done {
            return Err(Error::invalid("all items that were got are done with already"));
        }
        let mut steps = Steps::default();
        steps.set(DONE, done.wrapping_add(1));
        self.holders.subtract(plan, 1, &mut steps);
        section.commit(self, &steps);
        drop(section);
        self.joiners.call(plan.shared);
        Ok(())
    }

    /// Waits until all items that were put are done with.
    ///
    /// # Errors
    /// `WORKER_DIED` when they are, but some were lost with their consumers; `TIMEOUT`.
    pub fn join(&self, plan: &Plan, deadline: Option<Instant>) -> Result<()> {
        let look = || {
            let section = self.guard.enter(plan.shared, deadline, self)?;
            let mut state = self.state(plan)?;
            let is_untold = !plan.is_watched() || plan.shared && self.holders.are_untold();
            if state.done != state.head && plan.shared {
                let deaths = self.deaths.load(Ordering::SeqCst);
                if is_untold || self.buried.swap(deaths, Ordering::Relaxed) != deaths {
                    self.write_off(&section);
                    state = self.state(plan)?;
                }
            }
            if state.done == state.tail {
                let lost = self.lost.swap(0, Ordering::Relaxed);
                return Ok(Look::Found(lost));
            }
            Ok(if is_untold { Look::Untold } else { Look::NotYet })
        };
        let lost = match look()? {
            Look::Found(lost) => lost,
            _ => self.joiners.wait(plan.shared, deadline, look)?,
        };
        if lost == 0 {
            return Ok(());
        }
        let text = format!("{lost} of the items were lost: the process that had got them has died");
        Err(Error::new(status::WORKER_DIED, text))
    }

    /// What the dead have got is lost.
    fn write_off(&self, section: &Section<'_>) {
        while let Some(held) = self.holders.of_the_dead() {
            let (head, done) = (&self.head, &self.done);
            let most = head.load(Ordering::Relaxed).wrapping_sub(done.load(Ordering::Relaxed));
            let count = held.count.min(most);
            let mut steps = Steps::default();
            steps.set(DONE, done.load(Ordering::Relaxed).wrapping_add(count));
            steps.set(LOST, self.lost.load(Ordering::Relaxed).saturating_add(count));
            Holders::clear(held, &mut steps);
            section.commit(self, &steps);
        }
    }

    /// How many items there are right now.
    pub fn size(&self, plan: &Plan) -> usize {
        let head = self.head.load(Ordering::Acquire);
        let size = self.tail.load(Ordering::Acquire).wrapping_sub(head);
        size.min(plan.sizes[1]) as usize
    }

    /// Nothing more may be put, and who waits for that is told; what is there may be got.
    ///
    /// # Errors
    /// None but those of the guard.
    pub fn close(&self, plan: &Plan) -> Result<()> {
        let section = self.guard.enter(plan.shared, None, self)?;
        self.closed.store(1, Ordering::SeqCst);
        drop(section);
        self.getters.call(plan.shared);
        self.putters.call(plan.shared);
        Ok(())
    }
}

/// A pointer to copy from or to, also where there is nothing to copy.
fn bytes(pointer: *const u8) -> NonNull<u8> {
    NonNull::new(pointer.cast_mut()).unwrap_or(NonNull::dangling())
}

#[cold]
fn spoilt() -> Error {
    Error::new(
        status::INTERNAL,
        "the queue's memory was written over; nothing can be said of its items",
    )
}
