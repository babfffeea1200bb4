//! The thread in the host that runs callbacks: not the supervisor, since a callback may block.

use super::child::short_name;
use crate::{
    pool::{
        abi::POOL_NO_WORKER,
        context::Context,
        core::Core,
        options::CallbackMode,
        site::Site,
        status::{Error, Result},
    },
    support::{
        sync::{Arc, AtomicBool, Mutex, Ordering, lock},
        thread::{self, Thread},
        wait_word::WaitWord,
    },
    sys::thread::SignalsBlocked,
};
use std::io;

/// Starts a thread of the pool's in the host, which no signal reaches.
///
/// # Errors
/// The system's.
pub fn start_thread(
    core: &Core,
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<Thread> {
    let _blocked = SignalsBlocked::new();
    thread::start(format_args!("{}", short_name(&core.options.name, name)), 0, body)
}

/// See the module. The thread is started when the first callback comes.
pub struct Runner {
    /// Counts calls; the thread sleeps on it.
    calls: Arc<WaitWord>,
    leaving: Arc<AtomicBool>,
    is_there: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Runner {
    /// No thread yet.
    pub fn new() -> Self {
        Self {
            calls: Arc::default(),
            leaving: Arc::default(),
            is_there: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    /// Sees to it that there is a thread, before a task with a callback is accepted.
    ///
    /// # Errors
    /// `SYSTEM` when none can be started.
    pub fn prepare(&self, core: &Core) -> Result<()> {
        if self.is_there.load(Ordering::Acquire) || core.options.callbacks == CallbackMode::Polled {
            return Ok(());
        }
        let mut thread = lock(&self.thread);
        if thread.is_none() && !self.leaving.load(Ordering::Relaxed) {
            let started = self.start(core);
            *thread = Some(started.map_err(|error| {
                Error::system("no thread could be started for callbacks", &error)
            })?);
            self.is_there.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// There are callbacks to run.
    pub fn call(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.calls.wake_all();
    }

    fn start(&self, core: &Core) -> io::Result<Thread> {
        let owner = core.to_arc();
        let (calls, leaving) = (self.calls.clone(), self.leaving.clone());
        start_thread(core, "-calls", move || {
            let context = Context::visitor(&owner, Site::nowhere(POOL_NO_WORKER), false, 0..0);
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
        })
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
            thread.join();
        }
    }
}
