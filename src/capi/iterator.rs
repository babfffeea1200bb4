#![allow(unsafe_code)]
//! Handles on what is asked again and again, by one thread at a time.

use super::life::Graveyard;
use crate::{
    pool::status::{self, Error, Result},
    support::{
        alloc::try_box,
        process,
        sync::{AtomicU32, Ordering},
    },
};
use std::cell::UnsafeCell;

/// The values of `life` are unlikely to be found by chance.
const IDLE: u32 = 0x4954_4552;
const BUSY: u32 = 0x4255_5359;
const FREED: u32 = 0xdead_4954;

/// What an iterator's pointer leads to.
pub struct Iterator<T> {
    life: AtomicU32,
    /// The process that made it.
    epoch: u32,
    what: UnsafeCell<Option<T>>,
}

/// A handle on something new.
///
/// # Errors
/// `NO_MEMORY`, `SYSTEM`.
pub fn make<T>(what: T) -> Result<*mut Iterator<T>> {
    let epoch = process::epoch().map_err(|error| Error::system("no page of memory", &error))?;
    let life = AtomicU32::new(IDLE);
    let made = try_box(Iterator { life, epoch, what: UnsafeCell::new(Some(what)) });
    made.map(Box::into_raw).ok_or_else(|| Error::no_memory("no memory for an iterator"))
}

/// # Safety
/// As `with`.
unsafe fn handle<'a, T>(pointer: *mut Iterator<T>, name: &str) -> Result<&'a Iterator<T>> {
    if pointer.is_null() {
        return Err(Error::invalid(format!("{name} is NULL")));
    }
    if !pointer.is_aligned() {
        return Err(Error::invalid(format!("{name} is no pointer to an iterator")));
    }
    // SAFETY: the caller vouches for the pointer; a freed handle is still ours for a while.
    let handle = unsafe { &*pointer };
    match handle.life.load(Ordering::Acquire) {
        IDLE | BUSY => Ok(handle),
        _ => Err(Error::invalid(format!("{name} has been released, or was never one"))),
    }
}

/// Makes it `to`, if nobody is at it.
fn enter<T>(handle: &Iterator<T>, name: &str, to: u32) -> Result<()> {
    let entered = handle.life.compare_exchange(IDLE, to, Ordering::Acquire, Ordering::Relaxed);
    entered.map(drop).map_err(|_| {
        Error::invalid(format!("{name} is in use: by another thread, or by its own producer"))
    })
}

/// Uses what a pointer from outside leads to.
///
/// # Safety
/// `pointer` is null, or a handle that is not freed meanwhile, or one freed not long ago.
///
/// # Errors
/// `INVALID`, `FORKED`, and those of `body`.
pub unsafe fn with<T, R>(
    pointer: *mut Iterator<T>,
    name: &str,
    body: impl FnOnce(&mut T) -> Result<R>,
) -> Result<R> {
    // SAFETY: promised by the caller.
    let handle = unsafe { handle(pointer, name) }?;
    if !process::is_current(handle.epoch) {
        let text = "the iterator was made before this process was forked";
        return Err(Error::new(status::FORKED, text));
    }
    enter(handle, name, BUSY)?;
    struct Leave<'a>(&'a AtomicU32);
    impl Drop for Leave<'_> {
        fn drop(&mut self) {
            self.0.store(IDLE, Ordering::Release);
        }
    }
    let _leave = Leave(&handle.life);
    // SAFETY: who has made it busy is alone with it.
    let what = unsafe { (*handle.what.get()).as_mut() };
    body(what.ok_or_else(|| Error::from(status::INTERNAL))?)
}

/// Frees a handle; null is none.
///
/// # Safety
/// As `with`.
///
/// # Errors
/// `INVALID`.
pub unsafe fn release<T>(
    pointer: *mut Iterator<T>,
    name: &str,
    freed: &'static Graveyard<Iterator<T>>,
) -> Result<()> {
    if pointer.is_null() {
        return Ok(());
    }
    // SAFETY: promised by the caller.
    let handle = unsafe { handle(pointer, name) }?;
    if !process::is_current(handle.epoch) {
        // Locks may be held for ever here: it is left behind.
        return Ok(());
    }
    enter(handle, name, FREED)?;
    // SAFETY: who has found it idle is alone with it, and it is not used any more.
    drop(unsafe { (*handle.what.get()).take() });
    // SAFETY: it came from a box, and this thread alone found it idle.
    unsafe { freed.bury(pointer) };
    Ok(())
}
