#![allow(unsafe_code)]
//! Bytes that another process may be writing to.

use std::{marker::PhantomData, ptr};

/// Memory whose contents nobody vouches for, and which may change while it is read: there is no
/// reference to it, it is only copied, and what is to be judged is the copy.
#[derive(Clone, Copy)]
pub struct Foreign<'a> {
    start: *const u8,
    size: usize,
    mapped: PhantomData<&'a ()>,
}

impl Foreign<'_> {
    /// No bytes.
    pub const EMPTY: Self = Self { start: ptr::null(), size: 0, mapped: PhantomData };

    /// The bytes at `start`.
    ///
    /// # Safety
    /// They are mapped for `'a`, or there are none.
    pub unsafe fn new(start: *const u8, size: usize) -> Self {
        Self { start, size, mapped: PhantomData }
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.size
    }

    /// Copies them as they are now.
    ///
    /// # Safety
    /// There is room for them at `to`, which lies elsewhere.
    pub unsafe fn copy_to(self, to: *mut u8) {
        if self.size > 0 {
            // SAFETY: mapped, as `new` was promised, and room as we are.
            unsafe { ptr::copy_nonoverlapping(self.start, to, self.size) };
        }
    }

    /// A copy of them as they are now.
    pub fn to_vec(self) -> Vec<u8> {
        let mut copy = Vec::with_capacity(self.size);
        // SAFETY: there is room for all of them, which are written before they are counted.
        unsafe {
            self.copy_to(copy.as_mut_ptr());
            copy.set_len(self.size);
        }
        copy
    }
}
