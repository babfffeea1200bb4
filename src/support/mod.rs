//! Small tools that every layer may use, and the one place where concurrency types are chosen.

pub mod alloc;
#[cfg(not(any(loom, shuttle)))]
pub mod arena;
pub mod counted;
pub mod cpu;
#[cfg(not(loom))]
pub mod doorbell;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub mod extents;
#[cfg(all(target_os = "linux", not(feature = "portable"), not(loom)))]
pub mod fail;
#[cfg(not(loom))]
pub mod foreign;
#[cfg(not(loom))]
pub mod lock;
#[cfg(tsan)]
mod mutex;
#[cfg(shuttle)]
mod parking;
#[cfg(not(loom))]
pub mod per_process;
#[cfg(not(any(loom, shuttle)))]
pub mod person;
#[cfg(not(loom))]
pub mod process;
#[cfg(not(any(loom, shuttle)))]
pub mod robust;
#[cfg(not(any(loom, shuttle)))]
pub mod shared_word;
pub mod spin;
#[cfg(not(loom))]
pub mod stack;
pub mod sync;
pub mod text;
#[cfg(not(loom))]
pub mod thread;
pub mod wait_word;

#[cfg(not(loom))]
pub use crate::sys::{clock, pages};
pub use crossbeam_utils::CachePadded;
