#![allow(non_camel_case_types)]
#![allow(
    clippy::missing_safety_doc,
    reason = "the documentation is the C header's manual, which says what each pointer must be"
)]
#![allow(clippy::too_many_arguments, reason = "C has no others")]
//! The C interface: one file for each section of the header. It converts and checks, and decides
//! nothing. (`boundary`, `default_pool`, `iterator` and `life` hold what has no section.)
//!
//! Each function runs inside `boundary`, which turns an error into its status and sentence, and
//! a panic into `POOL_ERR_INTERNAL`.

mod blocking;
mod boundary;
mod call;
mod close;
mod default_pool;
mod errors;
mod future;
mod group;
mod handle;
mod imap;
mod iterator;
mod join;
mod life;
mod local;
mod log;
mod loops;
mod mode;
mod options;
mod periodic;
mod poll;
mod processes;
mod shared;
mod simple;
mod sort;
mod spawn;
mod starmap;
mod stats;
mod submit;
mod sweep;
mod task;
mod then;
mod token;
mod version;
mod wait;
mod workers;

// Shuttle has no processes and no threads of the system's, which these look after.
#[cfg(not(shuttle))]
mod barrier;
#[cfg(not(shuttle))]
mod broadcast;
#[cfg(not(shuttle))]
mod condition;
#[cfg(not(shuttle))]
mod counter;
#[cfg(not(shuttle))]
mod event;
#[cfg(not(shuttle))]
mod lock;
#[cfg(not(shuttle))]
mod object;
#[cfg(not(shuttle))]
mod queue;
#[cfg(not(shuttle))]
mod semaphore;

pub use crate::pool::{abi::*, callables::*, codes::*, sweep::*};
pub use blocking::*;
pub use call::*;
pub use close::*;
pub use errors::*;
pub use future::*;
pub use group::*;
pub use handle::{pool_future_t, pool_t};
pub use imap::*;
pub use iterator::*;
pub use join::*;
pub use local::*;
pub use log::*;
pub use loops::*;
pub use options::*;
pub use periodic::*;
pub use poll::*;
pub use processes::*;
pub use shared::*;
pub use simple::*;
pub use sort::*;
pub use spawn::*;
pub use starmap::*;
pub use stats::*;
pub use submit::*;
pub use sweep::*;
pub use task::*;
pub use then::*;
pub use token::*;
pub use version::*;
pub use wait::*;
pub use workers::*;
#[cfg(not(shuttle))]
pub use {
    barrier::*, broadcast::*, condition::*, counter::*, event::*, lock::*, queue::*, semaphore::*,
};
