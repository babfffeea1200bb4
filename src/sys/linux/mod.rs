//! The Linux side of `sys`.

pub mod channel;
pub mod children;
pub mod clock;
pub mod event;
pub mod fork;
pub mod futex;
pub mod limits;
pub mod memory;
pub mod module;
pub mod modules;
pub mod thread;
