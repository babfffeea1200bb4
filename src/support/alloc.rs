#![allow(unsafe_code)]
//! Allocation that can fail with an error, where `Box` and `Vec` would abort the process.

use std::{
    alloc::{Layout, alloc, dealloc},
    ptr::NonNull,
    sync::Arc,
};

/// Moves `value` to the heap, or gives it up when there is no memory.
pub fn try_box<T>(value: T) -> Option<Box<T>> {
    let layout = Layout::new::<T>();
    assert!(layout.size() > 0);
    // SAFETY: the layout has a size; the pointer is checked, written before use, and was
    // allocated with the layout and the allocator that Box frees with.
    unsafe {
        let place = NonNull::new(alloc(layout).cast::<T>())?;
        place.as_ptr().write(value);
        Some(Box::from_raw(place.as_ptr()))
    }
}

/// `count` values on the heap; `None` when there is no memory.
pub fn try_boxed<T>(count: usize, make: impl FnMut() -> T) -> Option<Box<[T]>> {
    let mut values = Vec::new();
    values.try_reserve_exact(count).ok()?;
    values.resize_with(count, make);
    Some(values.into_boxed_slice())
}

/// Whether there is memory for `size` bytes right now: a guard before steps that allocate a
/// little here and there and cannot say when that fails.
pub fn is_there_room(size: usize) -> bool {
    // An allocation that is not used is one that the compiler may leave out.
    Buffer::try_new(size).is_some_and(|buffer| !std::hint::black_box(buffer.as_ptr()).is_null())
}

/// Memory that does not come from the allocator, and who takes it back.
pub trait Lender: Send + Sync {
    /// Takes back what was lent at `place`.
    fn take_back(&self, place: NonNull<u8>);
}

/// A buffer of bytes, 16-aligned, that owns its memory.
pub struct Buffer {
    place: NonNull<u8>,
    size: usize,
    /// Whose the memory is; `None`: the allocator's.
    lender: Option<Arc<dyn Lender>>,
}

// SAFETY: the buffer owns plain bytes.
unsafe impl Send for Buffer {}

impl Buffer {
    const ALIGN: usize = 16;

    fn layout(size: usize) -> Option<Layout> {
        Layout::from_size_align(size.max(1), Self::ALIGN).ok()
    }

    /// `size` bytes that hold nothing yet; `None` when there is no memory.
    pub fn try_new(size: usize) -> Option<Self> {
        let layout = Self::layout(size)?;
        // SAFETY: the layout has a size of at least one byte.
        let place = NonNull::new(unsafe { alloc(layout) })?;
        Some(Self { place, size, lender: None })
    }

    /// A buffer on memory that is lent.
    ///
    /// # Safety
    /// The memory is 16-aligned, has `size` bytes, and is the buffer's until it is taken back.
    #[cfg(not(loom))]
    pub unsafe fn lent(place: NonNull<u8>, size: usize, lender: Arc<dyn Lender>) -> Self {
        Self { place, size, lender: Some(lender) }
    }

    /// The first byte.
    pub fn as_ptr(&self) -> *mut u8 {
        self.place.as_ptr()
    }

    /// The size in bytes.
    pub fn size(&self) -> usize {
        self.size
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(lender) = &self.lender {
            lender.take_back(self.place);
        } else if let Some(layout) = Self::layout(self.size) {
            // SAFETY: allocated in `try_new` with this layout.
            unsafe { dealloc(self.place.as_ptr(), layout) }
        }
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_aligned_and_impossible_sizes_are_refused() {
        for size in [0, 1, 17, 4096] {
            let buffer = Buffer::try_new(size).expect("memory");
            assert_eq!(buffer.as_ptr() as usize % 16, 0);
            assert_eq!(buffer.size(), size);
        }
        assert!(Buffer::try_new(usize::MAX).is_none());
        assert!(Buffer::try_new(isize::MAX as usize - 64).is_none());
    }
}
