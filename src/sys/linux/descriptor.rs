#![allow(unsafe_code)]
//! Where file descriptors of ours may be.

use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// The same file under a descriptor above 2, closed on exec: in a process without standard
/// streams a new descriptor may be one of theirs, and would be replaced along with them.
///
/// # Errors
/// When the process has no descriptors left.
pub fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > 2 {
        return Ok(fd);
    }
    // SAFETY: a plain system call; the descriptor it returns is owned by nobody else.
    unsafe {
        match libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 3) {
            -1 => Err(io::Error::last_os_error()),
            copy => Ok(OwnedFd::from_raw_fd(copy)),
        }
    }
}
