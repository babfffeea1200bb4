#![allow(unsafe_code)]
//! The life of a worker process: initialise, claim, run, report, sleep, leave.

use super::{
    catalog::{Catalog, Name},
    child,
    hints::Hint,
    layout::{
        ASLEEP, AT_HOME, AWAKE, HAS_SAID, IS_MAP, LEAVE, Memory, PARKED, Record, SEARCHING, Slot,
        WORK,
    },
    slab::Slab,
    word::{AWAITED, Finish, Generation, NOTICE, Phase, WAITED},
};
use crate::{
    pool::{
        context,
        core::Core,
        local,
        options::Options,
        status::{self, Status},
    },
    support::{
        fail, person, process, spin,
        sync::{AtomicBool, Ordering, fence, thread},
    },
    sys::{event::Event, futex, limits, random, stdio, this_process},
};
use std::{
    cell::{Cell, RefCell},
    time::Instant,
};

/// The exit code of a worker whose initializer failed.
pub const NOT_READY: i32 = 102;
/// The exit code of a worker whose task's state was written over.
pub const LOST: i32 = 103;
/// The exit code of a worker that could not have the stack that was asked for.
pub const NO_STACK: i32 = 104;
/// How often a task's end is looked at for too much memory, at most.
const RSS_EVERY: std::time::Duration = std::time::Duration::from_millis(5);

/// What a worker inherits.
pub struct Heritage<'a> {
    /// The pool, as it was at the fork.
    pub core: &'a Core,
    /// The shared memory.
    pub memory: &'a Memory,
    /// The functions.
    pub catalog: &'a Catalog,
    /// The supervisor's bell.
    pub bell: &'a Event,
    /// How often to look before sleeping.
    pub patience: u32,
}

/// The whole life of the worker `index`; its value is the exit code.
pub fn live(heritage: &Heritage<'_>, index: u32, incarnation: u32) -> i32 {
    let stack = heritage.core.options.stack_size;
    if stack == 0 {
        return live_here(heritage, index, incarnation);
    }
    thread::scope(|scope| {
        thread::Builder::new()
            .stack_size(stack)
            .spawn_scoped(scope, || child::run(|| live_here(heritage, index, incarnation)))
            .map_or(NO_STACK, |handle| {
                let _ = handle.join();
                child::UNWOUND
            })
    })
}

fn live_here(heritage: &Heritage<'_>, index: u32, incarnation: u32) -> i32 {
    let Heritage { core, memory, .. } = *heritage;
    context::become_worker_process_of(core);
    person::become_worker_of(core.pid.cast_unsigned());
    if memory.populate(memory.record_pages(index as usize)).is_err()
        || memory.confine(index as usize).is_err()
    {
        return child::UNWOUND;
    }
    fail::point("born");
    let Ok(epoch) = process::epoch() else { return child::UNWOUND };
    let worker = Worker {
        heritage,
        index,
        incarnation,
        epoch,
        record: memory.record(index as usize),
        budget: Cell::new(usize::MAX),
        unreported: Cell::new(0),
        said: AtomicBool::new(false),
        turn: Cell::new(0),
        slab: RefCell::new(Slab::new(memory, index as usize)),
    };
    worker.live()
}

/// A task that this worker has claimed, or a piece of a map.
#[derive(Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) slot: &'a Slot,
    number: u32,
    generation: Generation,
}

/// A worker process.
pub(super) struct Worker<'a> {
    pub(super) heritage: &'a Heritage<'a>,
    pub(super) index: u32,
    pub(super) incarnation: u32,
    /// A child of a task has another.
    epoch: u32,
    record: &'a Record,
    /// How many tasks or items it may still do.
    pub(super) budget: Cell<usize>,
    /// Reports since it last rang.
    unreported: Cell<usize>,
    /// Whether the task in hand has said how far it has come; perhaps on a thread of its own.
    pub(super) said: AtomicBool,
    /// How many it has claimed where there are levels.
    pub(super) turn: Cell<u32>,
    pub(super) slab: RefCell<Slab<'a>>,
}

impl Worker<'_> {
    pub(super) fn options(&self) -> &Options {
        &self.heritage.core.options
    }

    fn live(&self) -> i32 {
        self.record.begin();
        self.record.pid.store(this_process::own_pid(), Ordering::Relaxed);
        let data = self.options().hooks.data;
        if let Some(reseed) = self.options().processes.reseed {
            // SAFETY: the pool's maker promised that the function may be called with its datum.
            unsafe { reseed(random::number(), data, self.index) };
        }
        if let Some(initializer) = self.options().hooks.initializer {
            fail::point("initializer");
            // SAFETY: as above.
            let status = unsafe { initializer(data, self.index) };
            self.leave_if_child();
            fail::point("initialized");
            if status != 0 {
                self.record.status.store(status, Ordering::Relaxed);
                self.record.failed.store(self.incarnation, Ordering::Release);
                return NOT_READY;
            }
        }
        fail::point("ready");
        self.record.ready.store(self.incarnation, Ordering::Release);
        if self.options().hooks.initializer.is_some() || self.order() == PARKED {
            self.ring();
        }
        self.work();
        if let Some(finalizer) = self.options().hooks.finalizer {
            // SAFETY: as above.
            unsafe { finalizer(data, self.index) };
        }
        local::end_all();
        0
    }

    fn order(&self) -> u32 {
        self.heritage.memory.orders()[self.index as usize].load(Ordering::SeqCst)
    }

    /// Calls the supervisor. If this process dies between the two steps, its death does.
    fn ring(&self) {
        fail::point("ring");
        if self.heritage.memory.bell().swap(1, Ordering::SeqCst) == 0 {
            fail::point("rung");
            self.heritage.bell.set();
        }
    }

    /// The child of a task that has forked and returned there must not go on as a worker.
    fn leave_if_child(&self) {
        if !process::is_current(self.epoch) {
            this_process::exit_now(0);
        }
    }

    /// Runs tasks until told to leave, or until it has done enough.
    fn work(&self) {
        let most = self.options().processes.max_tasks_per_worker;
        let mut patience = self.heritage.patience;
        let mut done = 0;
        let mut looked = Instant::now();
        let mut searched = false;
        loop {
            match self.order() {
                LEAVE => break,
                PARKED => {
                    self.sleep(|| self.order() == PARKED);
                    continue;
                }
                _ => {}
            }
            let Some(hint) = self.claim() else {
                if self.unreported.take() > 0 {
                    // Before sleeping and not before looking longer: work may be on its way.
                    self.ring();
                }
                self.search(&mut patience);
                searched = true;
                continue;
            };
            if self.order() == LEAVE {
                // It came after the look above, and perhaps before the task was submitted, which
                // then is for a younger worker: left claimed, it goes to one.
                break;
            }
            if std::mem::take(&mut searched) {
                self.found();
            }
            fail::point("claimed");
            self.budget.set(if most == 0 { usize::MAX } else { most - done });
            let Some(count) = self.run(hint) else { break };
            done += count;
            let full = most != 0 && done >= most || self.is_too_large(&mut looked);
            if full {
                self.record.leaving.store(self.incarnation, Ordering::Release);
                break;
            }
        }
        fail::point("leaving");
        // Nobody shall rely on this one any more.
        self.found();
        self.ring();
    }

    /// Looks for work for a while, then sleeps until there may be some.
    fn search(&self, patience: &mut u32) {
        let word = &self.heritage.memory.sleepers()[self.index as usize];
        if *patience > 0 {
            word.store(SEARCHING, Ordering::SeqCst);
            fail::point("searching");
            if spin::spin_until(*patience, || self.has_work() || self.order() != WORK) {
                *patience = (*patience + 16).min(self.heritage.patience);
                return;
            }
            *patience = (*patience / 2).max(32);
        }
        self.sleep(|| !self.has_work() && self.order() == WORK);
    }

    /// After a search that has found something: others may have relied on it for the next, too.
    fn found(&self) {
        let memory = self.heritage.memory;
        fail::point("finding");
        memory.sleepers()[self.index as usize].store(AWAKE, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        fail::point("found");
        if !self.has_work() {
            return;
        }
        for worker in 0..memory.layout.workers {
            if memory.orders()[worker].load(Ordering::Relaxed) == WORK && memory.wake(worker) {
                return;
            }
        }
    }

    fn has_work(&self) -> bool {
        self.heritage.memory.has_hints()
    }

    fn is_too_large(&self, looked: &mut Instant) -> bool {
        let most = self.options().processes.max_rss_bytes;
        if most == 0 || looked.elapsed() < RSS_EVERY {
            return false;
        }
        *looked = Instant::now();
        limits::rss() > most
    }

    /// Sleeps while `idle` holds. Either the host's `wake` sees the word, or `idle` sees what
    /// the host has done before.
    fn sleep(&self, idle: impl Fn() -> bool) {
        stdio::flush_stdio();
        let word = &self.heritage.memory.sleepers()[self.index as usize];
        word.store(ASLEEP, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        fail::point("asleep");
        if self.heritage.memory.pieces().load(Ordering::Relaxed) != 0 {
            // Whoever has a piece of a map might leave some of it to this one.
            self.ring();
        }
        self.record.sleep();
        while idle() && word.load(Ordering::SeqCst) == ASLEEP {
            futex::wait_shared(word, ASLEEP, None);
        }
        self.record.wake();
        fail::point("awake");
        word.store(AWAKE, Ordering::SeqCst);
    }

    /// Runs a claimed task to its end; the number of tasks or items done. `None` when only a
    /// younger worker knows the function: left claimed, the task goes to one when this one is gone.
    fn run(&self, hint: Hint) -> Option<usize> {
        let Hint { slot: number, generation } = hint;
        let slot = &self.heritage.memory.slots()[number as usize];
        let claim = Claim { slot, number, generation };
        let name = Name {
            module: slot.module.load(Ordering::Relaxed),
            offset: slot.offset.load(Ordering::Relaxed),
        };
        if self.heritage.catalog.is_older_than(name) {
            return None;
        }
        let function = self.heritage.catalog.function(name);
        let is_map = slot.kind.load(Ordering::Relaxed) & IS_MAP != 0;
        let Some(function) = function else {
            if !slot.word.start(self.incarnation) {
                self.give_up(slot);
            }
            slot.result_at.store(AT_HOME, Ordering::Relaxed);
            self.end(claim, status::UNKNOWN_FUNCTION, None);
            return Some(1);
        };
        Some(if is_map {
            self.run_piece(claim, function)
        } else {
            self.run_task(claim, function);
            1
        })
    }

    /// Right before the function: from here on a death is the task's.
    pub(super) fn begin(&self, slot: &Slot) {
        self.next_item(slot);
        if !slot.word.start(self.incarnation) {
            self.give_up(slot);
        }
        fail::point("started");
    }

    /// The task is not this worker's any more. Either it is about to be killed; or the word was
    /// written over: then the host ends the task, and another worker goes on in this one's place.
    fn give_up(&self, slot: &Slot) -> ! {
        let word = slot.word.read();
        if word.phase() == Phase::Killed && word.worker() == self.incarnation {
            this_process::pause_for_ever();
        }
        this_process::exit_now(LOST);
    }

    /// After the function.
    pub(super) fn returned(&self) {
        self.leave_if_child();
        fail::point("returned");
    }

    /// Makes the outcome known.
    pub(super) fn end(&self, claim: Claim<'_>, status: Status, message: Option<&str>) {
        let Claim { slot, number, generation } = claim;
        let mut length = 0;
        if let Some(message) = message
            && let Some(at) = self.slab.borrow_mut().keep(message.as_bytes())
        {
            slot.message_at.store(at, Ordering::Relaxed);
            length = message.len() as u32;
        }
        let said = if self.said.load(Ordering::Relaxed) { HAS_SAID } else { 0 };
        self.said.store(false, Ordering::Relaxed);
        slot.message_len.store(length | said, Ordering::Relaxed);
        slot.status.store(status, Ordering::Relaxed);
        if self.slab.borrow().is_used() {
            self.slab.borrow_mut().wait_for(number, generation);
        }
        fail::point("written");
        let flags = match slot.word.finish(self.incarnation) {
            Finish::Done(flags) => flags,
            Finish::Refused => self.give_up(slot),
        };
        fail::point("done");
        if flags & WAITED != 0 {
            futex::wake_shared(self.heritage.memory.futex(&slot.word), i32::MAX);
        }
        if flags & (AWAITED | NOTICE) == AWAITED {
            return;
        }
        fail::point("report");
        let reports = self.heritage.memory.reports(self.index as usize);
        let count = self.record.reports.load(Ordering::Relaxed);
        let report = generation.report(number);
        reports[count as usize & (reports.len() - 1)].store(report, Ordering::Release);
        self.record.reports.store(count.wrapping_add(1), Ordering::Release);
        let unreported = self.unreported.get() + 1;
        if flags & NOTICE != 0 || unreported >= reports.len() / 4 {
            self.ring();
            self.unreported.set(0);
        } else {
            self.unreported.set(unreported);
        }
    }

    /// Calls the supervisor while waiting for room in the slab.
    pub(super) fn make_room(&self, size: usize) {
        self.slab.borrow_mut().make_room(size, || self.ring());
    }
}
