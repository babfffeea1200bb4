//! Status codes and the error that carries one with its sentence.

use super::codes::*;
use crate::support::text::{Reason, sentence, try_sentence};
use std::{borrow::Cow, io};

/// What a call or a task came to; the C header's `POOL_...` numbers.
pub type Status = i32;

/// Success.
pub const OK: Status = POOL_OK;

macro_rules! statuses {
    ($($name:ident = $code:ident, $text:literal;)*) => {
        $(
            #[doc = $text]
            #[allow(dead_code, reason = "the set is the header's, whole")]
            pub const $name: Status = $code;
        )*

        /// The name of a status in the C header; `None` if it is none of ours.
        pub fn name(status: Status) -> Option<&'static std::ffi::CStr> {
            let name = match status {
                OK => "POOL_OK\0",
                $($code => concat!(stringify!($code), "\0"),)*
                _ => return None,
            };
            std::ffi::CStr::from_bytes_with_nul(name.as_bytes()).ok()
        }

        /// What a status means, in a sentence without a full stop.
        pub fn meaning(status: Status) -> Cow<'static, str> {
            let known = match status {
                OK => "success",
                $($code => $text,)*
                own => return sentence(format_args!("the task failed with the code {own}")),
            };
            Cow::Borrowed(known)
        }
    };
}

statuses! {
    INVALID = POOL_ERR_INVALID, "an argument is not valid";
    CLOSED = POOL_ERR_CLOSED, "the pool is closed: submit before pool_close(), or create another pool";
    TIMEOUT = POOL_ERR_TIMEOUT, "the wait ran out of time";
    TIME_LIMIT = POOL_ERR_TIME_LIMIT, "the task ran longer than its limit";
    CANCELLED = POOL_ERR_CANCELLED, "the task was cancelled";
    TERMINATED = POOL_ERR_TERMINATED, "the pool was terminated";
    WORKER_DIED = POOL_ERR_WORKER_DIED, "the worker died while it ran the task";
    CRASH_LOOP = POOL_ERR_CRASH_LOOP, "workers die as fast as they are started; pool_refresh() tries again";
    BROKEN = POOL_ERR_BROKEN, "the process that makes the workers is gone; pool_refresh() makes a new one";
    DEADLOCK = POOL_ERR_DEADLOCK, "the call would wait for itself";
    FORKED = POOL_ERR_FORKED, "the pool belongs to the parent of this forked process";
    FULL = POOL_ERR_FULL, "the queue is full";
    SIZE = POOL_ERR_SIZE, "the buffer is too small for the result";
    NO_MEMORY = POOL_ERR_NO_MEMORY, "there is no memory left";
    SYSTEM = POOL_ERR_SYSTEM, "the system refused";
    UNSUPPORTED = POOL_ERR_UNSUPPORTED, "this is not supported here";
    UNKNOWN_FUNCTION = POOL_ERR_UNKNOWN_FUNCTION, "the function is not known to the workers";
    INTERNAL = POOL_ERR_INTERNAL, "something went wrong inside the library or the task";
}

/// A failed call: its status and a sentence about it.
#[derive(Clone, Debug)]
pub struct Error {
    /// The status, never `OK`.
    pub status: Status,
    /// What went wrong, and what to do about it.
    pub message: Cow<'static, str>,
}

impl Error {
    /// An error with a sentence of its own.
    pub fn new(status: Status, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into() }
    }

    /// `INVALID` with a sentence.
    pub fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(INVALID, message)
    }

    /// `NO_MEMORY` with a sentence that needs none.
    pub const fn no_memory(message: &'static str) -> Self {
        Self { status: NO_MEMORY, message: Cow::Borrowed(message) }
    }

    /// The same, with the name of what it is about in front.
    #[must_use]
    pub fn about(self, what: &str) -> Self {
        Self::new(self.status, sentence(format_args!("{what}: {}", self.message)))
    }

    /// The system refused `what`.
    pub fn system(what: &'static str, error: &io::Error) -> Self {
        let status = if error.kind() == io::ErrorKind::OutOfMemory { NO_MEMORY } else { SYSTEM };
        match try_sentence(format_args!("{what}: {}", Reason(error))) {
            Some(text) => Self::new(status, text),
            // Then the system will have had none, either.
            None => Self::no_memory(what),
        }
    }
}

impl From<io::Error> for Error {
    /// Of a page of memory, which is all that is asked for without a word of its own.
    fn from(error: io::Error) -> Self {
        Self::system("no page of memory", &error)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        Self::new(status, meaning(status))
    }
}

/// The result of a call inside the library.
pub type Result<T> = std::result::Result<T, Error>;
