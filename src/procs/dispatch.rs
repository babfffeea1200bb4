//! Tasks on their way to the workers, and their results on the way back.

use super::{
    catalog::Name,
    engine::{ProcessEngine, nanoseconds},
    hints::{Hint, Room},
    layout::{ASLEEP, HAS_ATTEMPTS, HAS_CONTEXT, HAS_LIMIT, IS_INLINE, IS_POINTER, SEARCHING},
    window::{Load, Waiting, Window},
    word::{Generation, NOTICE, Phase, WAITED},
};
use crate::{
    pool::{
        core::Core,
        parcel::Parcel,
        priority::{LEVELS, Level},
        status::{self, Status},
        task::TaskRef,
    },
    support::sync::{AtomicU64, Ordering, fence, lock},
    sys::futex,
};

/// What came of putting a task into a slot.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is there.
    Yes,
    /// There is none right now.
    NoSlot,
    /// It cannot go: it was cancelled, or the workers do not know its function any more.
    Over,
}

/// What was put into a slot.
pub(super) struct Filled {
    pub(super) level: Level,
    /// See `Info`.
    pub(super) limit: u64,
    pub(super) load: Load,
}

/// What came of a look at the front of the queue.
enum Next {
    Nothing,
    Placed,
    /// It is done already, and somebody waits for it.
    Done(u32, Generation),
    /// A task that needs no worker any more, and how it ends, if it has not yet.
    Over(TaskRef, Option<Status>),
    /// A map, and whether it is its level's turn.
    Map(u32, Level, bool),
}

impl ProcessEngine {
    /// Puts a task into a slot, if it can go.
    pub(super) fn place_task(&self, window: &mut Window, task: TaskRef) -> Placed {
        let level = task.level();
        let Some(number) = self.free_slot(window, level) else { return Placed::NoSlot };
        let Some(parcel) = task.parcel() else { return Placed::Over };
        let Some(name) = self.names.found(parcel.function) else { return Placed::Over };
        if !task.state.claim() {
            return Placed::Over;
        }
        window.free.pop();
        let flags = if task.has_callback() || task.state.is_waited() { NOTICE } else { 0 };
        let limit = self.fill_slot(number, task, &parcel, name);
        self.publish(window, number, Filled { level, limit, load: Load::Task(task) }, flags);
        Placed::Yes
    }

    /// Writes a claimed task into a slot; its limit.
    fn fill_slot(&self, number: u32, task: TaskRef, parcel: &Parcel<'_>, name: Name) -> u64 {
        let slot = &self.memory.slots()[number as usize];
        let store = |word: &AtomicU64, value: u64| word.store(value, Ordering::Relaxed);
        slot.module.store(name.module, Ordering::Relaxed);
        store(&slot.offset, name.offset);
        store(&slot.arg_size, parcel.arg_size as u64);
        store(&slot.result_size, parcel.result_size as u64);
        store(&slot.arg, parcel.arg as u64);
        let limit = parcel.timeout_ms.map_or(self.limit, nanoseconds);
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
        if !parcel.context.is_null() {
            kind |= HAS_CONTEXT;
            store(&slot.map.context, parcel.context as u64);
        }
        if limit != 0 {
            kind |= HAS_LIMIT;
        }
        if parcel.attempts != 0 {
            kind |= HAS_ATTEMPTS;
            store(&slot.map.attempts, parcel.attempts.into());
        }
        slot.kind.store(kind, Ordering::Relaxed);
        self.owners[number as usize].store(task.as_non_null().as_ptr(), Ordering::SeqCst);
        task.set_engine_number(number);
        limit
    }

    /// Sends a task that has failed to the workers once more, in the slot that it was taken from,
    /// before whatever waits; false if that was its last attempt, or it is not wanted any more.
    pub(super) fn begin_again(&self, number: u32, task: TaskRef, status: Status) -> bool {
        let mut window = lock(&self.window);
        // Whoever cancels it, ends the pool or gives it up does so before taking this lock, and
        // then finds the task in its slot.
        if self.fleet.has_failed() || !task.begins_again(status) {
            return false;
        }
        let Some(parcel) = task.parcel() else { return false };
        let Some(name) = self.names.found(parcel.function) else { return false };
        let word = &self.memory.slots()[number as usize].word;
        let was = word.release();
        let limit = self.fill_slot(number, task, &parcel, name);
        let load = Load::Task(task);
        self.announce(&mut window, number, Filled { level: task.level(), limit, load }, NOTICE);
        let generation = window.infos[number as usize].generation;
        self.push_returned(&mut window, Hint { slot: number, generation });
        drop(window);
        if was.has(WAITED) {
            // To sleep on the word as it is now.
            futex::wake_shared(self.memory.futex(word), i32::MAX);
        }
        self.wake_workers(1);
        true
    }

    /// A slot that is free, and has a hint to be had for it. The first hint of a full ring leads to
    /// a task that a worker will have claimed before long, and then there is room.
    pub(super) fn free_slot(&self, window: &mut Window, level: Level) -> Option<u32> {
        let number = *window.free.last()?;
        let mut room = self.hint_room(window, level);
        if room == Room::Garbled {
            self.mend_hints(window);
            room = self.hint_room(window, level);
        }
        (room == Room::Yes).then_some(number)
    }

    fn hint_room(&self, window: &Window, level: Level) -> Room {
        let end = window.fresh_ends[level as usize];
        self.memory.fresh(level).has_room(end, |hint| self.leads_on(hint))
    }

    /// Sees to it that there is room for a hint at a slot that has been taken before. Other slots
    /// may have been filled since; at the worst the queue is written anew, without the hints that
    /// lead nowhere, and then there is room: there are as many hints as slots.
    pub(super) fn make_hint_room(&self, window: &mut Window, level: Level) {
        if self.hint_room(window, level) != Room::Yes {
            self.mend_hints(window);
        }
    }

    /// Whether a hint leads to a queued task.
    pub(super) fn leads_on(&self, hint: Hint) -> bool {
        let slot = self.memory.slots().get(hint.slot as usize);
        slot.is_some_and(|slot| {
            let word = slot.word.read();
            word.generation() == hint.generation && word.phase() == Phase::Queued
        })
    }

    /// Writes all queues of hints anew: one of them cannot be right.
    pub(super) fn mend_hints(&self, window: &mut Window) {
        for level in Level::ALL {
            self.memory.fresh(level).reset(window.fresh_ends[level as usize]);
        }
        self.memory.returned().reset(window.returned_end);
        for (number, info) in window.infos.iter().enumerate() {
            let hint = Hint { slot: number as u32, generation: info.generation };
            if !matches!(info.load, Load::None) && self.leads_on(hint) {
                let end = &mut window.fresh_ends[info.level as usize];
                *end = self.memory.fresh(info.level).push(*end, hint);
            }
        }
        // Workers may have seen nothing meanwhile, and gone to sleep.
        self.wake_workers(1);
    }

    /// Makes a filled slot known to the workers.
    pub(super) fn publish(&self, window: &mut Window, number: u32, filled: Filled, flags: u64) {
        let level = filled.level;
        self.announce(window, number, filled, flags);
        let generation = window.infos[number as usize].generation;
        let hint = Hint { slot: number, generation };
        if level != Level::Normal {
            // Before the hint: who looks after it, and a fence, sees it.
            self.memory.has_levels().store(1, Ordering::Relaxed);
        }
        let end = &mut window.fresh_ends[level as usize];
        *end = self.memory.fresh(level).push(*end, hint);
        self.make_way(window, level);
    }

    /// Makes a filled slot one that can be claimed; a hint at it must follow.
    fn announce(&self, window: &mut Window, number: u32, filled: Filled, flags: u64) {
        let Filled { level, limit, load } = filled;
        let info = &mut window.infos[number as usize];
        info.generation = self.memory.slots()[number as usize].word.publish(flags);
        info.level = level;
        info.load = load;
        info.limit = limit;
        info.reason = None;
        info.returns = 0;
        if limit != 0 {
            self.has_limits.store(true, Ordering::SeqCst);
            if limit < self.looks_within.load(Ordering::SeqCst) {
                self.ring();
            }
        }
    }

    /// Puts a hint in front of those in the order of submission.
    pub(super) fn push_returned(&self, window: &mut Window, hint: Hint) {
        let queue = self.memory.returned();
        if queue.has_room(window.returned_end, |hint| self.leads_on(hint)) == Room::Yes {
            window.returned_end = queue.push(window.returned_end, hint);
        } else {
            self.mend_hints(window);
        }
    }

    /// After something was queued: sends what can go, and takes results in when slots are scarce.
    pub(super) fn feed_and_harvest(&self, core: &Core) {
        self.feed(core);
        if self.backlog.load(Ordering::Relaxed) && self.help_to_harvest(core) {
            self.feed(core);
        }
    }

    /// Sends what waits, as far as there are slots.
    pub(super) fn feed(&self, core: &Core) {
        let mut sent = 0;
        // Maps that have as many pieces out as they may have, by level.
        let mut passed = [0; LEVELS];
        loop {
            let mut window = lock(&self.window);
            let next = self.next(&mut window, &passed);
            match next {
                Next::Placed => sent += 1,
                Next::Done(number, generation) => {
                    drop(window);
                    self.collect(core, number, generation);
                }
                Next::Nothing => {
                    self.backlog.store(!window.is_empty(), Ordering::Relaxed);
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
                Next::Map(number, level, first) => {
                    drop(window);
                    match self.feed_map(core, number, first) {
                        Some(pieces) => sent += pieces,
                        None => passed[level as usize] += 1,
                    }
                }
            }
        }
        self.wake_workers(sent);
    }

    /// Wakes up to `count` workers, less those that are searching; the number woken. Either a
    /// worker that is about to sleep, or that has found something, sees what was done before, or
    /// it is seen here.
    pub(super) fn wake_workers(&self, mut count: usize) -> usize {
        fence(Ordering::SeqCst);
        let mut woken = 0;
        for (index, word) in self.memory.sleepers().iter().enumerate() {
            if count == 0 {
                break;
            }
            match word.load(Ordering::Relaxed) {
                SEARCHING if self.fleet.is_at_work(index) => count -= 1,
                ASLEEP if self.fleet.is_at_work(index) && self.memory.wake(index) => {
                    count -= 1;
                    woken += 1;
                }
                _ => {}
            }
        }
        woken
    }

    fn next(&self, window: &mut Window, passed: &[usize; LEVELS]) -> Next {
        let order = Level::order(window.turn);
        for level in order {
            let at = passed[level as usize];
            let first = level == order[0];
            let task = match window.queues[level as usize].get(at) {
                None => continue,
                Some(Waiting::Map(number)) => return Next::Map(*number, level, first),
                Some(Waiting::Task(task)) => *task,
            };
            // Else it was cancelled.
            let mut over = None;
            if task.state.is_queued() {
                if !window.has_slot(level, first) {
                    continue;
                }
                match self.place_task(window, task) {
                    Placed::NoSlot => continue,
                    Placed::Yes => {
                        window.queues[level as usize].remove(at);
                        window.turn = window.turn.wrapping_add(1);
                        return self.notice_if_waited(window, task);
                    }
                    Placed::Over => over = Some(status::UNKNOWN_FUNCTION),
                }
            }
            window.queues[level as usize].remove(at);
            return Next::Over(task, over);
        }
        Next::Nothing
    }

    /// A waiter that has announced itself while the task was being placed did not find it: either
    /// its announcement is seen here, or it sees the slot.
    fn notice_if_waited(&self, window: &Window, task: TaskRef) -> Next {
        fence(Ordering::SeqCst);
        let number = task.engine_number();
        if task.state.is_waited() {
            let generation = window.infos[number as usize].generation;
            if let Err(now) = self.memory.slots()[number as usize].word.set(generation, NOTICE)
                && now.phase() == Phase::Done
            {
                return Next::Done(number, generation);
            }
        }
        Next::Placed
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
