//! Who is to be called when a task has ended.
//!
//! A task that is watched says so in its state, by a flag that `finish` returns; who watches it
//! stands here, by the address of its block. The entry owns a reference, and stays until the finisher
//! comes for it, also when nobody wants to be called any more: so the block is no other task's
//! before that. Either the finisher sees the flag, and then the lock makes it see the watcher; or
//! who wants to watch sees that the task has ended.

use super::{
    status::{Error, Result},
    task::{Task, TaskRef},
};
use crate::support::{
    counted::Counted,
    sync::{Mutex, lock},
};
use std::collections::HashMap;

/// Somebody who wants to know when tasks have ended.
pub trait Watch: Send + Sync {
    /// The task has ended: its outcome can be read during the call. `key` is the watcher's own.
    /// Called on the thread that ended the task, before its callback, without locks of the pool's
    /// but those of `Engine::hold`; must not wait.
    fn ended(&self, task: TaskRef, key: usize);
}

struct Watcher {
    watch: Counted<dyn Watch>,
    key: usize,
}

/// See the module.
#[derive(Default)]
pub struct Watchers {
    of: Mutex<HashMap<usize, Vec<Watcher>>>,
}

fn address(task: TaskRef) -> usize {
    task.as_non_null().as_ptr().cast::<Task>() as usize
}

impl Watchers {
    /// Sees to it that `watch` is called once; false if the task has ended already, and it is not.
    /// The caller owns a reference, and no lock that `ended` takes: it may be called before this
    /// returns.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn add(&self, task: TaskRef, watch: Counted<dyn Watch>, key: usize) -> Result<bool> {
        let no_memory = |_| Error::no_memory("no memory to watch a task");
        let mut of = lock(&self.of);
        of.try_reserve(1).map_err(no_memory)?;
        let mut fresh = Vec::new();
        let watchers = of.get_mut(&address(task));
        let is_first = watchers.is_none();
        let watchers = watchers.unwrap_or(&mut fresh);
        watchers.try_reserve(1).map_err(no_memory)?;
        if is_first && !task.state.watch() {
            return Ok(false);
        }
        // While there is an entry, the finisher is still to come for it.
        watchers.push(Watcher { watch, key });
        if is_first {
            of.insert(address(task), fresh);
        }
        drop(of);
        task.core().engine.expect(task.core(), task);
        Ok(true)
    }

    /// Does not want to be called any more. False if it has been, or is about to be. Of several
    /// alike the one that was added last.
    pub fn remove(&self, task: TaskRef, watch: &Counted<dyn Watch>, key: usize) -> bool {
        let mut of = lock(&self.of);
        let Some(watchers) = of.get_mut(&address(task)) else { return false };
        let is_it = |one: &Watcher| one.watch.is(watch) && one.key == key;
        let Some(place) = watchers.iter().rposition(is_it) else { return false };
        let watcher = watchers.swap_remove(place);
        drop(of);
        drop(watcher);
        true
    }

    /// Calls all who watch a task that has ended, and gives the entry's reference up, and those for
    /// its seats in groups.
    #[cold]
    pub fn call(&self, task: TaskRef) {
        let watchers = lock(&self.of).remove(&address(task));
        let references = usize::from(watchers.is_some()) + task.leave_groups();
        for watcher in watchers.unwrap_or_default() {
            watcher.watch.ended(task, watcher.key);
        }
        for _ in 0..references {
            task.release();
        }
    }
}
