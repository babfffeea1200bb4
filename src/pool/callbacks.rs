#![allow(unsafe_code)]
//! When and where callbacks run.
//!
//! `SERIAL`: an ended task is sent to the mailbox; the worker that finds it idle reads it until
//! it is idle again. A thread that is no worker (it helped), or that is in the midst of a task
//! (which may hold a lock that the callback wants), does not run callbacks: it leaves the box to
//! the next worker that is free, `wanted`, and calls one.
//! `POLLED`: nobody reads the box but `poll`, under the lock of pollers.
//! `INLINE`: the worker that ran the task runs its callback. Tasks that never ran are left to a
//! free worker, as in `SERIAL`.

use super::{
    abi::POOL_NO_WORKER,
    context::{self, Context},
    core::Core,
    frame::Frame,
    mailbox::{Mailbox, Node},
    options::CallbackMode,
    site::Site,
    stack,
    status::{Error, Result},
    task::{Task, TaskRef},
};
use crate::support::{
    doorbell::Doorbell,
    sync::{AtomicBool, AtomicPtr, AtomicU32, Mutex, Ordering, lock},
    wait_word::WaitWord,
};
use std::time::Instant;

impl Node for Task {
    fn link(&self) -> &AtomicPtr<Self> {
        &self.next
    }
}

/// See the module.
pub struct Callbacks {
    mode: CallbackMode,
    mailbox: Mailbox<Task>,
    /// The mailbox waits for a worker to read it: [N1] and [S2] of `threads/README.md`, as a queue.
    wanted: AtomicBool,
    /// Held by the thread that polls.
    polling: Mutex<()>,
    /// Counts deliveries; pollers sleep on it. Either `ring` sees the poller counted, or the poller
    /// sees that the bell has rung.
    bell: WaitWord,
    /// How many threads sleep on the bell.
    pollers: AtomicU32,
    /// Readable while the mailbox holds something: both change together, under this lock.
    doorbell: Mutex<Doorbell>,
}

/// Who runs a callback that was sent.
#[must_use]
pub enum Delivery {
    /// Somebody reads the mailbox already, or will when it polls.
    Left,
    /// This thread, at once.
    Here(TaskRef),
    /// This thread reads the mailbox.
    Drain,
    /// A free worker is to be called.
    Call,
}

impl Callbacks {
    /// Callbacks of a pool with that mode.
    pub fn new(mode: CallbackMode) -> Self {
        Self {
            mode,
            mailbox: Mailbox::new(),
            wanted: AtomicBool::new(false),
            polling: Mutex::new(()),
            bell: WaitWord::new(0),
            pollers: AtomicU32::new(0),
            doorbell: Mutex::new(Doorbell::new()),
        }
    }

    /// Takes over the callback of a task that is about to end, with the reference that comes
    /// along; `serve` must follow when it has ended.
    pub fn send(&self, core: &Core, task: TaskRef) -> Delivery {
        let on_worker = context::find(core).is_some_and(|context| context.engine.is_some());
        if self.mode == CallbackMode::Inline && on_worker && task.has_run() {
            return Delivery::Here(task);
        }
        let doorbell = (self.mode == CallbackMode::Polled).then(|| lock(&self.doorbell));
        // SAFETY: the reference keeps the task alive, and a task is sent once.
        let first = unsafe { self.mailbox.send(task.as_non_null()) };
        if let Some(doorbell) = doorbell {
            doorbell.set();
            drop(doorbell);
            self.ring();
            return Delivery::Left;
        }
        if !first {
            return Delivery::Left;
        }
        if on_worker && !stack::is_inside() { Delivery::Drain } else { Delivery::Call }
    }

    /// Sees to it that the callback runs.
    pub fn serve(&self, core: &Core, delivery: Delivery) {
        match delivery {
            Delivery::Left => {}
            Delivery::Here(task) => Self::run(task.as_non_null()),
            Delivery::Drain => self.drain(),
            Delivery::Call => {
                self.wanted.store(true, Ordering::SeqCst);
                core.engine.wake(core);
            }
        }
    }

    /// Whether a worker should come and `drain_wanted`.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::SeqCst)
    }

    /// Runs what others have left. On a worker.
    pub fn drain_wanted(&self) {
        if self.wanted.swap(false, Ordering::SeqCst) {
            self.drain();
        }
    }

    fn drain(&self) {
        loop {
            for task in self.mailbox.take() {
                Self::run(task);
            }
            if self.mailbox.try_leave() {
                return;
            }
        }
    }

    fn run(task: std::ptr::NonNull<Task>) {
        // SAFETY: the reference that was delivered came along with the task.
        let task = unsafe { TaskRef::from_raw(task) };
        task.state.wait(None);
        Frame::for_callback(task.core(), || task.call_back());
        task.release();
    }

    /// Whether no callback waits or runs.
    pub fn is_idle(&self) -> bool {
        self.mailbox.is_idle()
    }

    /// Wakes pollers, to look for something new or for the end.
    pub fn ring(&self) {
        self.bell.fetch_add(1, Ordering::SeqCst);
        if self.pollers.load(Ordering::SeqCst) != 0 {
            self.bell.wake_all();
        }
    }

    /// The descriptor that is readable while callbacks wait.
    pub fn descriptor(&self) -> Result<i32> {
        self.require_polled()?;
        let doorbell = lock(&self.doorbell);
        let descriptor = doorbell
            .descriptor()
            .map_err(|error| Error::system("no file descriptor to poll", &error))?;
        if self.mailbox.has_nodes() {
            doorbell.set();
        }
        Ok(descriptor)
    }

    fn require_polled(&self) -> Result<()> {
        if self.mode == CallbackMode::Polled {
            return Ok(());
        }
        Err(Error::invalid("only a pool whose option callbacks is POOL_CALLBACKS_POLLED is polled"))
    }

    /// Runs waiting callbacks on this thread and returns their number; waits for the first one
    /// until the deadline, or until none can come any more.
    ///
    /// # Errors
    /// `INVALID` in other modes; `DEADLOCK` inside the pool.
    pub fn poll(&self, core: &Core, deadline: Option<Instant>) -> Result<u32> {
        self.require_polled()?;
        core.require_outside("poll")?;
        loop {
            let heard = self.bell.load(Ordering::SeqCst);
            let count = self.run_polled(core);
            if count > 0 || core.engine.is_finished() {
                return Ok(count);
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                return Ok(0);
            }
            self.pollers.fetch_add(1, Ordering::SeqCst);
            context::blocking(|_| self.bell.wait_until_not(heard, deadline));
            self.pollers.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// In a polled pool, runs callbacks on this thread until the pool is finished; false when the
    /// deadline came first. Join waits for callbacks, and may be called by the only thread that
    /// would ever poll.
    ///
    /// # Errors
    /// As `poll`.
    pub fn poll_until_finished(&self, core: &Core, deadline: Option<Instant>) -> Result<bool> {
        while self.mode == CallbackMode::Polled && !core.engine.is_finished() {
            if self.poll(core, deadline)? == 0 && deadline.is_some_and(|at| Instant::now() >= at) {
                return Ok(core.engine.is_finished());
            }
        }
        Ok(true)
    }

    /// Runs what waits now, on this thread; 0 also when another thread is polling.
    fn run_polled(&self, core: &Core) -> u32 {
        let Ok(held) = self.polling.try_lock() else {
            return 0;
        };
        let sent = {
            let doorbell = lock(&self.doorbell);
            doorbell.clear();
            if self.mailbox.is_idle() {
                return 0;
            }
            self.mailbox.take()
        };
        let context = Context::visitor(core, Site::nowhere(POOL_NO_WORKER), false, 0..0);
        let mut count = 0;
        context.enter(|| {
            for task in sent {
                Self::run(task);
                count += 1;
            }
        });
        let left = self.mailbox.try_leave();
        drop(held);
        if left {
            core.engine.check_finished(core);
        }
        count
    }
}
