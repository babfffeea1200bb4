#![allow(unsafe_code)]
//! A process by a descriptor, where the kernel has those.

use super::{
    children::End,
    descriptor::above_stdio,
    poll::{PollFd, poll},
};
use std::{
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
};

/// A process, by a descriptor that never comes to mean another; closed on exec.
pub struct Pidfd(OwnedFd);

impl Pidfd {
    /// `None` if there is no such process, or the kernel (before 5.3) or a container's filter
    /// forbids it.
    pub fn open(pid: i32) -> Option<Self> {
        // SAFETY: a plain system call; the descriptor it returns is owned by nobody else.
        let fd = unsafe {
            let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
            OwnedFd::from_raw_fd(i32::try_from(fd).ok().filter(|fd| *fd >= 0)?)
        };
        above_stdio(fd).ok().map(Self)
    }

    /// The descriptor: it is ready in `poll` once the process has ended.
    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }

    /// Whether the process has ended, with all its threads.
    pub fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(self.fd(), false)];
        poll(&mut fds, Some(std::time::Duration::ZERO));
        fds[0].ready()
    }

    /// Lets the process go on if it was stopped.
    pub fn resume(&self) {
        // SAFETY: a plain system call on a descriptor that lives.
        unsafe {
            let info = ptr::null::<libc::siginfo_t>();
            libc::syscall(libc::SYS_pidfd_send_signal, self.fd(), libc::SIGCONT, info, 0);
        }
    }

    /// Reaps the process without waiting, if it is an ended child of this one that nobody has
    /// reaped, and says how it ended.
    pub fn reap(&self) -> Option<End> {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        let id = libc::id_t::try_from(self.fd()).ok()?;
        // SAFETY: the structure is all zero, and filled in when a child has ended; with that, or
        // zero, its fields can be read.
        unsafe {
            let flags = libc::WEXITED | libc::WNOHANG;
            if libc::waitid(libc::P_PIDFD, id, info.as_mut_ptr(), flags) != 0 {
                return None;
            }
            let info = info.assume_init();
            match (info.si_pid(), info.si_code) {
                (0, _) => None,
                (_, libc::CLD_EXITED) => Some(End::Code(info.si_status())),
                _ => Some(End::Signal(info.si_status())),
            }
        }
    }
}
