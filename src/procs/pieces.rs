#![allow(unsafe_code)]
//! Maps, in pieces: each piece is a task to the workers.
//!
//! Pieces are handed out large first and smaller towards the end. When a worker has nothing to do
//! while another has a piece with much left, the supervisor asks that one to end early, and what
//! it leaves goes to both: so neither even nor wildly uneven work needs a chunk size.

use super::{
    dispatch::Filled,
    engine::{ProcessEngine, nanoseconds},
    layout::{BODY, HAS_LIMIT, HAS_STATUSES, IS_MAP},
    window::{ENDED, Load, Piece, Window},
    word::{NOTICE, Phase, STOP, YIELD},
};
use crate::{
    pool::{
        core::Core,
        map::Map,
        map_call::MapCall,
        priority::Level,
        status::{self, Error},
        task::TaskRef,
    },
    support::sync::{AtomicU64, Ordering, lock},
};
use std::{
    ptr,
    time::{Duration, Instant},
};

/// Arguments and results of a piece that are copied are about this many bytes.
const COPIED: usize = 256 << 10;
/// A piece whose items have statuses has so many at most: there is room for those.
const MOST_ITEMS: usize = 4 << 20;
/// Pieces with copies that each worker may have out.
const COPIES_OUT: usize = 4;
/// A piece is not split before it has run so long.
pub(super) const SPLIT_AFTER: Duration = Duration::from_micros(200);

impl ProcessEngine {
    /// How many items of a map are copied at a time; `None` if its arrays are used in place.
    pub(super) fn piece_size(&self, call: &MapCall) -> Option<usize> {
        let args = call.arg_size == 0 || self.is_shared(call.args, call.arg_size * call.count);
        let results =
            call.result_size == 0 || self.is_shared(call.results, call.result_size * call.count);
        if args && results {
            return None;
        }
        let size = call.arg_size.saturating_add(call.result_size).max(1);
        Some((COPIED / size).max(1))
    }

    /// Sends the next piece of a map, or ends one that has nothing to send; the number of pieces
    /// sent, or `None` if it must wait until others have come back. `first` says that it is its
    /// level's turn.
    pub(super) fn feed_map(&self, core: &Core, number: u32, first: bool) -> Option<usize> {
        let mut window = lock(&self.window);
        let workers = core.workers();
        let Some(level) = window.jobs.get(&number).map(|job| job.level) else {
            window.unqueue_job(number);
            return Some(0);
        };
        let no_slot =
            !window.has_slot(level, first) || self.free_slot(&mut window, level).is_none();
        let job = window.jobs.get_mut(&number)?;
        let task = job.task;
        let map = task.map()?;
        let call = map.call();
        let _ = task.state.claim();
        let left = job.left();
        if map.is_stopped() || left == 0 {
            let skipped: Vec<_> = job.ranges.drain(..).collect();
            job.out += 1;
            window.unqueue_job(number);
            drop(window);
            for (low, high) in skipped {
                map.skip(low, high);
            }
            map.account(task, if call.count == 0 { 1 } else { left });
            self.settle(core, self.job_back(number));
            return Some(0);
        }
        let throttled = job.copied.is_some() && job.out >= COPIES_OUT * workers;
        if throttled || no_slot {
            return None;
        }
        let even = left.div_ceil(2 * workers);
        let room = if call.statuses.is_null() { usize::MAX } else { MOST_ITEMS };
        let most = job.copied.map_or(even, |most| most.min(even)).clamp(1, room);
        let (first, count) = job.cut(most);
        job.out += 1;
        if job.ranges.is_empty() {
            window.unqueue_job(number);
        }
        window.turn = window.turn.wrapping_add(1);
        let slot = window.free.pop()?;
        drop(window);
        let piece = Piece { job: number, first, count, copies: 0 };
        Some(self.send_piece(core, task, map, slot, piece))
    }

    /// Puts a piece into a free slot; the number of pieces sent, 0 if its items ended instead.
    fn send_piece(
        &self,
        core: &Core,
        task: TaskRef,
        map: &Map,
        slot: u32,
        mut piece: Piece,
    ) -> usize {
        let (number, items) = (piece.job, piece.first..piece.first + piece.count);
        if let Err(error) = self.fill_piece(map.call(), slot, &mut piece) {
            lock(&self.window).free.push(slot);
            self.fail_items(core, task, map, items, &error);
            self.settle(core, self.job_back(number));
            return 0;
        }
        let mut window = lock(&self.window);
        if map.is_stopped() {
            // Since the look at the map: whoever stopped it has not seen this piece.
            window.free.push(slot);
            drop(window);
            self.drop_copies(&piece);
            map.skip(items.start, items.end);
            map.account(task, items.len());
            self.settle(core, self.job_back(number));
            return 0;
        }
        let level = map.call().level();
        self.make_hint_room(&mut window, level);
        window.infos[slot as usize].since = Some(Instant::now());
        self.memory.pieces().fetch_add(1, Ordering::SeqCst);
        let filled = Filled { level, limit: self.limit_of(map.call()), load: Load::Piece(piece) };
        self.publish(&mut window, slot, filled, NOTICE);
        1
    }

    fn limit_of(&self, call: &MapCall) -> u64 {
        let own = call.terms.map(|terms| terms.timeout_ms).filter(|ms| *ms != 0);
        own.map_or(self.limit, nanoseconds)
    }

    /// Fills a slot with a piece of a map, and copies what the workers do not see.
    fn fill_piece(&self, call: &MapCall, number: u32, piece: &mut Piece) -> Result<(), Error> {
        let slot = &self.memory.slots()[number as usize];
        let store = |word: &AtomicU64, value: usize| word.store(value as u64, Ordering::Relaxed);
        let (first, count) = (piece.first, piece.count);
        let name = self.names.found(call.body.function());
        let name = name.ok_or_else(|| Error::from(status::UNKNOWN_FUNCTION))?;
        let in_args = call.arg_size * count;
        let in_results = call.result_size * count;
        let args = call.args.wrapping_byte_add(first * call.arg_size);
        let results = call.results.wrapping_byte_add(first * call.result_size);
        let args_seen = call.arg_size == 0 || self.is_shared(args, in_args);
        let results_seen = call.result_size == 0 || self.is_shared(results, in_results);
        // A map in place: what the results' places hold is what the arguments' do.
        let same = args == results.cast_const() && in_args == in_results;
        let for_args = if args_seen { 0 } else { in_args.next_multiple_of(64) };
        let for_results = if results_seen || same && !args_seen { 0 } else { in_results };
        let (mut arg, mut before) = (args as usize, args as usize);
        if for_args + for_results > 0 {
            let place = self.arguments.take(for_args + for_results)?.as_ptr();
            piece.copies = place as usize;
            // SAFETY: the block has room for both; the arrays are the caller's until the map ends.
            unsafe {
                if for_args > 0 {
                    ptr::copy_nonoverlapping(args.cast::<u8>(), place, in_args);
                    (arg, before) = (place as usize, place as usize);
                }
                if for_results > 0 {
                    let place = place.add(for_args);
                    ptr::copy_nonoverlapping(results.cast::<u8>(), place, in_results);
                    before = place as usize;
                }
            }
        }
        slot.module.store(name.module, Ordering::Relaxed);
        store(&slot.offset, name.offset as usize);
        let statuses = if call.statuses.is_null() { 0 } else { HAS_STATUSES };
        let limit = if self.limit_of(call) == 0 { 0 } else { HAS_LIMIT };
        slot.kind.store(IS_MAP | statuses | limit | call.body.kind() << BODY, Ordering::Relaxed);
        store(&slot.arg, arg);
        store(&slot.arg_size, call.arg_size);
        store(&slot.result_size, call.result_size);
        store(&slot.map.context, call.context as usize);
        store(&slot.map.first, call.first + first);
        store(&slot.map.count, count);
        store(&slot.map.progress, 0);
        store(&slot.map.results, if results_seen { results as usize } else { 0 });
        store(&slot.map.before, before);
        Ok(())
    }

    /// Sets flags on all pieces of a map that are with workers.
    pub(super) fn ask_pieces(&self, task: TaskRef, flags: u64) {
        let window = lock(&self.window);
        let number = task.map().map_or(0, |map| map.number.load(Ordering::Relaxed));
        for (slot, info) in self.memory.slots().iter().zip(&window.infos) {
            if matches!(&info.load, Load::Piece(piece) if piece.job == number) {
                let _ = slot.word.set(info.generation, flags);
            }
        }
    }

    /// The map was stopped: accounts for all that nobody has begun.
    pub(super) fn skip_map(&self, core: &Core, task: TaskRef) {
        let Some(map) = task.map() else { return };
        let number = {
            let _window = lock(&self.window);
            let number = map.number.load(Ordering::Relaxed);
            if number == 0 {
                map.number.store(ENDED, Ordering::Relaxed);
            }
            number
        };
        if number == 0 {
            // It was never enqueued, or will find that it is too late for that.
            map.skip(0, map.call().count);
            map.account(task, map.call().count.max(1));
            return;
        }
        self.ask_pieces(task, STOP);
        let mut taken = Vec::new();
        {
            let mut window = lock(&self.window);
            if !window.jobs.get(&number).is_some_and(|job| job.task == task) {
                return;
            }
            for slot in 0..window.infos.len() as u32 {
                let info = &window.infos[slot as usize];
                if matches!(&info.load, Load::Piece(piece) if piece.job == number) {
                    let generation = info.generation;
                    let load = self.withdraw_from(&mut window, slot, generation);
                    taken.extend(load.map(|load| (slot, load)));
                }
            }
            window.queue_job(number, true);
            self.backlog.store(true, Ordering::Relaxed);
        }
        for (slot, load) in taken {
            self.end_unrun(core, slot, load, &Error::from(status::CANCELLED));
        }
        self.feed(core);
    }

    /// Something more urgent than a map has come, and nobody is free: asks who has a piece of the
    /// map to leave the rest of it.
    pub(super) fn make_way(&self, window: &Window, level: Level) {
        let is_less = |other: Level| other as usize > level as usize;
        if self.memory.pieces().load(Ordering::Relaxed) == 0
            || !window.jobs.values().any(|job| is_less(job.level))
            || self.fleet.idle() > 0
        {
            return;
        }
        for (slot, info) in self.memory.slots().iter().zip(&window.infos) {
            if !matches!(info.load, Load::Piece(_)) || !is_less(info.level) {
                continue;
            }
            let reading = slot.word.read();
            if reading.phase() == Phase::Started && !reading.has(YIELD) {
                let _ = slot.word.set(info.generation, YIELD);
                return;
            }
        }
    }

    /// Some worker has nothing to do: asks those with much left of a piece to leave some. How
    /// long until it is worth looking again, if it is.
    pub(super) fn split_pieces(&self) -> Option<Duration> {
        if self.memory.pieces().load(Ordering::Relaxed) == 0 {
            return None;
        }
        let idle = self.fleet.idle();
        if idle == 0 || self.memory.has_hints() {
            return None;
        }
        let window = lock(&self.window);
        let mut asked = 0;
        let mut again = None;
        for (slot, info) in self.memory.slots().iter().zip(&window.infos) {
            let Load::Piece(piece) = &info.load else { continue };
            let reading = slot.word.read();
            let done = slot.map.progress.load(Ordering::Relaxed) as usize;
            if matches!(reading.phase(), Phase::Queued | Phase::Claimed) {
                again = Some(SPLIT_AFTER);
            }
            if reading.phase() != Phase::Started || done.saturating_add(2) > piece.count {
                continue;
            }
            let ran = info.since.map_or(SPLIT_AFTER, |since| since.elapsed());
            if ran < SPLIT_AFTER {
                again = Some(SPLIT_AFTER - ran);
            } else if asked < idle && !reading.has(YIELD) {
                let _ = slot.word.set(info.generation, YIELD);
                asked += 1;
            }
        }
        again
    }
}
