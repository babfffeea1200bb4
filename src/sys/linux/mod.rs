//! The Linux side of `sys`.

pub mod at_exit;
pub mod channel;
pub mod children;
pub mod clock;
mod descriptor;
pub mod event;
pub mod fork;
pub mod futex;
pub mod identity;
pub mod limits;
pub mod memory;
pub mod module;
pub mod modules;
pub mod pages;
pub mod pidfd;
pub mod poll;
pub mod random;
pub mod robust;
pub mod signals;
mod started;
pub mod stdio;
pub mod this_process;
pub mod thread;
