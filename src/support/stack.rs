//! The calling thread's stack.

use super::sync::thread_local;
use crate::sys;
use std::{cell::OnceCell, ops::Range};

/// Where this thread's stack has `reserve` bytes left; empty when the system does not say where it
/// is.
pub fn this_stack(reserve: usize) -> Range<usize> {
    thread_local!(static STACK: OnceCell<Range<usize>> = const { OnceCell::new() });
    STACK.with(|stack| {
        let stack = stack.get_or_init(|| sys::thread::stack().unwrap_or(0..0));
        stack.start + reserve..stack.end
    })
}
