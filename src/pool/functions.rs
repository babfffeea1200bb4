#![allow(unsafe_code)]
//! Functions outside the program and its libraries that their owner has promised to keep.

use super::{
    abi::Function,
    status::{Error, Result},
};
use crate::support::{
    alloc::try_box,
    sync::{AtomicPtr, Ordering},
};
use std::ptr;

struct Entry {
    address: usize,
    next: *const Entry,
}

/// A list that only grows, so that a fork in the midst of a registration copies no lock.
static FIRST: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());

/// Remembers a function for ever.
///
/// # Errors
/// `NO_MEMORY`.
pub fn register(function: Function) -> Result<()> {
    let address = function as usize;
    if registered().any(|known| known == address) {
        return Ok(());
    }
    let entry = Entry { address, next: ptr::null() };
    let entry =
        try_box(entry).ok_or_else(|| Error::no_memory("no memory to register a function"))?;
    let entry = Box::leak(entry);
    let mut first = FIRST.load(Ordering::Acquire);
    loop {
        entry.next = first;
        match FIRST.compare_exchange_weak(first, entry, Ordering::Release, Ordering::Acquire) {
            Ok(_) => return Ok(()),
            Err(now) => first = now,
        }
    }
}

/// The addresses of all registered functions.
pub fn registered() -> impl Iterator<Item = usize> {
    let mut next: *const Entry = FIRST.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: entries are never freed, and complete before they are linked.
        let entry = unsafe { next.as_ref() }?;
        next = entry.next;
        Some(entry.address)
    })
}
