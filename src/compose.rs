//! The one place that names the engines: from options to a running pool.

use crate::{
    pool::{
        core::Core,
        options::{Mode, Options},
        status::{Error, Result},
    },
    support::{alloc::is_there_room, sync::Arc},
    threads::engine::ThreadEngine,
};

/// A pool without threads takes some kilobytes, and more for each worker.
const ROOM: usize = 256 << 10;

/// Makes a pool.
///
/// # Errors
/// The initializer's failure, the system's, or `NO_MEMORY`.
pub fn create(options: Options) -> Result<Arc<Core>> {
    if !is_there_room(ROOM) {
        return Err(Error::no_memory("a pool"));
    }
    let engine = match options.mode {
        Mode::Threads => ThreadEngine::new(&options),
    };
    Core::new(options, engine)
}
