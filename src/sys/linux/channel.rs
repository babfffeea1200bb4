#![allow(unsafe_code)]
//! What processes talk through: a socket for small messages.

use super::descriptor::above_stdio;
use std::{
    io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
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

#[cfg(test)]
mod tests {
    use super::{
        super::poll::{PollFd, poll},
        *,
    };
    use std::time::Duration;

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
