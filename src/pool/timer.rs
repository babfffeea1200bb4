//! The pool's clock: a thread that sleeps until the next thing is to happen.
//!
//! It is started with the first of them, and goes when the pool is finished; without it, or with
//! nothing to come, nobody looks at the time.

use super::{
    core::Core,
    status::{self, Error, Result},
    timetable::{Ticket, Timetable},
};
use crate::support::{
    counted::Counted,
    process::{SignalsBlocked, Uncancellable},
    sync::{AtomicBool, Mutex, Ordering, lock},
    thread::{self, Thread},
    wait_word::WaitWord,
};
use std::time::Instant;

/// What is to be done at some moment.
pub trait Alarm: Send + Sync {
    /// The moment has come. On the timer's thread, without locks; must not wait.
    fn ring(&self, core: &Core);

    /// Whether it is void once the pool is closed: then `lapse` is called instead, by who closes.
    fn lapses(&self) -> bool {
        false
    }

    /// See `lapses`.
    fn lapse(&self) {}
}

struct State {
    table: Timetable<Counted<dyn Alarm>>,
    /// Alarms that lapse are not taken any more.
    closed: bool,
    /// No alarm is.
    left: bool,
}

/// See the module.
pub struct Timer {
    state: Mutex<State>,
    /// Changes when the thread is to look again.
    calls: WaitWord,
    /// Whether there is a thread, or was.
    is_there: AtomicBool,
    /// Held while it is started and joined.
    thread: Mutex<Option<Thread>>,
}

impl Timer {
    /// Without a thread.
    pub fn new() -> Self {
        Self {
            state: Mutex::new(State { table: Timetable::new(), closed: false, left: false }),
            calls: WaitWord::new(0),
            is_there: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    /// Has `alarm` ring at that moment, or at once if it is past.
    ///
    /// # Errors
    /// `CLOSED` when it would never ring; `NO_MEMORY`; `SYSTEM` when the thread cannot be started.
    pub fn at(&self, core: &Core, at: Instant, alarm: Counted<dyn Alarm>) -> Result<Ticket> {
        self.prepare(core)?;
        let mut state = lock(&self.state);
        if state.left || state.closed && alarm.lapses() {
            return Err(Error::from(status::CLOSED));
        }
        let before = state.table.first();
        let ticket = state.table.add(at, alarm)?;
        drop(state);
        if before.is_none_or(|before| at < before) {
            self.call();
        }
        Ok(ticket)
    }

    /// Sees to it that there is a thread.
    ///
    /// # Errors
    /// As `at`.
    pub fn prepare(&self, core: &Core) -> Result<()> {
        if self.is_there.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut thread = lock(&self.thread);
        if thread.is_some() {
            return Ok(());
        }
        if lock(&self.state).left {
            return Err(Error::from(status::CLOSED));
        }
        let owner = core.to_arc();
        let _put_off = Uncancellable::new();
        let _blocked = SignalsBlocked::new();
        let name = format_args!("{:.9}-timer", core.options.name);
        let started = thread::start(name, 0, move || owner.timer.run(&owner));
        *thread = Some(
            started.map_err(|error| Error::system("no timer thread could be started", &error))?,
        );
        self.is_there.store(true, Ordering::Release);
        Ok(())
    }

    /// Takes an alarm back; false if it has rung, or is about to, or has lapsed.
    pub fn cancel(&self, ticket: Ticket) -> bool {
        lock(&self.state).table.remove(ticket).is_some()
    }

    /// The pool is closed. Whoever sets an alarm that lapses either is refused, or it is seen here.
    pub fn close(&self) {
        loop {
            let mut state = lock(&self.state);
            state.closed = true;
            let Some(alarm) = state.table.take_any(|alarm| alarm.lapses()) else { break };
            drop(state);
            alarm.lapse();
        }
    }

    /// The pool is finished.
    pub fn leave(&self) {
        lock(&self.state).left = true;
        self.call();
    }

    /// Waits for the thread, which has been told to leave.
    pub fn join(&self) {
        if let Some(thread) = lock(&self.thread).take() {
            thread.join();
        }
    }

    fn call(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.calls.wake_all();
    }

    fn run(&self, core: &Core) {
        loop {
            let seen = self.calls.load(Ordering::SeqCst);
            let mut state = lock(&self.state);
            if state.left {
                break;
            }
            let due = state.table.take_due(Instant::now());
            let next = state.table.first();
            drop(state);
            if let Some(alarm) = due {
                alarm.ring(core);
            } else {
                self.calls.wait_until_not(seen, next);
            }
        }
        // What is left will never ring.
        while let Some(alarm) = {
            let mut state = lock(&self.state);
            state.table.take_any(|_| true)
        } {
            drop(alarm);
        }
    }
}
