#![allow(unsafe_code)]
//! Handles that are counted: a pointer from outside is told from one that was freed not long ago.

use crate::{
    pool::status::{Error, Result},
    support::{
        alloc::try_box,
        sync::{Arc, AtomicPtr, AtomicUsize, Ordering},
    },
};
use std::{mem::ManuallyDrop, ptr};

/// The values of `life` are addresses of this copy of the library: what never was a handle is not
/// taken for one, nor is one of another copy that lives in the same process.
static LIVES: [u8; 4] = [0; 4];
const FREED: usize = 0;

fn live<K: Kind>() -> usize {
    LIVES.as_ptr() as usize + K::NUMBER
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
    what: ManuallyDrop<Arc<T>>,
}

/// A type of handles.
pub trait Kind: Sized + 'static {
    /// What they lead to.
    type What: 'static;
    /// Its name.
    const NAME: &'static str;
    /// No other kind's.
    const NUMBER: usize;
    /// Where freed ones go.
    fn graveyard() -> &'static Graveyard<Self>;
    /// A handle of this type.
    fn wrap(handle: Handle<Self::What>) -> Self;
    /// What is in it.
    fn handle(&self) -> &Handle<Self::What>;
}

/// A new handle, the caller's to `free`.
///
/// # Errors
/// `NO_MEMORY`.
pub fn create<K: Kind>(what: Arc<K::What>) -> Result<*mut K> {
    let handle = Handle { life: AtomicUsize::new(live::<K>()), what: ManuallyDrop::new(what) };
    let handle =
        try_box(K::wrap(handle)).ok_or_else(|| Error::no_memory("no memory for a handle"))?;
    Ok(Box::into_raw(handle))
}

/// What a pointer from outside leads to.
///
/// # Safety
/// It is null, or a handle that stays until `'a` ends, or one freed not long ago.
///
/// # Errors
/// `INVALID`.
pub unsafe fn behind<'a, K: Kind>(pointer: *const K) -> Result<&'a Arc<K::What>> {
    if pointer.is_null() {
        return Err(Error::invalid(format!("{} is NULL", K::NAME)));
    }
    if !pointer.is_aligned() {
        return Err(Error::invalid(format!("{0} is no pointer to a {0}", K::NAME)));
    }
    // SAFETY: the caller vouches for the pointer; a freed handle is still ours for a while.
    let handle = unsafe { &*pointer }.handle();
    if handle.life.load(Ordering::Acquire) == live::<K>() {
        return Ok(&handle.what);
    }
    Err(Error::invalid(format!("the {} has been released, or was never one", K::NAME)))
}

/// Gives a handle back.
///
/// # Safety
/// As `behind`, and nobody uses the handle any more.
///
/// # Errors
/// `INVALID` when another thread was faster.
pub unsafe fn free<K: Kind>(pointer: *mut K) -> Result<()> {
    // SAFETY: promised by the caller.
    unsafe { behind(pointer) }?;
    // SAFETY: as above.
    let handle = unsafe { &*pointer }.handle();
    if handle.life.swap(FREED, Ordering::AcqRel) != live::<K>() {
        return Err(Error::invalid(format!("the {} has been released already", K::NAME)));
    }
    // SAFETY: made by `create`, and this thread alone found it alive: nobody else drops or uses
    // what is in it.
    drop(unsafe { ptr::read(&raw const *handle.what) });
    // SAFETY: it came from a box, and is buried once: `life` said so.
    unsafe { K::graveyard().bury(pointer) };
    Ok(())
}
