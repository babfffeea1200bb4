//! No descriptor that std could make readable.

use std::io;

/// Not offered on this platform.
pub struct Event(std::convert::Infallible);

impl Event {
    /// Fails on this platform.
    ///
    /// # Errors
    /// Always.
    pub fn new() -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    /// The descriptor.
    pub fn fd(&self) -> i32 {
        match self.0 {}
    }

    /// Makes it readable.
    pub fn set(&self) {
        match self.0 {}
    }

    /// Makes it unreadable.
    pub fn clear(&self) {
        match self.0 {}
    }
}
