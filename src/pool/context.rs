#![allow(unsafe_code)]
//! Which pools the calling thread is working for.
//!
//! A worker enters its context for life; a thread that helps, or that polls callbacks, for the
//! moment. Contexts nest: a worker of one pool may help another. Being inside a pool is what
//! tells a running task, which may submit after close and must not join, from an outsider.

use super::{
    blocks::Local,
    core::Core,
    fork_record::Mark,
    offers::{Slot, Thief},
    site::Site,
    status::{self, Error, Result},
    tally::Tally,
};
use crate::support::sync::{Arc, AtomicPtr, Ordering, thread_local};
use std::{
    cell::{Cell, RefCell},
    ffi::c_void,
    ops::Range,
    ptr::{self, NonNull},
};

/// One pool that the thread works for.
pub struct Context {
    core: NonNull<Core>,
    worker: u32,
    slot: NonNull<Slot>,
    tally: NonNull<Tally>,
    /// How many forks of this thread's tasks have been promoted.
    promotions: Cell<u64>,
    /// Whether the thread counts as one of the pool's active ones: not in a section.
    pub counted: Cell<bool>,
    /// The section, by its frame's address, in which the thread is not counted; 0: none.
    aside: Cell<usize>,
    /// Where the stack must stand for one more task to start here.
    pub stack: Range<usize>,
    /// The worker's own free blocks.
    pub blocks: Option<NonNull<Local>>,
    /// What the engine keeps for the worker; `None` when the thread is no worker of the pool.
    pub engine: Option<NonNull<c_void>>,
    below: Cell<*const Context>,
}

thread_local! {
    static TOP: Cell<*const Context> = const { Cell::new(ptr::null()) };
}

impl Context {
    /// A context of a thread that is no worker: a helper if `counted`, else one that polls.
    pub fn visitor(core: &Core, site: Site<'_>, counted: bool, stack: Range<usize>) -> Self {
        Self {
            core: NonNull::from(core),
            worker: site.worker,
            slot: NonNull::from(site.slot),
            tally: NonNull::from(&*core.outside),
            promotions: Cell::new(0),
            counted: Cell::new(counted),
            aside: Cell::new(0),
            stack,
            blocks: None,
            engine: None,
            below: Cell::new(ptr::null()),
        }
    }

    /// The context of a caller who is the pool's worker for the moment.
    pub fn caller(
        core: &Core,
        site: Site<'_>,
        tally: &Tally,
        stack: Range<usize>,
        engine: NonNull<c_void>,
    ) -> Self {
        Self {
            tally: NonNull::from(tally),
            engine: Some(engine),
            ..Self::visitor(core, site, true, stack)
        }
    }

    /// The context of a worker, not counted yet.
    pub fn worker(
        core: &Arc<Core>,
        site: Site<'_>,
        tally: &Tally,
        stack: Range<usize>,
        blocks: &Local,
        engine: NonNull<c_void>,
    ) -> Self {
        Self {
            tally: NonNull::from(tally),
            blocks: Some(NonNull::from(blocks)),
            engine: Some(engine),
            ..Self::visitor(core, site, false, stack)
        }
    }

    /// The pool.
    pub fn core(&self) -> &Core {
        // SAFETY: who enters a context keeps the pool alive until it leaves.
        unsafe { self.core.as_ref() }
    }

    /// Where tasks run that this thread runs for the pool.
    pub fn site(&self) -> Site<'_> {
        // SAFETY: slots live as long as the pool.
        Site { worker: self.worker, slot: unsafe { self.slot.as_ref() } }
    }

    /// Where what this thread does for the pool is counted.
    pub fn tally(&self) -> &Tally {
        // SAFETY: tallies live as long as the pool.
        unsafe { self.tally.as_ref() }
    }

    /// This thread, as one that takes forks now.
    pub fn thief(&self) -> Thief<'_> {
        let mark = Mark { who: ptr::from_ref(self).cast(), number: self.promotions.get() };
        Thief { mark, slot: self.site().slot }
    }

    /// This thread, as one that promotes a fork now.
    pub fn promote(&self) -> Mark {
        let mark = self.thief().mark;
        self.promotions.set(mark.number + 1);
        mark
    }

    /// Works for the pool while `body` runs.
    pub fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        self.below.set(TOP.with(Cell::get));
        TOP.with(|top| top.set(self));
        let result = body();
        TOP.with(|top| top.set(self.below.get()));
        result
    }

    fn step_aside(&self, section: usize) -> Result<()> {
        let core = self.core();
        core.sections.enter(core)?;
        core.census.count_wait();
        let served = core.engine.begin_blocking(core);
        self.counted.set(false);
        if !served {
            self.take_place_back();
            let text = "no thread could be started to run what is queued meanwhile";
            return Err(Error::new(status::SYSTEM, text));
        }
        self.aside.set(section);
        Ok(())
    }

    fn take_place_back(&self) {
        let core = self.core();
        self.counted.set(true);
        core.engine.end_blocking(core);
        core.sections.leave();
    }

    /// Whether the thread has given up its place for a section.
    pub fn is_aside(&self) -> bool {
        self.aside.get() != 0
    }

    /// Whether there is stack left for one more task.
    pub fn has_stack(&self) -> bool {
        self.stack.contains(&stack_pointer())
    }
}

/// In a worker process, and in those forked from it: the pool that it works for.
static WORKS_FOR: AtomicPtr<Core> = AtomicPtr::new(ptr::null_mut());

/// This process is a worker of the pool from now on.
pub fn become_worker_process_of(core: &Core) {
    WORKS_FOR.store(ptr::from_ref(core).cast_mut(), Ordering::Relaxed);
}

/// Whether this process is a worker of the pool, or was forked from one.
pub fn is_worker_process_of(core: &Core) -> bool {
    ptr::eq(WORKS_FOR.load(Ordering::Relaxed), core)
}

/// Roughly where the stack of the calling thread stands.
#[inline(never)]
pub fn stack_pointer() -> usize {
    let here = 0_u8;
    (&raw const here) as usize
}

/// The innermost context of the calling thread in `core`.
pub fn find(core: &Core) -> Option<&Context> {
    let mut context = TOP.with(Cell::get);
    // SAFETY: entered contexts are alive, and linked innermost first.
    while let Some(inner) = unsafe { context.as_ref() } {
        if ptr::eq(inner.core.as_ptr(), core) {
            return Some(inner);
        }
        context = inner.below.get();
    }
    None
}

/// Runs `body` while every pool that counts this thread as active lets another step in. `body`
/// is told whether each has somebody to run what is queued.
pub fn blocking<R>(body: impl FnOnce(bool) -> R) -> R {
    let served = Cell::new(true);
    each_counted(|context| {
        let core = context.core();
        core.census.count_wait();
        served.set(core.engine.begin_blocking(core) && served.get());
    });
    let result = body(served.get());
    each_counted(|context| context.core().engine.end_blocking(context.core()));
    result
}

/// Gives up this thread's place in every pool that counts it as active, until `step_back` with
/// the same section.
///
/// # Errors
/// `FULL`, `SYSTEM`; then no place has been given up.
pub fn step_aside(section: usize) -> Result<()> {
    let outcome = RefCell::new(Ok(()));
    each_counted(|context| {
        if outcome.borrow().is_ok() {
            *outcome.borrow_mut() = context.step_aside(section);
        }
    });
    let outcome = outcome.into_inner();
    if outcome.is_err() {
        step_back(section);
    }
    outcome
}

/// Takes back all places that were given up for the section.
pub fn step_back(section: usize) {
    each(|context| {
        if context.aside.get() == section {
            context.aside.set(0);
            context.take_place_back();
        }
    });
}

/// Calls `visit` once for each pool that counts this thread as active.
fn each_counted(visit: impl Fn(&Context)) {
    each(|context| {
        if context.counted.get() {
            visit(context);
        }
    });
}

/// Calls `visit` once for each pool that this thread works for.
fn each(visit: impl Fn(&Context)) {
    let mut context = TOP.with(Cell::get);
    // SAFETY: as in `find`.
    while let Some(inner) = unsafe { context.as_ref() } {
        // A child that a task forked has left its parent's pools.
        if inner.core().is_in_this_process() {
            visit(inner);
        }
        context = inner.below.get();
    }
}
