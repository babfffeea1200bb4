//! The thread in the host that runs callbacks: not the supervisor, since a callback may block.

use super::child::short_name;
use crate::{
    pool::{abi::POOL_NO_WORKER, context::Context, core::Core},
    support::{
        sync::{AtomicBool, Mutex, Ordering, lock, thread},
        wait_word::WaitWord,
    },
    sys::thread::SignalsBlocked,
};

/// See the module. The thread is started when the first callback comes.
pub struct Runner {
    /// Counts calls; the thread sleeps on it.
    calls: std::sync::Arc<WaitWord>,
    leaving: std::sync::Arc<AtomicBool>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Runner {
    /// No thread yet.
    pub fn new() -> Self {
        Self {
            calls: std::sync::Arc::default(),
            leaving: std::sync::Arc::default(),
            thread: Mutex::new(None),
        }
    }

    /// There are callbacks to run. False when no thread can be started for them.
    pub fn call(&self, core: &Core) -> bool {
        let has_thread = {
            let mut thread = lock(&self.thread);
            if thread.is_none() && !self.leaving.load(Ordering::Relaxed) {
                *thread = self.start(core);
            }
            thread.is_some()
        };
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.calls.wake_all();
        has_thread
    }

    /// Runs callbacks on this thread, for want of another.
    pub fn run_here(&self, core: &Core) {
        let context = Context::visitor(core, POOL_NO_WORKER, false, 0..0);
        context.enter(|| core.callbacks.drain_wanted());
        core.engine.check_finished(core);
    }

    fn start(&self, core: &Core) -> Option<thread::JoinHandle<()>> {
        let owner = core.to_arc();
        let (calls, leaving) = (self.calls.clone(), self.leaving.clone());
        let signals = SignalsBlocked::new();
        let started = thread::Builder::new().name(short_name(&core.options.name, "-calls")).spawn(
            move || {
                let context = Context::visitor(&owner, POOL_NO_WORKER, false, 0..0);
                context.enter(|| {
                    loop {
                        let seen = calls.load(Ordering::SeqCst);
                        owner.callbacks.drain_wanted();
                        owner.engine.check_finished(&owner);
                        if leaving.load(Ordering::SeqCst) {
                            break;
                        }
                        calls.wait_until_not(seen, None);
                    }
                });
            },
        );
        drop(signals);
        started.ok()
    }

    /// No callback will come any more.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.calls.wake_all();
    }

    /// Waits for the thread, which has been told to leave.
    pub fn join(&self) {
        let thread = lock(&self.thread).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}
