#![allow(unsafe_code)]
//! One function in a thread or a process of its own: a pool of one worker that nobody else knows,
//! closed as soon as it has its task.
//!
//! It frees itself: not at once, since a worker cannot wait for its own end, but with the next that
//! is spawned, or when they are joined.

use crate::{
    pool::{
        core::Core,
        options::Options,
        payload::Call,
        status::{Error, Result},
        submit,
        task::Task,
    },
    support::{
        per_process::PerProcess,
        process,
        sync::{Arc, AtomicBool, Mutex, Ordering, lock},
    },
};
use std::time::Instant;

struct Spawned {
    core: Arc<Core>,
    /// Whether the program waits for it before it ends.
    joinable: bool,
}

/// Those of this process that have not been freed.
static SPAWNED: PerProcess<Mutex<Vec<Spawned>>> = PerProcess::new();

/// Starts the call in a pool of its own. With `future`, a handle is written there.
///
/// # Safety
/// The call's pointers are as `Call` says.
///
/// # Errors
/// As those of making a pool, and of submitting.
pub unsafe fn spawn(
    options: Options,
    call: &Call,
    joinable: bool,
    future: Option<&mut *mut Task>,
) -> Result<()> {
    let list = SPAWNED.get_or_try_init(|| Ok::<_, Error>(Mutex::default()))?;
    sweep(list);
    lock(list).try_reserve(1).map_err(|_| Error::no_memory("no memory for a pool"))?;
    if joinable {
        wait_at_exit();
    }
    let core = super::create(options)?;
    core.start()?;
    // SAFETY: promised by the caller.
    let submitted = unsafe { submit::submit(&core, call, future) };
    core.close();
    lock(list).push(Spawned { core, joinable });
    submitted
}

/// Frees what has ended.
fn sweep(list: &Mutex<Vec<Spawned>>) {
    let is_over = |one: &mut Spawned| one.core.engine.is_finished();
    let over: Vec<_> = lock(list).extract_if(.., is_over).collect();
    for one in over {
        if one.core.join(None).is_ok() {
            one.core.blocks.retire(&one.core);
        } else {
            // Its own worker asks, in the finalizer or the last callback.
            lock(list).push(one);
        }
    }
}

/// Waits for all that are joinable.
///
/// # Errors
/// `TIMEOUT`; `DEADLOCK` in one of them.
pub fn join_all(deadline: Option<Instant>) -> Result<()> {
    let Some(list) = SPAWNED.get() else { return Ok(()) };
    let joinable: Vec<_> = {
        let spawned = lock(list);
        spawned.iter().filter(|one| one.joinable).map(|one| Arc::clone(&one.core)).collect()
    };
    for core in joinable {
        core.join(deadline)?;
    }
    sweep(list);
    Ok(())
}

/// Sees to it that the program's end waits for what is joinable.
fn wait_at_exit() {
    extern "C" fn wait() {
        let Some(list) = SPAWNED.get() else { return };
        let spawned: Vec<_> = {
            let spawned = lock(list);
            spawned.iter().filter(|one| one.joinable).map(|one| Arc::clone(&one.core)).collect()
        };
        for core in spawned {
            // One that calls exit() itself is not waited for.
            let _ = core.join(None);
        }
    }
    static ASKED: AtomicBool = AtomicBool::new(false);
    if !ASKED.swap(true, Ordering::Relaxed) {
        process::at_exit(wait);
    }
}
