#![allow(unsafe_code)]
//! What processes talk through: a socket for small messages, pipes for bytes, and the wait for
//! any of them.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr,
    time::Duration,
};

/// A message; what the words mean is between the two ends.
pub type Message = [u32; 6];

/// What became of a message to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is on its way.
    Sent,
    /// There is no room now; the descriptor becomes writable when there is.
    Full,
    /// Nobody will read it: the other end is closed.
    Gone,
}

/// What was there to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// The oldest message.
    Message(Message),
    /// None yet.
    Nothing,
    /// None, nor will there be: the other end is closed.
    Gone,
}

/// One end of a two-way channel that keeps messages whole and in order; closed on exec.
pub struct Channel(OwnedFd);

impl Channel {
    /// The two ends of a new channel.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn pair() -> io::Result<(Self, Self)> {
        let mut fds = [-1; 2];
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
        // SAFETY: writes two descriptors, which nobody else owns when the call succeeds.
        let (one, other) = unsafe {
            if libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1]))
        };
        Ok((Self(above_stdio(one)?), Self(above_stdio(other)?)))
    }

    /// Sends without waiting.
    pub fn send(&self, message: &Message) -> Delivery {
        loop {
            // SAFETY: reads the message, which lives across the call.
            let sent = unsafe {
                libc::send(
                    self.fd(),
                    message.as_ptr().cast(),
                    size_of::<Message>(),
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            };
            if sent >= 0 {
                return Delivery::Sent;
            }
            match io::Error::last_os_error().raw_os_error() {
                Some(libc::EINTR) => {}
                Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => return Delivery::Full,
                _ => return Delivery::Gone,
            }
        }
    }

    /// Receives without waiting. A message of another length is skipped.
    pub fn receive(&self) -> Received {
        let mut message = Message::default();
        loop {
            // SAFETY: writes at most the message's size into it.
            let length = unsafe {
                let size = size_of::<Message>();
                libc::recv(self.fd(), message.as_mut_ptr().cast(), size, libc::MSG_DONTWAIT)
            };
            match usize::try_from(length) {
                Ok(0) => return Received::Gone,
                Ok(length) if length == size_of::<Message>() => return Received::Message(message),
                Ok(_) => {}
                Err(_) => match io::Error::last_os_error().raw_os_error() {
                    // A reset says once that the other end closed before it had read all; what
                    // it sent may still be waiting behind that.
                    Some(libc::EINTR | libc::ECONNRESET) => {}
                    Some(libc::EAGAIN) => return Received::Nothing,
                    _ => return Received::Gone,
                },
            }
        }
    }

    /// Says that nothing more will be sent from this end: the other one sees that it is `Gone`
    /// even while further processes hold copies of this descriptor. This end can still receive.
    pub fn hang_up(&self) {
        // SAFETY: a plain system call on a descriptor that lives.
        unsafe { libc::shutdown(self.fd(), libc::SHUT_WR) };
    }

    /// The descriptor, for `poll`.
    pub fn fd(&self) -> i32 {
        self.0.as_raw_fd()
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
        let mut fds = [PollFd(libc::pollfd { fd: 2, events: libc::POLLOUT, revents: 0 })];
        poll(&mut fds, Some(Duration::ZERO));
        if !fds[0].ready() || fds[0].hung_up() {
            return;
        }
        // SAFETY: writes from a live slice.
        unsafe { libc::write(2, words.as_ptr().cast(), words.len()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_whole_until_it_is_full() {
        let (one, other) = Channel::pair().expect("descriptors");
        let mut count = 0;
        while one.send(&[count; 6]) == Delivery::Sent {
            count += 1;
        }
        assert!(count > 8);
        let mut fds = [PollFd::new(other.fd(), false), PollFd::none()];
        poll(&mut fds, None);
        assert!(fds[0].ready() && !fds[0].hung_up() && !fds[1].ready());
        for number in 0..count {
            assert_eq!(other.receive(), Received::Message([number; 6]));
        }
        assert_eq!(other.receive(), Received::Nothing);
        assert_eq!(one.send(&[1; 6]), Delivery::Sent);
        other.send(&[2; 6]);
        drop(other);
        // Children that other tests fork may hold a copy for a while.
        while one.send(&[3; 6]) != Delivery::Gone {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(one.receive(), Received::Message([2; 6]), "also when ours were not read");
        assert_eq!(one.receive(), Received::Gone);
    }

    #[test]
    fn a_hang_up_goes_through_copies() {
        let (one, other) = Channel::pair().expect("descriptors");
        let _copy = one.0.try_clone().expect("descriptors");
        one.hang_up();
        assert_eq!(other.receive(), Received::Gone);
        assert_eq!(other.send(&[1; 6]), Delivery::Sent);
        assert_eq!(one.receive(), Received::Message([1; 6]));
        let mut fds = [PollFd::new(other.fd(), false)];
        poll(&mut fds, Some(Duration::ZERO));
        assert!(fds[0].hung_up());
    }
}
