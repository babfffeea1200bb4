#![allow(unsafe_code)]
//! Pages of the process's own memory.

use super::memory::page;
use std::ptr::NonNull;

/// Gives the pages of `size` bytes back to the system, but for the first and what does not fill one:
/// they read as zero when they are touched again. False if it does not take them.
///
/// # Safety
/// The bytes are the caller's, and what they hold is needed no more.
pub unsafe fn empty(place: NonNull<u8>, size: usize) -> bool {
    let end = place.as_ptr() as usize + size;
    let first = (place.as_ptr() as usize + 1).next_multiple_of(page());
    let length = (end - end % page()).saturating_sub(first);
    let offset = first - place.as_ptr() as usize;
    // SAFETY: whole pages among the caller's bytes.
    length == 0
        || unsafe {
            let start = place.as_ptr().wrapping_add(offset).cast();
            libc::madvise(start, length, libc::MADV_DONTNEED) == 0
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_stays_and_the_others_are_empty() {
        let mut bytes = vec![1_u8; 10 * page()];
        let start = NonNull::from(bytes.as_mut_slice()).cast();
        // SAFETY: the vector's own.
        assert!(unsafe { empty(start, bytes.len()) });
        assert!(bytes[..64].iter().all(|byte| *byte == 1));
        let left = bytes.iter().filter(|byte| **byte == 1).count();
        assert!(left >= 64 && left <= 2 * page(), "{left} of {}", bytes.len());
    }
}
