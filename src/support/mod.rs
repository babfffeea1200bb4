//! Small tools that every layer may use, and the one place where concurrency types are chosen.

pub mod alloc;
pub mod cpu;
#[cfg(not(loom))]
pub mod doorbell;
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
pub mod process;
pub mod spin;
pub mod sync;
pub mod wait_word;

pub use crossbeam_utils::CachePadded;
