#![allow(unsafe_code)]
//! A task in a worker process, as its frame sees it.

use super::{payload::Place, status::Result};
use std::ffi::c_void;

/// A task that runs in another process than its pool's.
pub trait Remote {
    /// Whether it has been asked to stop.
    fn is_asked_to_stop(&self) -> bool;

    /// Where the result of a map's item goes; `None` when the task is no map.
    fn place(&self, index: usize) -> Option<Place>;

    /// The task has come so far.
    ///
    /// # Errors
    /// `UNSUPPORTED` in a map.
    fn say(&self, done: u64, total: u64) -> Result<()>;

    /// Keeps a copy of the bytes as the task's result.
    ///
    /// # Safety
    /// `data` is readable for `size` bytes.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    unsafe fn set_result(&self, data: *const c_void, size: usize) -> Result<()>;
}
