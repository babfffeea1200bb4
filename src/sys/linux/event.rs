#![allow(unsafe_code)]
//! `eventfd(2)`.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// A file descriptor that is readable while it is set.
pub struct Event(OwnedFd);

impl Event {
    /// A new one, not set, closed on exec.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn new() -> io::Result<Self> {
        // SAFETY: a plain system call; the descriptor it returns is owned by nobody else.
        unsafe {
            match libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) {
                -1 => Err(io::Error::last_os_error()),
                fd => Ok(Self(OwnedFd::from_raw_fd(fd))),
            }
        }
    }

    /// The descriptor, for poll(2) and its kin.
    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Makes it readable.
    pub fn set(&self) {
        let one = 1_u64;
        // SAFETY: writes eight bytes from a live variable; a full counter is readable anyway.
        unsafe {
            libc::write(self.fd(), (&raw const one).cast(), 8);
        }
    }

    /// Makes it unreadable.
    pub fn clear(&self) {
        let mut count = 0_u64;
        // SAFETY: reads eight bytes into a live variable; nothing to read is fine.
        unsafe {
            libc::read(self.fd(), (&raw mut count).cast(), 8);
        }
    }
}
