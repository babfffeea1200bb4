//! This process: told from those forked from it, how many CPUs it may use, and its threads'
//! cancellation.

use super::sync::thread;

pub use crate::sys::at_exit::at_exit;
pub use crate::sys::fork::{epoch, is_current, leave};
pub use crate::sys::thread::{SignalsBlocked, Uncancellable, first_impossible};

/// How many CPUs this process may use: std knows the affinity mask and the quotas of cgroups.
pub fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
