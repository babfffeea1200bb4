//! What the engine knows of its workers, for those who ask.

use super::engine::ThreadEngine;
use crate::pool::{
    core::Core,
    stats::{Books, Survey, WorkerReport},
};

impl Books for ThreadEngine {
    fn survey(&self, _core: &Core) -> Survey {
        let (numbers, queued) = self.queues.survey();
        let (running, blocked, sleeping) = self.sleep.survey();
        Survey { numbers, running, blocked, sleeping, queued }
    }

    fn report_on(&self, core: &Core, worker: usize) -> WorkerReport {
        let Some((alive, tally, starts)) = self.queues.report_on(worker) else {
            return WorkerReport { pid: core.pid, ..WorkerReport::default() };
        };
        let totals = tally.totals(core);
        WorkerReport { alive, pid: core.pid, totals, starts: starts as u64, deaths: 0 }
    }
}
