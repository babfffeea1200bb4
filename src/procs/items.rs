#![allow(unsafe_code)]
//! The items of a piece of a map on their way home: done, failed, left out, or to go out again.

use super::{engine::ProcessEngine, results::Answer, window::Piece, word::STOP};
use crate::{
    pool::{
        core::Core,
        map::Map,
        map_call::MapCall,
        status::{self, Error, Status},
        task::TaskRef,
    },
    support::sync::{Ordering, lock},
};
use std::{borrow::Cow, ops::Range};

impl ProcessEngine {
    /// A piece has come back; returns 1 if it was the last of its map, which has ended.
    pub(super) fn end_piece(
        &self,
        core: &Core,
        number: u32,
        piece: Piece,
        answer: &Answer<'_>,
    ) -> usize {
        let slot = &self.memory.slots()[number as usize];
        let done = (slot.map.progress.load(Ordering::Acquire) as usize).min(piece.count);
        let error = (answer.status != status::OK).then(|| {
            let said = answer.message.clone();
            let said = said.map_or_else(|| status::meaning(answer.status), Cow::Owned);
            Error::new(answer.status, said)
        });
        self.end_items(core, number, piece, done, error.as_ref(), Some(answer))
    }

    /// A piece is with the workers no more; its map's task.
    fn unload(&self, piece: &Piece) -> Option<TaskRef> {
        self.memory.pieces().fetch_sub(1, Ordering::SeqCst);
        self.drop_copies(piece);
        lock(&self.window).jobs.get(&piece.job).map(|job| job.task)
    }

    /// Frees what was copied for the workers.
    pub(super) fn drop_copies(&self, piece: &Piece) {
        if piece.copies != 0 {
            self.arguments.give(piece.copies);
        }
    }

    /// Moves on what a piece has brought: `done` items, then perhaps one that failed, and a rest.
    pub(super) fn end_items(
        &self,
        core: &Core,
        number: u32,
        piece: Piece,
        done: usize,
        error: Option<&Error>,
        answer: Option<&Answer<'_>>,
    ) -> usize {
        let Some(task) = self.unload(&piece) else { return 0 };
        let Some(map) = task.map() else { return 0 };
        let call = map.call();
        let mut error = error.cloned();
        let mut done = done;
        if let Some(answer) = answer
            && !self.bring_home(call, number, &piece, done, answer)
        {
            let text = "the worker has left results that cannot be";
            error = Some(Error::new(status::INTERNAL, text));
            done = 0;
        }
        let mut end = piece.first + done;
        let high = piece.first + piece.count;
        let mut count = done;
        if let Some(error) = error.filter(|_| end < high) {
            self.fail_items(core, task, map, end..end + 1, &error);
            end += 1;
        }
        if let Some(answer) = answer {
            self.books[answer.worker].tally.count_items(end - piece.first);
        }
        let stopped = map.is_stopped();
        if stopped && end < high {
            map.skip(end, high);
            count += high - end;
        }
        map.account(task, count);
        if !stopped && end < high {
            let mut window = lock(&self.window);
            if let Some(job) = window.jobs.get_mut(&piece.job) {
                // In two, so that two can go on with it.
                let middle = end + (high - end).div_ceil(2);
                if middle < high {
                    job.ranges.push_front((middle, high));
                }
                job.ranges.push_front((end, middle));
            }
            window.queue_job(piece.job, true);
            self.backlog.store(true, Ordering::Relaxed);
        }
        self.job_back(piece.job)
    }

    /// None of a piece's items can be told: all of them fail.
    pub(super) fn end_whole_piece(&self, core: &Core, piece: Piece, error: &Error) -> usize {
        let Some(task) = self.unload(&piece) else { return 0 };
        let Some(map) = task.map() else { return 0 };
        self.fail_items(core, task, map, piece.first..piece.first + piece.count, error);
        self.job_back(piece.job)
    }

    /// Copies results and statuses of the items done to where the caller wants them.
    fn bring_home(
        &self,
        call: &MapCall,
        number: u32,
        piece: &Piece,
        done: usize,
        answer: &Answer<'_>,
    ) -> bool {
        let slot = &self.memory.slots()[number as usize];
        if done == 0 {
            return true;
        }
        let results = call.results.wrapping_byte_add(piece.first * call.result_size);
        if call.result_size > 0 && !self.is_shared(results, call.result_size * piece.count) {
            let at = slot.result_at.load(Ordering::Relaxed);
            let length = done * call.result_size;
            let Some(bytes) = self.in_slab(answer, at, length) else { return false };
            // SAFETY: these items' places are nobody else's until the map has ended.
            unsafe { bytes.copy_to(results.cast()) };
            self.shrink_slab(answer.worker, at, length);
        }
        if !call.statuses.is_null() {
            let at = slot.map.statuses_at.load(Ordering::Relaxed);
            let length = done * size_of::<Status>();
            let Some(bytes) = self.in_slab(answer, at, length) else { return false };
            // SAFETY: as above.
            unsafe { bytes.copy_to(call.statuses.add(piece.first).cast()) };
        }
        true
    }

    /// A piece of a map is not out any more; 1 if it was the last, and the map has left.
    pub(super) fn job_back(&self, number: u32) -> usize {
        let ended = lock(&self.window).piece_back(number);
        ended.map_or(0, |task| {
            task.release();
            1
        })
    }

    /// Items could not be run.
    pub(super) fn fail_items(
        &self,
        core: &Core,
        task: TaskRef,
        map: &Map,
        items: Range<usize>,
        error: &Error,
    ) {
        let (first, count) = (items.start, items.len());
        if count > 0 && !write_statuses(map.call(), items, error.status) {
            map.fail(core, first, error.status, error.message.clone());
            self.ask_pieces(task, STOP);
        }
        map.account(task, count);
    }
}

/// Gives items a status each; false if the map does not want them.
fn write_statuses(call: &MapCall, items: Range<usize>, status: Status) -> bool {
    if call.statuses.is_null() {
        return false;
    }
    for index in items {
        // SAFETY: the array holds `count` statuses, and these items' are nobody else's now.
        unsafe { call.statuses.add(index).write(status) };
    }
    true
}
