//! The engine as the pool's layer sees it: who runs a task, and who wakes whom.

use super::{
    helper,
    placement::Placement,
    queue::Queues,
    sleep::{MOST_THREADS, Notify, Sleep},
    worker,
};
use crate::{
    pool::{
        abi::POOL_NO_WORKER,
        blocks::Door,
        context::Context,
        core::Core,
        engine::Engine,
        log,
        offers::Offers,
        options::Options,
        priority::Counts,
        shared::{Heap, Shared},
        site::Site,
        stats::Books,
        status::{self, Error, Result},
        submit,
        task::TaskRef,
    },
    support::{
        spin,
        sync::{Arc, AtomicBool, Mutex, Ordering, Weak, lock},
        thread::{self, Thread},
        wait_word::WaitWord,
    },
    sys,
};
use std::time::Instant;

type Threads = Vec<Thread>;

/// How a new worker has been counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Born {
    /// As active and searching.
    Active,
    /// As sleeping.
    Asleep,
}

/// See the module.
pub struct ThreadEngine {
    me: Weak<Self>,
    pub(super) sleep: Sleep,
    pub(super) queues: Queues,
    pub(super) offers: Offers,
    shared: Heap,
    /// Joined when the pool is; also those that have left already.
    threads: Mutex<Threads>,
    /// Held by who joins threads that are in the list no more: another must not return before they
    /// have ended.
    joining: Mutex<()>,
    /// Threads that have not left.
    alive: WaitWord,
    /// Set once the first worker has been started: from then until the pool is finished there is
    /// always one, since workers retire only while `workers` others sleep.
    pub(super) has_workers: AtomicBool,
    /// 1 when a closed pool has done all it had to do: written once by `check_finished`, read by
    /// workers after their token, and by `join`.
    finished: WaitWord,
    /// Spare workers cannot be initialised; do not try again.
    pub(super) no_spares: AtomicBool,
    /// How many initial workers have not reported yet, and what the first failed one said.
    pub(super) starting: WaitWord,
    pub(super) start_failure: Mutex<Option<Error>>,
    pub(super) placement: Placement,
    stack_size: usize,
    /// How often to look before sleeping; 0 when there is no CPU to spare.
    pub(super) patience: u32,
}

impl ThreadEngine {
    /// An engine without threads.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn new(options: &Options) -> Result<Arc<Self>> {
        let placement = Placement::new(options);
        let cpus = placement.cpus();
        let stack_size = match options.stack_size {
            0 => sys::thread::default_stack_size(),
            size => size,
        };
        let queues = Queues::new(options.workers, MOST_THREADS - 1)?;
        Ok(Arc::new_cyclic(|me| Self {
            me: me.clone(),
            sleep: Sleep::new(options.workers),
            queues,
            offers: Offers::new(options.workers, cpus),
            shared: Heap::default(),
            threads: Mutex::new(Vec::new()),
            joining: Mutex::new(()),
            alive: WaitWord::new(0),
            has_workers: AtomicBool::new(false),
            finished: WaitWord::new(0),
            no_spares: AtomicBool::new(false),
            starting: WaitWord::new(0),
            start_failure: Mutex::new(None),
            placement,
            stack_size,
            patience: spin::patience(options.workers, cpus),
        }))
    }

    /// The stack that a task must find free before it is started on top of another.
    pub(super) fn stack_reserve(&self) -> usize {
        (self.stack_size / 2).min(1 << 20)
    }

    /// Starts a worker that has been counted as `born` says.
    pub(super) fn start_thread(&self, core: &Core, born: Born) -> Result<()> {
        self.start_in(&mut lock(&self.threads), core, born)
    }

    fn start_in(&self, threads: &mut Threads, core: &Core, born: Born) -> Result<()> {
        if self.is_finished() {
            return Err(Error::from(status::CLOSED));
        }
        if born == Born::Active && self.no_spares.load(Ordering::Relaxed) {
            return Err(Error::new(status::SYSTEM, "the initializer of a spare worker failed"));
        }
        if threads.try_reserve(1).is_err() {
            return Err(Error::no_memory("no memory for a worker thread"));
        }
        let number = self.queues.reserve()?;
        let (owner, engine) = (core.to_arc(), self.me.upgrade().ok_or(status::INTERNAL)?);
        self.alive.fetch_add(1, Ordering::SeqCst);
        // Joining below is a cancellation point, and submitters may come by here.
        let _put_off = sys::thread::Uncancellable::new();
        let signals = sys::thread::SignalsBlocked::new();
        let name = format_args!("{}-{number}", core.options.name);
        let started = thread::start(name, self.stack_size, move || {
            worker::run(&owner, &engine, number, born);
        });
        drop(signals);
        match started {
            Ok(handle) => {
                // Threads that have left are joined here, lest their number grow for ever.
                let mut index = 0;
                while threads.len() > 2 * core.workers() && index < threads.len() {
                    if threads[index].has_ended() {
                        threads.swap_remove(index).join();
                    } else {
                        index += 1;
                    }
                }
                threads.push(handle);
                self.has_workers.store(true, Ordering::Release);
                Ok(())
            }
            Err(error) => {
                self.queues.give_up(number);
                self.left();
                Err(Error::system("no worker thread could be started", &error))
            }
        }
    }

    /// Sees to it that there is a worker.
    #[cold]
    pub(super) fn start_first(&self, core: &Core) -> Result<()> {
        let mut threads = lock(&self.threads);
        if self.has_workers.load(Ordering::Acquire) {
            return Ok(());
        }
        self.sleep.count_sleeper();
        let started = self.start_in(&mut threads, core, Born::Asleep);
        drop(threads);
        if started.is_err() {
            self.sleep.uncount_sleeper();
            self.pass_on(core);
        }
        started
    }

    /// Waits until all threads have ended that have been started so far.
    fn join_threads(&self) {
        loop {
            let thread = lock(&self.threads).pop();
            let Some(thread) = thread else { return };
            thread.join();
        }
    }

    /// One thread less is alive.
    pub(super) fn left(&self) {
        self.alive.fetch_sub(1, Ordering::SeqCst);
        self.alive.wake_all();
    }

    /// As `wake`, but says so when a worker should be started and cannot be.
    #[inline]
    pub(super) fn try_wake(&self, core: &Core) -> Result<()> {
        if self.sleep.notify() == Notify::Done {
            return Ok(());
        }
        self.start_called(core)
    }

    /// Starts the worker that `notify` asked for.
    #[cold]
    fn start_called(&self, core: &Core) -> Result<()> {
        if let Err(error) = core.require_this_process() {
            // A child that a task forked, and that returns through here. What is queued, and the
            // forks on offer, are its parent's.
            self.sleep.leave(true);
            return Err(error);
        }
        loop {
            let Err(error) = self.start_thread(core, Born::Active) else {
                return Ok(());
            };
            self.sleep.leave(true);
            // While the worker that never came was counted as searching, another submitter may
            // have relied on it; a sleeper must do instead.
            if !self.sleep.has_sleepers() {
                return Err(error);
            }
            if self.sleep.notify() == Notify::Done {
                return Ok(());
            }
        }
    }

    /// Whether a worker would find something to do.
    pub(super) fn has_work(&self, core: &Core) -> bool {
        core.callbacks.is_wanted() || !self.queues.is_empty() || !self.offers.is_empty()
    }

    /// Calls somebody if there is work; false if nobody can be had.
    pub(super) fn is_served(&self, core: &Core) -> bool {
        !self.has_work(core) || self.try_wake(core).is_ok() || self.sleep.has_active()
    }

    /// After the calling thread has given up its place [L]: somebody else may be needed.
    pub(super) fn pass_on(&self, core: &Core) {
        if self.has_work(core) {
            // Locks may be held: nobody is told if that fails.
            let _ = self.try_wake(core);
        }
        self.check_finished(core);
    }
}

impl Engine for ThreadEngine {
    fn start(&self, core: &Arc<Core>) -> Result<()> {
        sys::module::pin();
        if core.options.hooks.initializer.is_none() {
            return Ok(());
        }
        let outcome = self.start_all(core);
        if outcome.is_err() {
            core.close();
            self.join(core, None);
        }
        outcome
    }

    fn shared(&self) -> &dyn Shared {
        &self.shared
    }

    fn skip_rest(&self, core: &Core, task: TaskRef) {
        submit::participate(core, task, Site::nowhere(POOL_NO_WORKER));
    }

    fn resize(&self, core: &Core, workers: usize) -> Result<()> {
        self.sleep.set_limit(workers);
        self.pass_on(core);
        self.sleep.call_surplus();
        Ok(())
    }

    fn worker_pid(&self, core: &Core, worker: u32) -> Result<i32> {
        if worker as usize >= core.workers() {
            return Err(Error::invalid(format!("{worker} is no worker of the pool")));
        }
        Ok(core.pid)
    }

    fn enqueue_all(
        &self,
        core: &Core,
        door: Door,
        counts: Counts,
        next: &mut dyn FnMut() -> TaskRef,
    ) -> Result<()> {
        self.put_all(core, door, counts, next)
    }

    fn enqueue(&self, core: &Core, door: Door, task: TaskRef) -> Result<()> {
        self.put(core, door, task)
    }

    fn wake(&self, core: &Core) {
        // A worker that cannot be started is missed, but those that exist do the work.
        if let Err(error) = self.try_wake(core) {
            log::tell(core, log::WARNING, || error.message.into_owned());
        }
    }

    fn call(&self, core: &Core) -> Result<()> {
        if self.has_work(core) { self.try_wake(core) } else { Ok(()) }
    }

    fn lend(&self, core: &Core, body: &mut dyn FnMut(&Context)) -> bool {
        helper::lend(self, core, body)
    }

    fn wait(&self, core: &Core, task: TaskRef, deadline: Option<Instant>) -> Result<bool> {
        helper::wait(self, core, task, deadline)
    }

    fn begin_blocking(&self, core: &Core) -> bool {
        self.sleep.begin_blocking();
        self.is_served(core)
    }

    fn end_blocking(&self, _core: &Core) {
        self.sleep.end_blocking();
    }

    fn take_queued(&self, _core: &Core) -> Option<TaskRef> {
        self.queues.take_any()
    }

    fn books(&self) -> &dyn Books {
        self
    }

    fn hold(&self, _core: &Core) {
        self.sleep.hold();
    }

    fn release(&self, core: &Core) {
        self.sleep.release();
        self.check_finished(core);
    }

    fn check_finished(&self, core: &Core) {
        if !core.is_closed() || self.is_finished() {
            return;
        }
        // The agenda first: what leaves it is in a queue by then.
        let is_empty =
            || core.agenda.is_empty() && self.queues.is_empty() && core.callbacks.is_idle();
        if self.sleep.is_quiet(is_empty) && self.finished.swap(1, Ordering::SeqCst) == 0 {
            self.sleep.wake_all();
            self.finished.wake_all();
            core.has_finished();
        }
    }

    fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst) != 0
    }

    fn join(&self, _core: &Core, deadline: Option<Instant>) -> bool {
        // [Q] Who may wait for ever waits for the threads themselves.
        let mut alone = None;
        if deadline.is_none() {
            alone = Some(lock(&self.joining));
            self.join_threads();
        }
        if !self.finished.wait_until_not(0, deadline) {
            return false;
        }
        loop {
            let alive = self.alive.load(Ordering::SeqCst);
            if alive == 0 {
                break;
            }
            if !self.alive.wait_until_not(alive, deadline) {
                return false;
            }
        }
        // No thread is started any more, and all have ended, or are about to.
        let _alone = alone.unwrap_or_else(|| lock(&self.joining));
        self.join_threads();
        true
    }
}
