//! The one place that names the engines: from options to a running pool.

use crate::{
    pool::{
        core::Core,
        options::{Mode, Options},
        status::Result,
    },
    support::sync::Arc,
    threads::engine::ThreadEngine,
};

/// Makes a pool.
///
/// # Errors
/// The initializer's failure, or the system's.
pub fn create(options: Options) -> Result<Arc<Core>> {
    let engine = match options.mode {
        Mode::Threads => ThreadEngine::new(&options),
    };
    Core::new(options, engine)
}
