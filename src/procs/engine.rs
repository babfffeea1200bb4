#![allow(unsafe_code)]
//! The engine as the pool's layer sees it.

use super::{
    books::Book,
    fleet::Fleet,
    heap::Heap,
    layout::Memory,
    names::Names,
    runner::{Runner, start_thread},
    supervisor,
    window::{Waiting, Window},
    worker::Heritage,
};
use crate::{
    objects::header,
    pool::{
        blocks::Door,
        context,
        core::Core,
        engine::Engine,
        map_call::MapCall,
        options::Options,
        payload::Call,
        priority::Counts,
        shared::Shared,
        stats::Books,
        status::{self, Error, Result},
        task::{Task, TaskRef},
    },
    support::{
        alloc::{Buffer, Lender},
        process::{self, Uncancellable},
        spin,
        sync::{Arc, AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Mutex, Ordering, Weak, lock},
        thread::Thread,
        wait_word::WaitWord,
    },
    sys::{event::Event, module},
};
use std::{cell::Cell, ffi::c_void, time::Instant};

thread_local! {
    /// Whether this thread has had to wake a worker for its last task: then it had better sleep at
    /// once and leave its CPU to the worker, than look for a result that cannot be there yet.
    pub(super) static HAS_WOKEN: Cell<bool> = const { Cell::new(false) };
}

/// Of milliseconds; 0 for none and for ever.
pub(super) fn nanoseconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or(0).saturating_mul(1_000_000)
}

/// See the module.
pub struct ProcessEngine {
    me: Weak<Self>,
    pub(super) memory: Arc<Memory>,
    pub(super) arguments: Arc<Heap>,
    pub(super) shared: Heap,
    pub(super) names: Names,
    /// What is with the workers.
    pub(super) window: Mutex<Window>,
    /// The task in each slot: told to waiters without the lock.
    pub(super) owners: Box<[AtomicPtr<Task>]>,
    /// Whether something waits in the window's queue.
    pub(super) backlog: AtomicBool,
    /// Results that are being copied from slabs right now.
    pub(super) readers: AtomicUsize,
    /// Whether the submitter is to see to the queue: now and then, while there are no free slots.
    pub(super) due: AtomicBool,
    /// Tasks and maps that have not ended, and threads that `hold` the pool.
    pub(super) outstanding: AtomicUsize,
    /// Counts what was ever outstanding.
    pub(super) arrivals: AtomicU64,
    /// Rung by workers, and by the host's own threads.
    pub(super) bell: Event,
    /// The zygotes and workers.
    pub(super) fleet: Fleet,
    /// What each of these has done.
    pub(super) books: Box<[Book]>,
    /// Runs callbacks.
    pub(super) runner: Runner,
    /// 1 when a closed pool has done all it had to do.
    finished: WaitWord,
    /// 1 when the supervisor, the workers and the zygote have gone, too.
    pub(super) gone: WaitWord,
    supervisor: Mutex<Option<Thread>>,
    /// Held by a thread that refreshes.
    refreshing: Mutex<()>,
    /// The limit of a run of whatever has none of its own, in nanoseconds; 0: there is none.
    pub(super) limit: u64,
    /// Whether anything ever had a limit.
    pub(super) has_limits: AtomicBool,
    /// In so many nanoseconds at most the supervisor looks at the time by itself. Written under the
    /// window's lock.
    pub(super) looks_within: AtomicU64,
    /// How often to look before sleeping; 0 when there is no CPU to spare.
    pub(super) patience: u32,
}

impl ProcessEngine {
    /// An engine without processes.
    ///
    /// # Errors
    /// The system's.
    pub fn new(options: &Options) -> Result<Arc<Self>> {
        let workers = options.max_workers + options.processes.spare_workers as usize;
        let system = |error: std::io::Error| Error::system("no memory to share", &error);
        let memory = Arc::new(Memory::new(workers).map_err(system)?);
        let layout = &memory.layout;
        let bell = Event::new().map_err(|error| Error::system("no file descriptor", &error))?;
        let cpus = process::cpus();
        // Before there are processes that shall know it.
        header::draw_secret();
        let engine = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            arguments: Arc::new(Heap::new(Arc::clone(&memory), layout.arguments.clone())),
            shared: Heap::new(Arc::clone(&memory), layout.shared.clone()),
            names: Names::new(),
            window: Mutex::new(Window::new(layout.slots, workers)),
            owners: (0..layout.slots).map(|_| AtomicPtr::default()).collect(),
            backlog: AtomicBool::new(false),
            readers: AtomicUsize::new(0),
            due: AtomicBool::new(false),
            outstanding: AtomicUsize::new(0),
            arrivals: AtomicU64::new(0),
            bell,
            fleet: Fleet::new(options, Arc::clone(&memory)),
            books: (0..workers).map(|_| Book::new()).collect(),
            runner: Runner::new(),
            finished: WaitWord::new(0),
            gone: WaitWord::new(0),
            supervisor: Mutex::new(None),
            refreshing: Mutex::new(()),
            limit: nanoseconds(options.processes.task_timeout_ms),
            has_limits: AtomicBool::new(false),
            looks_within: AtomicU64::new(u64::MAX),
            patience: spin::patience(options.workers, cpus),
            memory: Arc::clone(&memory),
        });
        Ok(engine)
    }

    /// Makes the supervisor look, whatever workers say of the bell.
    pub(super) fn ring(&self) {
        self.bell.set();
    }

    /// So many tasks have ended.
    pub(super) fn settle(&self, core: &Core, count: usize) {
        if count > 0 && self.outstanding.fetch_sub(count, Ordering::SeqCst) == count {
            self.check_finished(core);
        }
    }

    /// Whether anything is outstanding.
    pub(super) fn is_busy(&self) -> bool {
        self.outstanding.load(Ordering::SeqCst) != 0
    }

    fn start_supervisor(&self, core: &Core) -> Result<()> {
        let owner = core.to_arc();
        let engine = self.me.upgrade().ok_or(status::INTERNAL)?;
        let handle = start_thread(core, "-super", move || supervisor::run(&owner, &engine))
            .map_err(|error| Error::system("no supervisor thread could be started", &error))?;
        *lock(&self.supervisor) = Some(handle);
        Ok(())
    }

    /// Forks a zygote from this process as it is now, and has it make the workers.
    fn launch(&self, core: &Core) -> Result<()> {
        let catalog = self.names.renewed();
        self.fleet.launch(&Heritage {
            core,
            memory: &self.memory,
            catalog: &catalog,
            bell: &self.bell,
            patience: self.patience,
        })?;
        self.names.install(catalog);
        Ok(())
    }
}

impl Engine for ProcessEngine {
    fn start(&self, core: &Arc<Core>) -> Result<()> {
        module::pin();
        self.launch(core)?;
        if let Err(error) = self.start_supervisor(core) {
            self.fleet.end_at_once();
            return Err(error);
        }
        let ready = self.fleet.wait_until_ready(core);
        if ready.is_err() {
            self.fleet.abandon();
            core.close();
            self.ring();
            self.join(core, None);
        }
        ready
    }

    fn shared(&self) -> &dyn Shared {
        &self.shared
    }

    fn argument(&self, size: usize) -> Option<Result<Buffer>> {
        let lender: Arc<dyn Lender> = Arc::clone(&self.arguments) as Arc<dyn Lender>;
        // SAFETY: the heap gives aligned memory of that size.
        Some(self.arguments.take(size).map(|place| unsafe { Buffer::lent(place, size, lender) }))
    }

    fn sees(&self, start: *const c_void, size: usize) -> bool {
        start.is_null() || self.is_shared(start, size)
    }

    fn admit(&self, core: &Core, call: &Call) -> Result<()> {
        self.admit_task(core, call)
    }

    fn admit_map(&self, core: &Core, call: &MapCall, has_callback: bool) -> Result<()> {
        self.admit_items(core, call, has_callback)
    }

    fn enqueue(&self, _core: &Core, _door: Door, task: TaskRef) -> Result<()> {
        self.reserve(Counts::one(task.level()))?;
        self.put(task);
        Ok(())
    }

    fn enqueue_all(
        &self,
        _core: &Core,
        _door: Door,
        counts: Counts,
        next: &mut dyn FnMut() -> TaskRef,
    ) -> Result<()> {
        self.reserve(counts)?;
        for _ in 0..counts.all() {
            self.put(next());
        }
        Ok(())
    }

    fn wake(&self, core: &Core) {
        let _put_off = Uncancellable::new();
        if core.callbacks.is_wanted() {
            self.runner.call();
        }
        if self.fleet.has_failed() {
            self.give_up_if_failed(core);
        } else if core.is_terminated() {
            self.ring();
        }
        if self.due.load(Ordering::Relaxed) && self.due.swap(false, Ordering::Relaxed) {
            self.feed_and_harvest(core);
        }
        HAS_WOKEN.set(self.wake_workers(1) > 0);
    }

    fn wait(&self, core: &Core, task: TaskRef, deadline: Option<Instant>) -> Result<bool> {
        Ok(context::blocking(|_| self.wait_for(core, task, deadline)))
    }

    fn begin_blocking(&self, _core: &Core) -> bool {
        true
    }

    fn end_blocking(&self, _core: &Core) {}

    fn take_queued(&self, _core: &Core) -> Option<TaskRef> {
        let mut window = lock(&self.window);
        loop {
            let queue = window.queues.iter_mut().find(|queue| !queue.is_empty())?;
            match queue.pop_front()? {
                Waiting::Task(task) => {
                    // The caller holds the pool, so that this is not the last.
                    self.outstanding.fetch_sub(1, Ordering::SeqCst);
                    return Some(task);
                }
                Waiting::Map(number) => {
                    if let Some(job) = window.jobs.get_mut(&number) {
                        job.queued = false;
                        job.task.state.add_reference();
                        return Some(job.task);
                    }
                }
            }
        }
    }

    fn expect(&self, core: &Core, task: TaskRef) {
        self.ask_for_notice(core, task);
    }

    fn look(&self, core: &Core, task: TaskRef) {
        self.collect_if_done(core, task);
    }

    fn said(&self, _core: &Core, task: TaskRef) -> Option<(u64, u64)> {
        self.what_is_said(task)
    }

    fn is_started(&self, task: TaskRef) -> bool {
        self.has_begun(task)
    }

    fn withdraw(&self, core: &Core, task: TaskRef) -> bool {
        self.take_back(core, task, status::CANCELLED)
    }

    fn kill(&self, core: &Core, task: TaskRef) -> Result<bool> {
        let text = "killed by pool_future_kill()";
        Ok(self.end_by_force(core, task, &|| Error::new(status::CANCELLED, text)))
    }

    fn skip_rest(&self, core: &Core, task: TaskRef) {
        self.skip_map(core, task);
    }

    fn terminate(&self, core: &Core) {
        self.end_all(core, || Error::from(status::TERMINATED));
        self.ring();
    }

    fn refresh(&self, core: &Core) -> Result<()> {
        // One at a time, and not while the pool is being finished.
        let _alone = lock(&self.refreshing);
        self.hold(core);
        let refreshed = core.require_open(false).and_then(|()| {
            self.launch(core)?;
            self.ring();
            self.fleet.wait_until_ready(core)
        });
        self.release(core);
        refreshed
    }

    fn resize(&self, _core: &Core, workers: usize) -> Result<()> {
        self.fleet.resize(workers);
        self.wake_workers(usize::MAX);
        self.ring();
        Ok(())
    }

    fn worker_pid(&self, _core: &Core, worker: u32) -> Result<i32> {
        self.fleet
            .pid(worker as usize)
            .ok_or_else(|| Error::invalid(format!("{worker} is no worker of the pool")))
    }

    fn books(&self) -> &dyn Books {
        self
    }

    fn hold(&self, _core: &Core) {
        self.arrive();
    }

    fn release(&self, core: &Core) {
        self.settle(core, 1);
        if self.backlog.load(Ordering::Relaxed) {
            // What was cancelled still stands in the queue.
            self.ring();
        }
    }

    fn check_finished(&self, core: &Core) {
        if !core.is_closed() || self.is_finished() {
            return;
        }
        // Nothing arrives and nothing is outstanding, then no callback is left, and all the
        // while nothing has arrived: only a callback could still submit.
        let arrivals = self.arrivals.load(Ordering::SeqCst);
        let quiet = core.agenda.is_empty()
            && !self.is_busy()
            && core.callbacks.is_idle()
            && !self.is_busy();
        if !quiet || self.arrivals.load(Ordering::SeqCst) != arrivals {
            return;
        }
        if self.finished.swap(1, Ordering::SeqCst) == 0 {
            self.finished.wake_all();
            core.has_finished();
            self.runner.leave();
            self.ring();
        }
    }

    fn is_finished(&self) -> bool {
        self.finished.load(Ordering::SeqCst) != 0
    }

    fn join(&self, _core: &Core, deadline: Option<Instant>) -> bool {
        if !self.finished.wait_until_not(0, deadline) || !self.gone.wait_until_not(0, deadline) {
            return false;
        }
        if let Some(handle) = lock(&self.supervisor).take() {
            handle.join();
        }
        self.runner.join();
        true
    }
}
