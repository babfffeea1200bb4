#![allow(unsafe_code)]
//! The heart of a pool: what its handle, its workers, and its tasks share; and its life.
//!
//! | state              | moved on by                                | to         |
//! |--------------------|--------------------------------------------|------------|
//! | open               | `close`, `terminate`                       | closed     |
//! | closed             | `terminate`                                | terminated |
//! | closed, terminated | the engine's `check_finished`              | finished   |
//! | finished           | the last worker leaves: `join` returns     | joined     |
//! | joined             | `capi::handle::free`                       | freed      |

use super::{
    agenda::Agenda,
    blocking::Sections,
    blocks::Blocks,
    bound::Bound,
    callbacks::Callbacks,
    context,
    engine::Engine,
    log,
    options::{Mode, Options},
    stats::Census,
    status::{self, Error, Result},
    submit,
    tally::Tally,
    terms::Terms,
    timer::Timer,
    watchers::Watchers,
};
use crate::support::{
    CachePadded, clock, process,
    sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, Weak, WordForC, lock},
};
use std::time::Instant;

/// Whether the engine is to be told now of a new number of workers.
#[derive(Default)]
struct Resizing {
    /// Not now: somebody has counted on the workers that there are.
    is_put_off: bool,
    /// There is something to tell.
    is_due: bool,
}

/// While it lives nobody comes and nobody goes.
pub struct Steady<'a>(&'a Core);

impl Drop for Steady<'_> {
    fn drop(&mut self) {
        let core = self.0;
        let mut resizing = lock(&core.resizing);
        if std::mem::take(&mut *resizing).is_due
            && let Err(error) = core.engine.resize(core, core.workers())
        {
            log::tell(core, log::WARNING, || error.message.into_owned());
        }
    }
}

/// See the module.
pub struct Core {
    me: Weak<Self>,
    /// The process that the pool belongs to.
    epoch: u32,
    /// Its number, for outcomes.
    pub pid: i32,
    /// What the pool was made with.
    pub options: Options,
    /// Memory for tasks, and the gate.
    pub blocks: Blocks,
    /// Callbacks that wait.
    pub callbacks: Callbacks,
    /// Who is to be called when a task has ended.
    pub watchers: Watchers,
    /// How many workers it has now.
    workers: AtomicUsize,
    /// Held by who changes that.
    resizing: Mutex<Resizing>,
    /// Held by who runs something on every worker.
    pub broadcasting: Mutex<()>,
    /// How many tasks may be in the pool at a time.
    pub bound: Bound,
    /// Tasks that may not start yet.
    pub agenda: Agenda,
    /// What is to happen when.
    pub timer: Timer,
    /// What threads from outside have done.
    pub outside: CachePadded<Tally>,
    /// What is counted for the whole pool.
    pub census: Census,
    /// When it was made, by the clock.
    born: u64,
    /// Threads in blocking sections.
    pub sections: Sections,
    closed: AtomicBool,
    terminated: AtomicBool,
    /// Counts what participants in maps should look up for.
    pokes: CachePadded<WordForC>,
    /// Who runs the tasks.
    pub engine: Arc<dyn Engine>,
}

// SAFETY: the options hold the caller's pointers, which are only passed on to its functions.
unsafe impl Send for Core {}
// SAFETY: as above; all else is shared behind locks and atomics.
unsafe impl Sync for Core {}

impl Core {
    /// A pool on an engine, not yet started.
    ///
    /// # Errors
    /// `SYSTEM` when the process cannot be told from its future children.
    pub fn new(options: Options, engine: Arc<dyn Engine>) -> Result<Arc<Self>> {
        let epoch = process::epoch().map_err(|error| Error::system("no page of memory", &error))?;
        let callbacks = Callbacks::new(options.callbacks);
        let bound = Bound::new(options.max_pending, options.when_full);
        let workers = options.workers;
        let core = Arc::new_cyclic(|me| Self {
            me: me.clone(),
            epoch,
            pid: std::process::id().cast_signed(),
            options,
            blocks: Blocks::new(),
            callbacks,
            watchers: Watchers::default(),
            workers: AtomicUsize::new(workers),
            resizing: Mutex::default(),
            broadcasting: Mutex::default(),
            bound,
            agenda: Agenda::new(),
            timer: Timer::new(),
            outside: CachePadded::new(Tally::shared()),
            census: Census::default(),
            born: clock::now(),
            sections: Sections::default(),
            closed: AtomicBool::new(false),
            terminated: AtomicBool::new(false),
            pokes: CachePadded::new(WordForC::new(0)),
            engine,
        });
        Ok(core)
    }

    /// Makes the pool ready for tasks. Separate from `new`, so that workers which are forked here
    /// have inherited whatever leads to the core.
    ///
    /// # Errors
    /// The initializer's failure, or the system's; nothing is left running then.
    pub fn start(&self) -> Result<()> {
        self.engine.start(&self.to_arc())
    }

    /// One more owner.
    pub fn to_arc(&self) -> Arc<Self> {
        self.me.upgrade().expect("a core is only used while it has owners")
    }

    /// Whether this is the process that made the pool, not one that was forked from it.
    pub fn is_in_this_process(&self) -> bool {
        process::is_current(self.epoch)
    }

    /// The child of a task that has forked, and returned there, must not go on as a worker: it
    /// would run all over again what is queued.
    #[inline]
    pub fn leave_if_child(&self) {
        if !self.is_in_this_process() {
            process::leave();
        }
    }

    /// Fails in a forked child.
    ///
    /// # Errors
    /// `FORKED`.
    pub fn require_this_process(&self) -> Result<()> {
        if self.is_in_this_process() {
            return Ok(());
        }
        if context::is_worker_process_of(self) {
            let text = "inside a worker process its own pool is out of reach; make a new one here";
            return Err(Error::new(status::UNSUPPORTED, text));
        }
        let text = "the pool was made before this process was forked; make a new one here";
        Err(Error::new(status::FORKED, text))
    }

    /// Makes those inside a map's chunk look up. Release: what was raised before is seen by who
    /// sees the poke.
    pub fn poke(&self) {
        self.pokes.fetch_add(1, Ordering::Release);
    }

    /// How often the pool was poked.
    pub fn pokes(&self) -> u32 {
        self.pokes.load(Ordering::Acquire)
    }

    /// Where that number is, for loops outside the library.
    pub fn pokes_address(&self) -> *const u32 {
        self.pokes.as_ptr()
    }

    /// How many workers the pool has: so many tasks run at a time.
    #[inline]
    pub fn workers(&self) -> usize {
        self.workers.load(Ordering::Relaxed)
    }

    /// Gives the pool more workers, or fewer. No task is disturbed.
    ///
    /// # Errors
    /// `INVALID` for more than there may be; `CLOSED`; those of starting a worker.
    pub fn resize(&self, workers: usize) -> Result<()> {
        let most = self.options.max_workers;
        if workers > most {
            let text = format!("{workers} workers; with its max_workers the pool can have {most}");
            return Err(Error::invalid(text));
        }
        self.require_open(context::find(self).is_some())?;
        let mut resizing = lock(&self.resizing);
        let before = self.workers();
        self.workers.store(workers, Ordering::SeqCst);
        if resizing.is_put_off {
            resizing.is_due = true;
            return Ok(());
        }
        let resized = self.engine.resize(self, workers);
        if resized.is_err() {
            self.workers.store(before, Ordering::SeqCst);
        }
        self.bound.look(self);
        resized
    }

    /// How many workers there are, and until the other value is dropped will be: a change of their
    /// number takes effect then. One at a time, under `broadcasting`.
    pub fn steady(&self) -> (usize, Steady<'_>) {
        let mut resizing = lock(&self.resizing);
        // A sequential pool cannot change, and says so.
        resizing.is_put_off = self.options.mode != Mode::Sequential;
        (self.workers(), Steady(self))
    }

    /// How long ago the pool was made, in nanoseconds.
    pub fn age(&self) -> u64 {
        clock::now().saturating_sub(self.born)
    }

    /// Whether `terminate` was called.
    pub fn is_terminated(&self) -> bool {
        self.terminated.load(Ordering::Relaxed)
    }

    /// Fails when the pool takes no more tasks: from outsiders after close, from anybody after
    /// terminate, or once it is finished (a finalizer). `SeqCst`: [Q2] of `threads/README.md`.
    ///
    /// # Errors
    /// `CLOSED`, `TERMINATED`.
    pub fn require_open(&self, inside: bool) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) {
            if !inside {
                return Err(Error::from(status::CLOSED));
            }
            if self.engine.is_finished() {
                return Err(Error::from(status::CLOSED));
            }
            if self.is_terminated() {
                return Err(Error::from(status::TERMINATED));
            }
        }
        Ok(())
    }

    /// Makes ready what the terms of a call need.
    ///
    /// # Errors
    /// `NO_MEMORY`, `SYSTEM`.
    pub fn prepare_for(&self, terms: &Terms) -> Result<()> {
        if terms.timeout_ms > 0 && self.options.mode == Mode::Threads {
            return self.timer.prepare(self);
        }
        Ok(())
    }

    /// Whether close or terminate was called.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Takes no more tasks from outside.
    pub fn close(&self) {
        // The gate first: whoever sees `closed` may conclude that no submission is under way.
        self.blocks.close();
        if !self.closed.swap(true, Ordering::SeqCst) {
            log::tell(self, log::INFO, || {
                let queued = self.engine.books().survey(self).queued;
                let held = self.agenda.count();
                format!("closed, with {queued} calls that wait for a worker, {held} for their time")
            });
        }
        self.bound.close();
        self.timer.close();
        self.engine.check_finished(self);
    }

    /// Ends what has not started, and asks what runs to stop.
    pub fn terminate(&self) {
        // Seen by whoever sees the poke, or `closed`.
        self.terminated.store(true, Ordering::Relaxed);
        log::tell(self, log::INFO, || "terminated".to_owned());
        self.poke();
        self.close();
        submit::drop_queued(self);
        self.engine.terminate(self);
    }

    /// The engine has found that the pool is finished; once.
    pub fn has_finished(&self) {
        self.callbacks.ring();
        self.timer.leave();
    }

    /// Waits until all tasks and callbacks have ended and the workers are gone.
    ///
    /// # Errors
    /// `INVALID` before close, `TIMEOUT`, `DEADLOCK`.
    pub fn join(&self, deadline: Option<Instant>) -> Result<()> {
        self.require_outside("wait for")?;
        if !self.is_closed() {
            return Err(Error::invalid(
                "join waits for a pool that takes no more: call pool_close() or pool_terminate() first",
            ));
        }
        let ended = self.callbacks.poll_until_finished(self, deadline)?
            && context::blocking(|_| self.engine.join(self, deadline));
        if ended {
            self.timer.join();
            log::tell(self, log::INFO, || {
                "ended: all has run, and the workers have gone".to_owned()
            });
            return Ok(());
        }
        Err(Error::new(status::TIMEOUT, "the pool has not ended yet"))
    }

    /// Fails inside a task or callback of the pool.
    ///
    /// # Errors
    /// `DEADLOCK`.
    pub fn require_outside(&self, what: &str) -> Result<()> {
        if context::find(self).is_none() {
            return Ok(());
        }
        let text =
            format!("a task or callback cannot {what} its own pool: it would wait for itself");
        Err(Error::new(status::DEADLOCK, text))
    }
}
