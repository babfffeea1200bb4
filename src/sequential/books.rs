//! What the engine knows of its only worker, for those who ask.

use super::engine::SequentialEngine;
use crate::pool::{
    core::Core,
    stats::{Books, Survey, WorkerReport},
};

impl Books for SequentialEngine {
    fn survey(&self, _core: &Core) -> Survey {
        let state = self.queue.lock();
        Survey {
            numbers: 1,
            running: state.active,
            blocked: state.aside,
            sleeping: 0,
            queued: state.len(),
        }
    }

    fn report_on(&self, core: &Core, _worker: usize) -> WorkerReport {
        let totals = self.tally.totals(core);
        WorkerReport { alive: true, pid: core.pid, totals, starts: 1, deaths: 0 }
    }
}
