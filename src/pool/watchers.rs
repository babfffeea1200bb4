//! Who is to be called when a task has ended.
//!
//! A task that is watched says so in its state, by a flag that `finish` returns; who watches it
//! stands here, by the address of its block, and owns a reference, so that the block is no other
//! task's before all have been called. Either the finisher sees the flag, and then the lock makes
//! it see the watcher; or who wants to watch sees that the task has ended.

use super::{
    status::{Error, Result},
    task::{Task, TaskRef},
};
use crate::support::sync::{Arc, Mutex, lock};
use std::collections::HashMap;

/// Somebody who wants to know when tasks have ended.
pub trait Watch: Send + Sync {
    /// The task has ended: its outcome can be read during the call. `key` is the watcher's own.
    /// Called on the thread that ended the task, before its callback, without locks of the pool's
    /// but those of `Engine::hold`; must not wait.
    fn ended(&self, task: TaskRef, key: usize);
}

struct Watcher {
    watch: Arc<dyn Watch>,
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
    /// The caller owns a reference.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn add(&self, task: TaskRef, watch: Arc<dyn Watch>, key: usize) -> Result<bool> {
        let no_memory = |_| Error::no_memory("no memory to watch a task");
        let mut of = lock(&self.of);
        of.try_reserve(1).map_err(no_memory)?;
        let watchers = of.entry(address(task)).or_default();
        let room = watchers.try_reserve(1).map_err(no_memory);
        let watched = room.map(|()| task.state.watch());
        if let Ok(true) = watched {
            watchers.push(Watcher { watch, key });
        } else if watchers.is_empty() {
            of.remove(&address(task));
        }
        watched
    }

    /// Does not want to be called any more. False if it has been, or is about to be.
    pub fn remove(&self, task: TaskRef, watch: &Arc<dyn Watch>, key: usize) -> bool {
        let mut of = lock(&self.of);
        let Some(watchers) = of.get_mut(&address(task)) else { return false };
        let is_it = |one: &Watcher| Arc::ptr_eq(&one.watch, watch) && one.key == key;
        let Some(place) = watchers.iter().position(is_it) else { return false };
        watchers.swap_remove(place);
        if watchers.is_empty() {
            of.remove(&address(task));
        }
        drop(of);
        task.release();
        true
    }

    /// Calls all who watch a task that has ended, and gives their references up.
    #[cold]
    pub fn call(&self, task: TaskRef) {
        let watchers = lock(&self.of).remove(&address(task)).unwrap_or_default();
        for watcher in watchers {
            watcher.watch.ended(task, watcher.key);
            task.release();
        }
    }
}
