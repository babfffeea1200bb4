#![allow(unsafe_code)]
//! A task that is run again and again, at a fixed rate.
//!
//! Each run is a task like any other. The pool's timer submits it; when it has ended, the alarm for
//! the next is set. So there is always one of the two that will go on, or the whole has ended:
//!
//! | while            | the periodic is kept by | moved on by                                |
//! |------------------|-------------------------|--------------------------------------------|
//! | it waits         | the timer               | `ring`; `lapse`, when the pool is closed; `cancel` |
//! | a run is under way | the run's watchers    | `ended`                                    |

use super::{
    batch,
    core::Core,
    group::{Group, Membership},
    payload::{Call, copy_result, require_possible},
    stack,
    status::{self, Error, Result, Status},
    submit,
    task::TaskRef,
    terms::Terms,
    timer::Alarm,
    timetable::Ticket,
    watchers::Watch,
};
use crate::support::{
    alloc::Buffer,
    counted::{Counted, Itself},
    process,
    sync::{Arc, Mutex, MutexGuard, Ordering, lock},
    wait_word::WaitWord,
};
use std::{
    ptr::{self, NonNull},
    time::{Duration, Instant},
};

/// No clock tells of more.
const CENTURY: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// See the module.
pub struct Periodic {
    me: Itself<Self>,
    /// The process that it belongs to.
    epoch: u32,
    /// What each run does; its argument is in `arg`, its groups are kept by `groups`.
    call: Call,
    arg: Buffer,
    groups: [Option<Counted<Group>>; 2],
    period: Duration,
    state: Mutex<State>,
    /// 1 when it has ended.
    over: WaitWord,
}

struct State {
    /// Until it has ended.
    core: Option<Arc<Core>>,
    /// When the run is to start that is under way, or next.
    due: Instant,
    ticket: Option<Ticket>,
    /// The run that is under way, by its handle.
    current: Option<TaskRef>,
    /// The last that has ended well, by its handle.
    last: Option<TaskRef>,
    runs: i64,
    cancelled: bool,
    /// Why it has ended.
    end: Option<Error>,
}

// SAFETY: the call's pointers are only passed on to its function and callback.
unsafe impl Send for Periodic {}
// SAFETY: as above; what changes is behind locks.
unsafe impl Sync for Periodic {}

/// A periodic task that has not begun.
///
/// # Safety
/// The call's pointers are as `Call` says; its context stays readable until the end, and its groups
/// are alive during this call.
///
/// # Errors
/// As `submit`.
pub unsafe fn prepare(core: &Core, call: &Call, period_ms: u64) -> Result<Counted<Periodic>> {
    let terms = call.terms.unwrap_or(Terms::USUAL);
    if terms.after_count > 0 {
        return Err(Error::invalid("a periodic task has no `after`: submit one that starts it"));
    }
    core.require_open(super::context::find(core).is_some())?;
    core.engine.admit(core, call)?;
    require_possible(call.result_size)?;
    let no_memory = || Error::no_memory("no memory for a periodic task");
    let arg = Buffer::try_new(call.arg_size).ok_or_else(no_memory)?;
    if call.arg_size > 0 {
        // SAFETY: promised by the caller; the buffer is that large.
        unsafe { ptr::copy_nonoverlapping(call.arg.cast::<u8>(), arg.as_ptr(), call.arg_size) };
    }
    let epoch = process::epoch().map_err(|error| Error::system("no page of memory", &error))?;
    // SAFETY: promised by the caller.
    let groups = unsafe { terms.membership.groups() }.map(|group| group.map(Group::share));
    let kept = |index: usize| groups[index].as_ref().map_or(ptr::null(), Counted::as_ptr);
    let membership = Membership { token: kept(0), group: kept(1) };
    let each = Terms { delay_ms: 0, membership, ..terms };
    let place = if call.arg_size > 0 { arg.as_ptr().cast_const().cast() } else { call.arg };
    let delay = Duration::from_millis(terms.delay_ms.unsigned_abs()).min(CENTURY);
    let state = State {
        core: Some(core.to_arc()),
        due: Instant::now() + delay,
        ticket: None,
        current: None,
        last: None,
        runs: 0,
        cancelled: false,
        end: None,
    };
    let periodic = Counted::try_cyclic(|me: Itself<Periodic>| Periodic {
        epoch,
        call: Call { arg: place, terms: Some(Terms { run_of: me.as_ptr(), ..each }), ..*call },
        me,
        arg,
        groups,
        period: Duration::from_millis(period_ms).min(CENTURY),
        state: Mutex::new(state),
        over: WaitWord::new(0),
    });
    periodic.ok_or_else(no_memory)
}

impl Periodic {
    /// Fails in a process that was forked since.
    ///
    /// # Errors
    /// `FORKED`.
    pub fn require_this_process(&self) -> Result<()> {
        if process::is_current(self.epoch) {
            return Ok(());
        }
        Err(Error::new(status::FORKED, "it was made before this process was forked"))
    }

    /// Begins it; once.
    ///
    /// # Errors
    /// As `submit`; nothing is run then.
    pub fn start(&self, core: &Core) -> Result<()> {
        self.set_alarm(core, lock(&self.state))
    }

    /// How often it has run.
    pub fn runs(&self) -> i64 {
        lock(&self.state).runs
    }

    /// Copies the result of the last run that has ended well.
    ///
    /// # Safety
    /// `to` is writable for `room` bytes.
    ///
    /// # Errors
    /// `TIMEOUT` when there was none yet; `SIZE`.
    pub unsafe fn result(&self, to: *mut u8, room: usize) -> Result<()> {
        let state = lock(&self.state);
        let last = state.last.ok_or_else(|| {
            Error::new(status::TIMEOUT, "no run of the periodic task has ended well yet")
        })?;
        let (data, size) = last.result();
        // SAFETY: promised by the caller; the data live until the run is released.
        unsafe { copy_result(data, size, to, room) }
    }

    /// Runs no more, and asks the run that is under way to stop. False if it had ended.
    pub fn cancel(&self) -> bool {
        let mut state = lock(&self.state);
        if state.end.is_some() {
            return false;
        }
        state.cancelled = true;
        if let Some(task) = state.current {
            task.state.add_reference();
            drop(state);
            submit::cancel(task);
            task.release();
        } else if let (Some(ticket), Some(core)) = (state.ticket.take(), state.core.clone())
            && core.timer.cancel(ticket)
        {
            self.end(state, Error::from(status::CANCELLED));
        }
        true
    }

    /// Waits until it has ended; false when the deadline came first.
    ///
    /// # Errors
    /// Why it has ended; `DEADLOCK` inside its own run.
    pub fn wait(&self, deadline: Option<Instant>) -> Result<bool> {
        // Not by `current`: a run may begin before that is set.
        if stack::is_inside_run(self) {
            let text = "a periodic task cannot wait for its own end";
            return Err(Error::new(status::DEADLOCK, text));
        }
        if !super::context::blocking(|_| self.over.wait_until_not(0, deadline)) {
            return Ok(false);
        }
        lock(&self.state).end.clone().map_or(Ok(true), Err)
    }

    fn end(&self, mut state: MutexGuard<'_, State>, error: Error) {
        state.end.get_or_insert(error);
        let core = state.core.take();
        drop(state);
        self.over.store(1, Ordering::SeqCst);
        self.over.wake_all();
        drop(core);
    }

    fn share(&self) -> Counted<Self> {
        // SAFETY: a periodic task is only used while it has owners.
        unsafe { self.me.share() }
    }

    fn set_alarm(&self, core: &Core, mut state: MutexGuard<'_, State>) -> Result<()> {
        let me: Counted<dyn Alarm> = self.share().widen(|inner| inner);
        // It may ring at once: then it waits for the lock.
        match core.timer.at(core, state.due, me) {
            Ok(ticket) => {
                state.ticket = Some(ticket);
                Ok(())
            }
            Err(error) => {
                let error = closing(core).map_or(error, Error::from);
                self.end(state, error.clone());
                Err(error)
            }
        }
    }

    /// Submits a run.
    fn run(&self, core: &Core) -> Result<TaskRef> {
        let mut future = ptr::null_mut();
        // SAFETY: the argument and the groups are kept here, and so is the room for the future.
        unsafe {
            batch::submit_all(core, 1, &|_, _| Ok(self.call), &raw mut future)?;
            let future = NonNull::new(future).ok_or(status::INTERNAL)?;
            Ok(TaskRef::from_raw(future))
        }
    }

    /// The first moment of the plan that is not past.
    fn next(&self, due: Instant) -> Instant {
        let now = Instant::now();
        let late = now.saturating_duration_since(due).as_nanos();
        let steps = late / self.period.as_nanos() + 1;
        let nanos = u64::try_from(self.period.as_nanos() * steps).unwrap_or(u64::MAX);
        due.checked_add(Duration::from_nanos(nanos)).unwrap_or(now + CENTURY)
    }
}

/// What a pool is that takes no more runs.
fn closing(core: &Core) -> Option<Status> {
    if core.is_terminated() {
        return Some(status::TERMINATED);
    }
    core.is_closed().then_some(status::CLOSED)
}

impl Alarm for Periodic {
    fn ring(&self, core: &Core) {
        let mut state = lock(&self.state);
        state.ticket = None;
        if state.cancelled {
            return self.end(state, Error::from(status::CANCELLED));
        }
        drop(state);
        let task = match self.run(core) {
            Ok(task) => task,
            Err(error) => return self.end(lock(&self.state), error),
        };
        let mut state = lock(&self.state);
        state.current = Some(task);
        let is_cancelled = state.cancelled;
        drop(state);
        // The handle is given back by `ended`.
        task.state.add_reference();
        if is_cancelled {
            submit::cancel(task);
        }
        match core.watchers.add(task, self.share().widen(|inner| inner), 0) {
            Ok(true) => {}
            Ok(false) => self.ended(task, 0),
            Err(error) => {
                // The run goes on, unwatched.
                let mut state = lock(&self.state);
                state.current = None;
                self.end(state, error);
                task.release_handle();
            }
        }
        task.release();
    }

    fn lapses(&self) -> bool {
        true
    }

    fn lapse(&self) {
        let state = lock(&self.state);
        let status = state.core.as_deref().and_then(closing).unwrap_or(status::CLOSED);
        self.end(state, Error::from(status));
    }
}

impl Watch for Periodic {
    fn ended(&self, task: TaskRef, _key: usize) {
        let mut state = lock(&self.state);
        state.current = None;
        state.runs += i64::from(task.has_run());
        let outcome = task.outcome();
        let done_with = if outcome.is_ok() { state.last.replace(task) } else { Some(task) };
        let is_cancelled = state.cancelled;
        match (outcome, state.core.clone()) {
            (Ok(()), Some(core)) if !is_cancelled => {
                state.due = self.next(state.due);
                // Why it cannot go on, is why it has ended.
                let _ = self.set_alarm(&core, state);
            }
            (Err(error), _) if !is_cancelled => self.end(state, error),
            _ => self.end(state, Error::from(status::CANCELLED)),
        }
        if let Some(task) = done_with {
            task.release_handle();
        }
    }
}

impl Drop for Periodic {
    fn drop(&mut self) {
        // Kept to the end: what the call refers to.
        let _ = (&self.arg, &self.groups);
        if let Some(last) = lock(&self.state).last.take() {
            last.release_handle();
        }
    }
}
