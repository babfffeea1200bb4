//! Tasks that were accepted and may not start yet: in no queue, and still the pool's to run.

use super::core::Core;
use crate::support::sync::{AtomicUsize, Ordering};

/// How many there are. A closed pool is not finished before there are none.
#[derive(Default)]
pub struct Agenda {
    held: AtomicUsize,
}

impl Agenda {
    /// One more, held by a task, a callback or a submitter inside the gate.
    pub fn enter(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
    }

    /// One less: it has ended, or it is in a queue by now.
    pub fn leave(&self, core: &Core) {
        if self.held.fetch_sub(1, Ordering::SeqCst) == 1 {
            core.engine.check_finished(core);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.held.load(Ordering::SeqCst) == 0
    }
}
