//! The fallback on std's primitives, for systems without a folder of their own.

pub mod at_exit;
pub mod clock;
pub mod event;
pub mod fork;
pub mod futex;
pub mod identity;
pub mod module;
pub mod pages;
pub mod robust;
pub mod thread;
