#![allow(unsafe_code)]
//! A counted pointer like `Arc`, the making of which can fail with an error.

use super::{
    alloc::try_box,
    sync::{AtomicUsize, Ordering},
};
use std::{
    mem::{ManuallyDrop, MaybeUninit},
    ops::Deref,
    ptr::{self, NonNull},
};

/// One owner of a value that is dropped with its last.
pub struct Counted<T: ?Sized>(NonNull<Inner<T>>);

/// What a `Counted` leads to.
#[repr(C)]
pub struct Inner<T: ?Sized> {
    /// Each owner that goes releases what it did with the value; the last acquires it.
    owners: AtomicUsize,
    value: T,
}

/// A value's way to itself: no owner, but as long as there is one it makes more.
pub struct Itself<T>(NonNull<Inner<T>>);

// SAFETY: owners on several threads share the value, and any of them may drop it.
unsafe impl<T: ?Sized + Send + Sync> Send for Counted<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for Counted<T> {}
// SAFETY: it makes what may be sent.
unsafe impl<T: Send + Sync> Send for Itself<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Itself<T> {}

impl<T> Counted<T> {
    /// The first owner; `None` when there is no memory.
    pub fn try_new(value: T) -> Option<Self> {
        Self::try_cyclic(|_| value)
    }

    /// As `try_new`, of a value that knows the way to itself.
    pub fn try_cyclic(make: impl FnOnce(Itself<T>) -> T) -> Option<Self> {
        let inner = Inner { owners: AtomicUsize::new(1), value: MaybeUninit::<T>::uninit() };
        let place = NonNull::from(Box::leak(try_box(inner)?)).cast::<Inner<T>>();
        let value = make(Itself(place));
        // SAFETY: nobody else uses the value before there is an owner; room for it is as room
        // without it, and both are laid out as C does.
        unsafe { (&raw mut (*place.as_ptr()).value).write(value) };
        Some(Self(place))
    }

    /// Where the value is.
    pub fn as_ptr(&self) -> *const T {
        ptr::from_ref(&**self)
    }

    /// The same owner, of the value as one of many kinds. `widen` is `|inner| inner`.
    pub fn widen<U: ?Sized>(self, widen: fn(NonNull<Inner<T>>) -> NonNull<Inner<U>>) -> Counted<U> {
        let owner = ManuallyDrop::new(self);
        let wide = widen(owner.0);
        assert!(ptr::addr_eq(wide.as_ptr(), owner.0.as_ptr()));
        Counted(wide)
    }
}

impl<T: ?Sized> Counted<T> {
    /// Whether the two own the same value.
    pub fn is(&self, other: &Self) -> bool {
        ptr::addr_eq(self.0.as_ptr(), other.0.as_ptr())
    }

    fn inner(&self) -> &Inner<T> {
        // SAFETY: there while it has an owner.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Itself<T> {
    /// Where the value is, or is to be.
    pub fn as_ptr(&self) -> *const T {
        // SAFETY: within what was allocated for the value.
        unsafe { &raw const (*self.0.as_ptr()).value }
    }

    /// One more owner.
    ///
    /// # Safety
    /// The value has an owner.
    pub unsafe fn share(&self) -> Counted<T> {
        Counted::clone(&ManuallyDrop::new(Counted(self.0)))
    }
}

impl<T: ?Sized> Deref for Counted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner().value
    }
}

impl<T: ?Sized> Clone for Counted<T> {
    fn clone(&self) -> Self {
        self.inner().owners.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl<T: ?Sized> Drop for Counted<T> {
    fn drop(&mut self) {
        if self.inner().owners.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: it came from a box, and this was the last owner.
            drop(unsafe { Box::from_raw(self.0.as_ptr()) });
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::sync::Arc;

    trait Count: Send + Sync {
        fn count(&self) -> usize;
    }

    struct Holds(Arc<()>, Option<Itself<Holds>>);

    impl Count for Holds {
        fn count(&self) -> usize {
            Arc::strong_count(&self.0)
        }
    }

    #[test]
    fn the_last_owner_drops_the_value() {
        let held = Arc::new(());
        let make = |me| Holds(held.clone(), Some(me));
        let first = Counted::try_cyclic(make).expect("memory");
        let wide: Counted<dyn Count> = first.clone().widen(|inner| inner);
        assert!(wide.is(&first.clone().widen(|inner| inner)));
        // SAFETY: there are owners.
        let third = unsafe { first.1.as_ref().expect("given").share() };
        assert_eq!(third.as_ptr(), first.as_ptr());
        drop(first);
        let thread = std::thread::spawn(move || wide.count());
        assert_eq!(thread.join().expect("no panic"), 2);
        assert_eq!(third.count(), 2);
        drop(third);
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
