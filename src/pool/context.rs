#![allow(unsafe_code)]
//! Which pools the calling thread is working for.
//!
//! A worker enters its context for life; a thread that helps, or that polls callbacks, for the
//! moment. Contexts nest: a worker of one pool may help another. Being inside a pool is what
//! tells a running task, which may submit after close and must not join, from an outsider.

use super::{blocks::Local, core::Core};
use crate::support::sync::{Arc, AtomicPtr, Ordering};
use std::{
    cell::Cell,
    ffi::c_void,
    ops::Range,
    ptr::{self, NonNull},
};

/// One pool that the thread works for.
pub struct Context {
    core: NonNull<Core>,
    /// The number that tasks see.
    pub worker: u32,
    /// Whether the thread counts as one of the pool's active ones.
    pub counted: Cell<bool>,
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
    pub fn visitor(core: &Core, worker: u32, counted: bool, stack: Range<usize>) -> Self {
        Self {
            core: NonNull::from(core),
            worker,
            counted: Cell::new(counted),
            stack,
            blocks: None,
            engine: None,
            below: Cell::new(ptr::null()),
        }
    }

    /// The context of a worker, not counted yet.
    pub fn worker(
        core: &Arc<Core>,
        worker: u32,
        stack: Range<usize>,
        blocks: &Local,
        engine: NonNull<c_void>,
    ) -> Self {
        Self {
            blocks: Some(NonNull::from(blocks)),
            engine: Some(engine),
            ..Self::visitor(core, worker, false, stack)
        }
    }

    /// The pool.
    pub fn core(&self) -> &Core {
        // SAFETY: who enters a context keeps the pool alive until it leaves.
        unsafe { self.core.as_ref() }
    }

    /// Works for the pool while `body` runs.
    pub fn enter<R>(&self, body: impl FnOnce() -> R) -> R {
        self.below.set(TOP.get());
        TOP.set(self);
        let result = body();
        TOP.set(self.below.get());
        result
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
    let mut context = TOP.get();
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
    each_counted(|core| served.set(core.engine.begin_blocking(core) && served.get()));
    let result = body(served.get());
    each_counted(|core| core.engine.end_blocking(core));
    result
}

/// Calls `visit` once for each pool that counts this thread as active.
fn each_counted(visit: impl Fn(&Core)) {
    let mut context = TOP.get();
    // SAFETY: as in `find`.
    while let Some(inner) = unsafe { context.as_ref() } {
        // A child that a task forked has left its parent's pools.
        if inner.counted.get() && inner.core().is_in_this_process() {
            visit(inner.core());
        }
        context = inner.below.get();
    }
}
