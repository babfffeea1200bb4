//! On which CPUs the workers run.

use crate::{pool::options::Options, sys::thread};

/// See the module.
pub struct Placement {
    /// All of them; `None` if the system does not say.
    set: Option<thread::CpuSet>,
    /// Whether each worker keeps to one CPU.
    pinned: bool,
}

impl Placement {
    /// As the options say; else where the calling thread may run.
    pub fn new(options: &Options) -> Self {
        Self { set: thread::chosen(&options.cpus), pinned: options.pin_workers }
    }

    /// How many CPUs there are.
    pub fn cpus(&self) -> usize {
        self.set.as_ref().map_or(1, thread::CpuSet::count)
    }

    /// Puts the calling thread where this worker belongs.
    pub fn settle(&self, worker: usize) {
        if let Some(cpus) = &self.set {
            thread::set_affinity(cpus);
        }
        if self.pinned {
            thread::pin(worker);
        }
    }
}
