//! What std does not offer is left out here: signals stay as they are, affinity too.

/// Blocks nothing on this platform.
pub struct SignalsBlocked;

impl SignalsBlocked {
    /// Does nothing.
    pub fn new() -> Self {
        Self
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {}
}

/// Puts nothing off on this platform.
pub struct Uncancellable;

impl Uncancellable {
    /// Does nothing.
    pub fn new() -> Self {
        Self
    }
}

impl Drop for Uncancellable {
    fn drop(&mut self) {}
}

/// A set of CPUs; unknown on this platform.
#[derive(Clone)]
pub struct CpuSet;

impl CpuSet {
    /// How many CPUs are in the set.
    pub fn count(&self) -> usize {
        1
    }
}

/// Unknown on this platform.
pub fn affinity() -> Option<CpuSet> {
    None
}

/// Does nothing on this platform.
pub fn set_affinity(_set: &CpuSet) {}

/// Unknown on this platform. Under shuttle any stack will do: its threads are not the system's.
pub fn stack() -> Option<std::ops::Range<usize>> {
    cfg!(shuttle).then_some(0..usize::MAX)
}

/// The stack size in bytes that new threads get by default.
pub fn default_stack_size() -> usize {
    8 << 20
}
