#![allow(unsafe_code)]
//! What happens when the program ends by itself.

/// Has `handler` called by exit(); false if the system has no room for it.
pub fn at_exit(handler: extern "C" fn()) -> bool {
    // SAFETY: the handler is this library's own code, which stays mapped while it may be called:
    // exit() calls it before, or the library's unloading does.
    unsafe { libc::atexit(handler) == 0 }
}
