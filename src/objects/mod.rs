//! Objects that tasks meet at: queues, locks and their like, for threads and for processes that may
//! die at any instant.
//!
//! | file        | noun |
//! |-------------|------|
//! | `header`    | what every object begins with: the seal |
//! | `home`      | where objects live, and who hears of deaths |
//! | `guard`     | the short sections in which an object changes, whole or not at all |
//! | `line`      | where threads wait until it has something for them |
//! | `holders`   | which process has taken how many of something |
//! | `lock`      | one thread at a time |
//! | `condition` | wait, with a lock, until told |
//! | `event`     | wait until set |
//! | `semaphore` | so many permits |
//! | `barrier`   | so many wait for one another |
//! | `counter`   | a number that many change |
//! | `queue`     | items by value |
//!
//! `README.md` says what happens when who dies where.

pub mod barrier;
pub mod condition;
pub mod counter;
pub mod event;
mod guard;
pub mod header;
mod holders;
pub mod home;
mod line;
pub mod lock;
pub mod queue;
pub mod semaphore;

/// A point at which a test lets worker processes die; see `support::fail`.
#[inline(always)]
fn point(_name: &str) {
    #[cfg(all(target_os = "linux", not(feature = "portable"), feature = "failpoints"))]
    if crate::support::person::is_worker() {
        crate::support::fail::point(_name);
    }
}
