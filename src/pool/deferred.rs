#![allow(unsafe_code)]
//! A task that may not start yet: until a moment, or until others have ended well.
//!
//! It is filled with all that may fail before its task exists, so that a batch is submitted whole or
//! not at all. From the moment the task is there, the first to find that nothing keeps it any more,
//! or that it must not run, takes the pool out of here, and with it the duty to conclude.

use super::{
    core::Core,
    payload::{Call, require_possible},
    status::{self, Error, Result},
    task::{Task, TaskRef},
    terms::Terms,
    timer::Alarm,
    timetable::Ticket,
    watchers::Watch,
};
use crate::support::{
    counted::Counted,
    sync::{Arc, Mutex, lock},
    text::sentence,
};
use std::{
    ptr::NonNull,
    time::{Duration, Instant},
};

/// See the module.
pub struct Deferred {
    inner: Mutex<Inner>,
}

struct Inner {
    /// Until the task is concluded, or given up.
    core: Option<Arc<Core>>,
    /// Once there is one: it holds the agenda's reference.
    task: Option<TaskRef>,
    /// What it waits for: the task itself, a moment, others.
    left: usize,
    /// Why it must not run.
    refusal: Option<Error>,
    ticket: Option<Ticket>,
    /// The task whose result is its argument, with a reference; and the size of its own result.
    then: Option<(TaskRef, usize)>,
    place: usize,
}

/// A deferred task that does not exist yet; if it is dropped, it never will.
pub struct Held {
    deferred: Option<Counted<Deferred>>,
    /// When it may start, if it waits for that.
    pub at: Option<Instant>,
}

impl Deferred {
    fn begin(core: &Core) -> Result<Held> {
        let inner = Inner {
            core: Some(core.to_arc()),
            task: None,
            left: 1,
            refusal: None,
            ticket: None,
            then: None,
            place: 0,
        };
        let deferred = Counted::try_new(Self { inner: Mutex::new(inner) })
            .ok_or_else(|| Error::no_memory("no memory for tasks that start later"))?;
        let entered = core.agenda.enter(&deferred);
        let mut inner = lock(&deferred.inner);
        match entered {
            Ok(place) => inner.place = place,
            Err(error) => {
                inner.core = None;
                return Err(error);
            }
        }
        drop(inner);
        Ok(Held { deferred: Some(deferred), at: None })
    }

    /// A task that will end with `error`.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn refused(core: &Core, error: Error) -> Result<Held> {
        let held = Self::begin(core)?;
        lock(&held.get().inner).refusal = Some(error);
        Ok(held)
    }

    /// A task that waits for what its terms say, as from `now`.
    ///
    /// # Safety
    /// `terms.after` are as many tasks in which the caller owns references.
    ///
    /// # Errors
    /// `NO_MEMORY`; `SYSTEM` when there can be no timer; `INVALID` as `require_possible`.
    pub unsafe fn prepare(core: &Core, terms: &Terms, now: Instant) -> Result<Held> {
        require_possible(terms.then.unwrap_or(0))?;
        let mut held = Self::begin(core)?;
        if terms.delay_ms > 0 {
            held.at = now.checked_add(Duration::from_millis(terms.delay_ms.unsigned_abs()));
        }
        let deferred = held.get();
        if terms.delay_ms > 0 {
            Self::wait_for_moment(deferred, core, held.at)?;
        }
        for index in 0..terms.after_count {
            // SAFETY: promised by the caller.
            let task = unsafe {
                let task = terms.after.add(index).read_unaligned();
                TaskRef::from_raw(NonNull::new(task).ok_or(status::INVALID)?)
            };
            let mut inner = lock(&deferred.inner);
            inner.left += 1;
            if let Some(result_size) = terms.then {
                task.state.add_reference();
                inner.then = Some((task, result_size));
            }
            drop(inner);
            let watch: Counted<dyn Watch> = deferred.clone().widen(|inner| inner);
            if !task.core().watchers.add(task, watch, index)? {
                deferred.ended(task, index);
            }
        }
        Ok(held)
    }

    fn wait_for_moment(this: &Counted<Self>, core: &Core, at: Option<Instant>) -> Result<()> {
        lock(&this.inner).left += 1;
        // A moment that no clock can tell never comes.
        if let Some(at) = at {
            let ticket = core.timer.at(core, at, this.clone().widen(|inner| inner))?;
            lock(&this.inner).ticket = Some(ticket);
        }
        Ok(())
    }

    /// The task is not to run. Also when it has been cancelled: then the agenda forgets it.
    pub fn refuse(&self, error: Error) {
        self.change(|inner| {
            inner.refusal.get_or_insert(error);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = lock(&self.inner);
        change(&mut inner);
        let is_decided = inner.left == 0 || inner.refusal.is_some();
        let Some(task) = inner.task.filter(|_| is_decided) else { return };
        let Some(core) = inner.core.take() else { return };
        let (ticket, place) = (inner.ticket.take(), inner.place);
        drop(inner);
        if let Some(ticket) = ticket {
            core.timer.cancel(ticket);
        }
        if task.state.claim_deferred() {
            core.agenda.conclude(&core, task);
        } else {
            self.drop_source();
            task.release();
            core.agenda.leave(&core, place);
        }
    }

    fn drop_source(&self) {
        let source = lock(&self.inner).then.take();
        if let Some((source, _)) = source {
            source.release();
        }
    }

    /// Whether the claimed task may run; then it has its argument.
    ///
    /// # Errors
    /// Why it must not, or cannot.
    pub fn verdict(&self, core: &Core, task: TaskRef) -> Result<()> {
        let mut inner = lock(&self.inner);
        let (refusal, then) = (inner.refusal.take(), inner.then.take());
        drop(inner);
        let Some((source, result_size)) = then else {
            return refusal.map_or(Ok(()), Err);
        };
        let outcome = match refusal {
            Some(error) => Err(error),
            // SAFETY: the agenda has claimed the task; the source has ended.
            None => unsafe { task.continue_from(core, source, result_size) },
        };
        source.release();
        outcome
    }

    /// Its place in the agenda.
    pub fn place(&self) -> usize {
        lock(&self.inner).place
    }
}

impl Held {
    fn get(&self) -> &Counted<Deferred> {
        self.deferred.as_ref().expect("there until it is dropped")
    }

    /// To be kept by the task.
    pub fn share(&self) -> Counted<Deferred> {
        self.get().clone()
    }

    /// The task exists, is deferred, and the agenda owns a reference.
    pub fn commit(mut self, task: TaskRef) {
        let Some(deferred) = self.deferred.take() else { return };
        let core = task.core().to_arc();
        deferred.change(|inner| {
            inner.task = Some(task);
            inner.left -= 1;
            // Who terminates either sees the task, or is seen here.
            if core.is_terminated() {
                inner.refusal.get_or_insert_with(|| Error::from(status::TERMINATED));
            }
        });
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(deferred) = self.deferred.take() else { return };
        let mut inner = lock(&deferred.inner);
        let (core, ticket, place) = (inner.core.take(), inner.ticket.take(), inner.place);
        drop(inner);
        deferred.drop_source();
        if let Some(core) = core {
            if let Some(ticket) = ticket {
                core.timer.cancel(ticket);
            }
            core.agenda.leave(&core, place);
        }
    }
}

impl Watch for Deferred {
    fn ended(&self, task: TaskRef, key: usize) {
        let failure = task.outcome().err().map(|error| not_run(&error, key));
        self.change(|inner| match failure {
            Some(failure) => {
                inner.refusal.get_or_insert(failure);
            }
            None => inner.left -= 1,
        });
    }
}

impl Alarm for Deferred {
    fn ring(&self, _core: &Core) {
        self.change(|inner| inner.left -= 1);
    }
}

/// Why a task is not run that was to follow the one that failed. Down a chain the sentence stays
/// that of the first.
fn not_run(error: &Error, index: usize) -> Error {
    const BEGINNING: &str = "not run, since what it was to follow, after[";
    let message = &error.message;
    if message.starts_with(BEGINNING) {
        return Error::new(error.status, sentence(format_args!("{message}")));
    }
    Error::new(error.status, sentence(format_args!("{BEGINNING}{index}], failed: {message}")))
}

impl Task {
    /// Takes the result of a task that has ended as the argument.
    ///
    /// # Safety
    /// The caller has claimed this task, which was filled without argument and result.
    unsafe fn continue_from(&self, core: &Core, source: TaskRef, result_size: usize) -> Result<()> {
        let Some(call) = self.call() else { return Err(Error::from(status::INTERNAL)) };
        let (arg, arg_size) = source.result();
        let call = Call { arg, arg_size, result_size, ..call };
        core.engine.admit(core, &call)?;
        // SAFETY: the result is readable while the source lives; promised by the caller.
        unsafe { self.refill(core, &call) }
    }
}
