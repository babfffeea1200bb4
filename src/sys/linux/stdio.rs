#![allow(unsafe_code)]
//! The standard streams: an empty input, what is buffered written out, and the pipes through which
//! standard error is caught, marked between tasks, and passed on.

use super::{
    descriptor::above_stdio,
    poll::{PollFd, poll},
};
use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    time::Duration,
};

/// Puts /dev/null in the place of standard input.
pub fn empty_stdin() {
    // SAFETY: plain system calls; descriptor 0 is replaced, and none of ours is below 3.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        match null {
            -1 => {
                libc::close(0);
            }
            // It was closed, and is kept open for programs that this process executes.
            0 => {
                libc::fcntl(0, libc::F_SETFD, 0);
            }
            _ => {
                libc::dup2(null, 0);
                libc::close(null);
            }
        }
    }
}

unsafe extern "C" {
    // Not in the libc crate.
    static stdout: *mut libc::FILE;
    static stderr: *mut libc::FILE;
    fn ftrylockfile(stream: *mut libc::FILE) -> libc::c_int;
    fn funlockfile(stream: *mut libc::FILE);
}

/// Writes out what standard output and error have buffered. Not other streams: one that another
/// thread is reading from is locked until its next line comes, and what the host has buffered for
/// a file of its own is not for a worker to write.
pub fn flush_stdio() {
    // SAFETY: the two streams live as long as the process, and each lock that was taken is given
    // back.
    unsafe {
        for stream in [stdout, stderr] {
            if ftrylockfile(stream) == 0 {
                libc::fflush(stream);
                funlockfile(stream);
            }
        }
    }
}

/// A pipe's end to read from, without waiting; closed on exec.
pub struct Reader(File);

impl Reader {
    /// Reads what there is, up to the buffer's length; 0 when there is nothing.
    pub fn read(&self, buffer: &mut [u8]) -> usize {
        loop {
            match (&self.0).read(buffer) {
                Ok(length) => return length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return 0,
            }
        }
    }

    /// The descriptor, for `poll`.
    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// A pipe's end to write to; writing never waits, and fails when the pipe is full. Closed on
/// exec.
pub struct Writer(OwnedFd);

impl Writer {
    /// Makes it the standard error of this process, and of what it executes.
    pub fn become_stderr(&self) {
        // SAFETY: replaces descriptor 2; this end is another one, as `pipe` sees to.
        unsafe { libc::dup2(self.0.as_raw_fd(), 2) };
    }
}

/// A new pipe.
///
/// # Errors
/// When the process has no descriptors left.
pub fn pipe() -> io::Result<(Reader, Writer)> {
    let mut fds = [-1; 2];
    // SAFETY: writes two descriptors, which nobody else owns when the call succeeds.
    let (read, write) = unsafe {
        if libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) != 0 {
            return Err(io::Error::last_os_error());
        }
        (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
    };
    Ok((Reader(File::from(above_stdio(read)?)), Writer(above_stdio(write)?)))
}

/// Stands between the words of one task and the next in a worker's pipe for standard error: a
/// byte that no text has.
pub const STDERR_MARK: u8 = 0;

/// Writes the mark to standard error, if there is room for it.
pub fn mark_stderr() {
    let mark = [STDERR_MARK];
    // SAFETY: writes one byte from a live variable.
    unsafe { libc::write(2, mark.as_ptr().cast(), 1) };
}

/// Writes to standard error what it can take without waiting; the rest is lost.
pub fn pass_on_to_stderr(words: &[u8]) {
    // As much as a pipe that has room takes at once.
    for words in words.chunks(libc::PIPE_BUF) {
        let mut fds = [PollFd::to_write(2)];
        poll(&mut fds, Some(Duration::ZERO));
        if !fds[0].ready() || fds[0].hung_up() {
            return;
        }
        // SAFETY: writes from a live slice.
        unsafe { libc::write(2, words.as_ptr().cast(), words.len()) };
    }
}
