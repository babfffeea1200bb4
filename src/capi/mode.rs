//! Where a pool's tasks run, as the program says and as the environment does.

use super::options::{POOL_PROCESSES, POOL_SEQUENTIAL, POOL_THREADS, pool_options_t};
use crate::pool::{
    environment,
    options::{Mode, Options},
    status::{self, Error, Result},
};

/// A pool as in `pool_create`.
///
/// # Errors
/// `INVALID`.
pub fn simple(workers: u32) -> Result<Options> {
    let mut options = Options::threads(workers)?;
    if let Some(mode) = environment::mode()? {
        options.mode = mode;
    }
    match options.mode {
        Mode::Threads => {}
        Mode::Processes => options.max_workers = options.workers,
        Mode::Sequential => options.workers = 1,
    }
    Ok(options)
}

/// Has `check` read what the caller wants, with the mode that the environment sets in place of its
/// own, if it does.
///
/// # Errors
/// Those of `check`; `INVALID` for what the environment says.
pub fn with_environment(
    mut options: pool_options_t,
    check: impl FnOnce(&pool_options_t) -> Result<Options>,
) -> Result<Options> {
    let Some(mode) = environment::mode()? else { return check(&options) };
    // What the program says must make sense all the same.
    let own = self::mode(options.mode)?;
    options.mode = match mode {
        Mode::Threads => POOL_THREADS,
        Mode::Processes => POOL_PROCESSES,
        Mode::Sequential => POOL_SEQUENTIAL,
    };
    check(&options)
        .map_err(|error| if own == mode { error } else { environment::blamed(error, mode) })
}

/// The mode, if there is such a one.
///
/// # Errors
/// `INVALID`.
pub fn mode(mode: i32) -> Result<Mode> {
    match mode {
        POOL_THREADS => Ok(Mode::Threads),
        POOL_PROCESSES => Ok(Mode::Processes),
        POOL_SEQUENTIAL => Ok(Mode::Sequential),
        _ => Err(Error::invalid(format!(
            "mode is {mode}; it must be POOL_THREADS, POOL_PROCESSES or POOL_SEQUENTIAL"
        ))),
    }
}

/// A pool whose tasks run in the caller has no threads to be made to order.
///
/// # Errors
/// `UNSUPPORTED`.
pub fn require_sequential(from: &pool_options_t) -> Result<()> {
    let set = [
        (from.stack_size != 0, "stack_size"),
        (from.cpu_count != 0, "cpus"),
        (from.pin_workers != 0, "pin_workers"),
        (from.max_workers != 0, "max_workers"),
    ];
    match set.into_iter().find_map(|(is_set, name)| is_set.then_some(name)) {
        None => Ok(()),
        Some(name) => {
            let text =
                format!("{name}: a sequential pool has no threads, its tasks run in the caller");
            Err(Error::new(status::UNSUPPORTED, text))
        }
    }
}
