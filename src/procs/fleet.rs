//! The workers and their zygotes, as the host sees them.
//!
//! | a worker is  | moved on by                                       | to       |
//! |--------------|---------------------------------------------------|----------|
//! | absent       | `launch`, or `respawn` when its time has come     | asked for |
//! | asked for    | `Spawned`; `ForkFailed`                           | alive; absent |
//! | alive        | its record says that its initializer has ended    | ready    |
//! | alive, ready | `Exited`; the zygote's death                      | absent   |
//!
//! An incarnation is a worker's number and how often there has been one with it: a word of it in
//! shared memory tells a dead worker's claim from a living one's.

use super::{
    layout::{AWAKE, LEAVE, Memory, PARKED, WORK},
    tail::Tails,
    worker::{self, Heritage},
    zygote::{Settings, Zygote},
};
use crate::{
    pool::{
        core::Core,
        options::Options,
        status::{self, Error, Result},
    },
    support::{
        sync::{Arc, AtomicBool, AtomicI32, AtomicUsize, Mutex, Ordering, lock, thread},
        wait_word::WaitWord,
    },
    sys,
};
use std::time::{Duration, Instant};

/// Numbers of workers are below this, a power of two.
pub(super) const MOST: usize = 8192;
/// So many workers in a row may die before they are ready.
const FAILED_STARTS: u32 = 5;
/// So many may die young, without any task having ended meanwhile.
const YOUNG_DEATHS: u32 = 24;
/// So many of these are replaced at once; for later ones the pool waits longer and longer.
const AT_ONCE: u32 = 8;
/// A worker that dies before this, dies young.
const YOUNG: Duration = Duration::from_millis(100);

/// The worker that an incarnation is of.
pub(super) fn worker_of(incarnation: u32) -> usize {
    incarnation as usize & (MOST - 1)
}

/// One worker.
#[derive(Default)]
pub(super) struct Member {
    /// Its incarnation; 0 before the first.
    pub(super) incarnation: u32,
    /// Whether it was asked for and has not been reported as ended.
    pub(super) alive: bool,
    /// Whether its record has said that it is ready.
    pub(super) ready: bool,
    pub(super) zygote: Option<Arc<Zygote>>,
    pub(super) since: Option<Instant>,
    /// When it is to be asked for again.
    pub(super) due: Option<Instant>,
}

/// What changes.
#[derive(Default)]
pub(super) struct State {
    /// The one that makes workers now is the last.
    pub(super) zygotes: Vec<Arc<Zygote>>,
    pub(super) members: Vec<Member>,
    pub(super) failed_starts: u32,
    pub(super) young_deaths: u32,
    failure: Option<Error>,
    /// No more workers are wanted.
    pub(super) leaving: bool,
}

/// See the module.
pub struct Fleet {
    /// How many shall be at work.
    workers: AtomicUsize,
    /// How many shall be ready beside them.
    spares: usize,
    memory: Arc<Memory>,
    settings: Settings,
    pub(super) state: Mutex<State>,
    /// The processes, by worker; 0: none.
    pub(super) pids: Vec<AtomicI32>,
    at_work: Vec<AtomicBool>,
    started: Vec<AtomicBool>,
    failed: AtomicBool,
    /// Workers that are waited for until they are ready.
    starting: WaitWord,
    pub(super) tails: Tails,
}

impl Fleet {
    /// Nobody yet.
    pub fn new(options: &Options, memory: Arc<Memory>) -> Self {
        let process = &options.processes;
        let count = options.max_workers + process.spare_workers as usize;
        let mut settings = Settings::new(&options.name);
        settings.fork = process.fork_fn.map(|fork| (fork, options.hooks.data));
        settings.nice = process.nice;
        settings.oom_score_adj = (process.oom_score_adj != 0).then_some(process.oom_score_adj);
        settings.memory_limit = process.memory_limit_bytes;
        settings.core_dumps = process.core_dumps;
        settings.affinity = sys::thread::chosen(&options.cpus);
        settings.pin = options.pin_workers;
        settings.stderr_pipes = if process.stderr_tail_bytes > 0 { count as u32 } else { 0 };
        let mut state = State::default();
        state.members.resize_with(count, Member::default);
        Self {
            workers: AtomicUsize::new(options.workers),
            spares: process.spare_workers as usize,
            memory,
            settings,
            state: Mutex::new(state),
            pids: (0..count).map(|_| AtomicI32::new(0)).collect(),
            at_work: (0..count).map(|_| AtomicBool::new(false)).collect(),
            started: (0..count).map(|_| AtomicBool::new(false)).collect(),
            failed: AtomicBool::new(false),
            starting: WaitWord::new(0),
            tails: Tails::new(count, process.stderr_tail_bytes),
        }
    }

    /// Forks a zygote and asks it for all workers; those of the one before end their task first.
    ///
    /// # Errors
    /// `CLOSED`, and the system's.
    pub fn launch(&self, heritage: &Heritage<'_>) -> Result<()> {
        let mut state = lock(&self.state);
        if state.leaving {
            return Err(Error::from(status::CLOSED));
        }
        let work = |index, incarnation| worker::live(heritage, index, incarnation);
        let zygote = Zygote::start(&self.settings, &work)
            .map_err(|error| Error::system("the zygote could not be forked", &error))?;
        state.zygotes.push(Arc::new(zygote));
        state.failure = None;
        self.failed.store(false, Ordering::SeqCst);
        (state.failed_starts, state.young_deaths) = (0, 0);
        let waits = heritage.core.options.hooks.initializer.is_some();
        let missing = self.wanted().saturating_sub(self.alive(&state));
        self.starting.store(if waits { missing as u32 } else { 0 }, Ordering::SeqCst);
        for index in 0..state.members.len() {
            if state.members[index].alive {
                self.order(index, LEAVE);
            } else {
                // Another may come in its place, and would find it taken.
                self.vacate(index);
            }
        }
        self.fill_up(&mut state);
        Ok(())
    }

    /// How many there shall be.
    fn wanted(&self) -> usize {
        self.workers.load(Ordering::SeqCst) + self.spares
    }

    /// How many there are, those that have been told to leave among them: each is replaced when it
    /// has gone.
    fn alive(&self, state: &State) -> usize {
        state.members.iter().filter(|member| member.alive).count()
    }

    /// Whether a worker that has gone is to be replaced.
    pub(super) fn is_short(&self, state: &State) -> bool {
        self.alive(state) < self.wanted()
    }

    /// A worker that has gone is not replaced.
    pub(super) fn vacate(&self, index: usize) {
        self.at_work[index].store(false, Ordering::SeqCst);
    }

    /// Asks for as many as are missing.
    fn fill_up(&self, state: &mut State) {
        for index in 0..state.members.len() {
            if !self.is_short(state) {
                break;
            }
            if !state.members[index].alive {
                self.spawn(state, index);
            }
        }
    }

    fn at_work(&self) -> usize {
        self.at_work.iter().filter(|one| one.load(Ordering::SeqCst)).count()
    }

    /// From now on so many workers shall be at work.
    pub fn resize(&self, workers: usize) {
        let mut state = lock(&self.state);
        self.workers.store(workers, Ordering::SeqCst);
        if state.leaving || state.failure.is_some() {
            return;
        }
        for index in (0..state.members.len()).rev() {
            let member = &mut state.members[index];
            if self.at_work() > workers && self.is_at_work(index) {
                self.vacate(index);
                member.due = None;
                if member.alive {
                    self.order(index, LEAVE);
                }
            }
        }
        while self.at_work() < workers
            && let Some(spare) = self.ready_spare(&state)
        {
            self.order(spare, WORK);
        }
        self.fill_up(&mut state);
    }

    /// Tells a worker what to do.
    pub(super) fn order(&self, index: usize, order: u32) {
        if order != LEAVE {
            // One that is told to leave keeps its place until it has gone.
            self.at_work[index].store(order == WORK, Ordering::SeqCst);
        }
        self.memory.orders()[index].store(order, Ordering::SeqCst);
        self.memory.wake(index);
    }

    /// Asks for a worker.
    pub(super) fn spawn(&self, state: &mut State, index: usize) {
        let Some(zygote) = state.zygotes.last().map(Arc::clone) else { return };
        let is_short = self.at_work() < self.workers.load(Ordering::SeqCst);
        let order = if self.is_at_work(index) || is_short { WORK } else { PARKED };
        self.memory.sleepers()[index].store(AWAKE, Ordering::SeqCst);
        self.order(index, order);
        let member = &mut state.members[index];
        let count = (member.incarnation as usize / MOST + 1) % (u32::MAX as usize / MOST);
        member.incarnation = (count.max(1) * MOST + index) as u32;
        member.alive = true;
        member.ready = false;
        member.since = Some(Instant::now());
        member.due = None;
        member.zygote = Some(Arc::clone(&zygote));
        self.started[index].store(true, Ordering::SeqCst);
        zygote.spawn(index as u32, member.incarnation);
    }

    /// A spare worker takes the place of one that has gone, if one is ready.
    pub(super) fn promote(&self, state: &State, gone: usize) {
        if !self.is_at_work(gone) {
            return;
        }
        if let Some(spare) = self.ready_spare(state) {
            self.at_work[gone].store(false, Ordering::SeqCst);
            self.order(spare, WORK);
        }
    }

    fn ready_spare(&self, state: &State) -> Option<usize> {
        state.members.iter().enumerate().position(|(index, member)| {
            member.alive
                && self.memory.orders()[index].load(Ordering::SeqCst) == PARKED
                && self.memory.record(index).ready.load(Ordering::Acquire) == member.incarnation
        })
    }

    /// Sends SIGKILL to a worker, if that incarnation is alive.
    pub fn kill(&self, incarnation: u32) {
        let index = worker_of(incarnation);
        let state = lock(&self.state);
        let Some(member) = state.members.get(index) else { return };
        if member.alive
            && member.incarnation == incarnation
            && let Some(zygote) = &member.zygote
        {
            zygote.kill(index as u32, incarnation);
        }
    }

    /// Waits until the initializers have ended.
    ///
    /// # Errors
    /// The first failure.
    pub fn wait_until_ready(&self, core: &Core) -> Result<()> {
        while core.options.hooks.initializer.is_some() && self.failure().is_none() {
            let left = self.starting.load(Ordering::SeqCst);
            if left == 0 {
                break;
            }
            self.starting.wait(left, None);
        }
        self.failure().map_or(Ok(()), Err)
    }

    /// Whether somebody waits for the initializers, that of this worker among them.
    pub(super) fn is_starting(&self, state: &State, index: usize) -> bool {
        let (mine, last) = (&state.members[index].zygote, state.zygotes.last());
        let is_new = mine.as_ref().zip(last).is_some_and(|(mine, last)| Arc::ptr_eq(mine, last));
        is_new && self.starting.load(Ordering::SeqCst) > 0
    }

    /// Looks who has become ready.
    pub(super) fn look_for_ready(&self) {
        let mut state = lock(&self.state);
        let mut news = 0;
        for (index, member) in state.members.iter_mut().enumerate() {
            let is_ready = member.alive
                && self.memory.record(index).ready.load(Ordering::Acquire) == member.incarnation;
            if is_ready && !member.ready {
                member.ready = true;
                news += 1;
            }
        }
        if news == 0 {
            return;
        }
        state.failed_starts = 0;
        let left = self.starting.load(Ordering::SeqCst);
        self.starting.store(left.saturating_sub(news), Ordering::SeqCst);
        self.starting.wake_all();
    }

    /// The process of a worker that may be alive; 0 if there is none; `None` if there can be none.
    /// Waits for a moment while one is being made.
    pub fn pid(&self, index: usize) -> Option<i32> {
        let pid = self.pids.get(index)?;
        for _ in 0..500 {
            let now = pid.load(Ordering::SeqCst);
            if now != 0 || !lock(&self.state).members[index].alive {
                return Some(now);
            }
            thread::sleep(Duration::from_micros(200));
        }
        Some(0)
    }

    /// Whether a worker may take tasks.
    pub fn is_at_work(&self, index: usize) -> bool {
        self.at_work[index].load(Ordering::Relaxed)
    }

    /// Whether there ever was a worker of this number.
    pub fn has_record(&self, index: usize) -> bool {
        self.started[index].load(Ordering::Relaxed)
    }

    /// How many workers have nothing to do.
    pub fn idle(&self) -> usize {
        let sleepers = self.memory.sleepers().iter().enumerate();
        sleepers
            .filter(|(index, word)| word.load(Ordering::SeqCst) != AWAKE && self.is_at_work(*index))
            .count()
    }

    /// A task has ended: no crash loop.
    pub fn has_progressed(&self) {
        // Written only by the supervisor's side, read there: a hint for the next death.
        if let Ok(mut state) = self.state.try_lock() {
            state.young_deaths = 0;
        }
    }

    /// Why no worker can run anything.
    pub fn failure(&self) -> Option<Error> {
        if !self.failed.load(Ordering::SeqCst) {
            return None;
        }
        lock(&self.state).failure.clone()
    }

    /// Whether no worker can run anything.
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    /// No worker can run anything from now on.
    pub(super) fn fail_in(&self, state: &mut State, error: Error) {
        state.failure.get_or_insert(error);
        self.failed.store(true, Ordering::SeqCst);
        self.starting.store(0, Ordering::SeqCst);
        self.starting.wake_all();
    }

    /// Ends all workers at once.
    pub fn abandon(&self) {
        let mut state = lock(&self.state);
        state.leaving = true;
        for zygote in &state.zygotes {
            zygote.abort();
        }
    }

    /// Ends all workers and waits for that; when there is no supervisor.
    pub fn end_at_once(&self) {
        self.abandon();
        let zygotes = std::mem::take(&mut lock(&self.state).zygotes);
        for zygote in zygotes {
            zygote.wait_until_gone();
        }
    }

    /// What a worker wrote to stderr last.
    pub(super) fn stderr_tail(&self, index: usize) -> Option<String> {
        if !self.tails.is_on() {
            return None;
        }
        self.drain_stderr(index);
        self.tails.take(index)
    }

    /// Reads what a worker has written to stderr.
    pub(super) fn drain_stderr(&self, index: usize) {
        let zygotes = lock(&self.state).zygotes.clone();
        for reader in zygotes.iter().filter_map(|zygote| zygote.stderr(index as u32)) {
            self.tails.drain(index, reader);
        }
    }

    /// The status that a failed initializer means.
    pub(super) fn initializer_error(index: usize, code: i32) -> Error {
        let text = format!("the initializer of worker {index} returned {code}");
        Error::new(if code > 0 { code } else { status::INTERNAL }, text)
    }

    /// Whether deaths have become a loop; else how long to wait before the next start.
    pub(super) fn judge(
        state: &mut State,
        was_ready: bool,
        age: Duration,
        idle: bool,
    ) -> Option<Duration> {
        if !was_ready {
            state.failed_starts += 1;
        } else if age < YOUNG && idle {
            state.young_deaths += 1;
        }
        if state.failed_starts >= FAILED_STARTS || state.young_deaths >= YOUNG_DEATHS {
            return None;
        }
        let late = state.young_deaths.saturating_sub(AT_ONCE).min(8);
        let wait = if late == 0 { 0 } else { 1 << late };
        Some(Duration::from_millis(wait))
    }
}
