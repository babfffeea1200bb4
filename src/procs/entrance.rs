//! How tasks come in: into a slot, or into the window's queue.

use super::{
    dispatch::Placed,
    engine::ProcessEngine,
    window::{ENDED, Job, Waiting},
};
use crate::{
    pool::{priority::Counts, status::Result, task::TaskRef},
    support::{
        process::Uncancellable,
        sync::{Ordering, lock},
    },
};

/// A submitter looks after the queue once for so many tasks that it puts there.
const EVERY: usize = 32;

impl ProcessEngine {
    pub(super) fn arrive(&self) {
        self.arrivals.fetch_add(1, Ordering::SeqCst);
        self.outstanding.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn reserve(&self, counts: Counts) -> Result<()> {
        self.fleet.failure().map_or(Ok(()), Err)?;
        lock(&self.window).reserve(counts)
    }

    /// Puts a task where it goes: into a slot, if it is the next, or into the queue.
    pub(super) fn put(&self, task: TaskRef) {
        // Ringing is a cancellation point, and so is much of what `wake` may do.
        let _put_off = Uncancellable::new();
        self.arrive();
        let level = task.level();
        let mut window = lock(&self.window);
        let window = &mut *window;
        if let Some(map) = task.map() {
            let call = map.call();
            if map.number.load(Ordering::Relaxed) == ENDED {
                // Cancelled before it came here: it has ended, but for this reference.
                window.queues[level as usize].push_back(Waiting::Task(task));
                self.backlog.store(true, Ordering::Relaxed);
                self.due.store(true, Ordering::Relaxed);
                return;
            }
            let job = Job {
                task,
                level,
                ranges: [(0, call.count)].into(),
                out: 0,
                queued: false,
                copied: self.piece_size(call),
            };
            let number = window.add_job(job);
            map.number.store(number, Ordering::Relaxed);
            window.queue_job(number, false);
            self.backlog.store(true, Ordering::Relaxed);
            self.due.store(true, Ordering::Relaxed);
        } else if !window.queues[level as usize].is_empty()
            // Who waits for it already is looked for when it is taken out of the queue.
            || task.state.is_known()
            || !window.has_slot(level, false)
            || self.place_task(window, task) != Placed::Yes
        {
            let queue = &mut window.queues[level as usize];
            queue.push_back(Waiting::Task(task));
            self.backlog.store(true, Ordering::Relaxed);
            if queue.len().is_multiple_of(EVERY) || window.has_slot(level, false) {
                self.due.store(true, Ordering::Relaxed);
            }
        }
    }
}
