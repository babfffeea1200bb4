//! The default pool of this process, which nobody owns.

use super::{handle::pool_t, mode::simple, simple::open};
use crate::{
    compose,
    pool::status::{Error, Result},
    support::per_process::PerProcess,
};
use std::ptr;

/// A race of two makes two pools, and drops one that has no threads yet.
static DEFAULT: PerProcess<Box<pool_t>> = PerProcess::new();

/// The handle on it, made at the first call in each process.
///
/// # Errors
/// As those of making a pool.
pub fn handle() -> Result<*mut pool_t> {
    let pool = DEFAULT.get_or_try_init(|| {
        compose::require_room()?;
        let pool = open(simple(0)?)?;
        pool.become_default();
        Ok::<_, Error>(pool)
    })?;
    Ok(ptr::from_ref(&**pool).cast_mut())
}
