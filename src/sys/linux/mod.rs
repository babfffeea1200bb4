//! The Linux side of `sys`.

pub mod event;
pub mod fork;
pub mod futex;
pub mod module;
pub mod thread;
