#![allow(unsafe_code)]
//! A lock for runs under ThreadSanitizer (`--cfg tsan`), which must see each acquire and release:
//! std's slow path is compiled into std, without the sanitizer, so that what it orders looks like a
//! race.

use super::sync::{AtomicBool, Ordering, thread};
use std::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
    sync::{LockResult, TryLockError, TryLockResult},
};

/// As std's, but it waits in a loop, and is never poisoned.
#[derive(Default)]
pub struct Mutex<T> {
    /// Acquire by who sets it, pairs with the release by who clears it.
    locked: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is touched only by who has set `locked`.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Mutex<T> {}

/// The right to the value, until it is dropped.
pub struct MutexGuard<'a, T>(&'a Mutex<T>);

impl<T> Mutex<T> {
    /// Unlocked.
    pub const fn new(value: T) -> Self {
        Self { locked: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Waits for the lock.
    #[allow(clippy::missing_errors_doc, reason = "there are none")]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        loop {
            if let Ok(guard) = self.try_lock() {
                return Ok(guard);
            }
            thread::yield_now();
        }
    }

    /// Takes the lock if it is free.
    #[allow(clippy::missing_errors_doc, reason = "as std's")]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        if self.locked.swap(true, Ordering::Acquire) {
            return Err(TryLockError::WouldBlock);
        }
        Ok(MutexGuard(self))
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.0.locked.store(false, Ordering::Release);
    }
}
