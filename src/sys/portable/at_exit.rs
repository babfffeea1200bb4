//! std does not know when the program ends.

/// Does nothing on this platform.
pub fn at_exit(_handler: extern "C" fn()) -> bool {
    false
}
