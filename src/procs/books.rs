//! What the host knows of the workers, for those who ask.
//!
//! What tasks a worker has run, and that it died, the host has seen itself. How often it slept and for
//! how long it was awake, the worker says, in its record: it is believed as far as it can be true,
//! and what the last one with a number has said is added up here when it is gone.

use super::{
    engine::ProcessEngine,
    fleet::{MOST, Member},
    layout::{ASLEEP, AWAKE, Record},
    window::Load,
    word::Phase,
};
use crate::{
    pool::{
        core::Core,
        stats::{Books, Survey, WorkerReport},
        tally::{Tally, Totals},
    },
    support::sync::{AtomicU64, Ordering, lock},
    sys::clock,
};
use std::collections::VecDeque;

/// The books on one worker's number.
pub(super) struct Book {
    /// Tasks and items, seen by the host.
    pub(super) tally: Tally,
    /// Workers that have died.
    pub(super) deaths: AtomicU64,
    /// What those that are gone have said; written and read under the lock of the fleet's state.
    sleeps: AtomicU64,
    busy: AtomicU64,
}

impl Book {
    /// A number that nobody has had.
    pub(super) fn new() -> Self {
        Self {
            tally: Tally::shared(),
            deaths: AtomicU64::new(0),
            sleeps: AtomicU64::new(0),
            busy: AtomicU64::new(0),
        }
    }

    /// Adds what a worker has said, now that it is gone. Under the lock of the fleet's state.
    pub(super) fn close(&self, said: Said) {
        self.sleeps.fetch_add(said.sleeps, Ordering::Relaxed);
        self.busy.fetch_add(said.busy, Ordering::Relaxed);
    }
}

/// What a worker says about itself, as far as it can be true.
#[derive(Clone, Copy, Default)]
pub(super) struct Said {
    sleeps: u64,
    busy: u64,
}

impl Said {
    /// By a member that is alive, or was until now.
    pub(super) fn by(member: &Member, record: &Record) -> Self {
        let (true, Some(since)) = (member.alive, member.since) else { return Self::default() };
        if record.ready.load(Ordering::Acquire) != member.incarnation {
            // What is there is another's.
            return Self::default();
        }
        let nanoseconds = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let awake = match record.awake_since.load(Ordering::Relaxed) {
            0 => 0,
            at => clock::now().saturating_sub(at),
        };
        let busy = record.busy.load(Ordering::Relaxed).saturating_add(awake).min(nanoseconds);
        // Nobody falls asleep twice in a nanosecond.
        Self { sleeps: record.sleeps.load(Ordering::Relaxed).min(nanoseconds), busy }
    }
}

impl Record {
    /// A worker begins: what is said from now on is its own.
    pub(super) fn begin(&self) {
        self.busy.store(0, Ordering::Relaxed);
        self.sleeps.store(0, Ordering::Relaxed);
        self.wake();
    }

    /// The worker is awake.
    pub(super) fn wake(&self) {
        self.awake_since.store(clock::now(), Ordering::Relaxed);
    }

    /// The worker is about to sleep.
    pub(super) fn sleep(&self) {
        let awake = clock::now().saturating_sub(self.awake_since.load(Ordering::Relaxed));
        // A reader between the two misses this stretch, rather than count it twice.
        self.awake_since.store(0, Ordering::Relaxed);
        let add = |to: &AtomicU64, more: u64| {
            to.store(to.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
        };
        add(&self.busy, awake);
        add(&self.sleeps, 1);
    }
}

impl ProcessEngine {
    /// A worker is gone: what it has said is added up. Under the lock of the fleet's state, while the
    /// member still counts as alive.
    pub(super) fn close_book(&self, member: &Member, worker: usize) {
        self.books[worker].close(Said::by(member, self.memory.record(worker)));
    }
}

impl Books for ProcessEngine {
    fn survey(&self, _core: &Core) -> Survey {
        let workers = self.books.len();
        let awake = |word| word == AWAKE;
        let (mut running, mut sleeping) = (0, 0);
        let state = lock(&self.fleet.state);
        for (worker, member) in state.members.iter().enumerate() {
            let word = self.memory.sleepers()[worker].load(Ordering::Relaxed);
            running += usize::from(self.fleet.is_at_work(worker) && member.alive && awake(word));
            sleeping += usize::from(member.alive && word == ASLEEP);
        }
        drop(state);
        let window = lock(&self.window);
        let placed = window.infos.iter().enumerate().filter(|(number, info)| {
            !matches!(info.load, Load::None)
                && self.memory.slots()[*number].word.read().phase() == Phase::Queued
        });
        let queued = placed.count() + window.queues.iter().map(VecDeque::len).sum::<usize>();
        Survey { numbers: workers, running, blocked: 0, sleeping, queued }
    }

    fn report_on(&self, core: &Core, worker: usize) -> WorkerReport {
        let book = &self.books[worker];
        let state = lock(&self.fleet.state);
        let member = &state.members[worker];
        let said = if self.fleet.has_record(worker) {
            Said::by(member, self.memory.record(worker))
        } else {
            Said::default()
        };
        let totals = Totals {
            sleeps: book.sleeps.load(Ordering::Relaxed).saturating_add(said.sleeps),
            busy: book.busy.load(Ordering::Relaxed).saturating_add(said.busy),
            ..book.tally.totals(core)
        };
        WorkerReport {
            alive: member.alive,
            pid: self.fleet.pids[worker].load(Ordering::SeqCst),
            totals,
            starts: member.incarnation as u64 / MOST as u64,
            deaths: book.deaths.load(Ordering::Relaxed),
        }
    }
}
