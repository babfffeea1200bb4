#![allow(unsafe_code)]
//! What a worker does with one claimed task, or piece of a map.

use super::{
    layout::{AT_HOME, HAS_STATUSES, IS_INLINE, IS_POINTER, Slot},
    word::{Generation, STOP, YIELD},
    worker::Worker,
};
use crate::{
    pool::{
        abi::Function,
        frame::{Frame, Remote},
        payload::{ALIGN, INLINE, Place, result_offset, zero},
        status::{self, Error, Result, Status},
    },
    support::{fail, sync::Ordering},
};
use std::{cell::Cell, ffi::c_void, ptr};

/// A task that this worker runs for its pool.
struct Task<'a, 'b> {
    worker: &'a Worker<'b>,
    slot: &'a Slot,
    /// The result that the task has set: its place in the slab, and its size.
    set: Cell<Option<(u64, usize)>>,
}

impl Remote for Task<'_, '_> {
    fn is_asked_to_stop(&self) -> bool {
        self.slot.word.read().has(STOP)
    }

    fn place(&self, _index: usize) -> Option<Place> {
        None
    }

    unsafe fn set_result(&self, data: *const c_void, size: usize) -> Result<()> {
        // SAFETY: promised by the caller; nothing is read when the size is 0.
        let bytes = unsafe { slice(data.cast(), size) };
        let at = self.worker.slab.borrow_mut().keep(bytes);
        let at = at.ok_or_else(|| Error::no_memory("no shared memory for the task's result"))?;
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

/// A piece of a map.
struct Piece<'a> {
    slot: &'a Slot,
    first: usize,
    results: Cell<*mut u8>,
    result_size: usize,
}

impl Remote for Piece<'_> {
    fn is_asked_to_stop(&self) -> bool {
        self.slot.word.read().has(STOP)
    }

    fn place(&self, index: usize) -> Option<Place> {
        let offset = (index - self.first) * self.result_size;
        let start = self.results.get().wrapping_add(offset);
        Some(Place { start, size: self.result_size })
    }

    unsafe fn set_result(&self, _data: *const c_void, _size: usize) -> Result<()> {
        Err(Error::from(status::INTERNAL))
    }
}

const NO_ROOM: &str = "no shared memory for the task's result";

impl Worker<'_> {
    /// An inline argument, or the pointer that is the argument.
    fn inline_arg(slot: &Slot) -> *const c_void {
        if slot.kind.load(Ordering::Relaxed) & IS_POINTER != 0 {
            slot.arg.load(Ordering::Relaxed) as *const c_void
        } else {
            slot.inline.as_ptr().cast()
        }
    }

    /// Where the host looks for an inline result: behind the argument, or behind the room that a
    /// pointer would take.
    fn inline_result(slot: &Slot) -> *mut u8 {
        let arg_size = slot.arg_size.load(Ordering::Relaxed) as usize;
        let start = slot.inline.as_ptr().cast_mut().cast::<u8>();
        start.wrapping_add(result_offset(arg_size))
    }

    /// Whether the slot holds argument and result itself.
    fn is_inline(slot: &Slot) -> bool {
        slot.kind.load(Ordering::Relaxed) & IS_INLINE != 0
    }

    /// Whether items of the map have statuses.
    fn has_statuses(slot: &Slot) -> bool {
        slot.kind.load(Ordering::Relaxed) & HAS_STATUSES != 0
    }

    pub(super) fn run_task(
        &self,
        slot: &Slot,
        number: u32,
        generation: Generation,
        function: Function,
        unreported: &mut u32,
    ) -> usize {
        let size = slot.result_size.load(Ordering::Relaxed) as usize;
        let inline = Self::is_inline(slot);
        self.make_room(if inline { 0 } else { size });
        // A small result is made here and copied: a task that writes too far hits its own worker.
        let mut small = [0_u128; INLINE / ALIGN];
        let small_place = Place {
            start: if size == 0 { ptr::null_mut() } else { small.as_mut_ptr().cast() },
            size,
        };
        let (arg, place, at) = if inline {
            (Self::inline_arg(slot), small_place, AT_HOME)
        } else {
            let arg = slot.arg.load(Ordering::Relaxed) as *const c_void;
            let room = if size == 0 { None } else { self.slab.borrow_mut().take(size) };
            match room {
                Some((at, start)) => (arg, Place { start: start.as_ptr(), size }, at),
                None if size == 0 => (arg, Place { start: ptr::null_mut(), size }, AT_HOME),
                None => {
                    self.begin(slot);
                    slot.result_at.store(AT_HOME, Ordering::Relaxed);
                    let status = status::NO_MEMORY;
                    self.end(slot, number, generation, status, Some(NO_ROOM), unreported);
                    return 1;
                }
            }
        };
        if !inline {
            // SAFETY: the place is ours, aligned, and rounded up in the slab.
            unsafe { zero(place) };
        }
        let task = Task { worker: self, slot, set: Cell::new(None) };
        let frame = Frame::for_remote(&task, ptr::null(), self.index);
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
        let outcome = frame.take_outcome().filter(|_| status != status::OK);
        let message = outcome.as_ref().and_then(|outcome| outcome.message.as_deref());
        self.end(slot, number, generation, status, message, unreported);
        1
    }

    pub(super) fn run_map(
        &self,
        slot: &Slot,
        number: u32,
        generation: Generation,
        function: Function,
        unreported: &mut u32,
    ) -> usize {
        let load = |word: &crate::support::sync::AtomicU64| word.load(Ordering::Relaxed) as usize;
        let (first, count) = (load(&slot.map.first), load(&slot.map.count));
        let result_size = load(&slot.result_size);
        let statuses = Self::has_statuses(slot);
        let in_place = load(&slot.map.results);
        let in_slab = if in_place == 0 { count * result_size } else { 0 };
        let status_bytes = if statuses { count * size_of::<Status>() } else { 0 };
        self.make_room(in_slab + status_bytes + 128);
        slot.map.progress.store(0, Ordering::Relaxed);
        let room = |size: usize| {
            if size == 0 {
                return Some((AT_HOME, ptr::null_mut()));
            }
            self.slab.borrow_mut().take(size).map(|(at, place)| (at, place.as_ptr()))
        };
        let (Some((results_at, results)), Some((statuses_at, codes))) =
            (room(in_slab), room(status_bytes))
        else {
            self.begin(slot);
            slot.result_at.store(AT_HOME, Ordering::Relaxed);
            self.end(slot, number, generation, status::NO_MEMORY, Some(NO_ROOM), unreported);
            return 0;
        };
        let results = if in_place == 0 { results } else { in_place as *mut u8 };
        let before = load(&slot.map.before);
        if in_slab > 0 {
            // SAFETY: the host put there what the places held before, for as many items.
            unsafe { ptr::copy_nonoverlapping(before as *const u8, results, in_slab) };
        }
        slot.result_at.store(results_at, Ordering::Relaxed);
        slot.map.statuses_at.store(statuses_at, Ordering::Relaxed);
        let piece = Piece { slot, first, results: Cell::new(results), result_size };
        let context = slot.map.context.load(Ordering::Relaxed) as *const c_void;
        let frame = Frame::for_remote(&piece, context, self.index);
        let arg_size = load(&slot.arg_size);
        let args = slot.arg.load(Ordering::Relaxed) as *const u8;
        self.begin(slot);
        let timed = self.is_timed();
        let budget = self.budget.get();
        let mut at = 0;
        let mut failed = status::OK;
        frame.enter(|| {
            while at < count {
                fail::point("item");
                slot.map.progress.store(at as u64, Ordering::Release);
                let word = slot.word.read();
                if word.has(STOP) || at > 0 && (word.has(YIELD) || at == budget) {
                    break;
                }
                if timed && at > 0 {
                    self.next_item(slot);
                }
                frame.set_item(first + at);
                let arg = args.wrapping_add(at * arg_size).cast();
                let result = if result_size == 0 {
                    ptr::null_mut()
                } else {
                    results.wrapping_add(at * result_size)
                };
                // SAFETY: argument and result are the item's own.
                let status = unsafe { frame.call(function, arg, result) };
                if statuses {
                    // SAFETY: there is room for `count` statuses.
                    unsafe { codes.cast::<Status>().add(at).write(status) };
                } else if status != status::OK {
                    failed = status;
                    break;
                }
                at += 1;
            }
        });
        self.returned();
        slot.map.progress.store(at as u64, Ordering::Relaxed);
        let outcome = frame.take_outcome().filter(|_| failed != status::OK);
        let message = outcome.as_ref().and_then(|outcome| outcome.message.as_deref());
        self.end(slot, number, generation, failed, message, unreported);
        at
    }
}
