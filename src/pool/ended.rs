#![allow(unsafe_code)]
//! How a task ended, and what it tells about it.

use super::{
    abi::{POOL_NO_WORKER, pool_result_t},
    cold::End,
    status::{self, Error, Result, Status},
    task::Task,
};
use crate::support::{sync::Ordering, text::sentence};
use std::{
    ffi::{CStr, CString, c_void},
    ptr,
};

impl Task {
    /// The sentence about the failure; only by who claimed the task.
    pub fn set_message(&self, message: &str) {
        self.change_end(|end| end.message = to_c(message));
    }

    /// The lowest failed index of a map; only by who claimed the task.
    pub fn set_index(&self, index: usize) {
        self.change_end(|end| end.index = index);
    }

    /// The status of a task that has ended.
    pub fn status(&self) -> Status {
        self.status.get()
    }

    /// How a task that has ended did: its failure as an error.
    ///
    /// # Errors
    /// The task's own.
    pub fn outcome(&self) -> Result<()> {
        match self.status() {
            status::OK => Ok(()),
            _ => Err(self.failure()),
        }
    }

    #[cold]
    fn failure(&self) -> Error {
        let message = self.message().to_string_lossy();
        Error::new(self.status(), sentence(format_args!("{message}")))
    }

    /// The sentence about the failure of a task that has ended; empty if there is none.
    pub fn message(&self) -> &CStr {
        self.message_at(self.end())
    }

    #[inline]
    fn message_at<'a>(&self, end: Option<&'a End>) -> &'a CStr {
        let said = end.and_then(|end| end.message.as_deref());
        said.unwrap_or_else(|| match self.status() {
            status::OK => c"",
            // There was no memory for more.
            status => status::name(status).unwrap_or(c"the task failed"),
        })
    }

    /// The result of a task that has ended.
    pub fn result(&self) -> (*const c_void, usize) {
        self.result_at(self.end())
    }

    #[inline]
    fn result_at(&self, end: Option<&End>) -> (*const c_void, usize) {
        if self.status.get() != status::OK || self.map().is_some() {
            return (ptr::null(), 0);
        }
        if let Some(set) = end.and_then(|end| end.set_result.as_ref()) {
            let data = if set.size() == 0 { ptr::null() } else { set.as_ptr().cast_const() };
            return (data.cast(), set.size());
        }
        let (_, place) = self.places();
        (place.start.cast_const().cast(), place.size)
    }

    /// Calls the callback with the outcome of a task that has ended.
    pub fn call_back(&self) {
        // Looked for once: most have none.
        let end = self.end();
        let (data, size) = self.result_at(end);
        let has_run = self.has_run();
        let outcome = pool_result_t {
            status: self.status.get(),
            message: self.message_at(end).as_ptr(),
            data,
            size,
            index: end.map_or(0, |end| end.index),
            worker: if has_run { self.worker.load(Ordering::Relaxed) } else { POOL_NO_WORKER },
            pid: if has_run { self.pid() } else { 0 },
        };
        if let Some(callback) = self.callback.get() {
            // SAFETY: the outcome is valid during the call, as the callback's contract says.
            unsafe { callback(&raw const outcome, self.user_data.get()) };
        }
    }
}

/// A C string; what follows a NUL is cut off. `None` when there is no memory.
fn to_c(text: &str) -> Option<CString> {
    let text = text.split('\0').next().unwrap_or_default();
    let mut bytes = Vec::new();
    // The NUL has its place, and nothing is left over: so neither `CString` nor its box allocates.
    bytes.try_reserve_exact(text.len() + 1).ok()?;
    bytes.extend_from_slice(text.as_bytes());
    bytes.push(0);
    CString::from_vec_with_nul(bytes).ok()
}
