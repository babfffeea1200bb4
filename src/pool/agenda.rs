#![allow(unsafe_code)]
//! Tasks that were accepted and may not start yet: in no queue, and still the pool's to run.
//!
//! Whoever finds that one may start now, or never will, claims it and sends it to the mailbox; the
//! thread that finds the box idle reads it. So a task that ends because another has does so on a
//! stack that does not grow with the length of the chain. While it reads it runs no function of the
//! user's: that could wait for what comes into the box next.

use super::{
    callbacks::Delivery,
    context,
    core::Core,
    deferred::Deferred,
    mailbox::Mailbox,
    status::{self, Error, Result, Status},
    task::{NEVER_RAN, Task, TaskRef},
};
use crate::support::{
    counted::Counted,
    sync::{AtomicUsize, Mutex, Ordering, lock},
};
use std::ptr::NonNull;

/// See the module.
pub struct Agenda {
    /// How many there are. A closed pool is not finished before there are none.
    held: AtomicUsize,
    entries: Mutex<Entries>,
    /// Claimed by who sent them, with the agenda's reference.
    ready: Mailbox<Task>,
}

#[derive(Default)]
struct Entries {
    places: Vec<Option<Counted<Deferred>>>,
    /// There is room for all places.
    free: Vec<usize>,
}

impl Agenda {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { held: AtomicUsize::new(0), entries: Mutex::default(), ready: Mailbox::new() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.held.load(Ordering::SeqCst) == 0
    }

    /// One more; its place, to `leave`. By a task, a callback or a submitter: if the pool is found
    /// to be closed after this, it must leave again.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn enter(&self, deferred: &Counted<Deferred>) -> Result<usize> {
        let no_memory = |_| Error::no_memory("no memory for tasks that start later");
        let mut entries = lock(&self.entries);
        if entries.free.is_empty() {
            let next = entries.places.len();
            entries.places.try_reserve(1).map_err(no_memory)?;
            entries.free.try_reserve(next + 1).map_err(no_memory)?;
            entries.places.push(None);
            entries.free.push(next);
        }
        let place = entries.free.pop().unwrap_or_default();
        entries.places[place] = Some(deferred.clone());
        self.held.fetch_add(1, Ordering::SeqCst);
        Ok(place)
    }

    /// One less: it has ended, or it is in a queue by now.
    pub fn leave(&self, core: &Core, place: usize) {
        let mut entries = lock(&self.entries);
        let entry = entries.places[place].take();
        entries.free.push(place);
        drop(entries);
        drop(entry);
        self.uncount(core);
    }

    fn uncount(&self, core: &Core) {
        if self.held.fetch_sub(1, Ordering::SeqCst) == 1 {
            core.engine.check_finished(core);
        }
    }

    /// Ends all as terminated. A task that is just being submitted looks by itself, afterwards.
    pub fn end_all(&self) {
        for place in 0.. {
            let entry = match lock(&self.entries).places.get(place) {
                None => return,
                Some(entry) => entry.clone(),
            };
            if let Some(deferred) = entry {
                deferred.refuse(Error::from(status::TERMINATED));
            }
        }
    }

    /// Starts a task, or ends it, as its `Deferred` says. The caller has claimed it, and passes the
    /// agenda's reference on.
    pub fn conclude(&self, core: &Core, task: TaskRef) {
        // SAFETY: the reference keeps the task alive; who has claimed a task sends it once, and
        // nobody else can end it and send it to another box.
        if !unsafe { self.ready.send(task.as_non_null()) } {
            return;
        }
        // The pool is not finished before all is done that is owed.
        self.held.fetch_add(1, Ordering::SeqCst);
        let mut owed = Owed { delivery: Delivery::Left, wake: false };
        loop {
            for task in self.ready.take() {
                self.conclude_one(core, task, &mut owed);
            }
            if self.ready.try_leave() {
                break;
            }
        }
        core.callbacks.serve(core, owed.delivery);
        if owed.wake {
            core.engine.wake(core);
        }
        self.uncount(core);
    }

    fn conclude_one(&self, core: &Core, task: NonNull<Task>, owed: &mut Owed) {
        // SAFETY: the reference came along.
        let task = unsafe { TaskRef::from_raw(task) };
        let Some(deferred) = task.deferred() else { return };
        match deferred.verdict(core, task) {
            Err(error) => owed.finish(task, error.status, &error.message),
            Ok(()) if core.is_terminated() => owed.finish_plainly(task, status::TERMINATED),
            Ok(()) if !task.state.requeue() => owed.finish_plainly(task, status::CANCELLED),
            Ok(()) => owed.enqueue(core, task),
        }
        self.leave(core, deferred.place());
    }
}

/// What is to be done when the box is no longer read here.
struct Owed {
    /// Of several callbacks only the first can be anybody's: the others are read with it.
    delivery: Delivery,
    /// Something was put into a queue.
    wake: bool,
}

impl Owed {
    fn finish_plainly(&mut self, task: TaskRef, status: Status) {
        self.finish(task, status, &status::meaning(status));
    }

    fn finish(&mut self, task: TaskRef, status: Status, message: &str) {
        task.set_message(message);
        let delivery = task.finish_owing(status, NEVER_RAN);
        if !matches!(delivery, Delivery::Left) {
            self.delivery = delivery;
        }
    }

    /// Puts a task into a queue that has been accepted long ago: if there is no room, it fails.
    fn enqueue(&mut self, core: &Core, task: TaskRef) {
        let entry = core.blocks.enter_late(core, context::find(core));
        let enqueued = core.engine.enqueue(core, entry.door_for(task.level()), task);
        drop(entry);
        match enqueued {
            Ok(()) => self.wake = true,
            Err(error) if task.state.claim() => self.finish(task, error.status, &error.message),
            Err(_) => task.release(),
        }
    }
}
