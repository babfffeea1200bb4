//! How far tasks and maps have come, as whoever has a future is told.

use super::{
    map::Map,
    status::{self, Error, Result},
    submit,
    task::{Task, TaskRef},
};
use crate::support::sync::Ordering;

/// Whose a task's `Progress` is, where no other can come after it.
const ALWAYS: u32 = 1;

/// In place of an item of a map that says how far it has come.
pub fn of_a_map() -> Error {
    let text =
        "the progress of a map is how many of its items are done; an item has none of its own";
    Error::new(status::UNSUPPORTED, text)
}

impl Task {
    /// The running task has come so far.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn say(&self, done: u64, total: u64) -> Result<()> {
        let cold = self.cold_or_made();
        let cold = cold.ok_or_else(|| Error::no_memory("no memory for a task's progress"))?;
        cold.progress.say(ALWAYS, done, total);
        Ok(())
    }

    /// What it has said last: `now`, if it runs elsewhere and can be understood right now.
    fn said(&self, now: Option<(u64, u64)>) -> Result<(u64, u64)> {
        let cold = if now.is_some() { self.cold_or_made() } else { self.cold() };
        let Some(cold) = cold else {
            return match now {
                Some(_) => Err(Error::no_memory("no memory for a task's progress")),
                None => Ok((0, 0)),
            };
        };
        let now = now.or_else(|| cold.progress.read(ALWAYS));
        if let Some((done, total)) = now {
            cold.heard.say(ALWAYS, done, total);
        }
        Ok(now.or_else(|| cold.heard.read(ALWAYS)).unwrap_or_default())
    }
}

impl Map {
    /// How many items have been run, where `running` are known to have been in chunks that have
    /// not ended. Never less than before.
    fn items_done(&self, running: usize) -> usize {
        let accounted = self.call().count.max(1) - self.left.load(Ordering::Acquire);
        let ended = accounted.max(self.came.load(Ordering::Acquire)).min(self.call().count);
        let done = ended.saturating_sub(self.skipped.load(Ordering::Relaxed)) + running;
        let done = done.min(self.call().count);
        self.shown.fetch_max(done, Ordering::Relaxed).max(done)
    }
}

/// How far the task, or map, has come: so many done, of so many in all.
///
/// # Errors
/// `FORKED` if it can end no more in this process.
pub fn progress(task: TaskRef) -> Result<(u64, u64)> {
    submit::look(task)?;
    let core = task.core();
    let now = if task.state.is_done() { None } else { core.engine.said(core, task) };
    let Some(map) = task.map() else {
        return task.said(now);
    };
    if !task.state.is_done() {
        map.ask_for_account(core);
    }
    let done = map.items_done(now.map_or(0, |(done, _)| done as usize));
    Ok((done as u64, map.call().count as u64))
}
