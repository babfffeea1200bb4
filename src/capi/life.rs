#![allow(unsafe_code)]
//! Handles that are counted: a pointer from outside is told from one that was freed not long ago.

use crate::{
    pool::status::{Error, Result},
    support::{
        alloc::try_box,
        counted::Counted,
        sync::{AtomicPtr, AtomicUsize, Ordering},
    },
};
use std::{mem::ManuallyDrop, ptr};

/// What a handle is while it lives.
#[derive(Clone, Copy)]
pub enum Life {
    /// A pool.
    Pool,
    /// The default pool, which nobody closes.
    DefaultPool,
    /// A token.
    Token,
    /// A group.
    Group,
    /// A periodic task.
    Periodic,
}

/// One for each of `Life`.
static LIVES: [u8; 5] = [0; 5];
/// In place of a word of `Life`: the handle was given back.
pub const FREED: usize = 0;

impl Life {
    /// The word that says so: an address of this copy of the library. What never was a handle is
    /// not taken for one, nor is one of another copy that lives in the same process.
    pub fn word(self) -> usize {
        LIVES.as_ptr() as usize + self as usize
    }
}

/// Freed handles that are kept for a while, so that one that is freed twice, or used after, is an
/// error and not a crash. A ring without a lock, which a fork could copy.
pub struct Graveyard<T> {
    handles: [AtomicPtr<T>; 256],
    count: AtomicUsize,
}

impl<T> Graveyard<T> {
    /// Empty.
    pub const fn new() -> Self {
        Self {
            handles: [const { AtomicPtr::new(ptr::null_mut()) }; 256],
            count: AtomicUsize::new(0),
        }
    }

    /// Takes a freed handle in, and frees the memory of the oldest.
    ///
    /// # Safety
    /// The handle came from a box, and is buried once.
    pub unsafe fn bury(&self, handle: *mut T) {
        let place = self.count.fetch_add(1, Ordering::Relaxed) % self.handles.len();
        let oldest = self.handles[place].swap(handle, Ordering::AcqRel);
        if !oldest.is_null() {
            // SAFETY: a handle is put into the ring once, and taken out once.
            drop(unsafe { Box::from_raw(oldest) });
        }
    }
}

/// What a handle points to: `life` says whether it still does.
pub struct Handle<T> {
    life: AtomicUsize,
    what: ManuallyDrop<Counted<T>>,
}

/// A type of handles.
pub trait Kind: Sized + 'static {
    /// What they lead to.
    type What: 'static;
    /// Its name.
    const NAME: &'static str;
    /// What they are while they live.
    const LIFE: Life;
    /// Where freed ones go.
    fn graveyard() -> &'static Graveyard<Self>;
    /// A handle of this type.
    fn wrap(handle: Handle<Self::What>) -> Self;
    /// What is in it.
    fn handle(&self) -> &Handle<Self::What>;
    /// `FORKED` where it was made before this process was forked.
    fn require_this_process(what: &Self::What) -> Result<()>;
}

/// A new handle, the caller's to `free`.
///
/// # Errors
/// `NO_MEMORY`.
pub fn create<K: Kind>(what: Counted<K::What>) -> Result<*mut K> {
    let handle = Handle { life: AtomicUsize::new(K::LIFE.word()), what: ManuallyDrop::new(what) };
    let handle =
        try_box(K::wrap(handle)).ok_or_else(|| Error::no_memory("no memory for a handle"))?;
    Ok(Box::into_raw(handle))
}

/// What a pointer from outside leads to.
///
/// # Safety
/// As `of_this_process`.
unsafe fn behind<'a, K: Kind>(pointer: *const K) -> Result<&'a Counted<K::What>> {
    if pointer.is_null() {
        return Err(Error::invalid(format!("{} is NULL", K::NAME)));
    }
    if !pointer.is_aligned() {
        return Err(Error::invalid(format!("{0} is no pointer to a {0}", K::NAME)));
    }
    // SAFETY: the caller vouches for the pointer; a freed handle is still ours for a while.
    let handle = unsafe { &*pointer }.handle();
    if handle.life.load(Ordering::Acquire) == K::LIFE.word() {
        return Ok(&handle.what);
    }
    Err(Error::invalid(format!("the {} has been released, or was never one", K::NAME)))
}

/// What a pointer from outside leads to, if it was made in this process.
///
/// # Safety
/// It is null, or a handle that stays until `'a` ends, or one freed not long ago.
///
/// # Errors
/// `INVALID`, `FORKED`.
pub unsafe fn of_this_process<'a, K: Kind>(pointer: *const K) -> Result<&'a K::What> {
    // SAFETY: promised by the caller.
    let what = unsafe { behind(pointer) }?;
    K::require_this_process(what)?;
    Ok(what)
}

/// Gives a handle back. Null is none, and a forked child leaves it to its parent.
///
/// # Safety
/// As `of_this_process`, and nobody uses the handle any more.
///
/// # Errors
/// `INVALID`, also when another thread was faster.
pub unsafe fn release<K: Kind>(pointer: *mut K) -> Result<()> {
    if pointer.is_null() {
        return Ok(());
    }
    // SAFETY: promised by the caller.
    let what = unsafe { behind(pointer) }?;
    if K::require_this_process(what).is_err() {
        return Ok(());
    }
    // SAFETY: as above.
    let handle = unsafe { &*pointer }.handle();
    if handle.life.swap(FREED, Ordering::AcqRel) != K::LIFE.word() {
        return Err(Error::invalid(format!("the {} has been released already", K::NAME)));
    }
    // SAFETY: made by `create`, and this thread alone found it alive: nobody else drops or uses
    // what is in it.
    drop(unsafe { ptr::read(&raw const *handle.what) });
    // SAFETY: it came from a box, and is buried once: `life` said so.
    unsafe { K::graveyard().bury(pointer) };
    Ok(())
}
