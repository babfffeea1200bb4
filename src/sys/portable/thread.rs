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
    /// Unknown on this platform.
    pub fn of(_cpus: &[u32]) -> Option<Self> {
        None
    }

    /// How many CPUs are in the set.
    pub fn count(&self) -> usize {
        1
    }
}

/// Unknown on this platform.
pub fn affinity() -> Option<CpuSet> {
    None
}

/// All of them are, on this platform.
pub fn first_impossible(cpus: &[u32]) -> Option<u32> {
    cpus.first().copied()
}

/// Does nothing on this platform.
pub fn pin(_index: usize) {}

/// Does nothing on this platform.
pub fn set_affinity(_set: &CpuSet) {}

/// The CPUs with these numbers, or those of the calling thread if there are no numbers.
pub fn chosen(cpus: &[u32]) -> Option<CpuSet> {
    if cpus.is_empty() { affinity() } else { CpuSet::of(cpus) }
}

/// Unknown on this platform. Under shuttle any stack will do: its threads are not the system's.
pub fn stack() -> Option<std::ops::Range<usize>> {
    cfg!(shuttle).then_some(0..usize::MAX)
}

/// The stack size in bytes that new threads get by default.
pub fn default_stack_size() -> usize {
    8 << 20
}
