//! The default pool of this process, which nobody owns.

use super::{handle::pool_t, simple::open};
use crate::{
    compose,
    pool::{
        options::Options,
        status::{Error, Result},
    },
    support::process,
};
use once_cell::race::OnceBox;
use std::ptr;

/// The default pool of one process, and of those forked from it in turn.
struct Default {
    epoch: u32,
    pool: Box<pool_t>,
    forked: OnceBox<Default>,
}

/// The handle on it, made at the first call in each process.
///
/// # Errors
/// As those of making a pool.
pub fn handle() -> Result<*mut pool_t> {
    // A race of two makes two pools, and drops one that has no threads yet. No lock is held
    // that a fork could copy.
    static FIRST: OnceBox<Default> = OnceBox::new();
    let epoch = process::epoch().map_err(|error| Error::system("no page of memory", &error))?;
    let mut place = &FIRST;
    loop {
        let default = place.get_or_try_init(|| {
            compose::require_room()?;
            let pool = open(Options::threads(0)?)?;
            pool.become_default();
            Ok::<_, Error>(Box::new(Default { epoch, pool, forked: OnceBox::new() }))
        })?;
        if default.epoch == epoch {
            return Ok(ptr::from_ref(&*default.pool).cast_mut());
        }
        place = &default.forked;
    }
}
