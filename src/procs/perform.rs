#![allow(unsafe_code)]
//! What a worker does with one claimed task, or piece of a map.

use super::{
    layout::{AT_HOME, BODY, HAS_ATTEMPTS, HAS_CONTEXT, HAS_STATUSES, IS_INLINE, IS_POINTER, Slot},
    word::{STOP, YIELD},
    worker::{Claim, Worker},
};
use crate::{
    pool::{
        abi::Function,
        bodies::{Body, Sweeper},
        columns::Columns,
        frame::Frame,
        pace::{Pace, SHARE},
        payload::{ALIGN, INLINE, Place, result_offset, zero},
        remote::Remote,
        said,
        status::{self, Error, Result, Status},
    },
    support::{
        fail,
        sync::{AtomicU64, Ordering},
    },
};
use std::{cell::Cell, ffi::c_void, ptr};

const NO_ROOM: &str = "no shared memory for the task's result";

/// A task, as its frame sees it.
struct TaskInSlot<'a, 'b> {
    worker: &'a Worker<'b>,
    slot: &'a Slot,
    /// The result that the task has set: its place in the slab, and its size.
    set: Cell<Option<(u64, usize)>>,
}

impl Remote for TaskInSlot<'_, '_> {
    fn is_asked_to_stop(&self) -> bool {
        self.slot.word.read().has(STOP)
    }

    fn place(&self, _index: usize) -> Option<Place> {
        None
    }

    fn say(&self, done: u64, total: u64) -> Result<()> {
        self.slot.said.say(self.slot.word.read().generation().mark(), done, total);
        self.worker.said.store(true, Ordering::Relaxed);
        Ok(())
    }

    unsafe fn set_result(&self, data: *const c_void, size: usize) -> Result<()> {
        // SAFETY: promised by the caller; nothing is read when the size is 0.
        let bytes = unsafe { slice(data.cast(), size) };
        let at = self.worker.slab.borrow_mut().keep(bytes);
        let at = at.ok_or_else(|| Error::no_memory(NO_ROOM))?;
        self.set.set(Some((at, size)));
        Ok(())
    }
}

/// # Safety
/// `start` is readable for `size` bytes until `'a` ends, or `size` is 0.
unsafe fn slice<'a>(start: *const u8, size: usize) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    // SAFETY: promised by the caller.
    unsafe { std::slice::from_raw_parts(start, size) }
}

/// A piece of a map, as its frame sees it.
struct PieceInSlot<'a> {
    slot: &'a Slot,
    first: usize,
    count: usize,
    results: *mut u8,
    result_size: usize,
}

impl Remote for PieceInSlot<'_> {
    fn is_asked_to_stop(&self) -> bool {
        self.slot.word.read().has(STOP)
    }

    fn place(&self, index: usize) -> Option<Place> {
        let offset = (index - self.first) * self.result_size;
        let start = self.results.wrapping_add(offset);
        Some(Place { start, size: self.result_size })
    }

    fn say(&self, _done: u64, _total: u64) -> Result<()> {
        Err(said::of_a_map())
    }

    unsafe fn set_result(&self, _data: *const c_void, _size: usize) -> Result<()> {
        Err(Error::from(status::INTERNAL))
    }
}

impl Worker<'_> {
    /// An inline argument, or the pointer that is the argument.
    fn inline_arg(slot: &Slot) -> *const c_void {
        if slot.kind.load(Ordering::Relaxed) & IS_POINTER != 0 {
            word(&slot.arg) as *const c_void
        } else {
            slot.inline.as_ptr().cast()
        }
    }

    /// Where the host looks for an inline result: behind the argument, or behind the room that a
    /// pointer would take.
    fn inline_result(slot: &Slot) -> *mut u8 {
        let start = slot.inline.as_ptr().cast_mut().cast::<u8>();
        start.wrapping_add(result_offset(word(&slot.arg_size)))
    }

    /// Whether the slot holds argument and result itself.
    fn is_inline(slot: &Slot) -> bool {
        slot.kind.load(Ordering::Relaxed) & IS_INLINE != 0
    }

    /// Whether items of the map have statuses.
    fn has_statuses(slot: &Slot) -> bool {
        slot.kind.load(Ordering::Relaxed) & HAS_STATUSES != 0
    }

    /// Runs a task.
    pub(super) fn run_task(&self, claim: Claim<'_>, function: Function) {
        let slot = claim.slot;
        let size = word(&slot.result_size);
        let inline = Self::is_inline(slot);
        self.make_room(if inline { 0 } else { size });
        // A small result is made here and copied: a task that writes too far hits its own worker.
        let mut small = [0_u128; INLINE / ALIGN];
        let (arg, start, at) = if inline {
            (Self::inline_arg(slot), small.as_mut_ptr().cast(), AT_HOME)
        } else {
            let Some((at, start)) = self.room(size) else { return self.refuse(claim) };
            (word(&slot.arg) as *const c_void, start, at)
        };
        let place = Place { start: if size == 0 { ptr::null_mut() } else { start }, size };
        if !inline {
            // SAFETY: the place is ours, aligned, and rounded up in the slab.
            unsafe { zero(place) };
        }
        let task = TaskInSlot { worker: self, slot, set: Cell::new(None) };
        let has_context = slot.kind.load(Ordering::Relaxed) & HAS_CONTEXT != 0;
        let context = if has_context { word(&slot.map.context) } else { 0 } as *const c_void;
        let frame = Frame::for_remote(&task, context, self.index);
        if slot.kind.load(Ordering::Relaxed) & HAS_ATTEMPTS != 0 {
            frame.set_attempt(word(&slot.map.attempts) as u32 + 1);
        }
        self.begin(slot);
        // SAFETY: argument and result are as `pool_fn` promises.
        let status = frame.enter(|| unsafe { frame.call(function, arg, place.start) });
        self.returned();
        if inline && size > 0 && status == status::OK {
            // SAFETY: the slot's inline part has room for the result behind the argument.
            unsafe {
                let to = Self::inline_result(slot);
                ptr::copy_nonoverlapping(small.as_ptr().cast::<u8>(), to, size);
            }
        }
        let (at, size) = task.set.get().unwrap_or((at, size));
        slot.result_at.store(at, Ordering::Relaxed);
        if at != AT_HOME {
            slot.result_len.store(size as u64, Ordering::Relaxed);
        }
        self.end_frame(claim, &frame, status);
    }

    /// Runs a piece of a map, or as much of it as is wanted; the number of items that were run,
    /// with one that has failed.
    pub(super) fn run_piece(&self, claim: Claim<'_>, function: Function) -> usize {
        let slot = claim.slot;
        let count = word(&slot.map.count);
        let result_size = word(&slot.result_size);
        let in_place = word(&slot.map.results) as *mut u8;
        let in_slab = if in_place.is_null() { count * result_size } else { 0 };
        let status_bytes = if Self::has_statuses(slot) { count * size_of::<Status>() } else { 0 };
        self.make_room(in_slab + status_bytes + 128);
        slot.map.progress.store(0, Ordering::Relaxed);
        let rooms = (self.room(in_slab), self.room(status_bytes));
        let (Some((results_at, results)), Some((statuses_at, statuses))) = rooms else {
            self.refuse(claim);
            return 0;
        };
        if in_slab > 0 {
            // SAFETY: the host put there what the places held before, for as many items.
            unsafe {
                let before = word(&slot.map.before) as *const u8;
                ptr::copy_nonoverlapping(before, results, in_slab);
            }
        }
        slot.result_at.store(results_at, Ordering::Relaxed);
        slot.map.statuses_at.store(statuses_at, Ordering::Relaxed);
        let piece = PieceInSlot {
            slot,
            first: word(&slot.map.first),
            count,
            results: if in_slab > 0 { results } else { in_place },
            result_size,
        };
        let context = word(&slot.map.context) as *const c_void;
        let frame = Frame::for_remote(&piece, context, self.index);
        // SAFETY: the host has put both there.
        let body = unsafe { Body::new(slot.kind.load(Ordering::Relaxed) >> BODY, function) };
        self.begin(slot);
        let (done, status) = frame.enter(|| self.run_items(&piece, &frame, body, statuses.cast()));
        self.returned();
        slot.map.progress.store(done as u64, Ordering::Relaxed);
        self.end_frame(claim, &frame, status);
        done + usize::from(status != status::OK)
    }

    /// Calls the function for one item after the other, until all are done, one has failed, or
    /// the rest is for somebody else; the number done, and how the one after them failed. With
    /// `statuses`, not NULL, each item's goes there, and none is a failure.
    fn run_items(
        &self,
        piece: &PieceInSlot<'_>,
        frame: &Frame<'_>,
        body: Body,
        statuses: *mut Status,
    ) -> (usize, Status) {
        let slot = piece.slot;
        let arg_size = word(&slot.arg_size);
        let args = word(&slot.arg) as *const u8;
        let timed = self.is_timed(slot);
        let budget = self.budget.get();
        let mut pace = Pace::new();
        let mut at = 0;
        while at < piece.count {
            fail::point("item");
            slot.map.progress.store(at as u64, Ordering::Release);
            let state = slot.word.read();
            if state.has(STOP) || at > 0 && (state.has(YIELD) || at == budget) {
                return (at, status::OK);
            }
            if timed && at > 0 {
                self.next_item(slot);
            }
            frame.set_item(piece.first + at);
            let arg = args.wrapping_add(at * arg_size).cast();
            let result = if piece.result_size == 0 {
                ptr::null_mut()
            } else {
                piece.results.wrapping_add(at * piece.result_size)
            };
            let mut done = 1;
            // SAFETY: argument and result are the item's own.
            let status = unsafe {
                match body {
                    Body::Item(function) | Body::Swept(Sweeper { function, .. }) => {
                        frame.call(function, arg, result.cast())
                    }
                    Body::Star(function) => {
                        let table = Columns::table(args.cast(), piece.first + at);
                        frame.call(function, table.as_ptr().cast(), result.cast())
                    }
                    Body::Piece(function) => frame.call_piece(function, arg, result.cast()),
                    Body::Range(function) => {
                        if at > 0 {
                            pace.step();
                        }
                        let left = piece.count.min(budget) - at;
                        done = left.min((left / SHARE).clamp(1, pace.size));
                        let begin = piece.first + at;
                        frame.call_range(function, begin, begin + done)
                    }
                }
            };
            if !statuses.is_null() {
                // SAFETY: there is room for `count` statuses.
                unsafe { statuses.add(at).write(status) };
            } else if status != status::OK {
                return (at, status);
            }
            at += done;
        }
        (piece.count, status::OK)
    }

    /// Room in the slab: its place there, and its address. None is needed for no bytes.
    fn room(&self, size: usize) -> Option<(u64, *mut u8)> {
        if size == 0 {
            return Some((AT_HOME, ptr::null_mut()));
        }
        self.slab.borrow_mut().take(size).map(|(at, start)| (at, start.as_ptr()))
    }

    /// Ends what there is no room for, without calling the function.
    fn refuse(&self, claim: Claim<'_>) {
        self.begin(claim.slot);
        claim.slot.result_at.store(AT_HOME, Ordering::Relaxed);
        self.end(claim, status::NO_MEMORY, Some(NO_ROOM));
    }

    /// Ends what was run in a frame, with the message that a failure has left there.
    fn end_frame(&self, claim: Claim<'_>, frame: &Frame<'_>, status: Status) {
        let outcome = frame.take_outcome().filter(|_| status != status::OK);
        let message = outcome.as_ref().and_then(|outcome| outcome.message.as_deref());
        self.end(claim, status, message);
    }
}

/// What a word of a slot says.
fn word(word: &AtomicU64) -> usize {
    word.load(Ordering::Relaxed) as usize
}
