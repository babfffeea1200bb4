#![allow(unsafe_code)]
//! A task or a callback while it runs: what its function sees, and what it says about its outcome.

use super::{
    abi::{POOL_NO_WORKER, pool_fork_link_t, pool_task_t},
    blocking,
    core::Core,
    items::Items,
    map::Map,
    offers::{NOWHERE, Slot},
    outcome::Outcome,
    payload::copy_result,
    remote::Remote,
    said,
    site::Site,
    status::{Error, Result},
    task::Task,
};
use crate::support::{
    alloc::{Buffer, try_box},
    sync::{AtomicBool, Ordering, thread_local},
};
use std::{
    borrow::Cow,
    cell::Cell,
    ffi::c_void,
    ptr::{self, NonNull},
};

/// Whose frame it is.
#[derive(Clone, Copy)]
enum Owner<'a> {
    /// A task without a block.
    Pool(&'a Core),
    /// A callback.
    Callback(&'a Core),
    /// The block: a task that waits for itself is found by it.
    Task(&'a Task),
    /// A map, and its block.
    Map(&'a Task, &'a Map),
    /// A task of another process.
    Remote(&'a dyn Remote),
    /// Items inside a task.
    Items(&'a Items<'a>),
}

/// A running task, or a participant in a map. It begins with the part that the function sees,
/// so that the pointer handed to the function leads back here.
#[repr(C)]
pub struct Frame<'a> {
    head: Cell<pool_task_t>,
    owner: Owner<'a>,
    slot: &'a Slot,
    /// The frame of the same task, on the same thread, whose forks are older than all of these.
    outer: *const Frame<'a>,
    /// Set when it has run for too long; null: there is no limit.
    late: Cell<*const AtomicBool>,
    outcome: Cell<Option<Box<Outcome>>>,
    /// How many blocking sections are open, one inside the other.
    pub(super) sections: Cell<u32>,
    below: Cell<*const Frame<'static>>,
}

thread_local! {
    /// The frames on this thread's stack, innermost first.
    static TOP: Cell<*const Frame<'static>> = const { Cell::new(ptr::null()) };
}

/// The innermost frame on the calling thread's stack; null if there is none.
pub(super) fn top() -> *const Frame<'static> {
    TOP.with(Cell::get)
}

impl<'a> Frame<'a> {
    fn new(owner: Owner<'a>, context: *const c_void, site: Site<'a>) -> Self {
        let nothing = pool_fork_link_t { older: ptr::null_mut(), newer: ptr::null_mut() };
        let head = pool_task_t {
            context,
            index: 0,
            worker: site.worker,
            attempt: 1,
            private_forks: nothing,
            private_hungry: site.slot.hungry(),
        };
        Self {
            head: Cell::new(head),
            owner,
            slot: site.slot,
            outer: ptr::null(),
            late: Cell::new(ptr::null()),
            outcome: Cell::new(None),
            sections: Cell::new(0),
            below: Cell::new(ptr::null()),
        }
    }

    /// The frame of a task in a block, and with that context.
    #[inline]
    pub fn for_task(task: &'a Task, context: *const c_void, site: Site<'a>) -> Self {
        Self::new(Owner::Task(task), context, site)
    }

    /// The frame of a task that has no block.
    pub fn without_task(core: &'a Core, site: Site<'a>) -> Self {
        Self::new(Owner::Pool(core), ptr::null(), site)
    }

    /// The frame of a participant in a map.
    pub fn for_map(task: &'a Task, map: &'a Map, site: Site<'a>) -> Self {
        Self::new(Owner::Map(task, map), map.context(), site)
    }

    /// The frame of a task of another process.
    pub fn for_remote(remote: &'a dyn Remote, context: *const c_void, worker: u32) -> Self {
        Self::new(Owner::Remote(remote), context, Site::nowhere(worker))
    }

    /// The frame of a fork that was stolen from the frame `origin`, from its item `index`.
    pub fn for_fork(origin: &'a Self, index: usize, site: Site<'a>) -> Self {
        let frame = Self::new(origin.owner, origin.context(), site);
        frame.set_item(index);
        frame.set_attempt(origin.attempt());
        frame.late.set(origin.late.get());
        frame
    }

    /// The frame of items inside the task of the frame `outer`, which is of this thread.
    pub fn for_items(outer: &'a Self, items: &'a Items<'a>) -> Self {
        let site = Site { worker: outer.worker(), slot: outer.slot };
        let frame = Self { outer, ..Self::new(Owner::Items(items), outer.context(), site) };
        frame.set_attempt(outer.attempt());
        frame
    }

    /// Runs a callback in a frame of its own.
    pub fn for_callback(core: &'a Core, body: impl FnOnce()) {
        let frame = Self::new(Owner::Callback(core), ptr::null(), Site::nowhere(POOL_NO_WORKER));
        frame.enter(body);
        frame.end_sections();
    }

    /// Puts the frame on this thread's stack of frames while `body` runs.
    pub fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        // From here on the frame stays where it is.
        // SAFETY: nobody holds a reference into the head.
        unsafe {
            let forks = &raw mut (*self.head.as_ptr()).private_forks;
            (*forks).older = forks;
        }
        TOP.with(|top| {
            self.below.set(top.get());
            top.set(ptr::from_ref(self).cast());
            let result = body();
            top.set(self.below.get());
            result
        })
    }

    /// Makes the frame that of the map's item `index`.
    #[inline]
    pub fn set_item(&self, index: usize) {
        // SAFETY: nobody holds a reference into the head; the function sees a raw pointer.
        unsafe { (*self.head.as_ptr()).index = index };
    }

    /// How often what it runs has been begun.
    pub fn set_attempt(&self, attempt: u32) {
        // SAFETY: as above.
        unsafe { (*self.head.as_ptr()).attempt = attempt };
    }

    fn attempt(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.head.as_ptr()).attempt }
    }

    /// What says that it has run for too long. What is set lives until something else is; when
    /// it is, no fork of what runs in the frame is left.
    pub fn set_late(&self, late: Option<&AtomicBool>) {
        self.late.set(late.map_or(ptr::null(), ptr::from_ref));
    }

    fn is_late(&self) -> bool {
        // SAFETY: promised by who has set it.
        unsafe { self.late.get().as_ref() }.is_some_and(|late| late.load(Ordering::Relaxed))
    }

    /// The item that the frame is that of.
    pub fn index(&self) -> usize {
        // SAFETY: as above.
        unsafe { (*self.head.as_ptr()).index }
    }

    /// Asked from other threads too: never written once the frame is made.
    pub(super) fn context(&self) -> *const c_void {
        // SAFETY: as above.
        unsafe { (*self.head.as_ptr()).context }
    }

    fn worker(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.head.as_ptr()).worker }
    }

    /// What the function is given.
    pub fn head(&self) -> *mut pool_task_t {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// Where the task offers its forks.
    pub fn slot(&self) -> &'a Slot {
        self.slot
    }

    /// The frame whose forks are the next older ones of the same task and thread.
    pub fn outer(&self) -> Option<&Self> {
        // SAFETY: it is further down on this stack.
        unsafe { self.outer.as_ref() }
    }

    /// Nobody can take a fork of this task any more.
    pub fn keep_forks(&self) {
        // SAFETY: nobody holds a reference into the head.
        unsafe { (*self.head.as_ptr()).private_hungry = NOWHERE.hungry() };
    }

    /// Ends what the function has left open.
    #[inline]
    pub fn end_sections(&self) {
        if self.sections.get() != 0 {
            blocking::end_all(self);
        }
    }

    /// Whether it is that of a map's items.
    pub fn is_map(&self) -> bool {
        matches!(self.owner, Owner::Map(..))
    }

    /// Names the frame among those of the thread.
    pub fn address(&self) -> usize {
        ptr::from_ref(self) as usize
    }

    /// The pool; `None` if it is that of another process.
    pub fn core(&self) -> Option<&'a Core> {
        match self.owner {
            Owner::Pool(core) | Owner::Callback(core) => Some(core),
            Owner::Task(task) | Owner::Map(task, _) => Some(task.core()),
            Owner::Remote(_) => None,
            Owner::Items(items) => items.outer().core(),
        }
    }

    /// What the task, or the item, said.
    pub fn take_outcome(&self) -> Option<Box<Outcome>> {
        self.outcome.take().filter(|outcome| outcome.index == self.index())
    }

    /// Adds what was said by a part of the task that ran elsewhere.
    pub fn absorb(&self, said: Outcome) {
        self.outcome_mut(|outcome| {
            outcome.message = said.message.or(outcome.message.take());
            outcome.set_result = said.set_result.or(outcome.set_result.take());
        });
    }

    /// False when there is no memory for it.
    pub(super) fn outcome_mut(&self, change: impl FnOnce(&mut Outcome)) -> bool {
        // What an earlier item of a map has said before it ended well counts no more.
        let said = self.outcome.take().filter(|outcome| outcome.index == self.index());
        let Some(mut outcome) = said.or_else(|| try_box(Outcome::default())) else { return false };
        outcome.index = self.index();
        change(&mut outcome);
        self.outcome.set(Some(outcome));
        true
    }

    /// The frame behind the pointer that a task's function was given.
    ///
    /// # Safety
    /// The pointer is what the library handed to a function that has not returned yet.
    pub unsafe fn from_head(task: *const pool_task_t) -> Option<&'a Self> {
        let frame = NonNull::new(task.cast_mut())?.cast::<Self>();
        // SAFETY: the head is the frame's first field, and the pointer was made from the frame.
        Some(unsafe { frame.as_ref() })
    }

    /// Records the sentence of a failure.
    pub fn fail(&self, message: Cow<'static, str>) {
        let message = (!message.is_empty()).then_some(message);
        self.outcome_mut(|outcome| outcome.message = message);
    }

    /// Replaces the result by a copy of `size` bytes at `data`.
    ///
    /// # Safety
    /// `data` is readable for `size` bytes.
    ///
    /// # Errors
    /// `SIZE` in a map when the item's slot is smaller, `NO_MEMORY`.
    pub unsafe fn set_result(&self, data: *const c_void, size: usize) -> Result<()> {
        let place = match self.owner {
            Owner::Map(_, map) => Some(map.place(self.index())),
            Owner::Remote(remote) => remote.place(self.index()),
            Owner::Items(items) => Some(items.place(self.index())),
            _ => None,
        };
        if let Some(place) = place {
            // SAFETY: the slot is the item's own.
            return unsafe { copy_result(data, size, place.start, place.size) };
        }
        if let Owner::Remote(remote) = self.owner {
            // SAFETY: promised by the caller.
            return unsafe { remote.set_result(data, size) };
        }
        let buffer = Buffer::try_new(size)
            .ok_or_else(|| Error::no_memory("no memory for the task's result"))?;
        if size > 0 {
            // SAFETY: the buffer is that large and nobody else's.
            unsafe { ptr::copy_nonoverlapping(data.cast::<u8>(), buffer.as_ptr(), size) };
        }
        if self.outcome_mut(|outcome| outcome.set_result = Some(buffer)) {
            return Ok(());
        }
        Err(Error::no_memory("no memory for the task's result"))
    }

    /// The task has come so far.
    ///
    /// # Errors
    /// `NO_MEMORY`; `UNSUPPORTED` in a map.
    pub fn say(&self, done: u64, total: u64) -> Result<()> {
        match self.owner {
            // Nobody can ask.
            Owner::Pool(_) | Owner::Callback(_) => Ok(()),
            Owner::Task(task) => task.say(done, total),
            Owner::Map(..) => Err(said::of_a_map()),
            Owner::Remote(remote) => remote.say(done, total),
            Owner::Items(items) => items.outer().say(done, total),
        }
    }

    /// Whether the task has been asked to stop.
    pub fn is_asked_to_stop(&self) -> bool {
        if self.is_late() {
            return true;
        }
        match self.owner {
            Owner::Pool(core) | Owner::Callback(core) => core.is_terminated(),
            Owner::Task(task) => task.core().is_terminated() || task.state.is_asked_to_stop(),
            Owner::Map(task, map) => task.core().is_terminated() || map.is_stopped(),
            Owner::Remote(remote) => remote.is_asked_to_stop(),
            Owner::Items(items) => items.is_stopped() || items.outer().is_asked_to_stop(),
        }
    }

    /// Whether it is a callback's.
    pub(super) fn is_callback(&self) -> bool {
        matches!(self.owner, Owner::Callback(_))
    }

    /// The frame below on the same stack; null if there is none.
    pub(super) fn below(&self) -> *const Self {
        self.below.get().cast()
    }

    /// The task that it is a part of, if that has a block.
    pub(super) fn task(&self) -> Option<&'a Task> {
        match self.owner {
            Owner::Task(task) | Owner::Map(task, _) => Some(task),
            Owner::Pool(_) | Owner::Callback(_) | Owner::Remote(_) => None,
            Owner::Items(items) => items.outer().task(),
        }
    }
}
