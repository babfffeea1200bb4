//! The one place that names the engines: from options to a running pool.

pub mod spawn;

use crate::{
    pool::{
        core::Core,
        options::{Mode, Options},
        status::{Error, Result},
    },
    sequential::engine::SequentialEngine,
    support::{alloc::is_there_room, sync::Arc},
    threads::engine::ThreadEngine,
};

/// Asks for the memory that a pool without threads needs, before it is made in many small steps
/// that cannot say that there is none.
///
/// # Errors
/// `NO_MEMORY`.
pub fn require_room() -> Result<()> {
    const ROOM: usize = 256 << 10;
    if is_there_room(ROOM) { Ok(()) } else { Err(Error::no_memory("no memory for a pool")) }
}

/// Makes a pool that is yet to be started.
///
/// # Errors
/// The initializer's failure, the system's, or `NO_MEMORY`.
pub fn create(options: Options) -> Result<Arc<Core>> {
    match options.mode {
        Mode::Threads => {
            let engine = ThreadEngine::new(&options)?;
            Core::new(options, engine)
        }
        Mode::Sequential => Core::new(options, SequentialEngine::new()),
        #[cfg(all(target_os = "linux", not(feature = "portable")))]
        Mode::Processes => {
            let engine = crate::procs::engine::ProcessEngine::new(&options)?;
            Core::new(options, engine)
        }
        #[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
        Mode::Processes => Err(Error::new(
            crate::pool::status::UNSUPPORTED,
            "worker processes are only possible on Linux",
        )),
    }
}
