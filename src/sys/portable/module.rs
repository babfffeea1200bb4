//! Nothing to pin on this platform: do not unload the library while a pool lives.

/// Does nothing.
pub fn pin() {}
