#![allow(unsafe_code)]
//! Tasks on their way to the workers, and their results on the way back.

use super::{
    engine::ProcessEngine,
    hints::Hint,
    layout::{AT_HOME, IS_INLINE, IS_POINTER, Slot},
    slab,
    window::{Load, Waiting, Window},
    word::{Generation, NOTICE},
};
use crate::{
    pool::{
        core::Core,
        parcel::Ending,
        status::{self, Status},
        task::TaskRef,
    },
    support::sync::{AtomicU64, Ordering, lock},
};
use std::{borrow::Cow, ptr};

/// So many results are taken in at a time between two uses of the lock.
const BATCH: usize = 64;

/// What a worker has left in a slot, checked.
pub(super) struct Outcome<'a> {
    pub(super) status: Status,
    pub(super) message: Option<Cow<'a, str>>,
    /// The worker's number.
    pub(super) worker: usize,
    slot: &'a Slot,
}

/// What came of a look at the front of the queue.
enum Next {
    Nothing,
    Placed,
    /// A task that needs no worker any more, and how it ends, if it has not yet.
    Over(TaskRef, Option<Status>),
    Map(u32),
}

impl ProcessEngine {
    /// The worker that an incarnation is of.
    pub(super) fn worker_of(incarnation: u32) -> usize {
        incarnation as usize & (super::fleet::MOST - 1)
    }

    /// The process of an incarnation, by its own word: for information only.
    fn pid_of(&self, incarnation: u32) -> i32 {
        let index = Self::worker_of(incarnation).min(self.memory.layout.workers - 1);
        self.memory.record(index).pid.load(Ordering::Relaxed)
    }

    /// Puts a task into a slot; false if there is none, or the task cannot go.
    pub(super) fn place_task(&self, window: &mut Window, task: TaskRef) -> bool {
        let Some(&number) = window.free.last() else { return false };
        let Some(parcel) = task.parcel() else { return false };
        let Some(name) = self.names.found(parcel.function) else { return false };
        if !task.state.claim() {
            return false;
        }
        window.free.pop();
        let slot = &self.memory.slots()[number as usize];
        let store = |word: &AtomicU64, value: u64| word.store(value, Ordering::Relaxed);
        slot.module.store(name.module, Ordering::Relaxed);
        store(&slot.offset, name.offset);
        store(&slot.arg_size, parcel.arg_size as u64);
        store(&slot.result_size, parcel.result_size as u64);
        store(&slot.arg, parcel.arg as u64);
        let mut kind = 0;
        if let Some(inline) = parcel.inline {
            kind = IS_INLINE;
            if parcel.arg_size > 0 {
                for (word, value) in slot.inline.iter().zip(inline.iter().flat_map(halves)) {
                    word.store(value, Ordering::Relaxed);
                }
            }
        }
        if parcel.arg_size == 0 {
            kind |= IS_POINTER;
        }
        slot.kind.store(kind, Ordering::Relaxed);
        self.owners[number as usize].store(task.as_non_null().as_ptr(), Ordering::SeqCst);
        task.set_engine_number(number);
        let wanted = task.has_callback() || task.state.is_waited();
        self.publish(window, number, Load::Task(task), if wanted { NOTICE } else { 0 });
        true
    }

    /// Makes a filled slot known to the workers.
    pub(super) fn publish(&self, window: &mut Window, number: u32, load: Load, flags: u64) {
        let slot = &self.memory.slots()[number as usize];
        let generation = slot.word.publish(flags);
        let info = &mut window.infos[number as usize];
        info.generation = generation;
        info.load = load;
        info.reason = None;
        // The ring holds as many hints as there are slots; those at withdrawn tasks are passed by.
        let pushed = self.memory.fresh().push(Hint { slot: number, generation }, |hint| {
            let word = self.memory.slots()[hint.slot as usize].word.read();
            word.generation() == hint.generation && word.phase() == super::word::Phase::Queued
        });
        debug_assert!(pushed);
    }

    /// After something was queued: sends what can go, and takes results in when slots are scarce.
    pub(super) fn feed_and_harvest(&self, core: &Core) {
        self.feed(core);
        if self.backlog.load(Ordering::Relaxed) && self.harvest(core, BATCH / 4) {
            self.feed(core);
        }
    }

    /// Sends what waits, as far as there are slots.
    pub(super) fn feed(&self, core: &Core) {
        let mut sent = 0;
        // Maps that have as many pieces out as they may have.
        let mut passed = 0;
        loop {
            let mut window = lock(&self.window);
            let next = self.next(&mut window, passed);
            match next {
                Next::Placed => sent += 1,
                Next::Nothing => {
                    self.backlog.store(!window.queue.is_empty(), Ordering::Relaxed);
                    break;
                }
                Next::Over(task, status) => {
                    drop(window);
                    match status {
                        Some(status) if task.state.claim() => task.finish_unrun(status),
                        _ => task.release(),
                    }
                    self.settle(core, 1);
                }
                Next::Map(number) => {
                    drop(window);
                    match self.feed_map(core, number) {
                        Some(pieces) => sent += pieces,
                        None => passed += 1,
                    }
                }
            }
        }
        self.wake_workers(sent);
    }

    fn next(&self, window: &mut Window, passed: usize) -> Next {
        match window.queue.get(passed) {
            None => Next::Nothing,
            Some(Waiting::Map(number)) => Next::Map(*number),
            Some(Waiting::Task(task)) => {
                let task = *task;
                if !task.state.is_queued() {
                    // Cancelled.
                    window.queue.remove(passed);
                    return Next::Over(task, None);
                }
                if window.free.is_empty() {
                    return Next::Nothing;
                }
                if self.place_task(window, task) {
                    window.queue.remove(passed);
                    return Next::Placed;
                }
                window.queue.remove(passed);
                Next::Over(task, Some(status::UNKNOWN_FUNCTION))
            }
        }
    }

    /// Takes results in; true if there were any. At least `enough` must wait to be worth it.
    pub(super) fn harvest(&self, core: &Core, enough: usize) -> bool {
        let mut any = false;
        loop {
            let mut batch: Vec<(u32, Load)> = Vec::new();
            {
                let mut window = lock(&self.window);
                if enough > 1 && !any && self.reported(&window) < enough {
                    return false;
                }
                self.gather(&mut window, &mut batch);
            }
            if batch.is_empty() {
                return any;
            }
            any = true;
            self.take_in(core, batch);
        }
    }

    fn reported(&self, window: &Window) -> usize {
        let count = |(worker, head): (usize, &u32)| {
            let record = self.fleet.has_record(worker).then(|| self.memory.record(worker));
            record.map_or(0, |record| {
                record.reports.load(Ordering::Acquire).wrapping_sub(*head) as usize
            })
        };
        window.heads.iter().enumerate().map(count).fold(0, usize::saturating_add)
    }

    fn gather(&self, window: &mut Window, batch: &mut Vec<(u32, Load)>) {
        for worker in 0..window.heads.len() {
            if !self.fleet.has_record(worker) {
                continue;
            }
            let reports = self.memory.reports(worker);
            let tail = || self.memory.record(worker).reports.load(Ordering::Acquire);
            let first = window.heads[worker];
            let last = tail();
            while window.heads[worker] != last && batch.len() < BATCH {
                let at = window.heads[worker] as usize & (reports.len() - 1);
                window.heads[worker] = window.heads[worker].wrapping_add(1);
                let number = reports[at].load(Ordering::Relaxed);
                if let Some(load) = self.take(window, number) {
                    batch.push((number, load));
                }
            }
            // Results that waiters took leave reports of nothing behind, and so the ring may
            // have gone round: what was written over is found by its word.
            if tail().wrapping_sub(first) as usize >= reports.len() {
                window.heads[worker] = tail();
                self.gather_all(window, batch);
            }
        }
    }

    fn gather_all(&self, window: &mut Window, batch: &mut Vec<(u32, Load)>) {
        for number in 0..self.memory.layout.slots as u32 {
            if let Some(load) = self.take(window, number) {
                batch.push((number, load));
            }
        }
    }

    /// Takes what is in a slot, if it is done; `take_in` must follow.
    pub(super) fn take(&self, window: &mut Window, number: u32) -> Option<Load> {
        let info = window.infos.get_mut(number as usize)?;
        let word = &self.memory.slots()[number as usize].word;
        if matches!(info.load, Load::None) || !word.take(info.generation) {
            return None;
        }
        self.readers.fetch_add(1, Ordering::SeqCst);
        Some(std::mem::take(&mut info.load))
    }

    /// Ends what was taken from slots, and frees these.
    pub(super) fn take_in(&self, core: &Core, batch: Vec<(u32, Load)>) {
        let count = batch.len();
        let numbers: Vec<u32> = batch.iter().map(|(number, _)| *number).collect();
        let mut ended = 0;
        for (number, load) in batch {
            let outcome = self.outcome(number);
            match load {
                Load::Task(task) => {
                    self.end_task(number, task, &outcome);
                    ended += 1;
                }
                Load::Piece(piece) => ended += self.end_piece(core, number, piece, &outcome),
                Load::None => {}
            }
            self.memory.slots()[number as usize].word.release();
        }
        self.readers.fetch_sub(count, Ordering::SeqCst);
        if count > 0 {
            lock(&self.window).free.extend(numbers);
        }
        self.fleet.has_progressed();
        self.settle(core, ended);
    }

    /// What the worker has left in a slot that was taken.
    fn outcome(&self, number: u32) -> Outcome<'_> {
        let slot = &self.memory.slots()[number as usize];
        let worker = Self::worker_of(slot.word.read().worker());
        let worker = worker.min(self.memory.layout.workers - 1);
        let status = slot.status.load(Ordering::Relaxed);
        let mut outcome = Outcome { status, message: None, worker, slot };
        let length = slot.message_len.load(Ordering::Relaxed) as usize;
        let at = slot.message_at.load(Ordering::Relaxed);
        if length > 0 && length <= 1 << 20 {
            outcome.message = self.in_slab(&outcome, at, length).map(String::from_utf8_lossy);
        }
        let tail = if status == status::OK { None } else { self.fleet.stderr_tail(worker) };
        if let Some(tail) = tail {
            let said = outcome.message.as_deref().unwrap_or_else(|| status::meaning(status));
            outcome.message = Some(format!("{said}\nstderr: {tail}").into());
        }
        outcome
    }

    /// What a dead worker has left in a slot: nothing but where its map's results are.
    pub(super) fn remains(&self, number: u32, worker: usize) -> Outcome<'_> {
        let slot = &self.memory.slots()[number as usize];
        Outcome { status: status::WORKER_DIED, message: None, worker, slot }
    }

    /// Bytes in the slab of the worker that has left an outcome; `None` if they cannot be there.
    pub(super) fn in_slab<'a>(
        &'a self,
        outcome: &Outcome<'a>,
        at: u64,
        length: usize,
    ) -> Option<&'a [u8]> {
        let slab = self.memory.layout.slab(outcome.worker);
        let at = usize::try_from(at).ok()?;
        if at > slab.len() || length > slab.len() - at {
            return None;
        }
        let start = self.memory.at(slab.start + at);
        // SAFETY: inside the mapping, whose pages read as zero where nobody wrote.
        Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), length) })
    }

    /// A large result was moved on: its memory goes back to the system.
    pub(super) fn shrink_slab(&self, worker: usize, at: u64, length: usize) {
        let end = at as usize + length;
        if end > slab::KEPT {
            let slab = self.memory.layout.slab(worker);
            self.memory.discard(slab.start + (at as usize).max(slab::KEPT)..slab.start + end);
        }
    }

    fn end_task(&self, number: u32, task: TaskRef, outcome: &Outcome<'_>) {
        let slot = outcome.slot;
        let at = slot.result_at.load(Ordering::Relaxed);
        let length = slot.result_len.load(Ordering::Relaxed) as usize;
        let mut status = outcome.status;
        let mut message = outcome.message.as_deref();
        let mut inline = [0_u8; super::layout::INLINE];
        let mut result: &[u8] = &[];
        if status == status::OK && at != AT_HOME {
            let found = self.in_slab(outcome, at, length);
            if found.is_none() {
                status = status::INTERNAL;
                message = Some("the worker has left a result that cannot be");
            }
            result = found.unwrap_or_default();
        } else if status == status::OK {
            let parcel = task.parcel();
            let size = parcel.as_ref().map_or(0, |parcel| parcel.result_size);
            if size > 0 && size <= inline.len() {
                let start = super::worker::Worker::inline_result(slot);
                // SAFETY: the slot's inline part holds the result there; a copy is taken of
                // whatever it is now.
                unsafe { ptr::copy_nonoverlapping(start, inline.as_mut_ptr(), size) };
                result = &inline[..size];
            }
        }
        self.owners[number as usize].store(ptr::null_mut(), Ordering::SeqCst);
        let pid = self.pid_of(slot.word.read().worker());
        let worker = outcome.worker as u32;
        task.finish_elsewhere(&Ending { status, message, result, worker, pid });
        if at != AT_HOME {
            self.shrink_slab(outcome.worker, at, length);
        }
    }

    /// Takes the result of a task in, if it is done and nobody has; gives its slot back.
    pub(super) fn collect(&self, core: &Core, number: u32, generation: Generation) -> bool {
        let load = {
            let mut window = lock(&self.window);
            if window.infos[number as usize].generation != generation {
                return false;
            }
            self.take(&mut window, number)
        };
        let Some(load) = load else { return false };
        self.take_in(core, vec![(number, load)]);
        if self.backlog.load(Ordering::Relaxed) {
            self.feed(core);
        }
        true
    }
}

fn halves(value: &u128) -> [u64; 2] {
    let bytes = value.to_ne_bytes();
    let half = |at: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[at..at + 8]);
        u64::from_ne_bytes(half)
    };
    [half(0), half(8)]
}
