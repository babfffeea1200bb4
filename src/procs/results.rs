#![allow(unsafe_code)]
//! Results on their way home: what a worker has left in a slot and in its slab, checked and copied.

use super::{
    engine::ProcessEngine,
    fleet::worker_of,
    layout::{AT_HOME, HAS_SAID, INLINE, Slot},
    slab,
    window::Load,
    word::{Generation, WAITED},
};
use crate::{
    pool::{
        core::Core,
        parcel::Ending,
        payload::result_offset,
        status::{self, Status},
        task::TaskRef,
    },
    support::{
        foreign::Foreign,
        sync::{Ordering, lock},
    },
    sys::futex,
};
use std::{borrow::Cow, ptr};

/// What a worker has left in a slot, checked.
pub(super) struct Answer<'a> {
    pub(super) status: Status,
    pub(super) message: Option<String>,
    /// The worker's number.
    pub(super) worker: usize,
    /// Whether the task has said how far it has come.
    has_said: bool,
    slot: &'a Slot,
}

impl ProcessEngine {
    /// The worker that the word of a slot names, or one that there is if it was written over.
    fn named_worker(&self, slot: &Slot) -> usize {
        worker_of(slot.word.read().worker()).min(self.memory.layout.workers - 1)
    }

    /// Ends what was taken from slots, and frees these.
    pub(super) fn take_in(&self, core: &Core, batch: Vec<(u32, Load)>) {
        let count = batch.len();
        let mut numbers = Vec::with_capacity(count);
        let mut ended = 0;
        for (number, load) in batch {
            let answer = self.answer(number);
            match load {
                Load::Task(task) => {
                    if answer.status != status::OK && self.begin_again(number, task, answer.status)
                    {
                        continue;
                    }
                    self.end_task(number, task, &answer);
                    ended += 1;
                }
                Load::Piece(piece) => ended += self.end_piece(core, number, piece, &answer),
                Load::None => {}
            }
            numbers.push(number);
            let word = &self.memory.slots()[number as usize].word;
            if word.release().has(WAITED) {
                // The worker has woken who sleeps on the word, unless it died before it could.
                futex::wake_shared(self.memory.futex(word), i32::MAX);
            }
        }
        self.readers.fetch_sub(count, Ordering::SeqCst);
        if count > 0 {
            lock(&self.window).free.extend(numbers);
            self.fleet.has_progressed();
        }
        self.settle(core, ended);
    }

    /// What the worker has left in a slot that was taken.
    fn answer(&self, number: u32) -> Answer<'_> {
        let slot = &self.memory.slots()[number as usize];
        let worker = self.named_worker(slot);
        let status = slot.status.load(Ordering::Relaxed);
        let mut answer = Answer { status, message: None, worker, has_said: false, slot };
        let length = slot.message_len.load(Ordering::Relaxed);
        answer.has_said = length & HAS_SAID != 0;
        let length = (length & !HAS_SAID) as usize;
        let at = slot.message_at.load(Ordering::Relaxed);
        if length > 0 && length <= 1 << 20 {
            let bytes = self.in_slab(&answer, at, length).map(Foreign::to_vec);
            answer.message = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        }
        let tail = if status == status::OK { None } else { self.fleet.stderr_tail(worker) };
        if let Some(tail) = tail {
            let said = answer.message.map_or_else(|| status::meaning(status), Cow::Owned);
            answer.message = Some(format!("{said}\nstderr: {tail}"));
        }
        answer
    }

    /// What a dead worker has left in a slot: nothing but where its map's results are.
    pub(super) fn remains(&self, number: u32, worker: usize) -> Answer<'_> {
        let slot = &self.memory.slots()[number as usize];
        Answer { status: status::WORKER_DIED, message: None, worker, has_said: true, slot }
    }

    /// Bytes in the slab of the worker that has left an answer; `None` if they cannot be there.
    pub(super) fn in_slab<'a>(
        &'a self,
        answer: &Answer<'a>,
        at: u64,
        length: usize,
    ) -> Option<Foreign<'a>> {
        let slab = self.memory.layout.slab(answer.worker);
        let at = usize::try_from(at).ok()?;
        if at > slab.len() || length > slab.len() - at {
            return None;
        }
        let start = self.memory.at(slab.start + at);
        // SAFETY: inside the mapping, whose pages read as zero where nobody wrote.
        Some(unsafe { Foreign::new(start.as_ptr(), length) })
    }

    /// A large result was moved on: its memory goes back to the system.
    pub(super) fn shrink_slab(&self, worker: usize, at: u64, length: usize) {
        let end = at as usize + length;
        if end > slab::KEPT {
            let slab = self.memory.layout.slab(worker);
            self.memory.discard(slab.start + (at as usize).max(slab::KEPT)..slab.start + end);
        }
    }

    fn end_task(&self, number: u32, task: TaskRef, answer: &Answer<'_>) {
        let slot = answer.slot;
        let at = slot.result_at.load(Ordering::Relaxed);
        let length = slot.result_len.load(Ordering::Relaxed) as usize;
        let mut status = answer.status;
        let mut message = answer.message.as_deref();
        let mut result = Foreign::EMPTY;
        let mut moved = false;
        if status == status::OK && at != AT_HOME {
            let found = self.in_slab(answer, at, length);
            moved = found.is_some();
            if found.is_none() {
                status = status::INTERNAL;
                message = Some("the worker has left a result that cannot be");
            }
            result = found.unwrap_or(Foreign::EMPTY);
        } else if status == status::OK
            && let Some(parcel) = task.parcel().filter(|parcel| parcel.inline.is_some())
        {
            // Where it is, the host knows itself.
            let at = result_offset(parcel.arg_size);
            let at = at.min(INLINE);
            let size = parcel.result_size.min(INLINE - at);
            // SAFETY: inside the slot's inline part.
            result = unsafe { Foreign::new(slot.inline.as_ptr().cast::<u8>().add(at), size) };
        }
        if answer.has_said {
            self.keep_said(number, task);
        }
        self.owners[number as usize].store(ptr::null_mut(), Ordering::SeqCst);
        // By the worker's own word: for information only.
        let pid = self.memory.record(answer.worker).pid.load(Ordering::Relaxed);
        let worker = answer.worker as u32;
        self.books[answer.worker].tally.count_task();
        task.finish_elsewhere(&Ending { status, message, result, worker, pid });
        if moved {
            self.shrink_slab(answer.worker, at, length);
        }
    }

    /// Takes the result of a task in, if it is done and nobody has; gives its slot back. One with a
    /// callback is left to the supervisor.
    pub(super) fn collect(&self, core: &Core, number: u32, generation: Generation) -> bool {
        let load = {
            let mut window = lock(&self.window);
            let info = &window.infos[number as usize];
            if info.generation != generation || window.has_callback(&info.load) {
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
