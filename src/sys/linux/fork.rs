#![allow(unsafe_code)]
//! Tells a forked child from its parent without a system call.
//!
//! One page is marked `MADV_WIPEONFORK`: it reads as zero in a child. A number is drawn for it
//! from a counter that fork copies, so that a child's number differs from all its ancestors'.
//! Kernels before 4.14 lack the mark; there a `pthread_atfork` handler zeroes the word.

use std::{
    io, ptr,
    sync::atomic::{AtomicPtr, AtomicU32, Ordering},
};

/// Where the process's number is; wiped to zero in a forked child. Written once, by whoever wins
/// the first use: a race instead of a lock, so that a fork in its middle leaves no lock held.
/// Release and acquire: who sees the address sees the page. Before that it is that of `NONE`,
/// so that `is_current` need not ask whether there is a page.
static WORD: AtomicPtr<AtomicU32> = AtomicPtr::new((&raw const NONE).cast_mut());
/// No process's number; never written.
static NONE: AtomicU32 = AtomicU32::new(u32::MAX);
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The number of this process: never zero, and different from every ancestor's.
///
/// # Errors
/// When the page that carries the number cannot be had.
pub fn epoch() -> io::Result<u32> {
    let word = word()?;
    match word.load(Ordering::Relaxed) {
        0 => {
            let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
            match word.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => Ok(fresh),
                Err(other) => Ok(other),
            }
        }
        number => Ok(number),
    }
}

/// Whether this process is the one in which `epoch()` returned `number`.
pub fn is_current(number: u32) -> bool {
    // SAFETY: a static, or a page that is never unmapped.
    let word = unsafe { &*WORD.load(Ordering::Acquire) };
    word.load(Ordering::Relaxed) == number
}

fn word() -> io::Result<&'static AtomicU32> {
    let mut page = WORD.load(Ordering::Acquire);
    if ptr::eq(page, &raw const NONE) {
        let fresh = map_page()?;
        page = match WORD.compare_exchange(page, fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => fresh,
            Err(first) => first,
        };
    }
    // SAFETY: `map_page` returned a page that is never unmapped, aligned, and zero at first.
    Ok(unsafe { &*page })
}

/// A page of its own that holds zero. The loser of a race leaves its page behind, once.
fn map_page() -> io::Result<*mut AtomicU32> {
    // SAFETY: a fresh anonymous mapping overlaps nothing.
    unsafe {
        let page = libc::mmap(
            ptr::null_mut(),
            4096,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        if libc::madvise(page, 4096, libc::MADV_WIPEONFORK) != 0 {
            let error = libc::pthread_atfork(None, None, Some(wipe));
            if error != 0 {
                return Err(io::Error::from_raw_os_error(error));
            }
        }
        Ok(page.cast())
    }
}

/// Ends a child that has nothing to do: no handlers of exit, no destructors, no flushing.
pub fn leave() -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(0) }
}

unsafe extern "C" fn wipe() {
    if let Ok(word) = word() {
        word.store(0, Ordering::Relaxed);
    }
}
