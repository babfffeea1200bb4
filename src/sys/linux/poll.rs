#![allow(unsafe_code)]
//! The wait for any of several file descriptors.

use std::{ptr, time::Duration};

/// A descriptor to wait for, and what came of it.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct PollFd(libc::pollfd);

impl PollFd {
    /// Waits until something can be read from `fd` (a hang-up counts), or until nothing ever
    /// can; with `write`, also until something can be written.
    pub fn new(fd: i32, write: bool) -> Self {
        let events = libc::POLLIN | libc::POLLRDHUP | if write { libc::POLLOUT } else { 0 };
        Self(libc::pollfd { fd, events, revents: 0 })
    }

    /// Waits until something can be written to `fd`.
    pub fn to_write(fd: i32) -> Self {
        Self(libc::pollfd { fd, events: libc::POLLOUT, revents: 0 })
    }

    /// Stands in a list, and is never ready.
    pub fn none() -> Self {
        Self(libc::pollfd { fd: -1, events: 0, revents: 0 })
    }

    /// Whether there is anything to do for it.
    pub fn ready(&self) -> bool {
        self.0.revents != 0
    }

    /// Whether the other end has hung up, or the descriptor is of no use.
    pub fn hung_up(&self) -> bool {
        let ends = libc::POLLHUP | libc::POLLRDHUP | libc::POLLERR | libc::POLLNVAL;
        self.0.revents & ends != 0
    }
}

/// Waits until one of the descriptors is ready, at most as long as `timeout`; may return early.
pub fn poll(fds: &mut [PollFd], timeout: Option<Duration>) {
    let timeout = timeout.map(|duration| libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let count = libc::nfds_t::try_from(fds.len()).unwrap_or(0);
    // SAFETY: `PollFd` is a `pollfd`, and list and time live across the call.
    let status = unsafe { libc::ppoll(fds.as_mut_ptr().cast(), count, timeout, ptr::null()) };
    if status < 0 {
        // Interrupted: the list says nothing.
        for fd in fds {
            fd.0.revents = 0;
        }
    }
}
