#![allow(unsafe_code)]
//! The two opaque handles, and how a pointer from outside becomes one of ours.

use super::life::{FREED, Graveyard, Life};
use crate::{
    pool::{
        core::Core,
        status::{Error, Result},
        task::{Task, TaskRef},
    },
    support::sync::{Arc, AtomicUsize, Ordering},
};
use std::{mem::ManuallyDrop, ptr::NonNull};

/// A pool.
pub struct pool_t {
    life: AtomicUsize,
    core: ManuallyDrop<Arc<Core>>,
}

/// A handle on a submitted task or map.
pub struct pool_future_t {
    _private: [u8; 0],
}

static FREED_HANDLES: Graveyard<pool_t> = Graveyard::new();

impl pool_t {
    /// A handle on a new pool.
    pub fn new(core: Arc<Core>) -> Box<Self> {
        Box::new(Self { life: AtomicUsize::new(Life::Pool.word()), core: ManuallyDrop::new(core) })
    }

    /// Makes it a handle on the default pool, which the caller cannot close.
    pub fn become_default(&self) {
        self.life.store(Life::DefaultPool.word(), Ordering::Relaxed);
    }

    /// The pool behind the handle.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl Drop for pool_t {
    fn drop(&mut self) {
        if *self.life.get_mut() != FREED {
            // SAFETY: the core is there until `life` says otherwise.
            unsafe { ManuallyDrop::drop(&mut self.core) };
        }
    }
}

/// # Safety
/// As `core`.
unsafe fn handle<'a>(pool: *const pool_t) -> Result<&'a pool_t> {
    if pool.is_null() {
        return Err(Error::invalid("pool is NULL"));
    }
    if !pool.is_aligned() {
        return Err(Error::invalid("pool is no pointer to a pool"));
    }
    // SAFETY: the caller vouches for the pointer; a freed handle is still ours for a while.
    let handle = unsafe { &*pool };
    let life = handle.life.load(Ordering::Acquire);
    if life == Life::Pool.word() || life == Life::DefaultPool.word() {
        return Ok(handle);
    }
    Err(Error::invalid("the pool has been freed, or was never one"))
}

/// The pool behind a pointer from outside.
///
/// # Safety
/// `pool` is null, or a handle that stays until `'a` ends, or one freed not long ago.
///
/// # Errors
/// `INVALID`, `FORKED`.
pub unsafe fn core<'a>(pool: *const pool_t) -> Result<&'a Core> {
    // SAFETY: promised by the caller.
    let core = unsafe { handle(pool) }?.core();
    core.require_this_process()?;
    Ok(core)
}

/// As `core`, for what must not be done to the default pool.
///
/// # Safety
/// `pool` is null, or a handle that stays until `'a` ends, or one freed not long ago.
///
/// # Errors
/// `INVALID`, `FORKED`.
pub unsafe fn closable_core<'a>(pool: *const pool_t) -> Result<&'a Core> {
    // SAFETY: promised by the caller.
    let core = unsafe { core(pool) }?;
    // SAFETY: promised by the caller.
    if unsafe { handle(pool) }?.life.load(Ordering::Relaxed) == Life::DefaultPool.word() {
        return Err(Error::invalid("the default pool is the whole process's; it is never closed"));
    }
    Ok(core)
}

/// Frees a pool that has ended.
///
/// # Safety
/// As `core`, and nobody uses the pool any more.
///
/// # Errors
/// `INVALID` when another thread was faster.
pub unsafe fn free(pool: *mut pool_t) -> Result<()> {
    // SAFETY: promised by the caller.
    let was = unsafe { handle(pool) }?.life.swap(FREED, Ordering::AcqRel);
    if was != Life::Pool.word() {
        return Err(Error::invalid("the pool has been freed already"));
    }
    // SAFETY: made by `pool_t::new`, and this thread alone found it alive; `life` says that the
    // core is not there any more.
    let core = unsafe { ManuallyDrop::take(&mut (*pool).core) };
    core.blocks.retire(&core);
    drop(core);
    // SAFETY: it came from a box, and is freed once.
    unsafe { FREED_HANDLES.bury(pool) };
    Ok(())
}

/// The task behind a pointer from outside.
///
/// # Safety
/// `future` is null, or a future that the caller has not released.
///
/// # Errors
/// `INVALID`.
pub unsafe fn task(future: *const pool_future_t) -> Result<TaskRef> {
    let Some(task) = NonNull::new(future.cast_mut()).map(NonNull::cast::<Task>) else {
        return Err(Error::invalid("future is NULL"));
    };
    if !task.is_aligned() {
        return Err(Error::invalid("future is no pointer to a future"));
    }
    // SAFETY: the caller vouches for the pointer.
    let task = unsafe { TaskRef::from_raw(task) };
    if !task.state.is_held() {
        return Err(Error::invalid("the future has been released"));
    }
    Ok(task)
}

/// As `task`, but of this process, or ended.
///
/// # Safety
/// As `task`.
///
/// # Errors
/// `INVALID`, `FORKED`.
pub unsafe fn task_here(future: *const pool_future_t) -> Result<TaskRef> {
    // SAFETY: promised by the caller.
    let task = unsafe { task(future) }?;
    if !task.state.is_done() {
        task.core().require_this_process()?;
    }
    Ok(task)
}
