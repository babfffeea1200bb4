#![allow(unsafe_code)]
//! Memory that the user's tasks share: what `pool_shared_alloc` gives out.

use super::status::{Error, Result};
use crate::support::sync::{Mutex, lock};
use std::{
    alloc::{Layout, alloc_zeroed, dealloc},
    collections::HashMap,
    ptr::NonNull,
};

/// Where such memory comes from.
pub trait Shared {
    /// `size` bytes, zeroed, 64-aligned, at the same address for all workers.
    ///
    /// # Errors
    /// `INVALID` for 0 bytes, `NO_MEMORY`.
    fn allocate(&self, size: usize) -> Result<NonNull<u8>>;

    /// Takes the memory at an address back.
    ///
    /// # Errors
    /// `INVALID` for an address that was not given out, or was given back.
    fn free(&self, address: *mut u8) -> Result<()>;

    /// Whether processes share it, and not only the threads of this one.
    fn is_between_processes(&self) -> bool {
        false
    }
}

/// How such memory is aligned.
pub const SHARED_ALIGN: usize = 64;

/// Refuses sizes that no memory has.
///
/// # Errors
/// `INVALID`.
pub fn layout(size: usize) -> Result<Layout> {
    if size == 0 {
        return Err(Error::invalid("size is 0"));
    }
    Layout::from_size_align(size, SHARED_ALIGN)
        .map_err(|_| Error::invalid(format!("{size} bytes are too many")))
}

/// What was given back that had not been given out.
pub fn unknown_address() -> Error {
    Error::invalid("memory is none of pool_shared_alloc() of this pool, or was given back before")
}

/// Memory of the process itself: workers are threads.
#[derive(Default)]
pub struct Heap(Mutex<HashMap<usize, Layout>>);

impl Shared for Heap {
    fn allocate(&self, size: usize) -> Result<NonNull<u8>> {
        let layout = layout(size)?;
        let no_memory = || Error::no_memory("no memory to share");
        let mut given = lock(&self.0);
        given.try_reserve(1).map_err(|_| no_memory())?;
        // SAFETY: the layout has a size.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(no_memory)?;
        given.insert(memory.as_ptr() as usize, layout);
        Ok(memory)
    }

    fn free(&self, address: *mut u8) -> Result<()> {
        let layout = lock(&self.0).remove(&(address as usize)).ok_or_else(unknown_address)?;
        // SAFETY: allocated with this layout, and given back once.
        unsafe { dealloc(address, layout) };
        Ok(())
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for (address, layout) in std::mem::take(&mut *lock(&self.0)) {
            // SAFETY: allocated with this layout, and not given back.
            unsafe { dealloc(address as *mut u8, layout) };
        }
    }
}
