//! The workers that a pool with an initializer begins with: all are started, and one failure is the
//! failure of all.

use super::engine::{Born, ThreadEngine};
use crate::{
    pool::{core::Core, status::Result},
    support::sync::{Ordering, lock},
};

impl ThreadEngine {
    /// A worker reports how its initializer ended.
    pub(super) fn report(&self, outcome: Result<()>) {
        if let Err(error) = outcome {
            lock(&self.start_failure).get_or_insert(error);
            self.no_spares.store(true, Ordering::Relaxed);
        }
        if self.starting.load(Ordering::SeqCst) > 0 {
            self.starting.fetch_sub(1, Ordering::SeqCst);
            self.starting.wake_all();
        }
    }

    /// Starts them, and waits until their initializers have ended.
    ///
    /// # Errors
    /// The first failure.
    pub(super) fn start_all(&self, core: &Core) -> Result<()> {
        let workers = core.options.workers as u32;
        self.starting.store(workers, Ordering::SeqCst);
        for number in 0..workers {
            self.sleep.count_sleeper();
            if let Err(error) = self.start_thread(core, Born::Asleep) {
                self.sleep.uncount_sleeper();
                lock(&self.start_failure).get_or_insert(error);
                self.starting.fetch_sub(workers - number, Ordering::SeqCst);
                break;
            }
        }
        loop {
            let left = self.starting.load(Ordering::SeqCst);
            if left == 0 {
                break;
            }
            self.starting.wait(left, None);
        }
        lock(&self.start_failure).take().map_or(Ok(()), Err)
    }
}
