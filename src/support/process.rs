//! Telling this process from those forked from it.

pub use crate::sys::fork::{epoch, is_current};
