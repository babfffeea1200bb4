#![allow(unsafe_code)]
//! A lock for the shortest of sections, where std's costs too much: it is not poisoned, and
//! nothing but the one word is looked at. It sleeps when it must.

use super::{sync::Ordering, wait_word::WaitWord};
use std::{
    cell::UnsafeCell,
    ops::{Deref, DerefMut},
};

const FREE: u32 = 0;
const TAKEN: u32 = 1;
/// Taken, and somebody may sleep.
const WANTED: u32 = 2;

/// See the module.
pub struct Lock<T> {
    word: WaitWord,
    value: UnsafeCell<T>,
}

// SAFETY: the value is its holder's alone.
unsafe impl<T: Send> Sync for Lock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Lock<T> {}

/// The lock is held until this is dropped.
pub struct Held<'a, T>(&'a Lock<T>);

impl<T> Lock<T> {
    /// Nobody's.
    pub fn new(value: T) -> Self {
        Self { word: WaitWord::new(FREE), value: UnsafeCell::new(value) }
    }

    /// Takes the lock.
    #[inline]
    pub fn lock(&self) -> Held<'_, T> {
        if self.word.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait();
        }
        Held(self)
    }

    #[cold]
    fn wait(&self) {
        while self.word.swap(WANTED, Ordering::Acquire) != FREE {
            self.word.wait(WANTED, None);
        }
    }
}

impl<T> Deref for Held<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the holder is alone.
        unsafe { &*self.0.value.get() }
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the holder is alone.
        unsafe { &mut *self.0.value.get() }
    }
}

impl<T> Drop for Held<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.word.swap(FREE, Ordering::Release) == WANTED {
            self.0.word.wake_one();
        }
    }
}
