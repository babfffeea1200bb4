//! `multiprocessing.Pool` for every language: a task pool behind a C header.
//!
//! The C header `include/millpond.h` is the manual for users. This is the map of the house for
//! those who read or change it; each layer uses only the ones to its right:
//!
//! ```text
//! capi ──► compose ──► threads ────────────► pool ──► support ──► sys
//!     │            ├─► sequential ─────────►
//!     │            └─► procs  ──► objects ──►
//!     └──────────────────────────►
//! C symbols   names      the work-  locks,     what a     atomics,    every
//! check and   the        stealing   queues     pool       locks,      system
//! convert     engines    and the    and their  means      memory      call
//!                        process    like
//!                        engine
//! ```
//!
//! * [`pool`] is the place to begin: its module list is the glossary, `state` the life of a
//!   task, `submit` what each call does. It knows engines only through the trait
//!   `pool::engine::Engine`.
//!   `pool/fork.md` has the protocol of fork-join, `pool_join2`.
//! * [`threads`] runs tasks on work-stealing threads. Its `README.md` says who wakes whom, with
//!   the proof that no wake-up is lost.
//! * `procs` runs tasks in worker processes that may die at any instant. Its `README.md` has the
//!   protocol, and what happens when who dies where.
//! * `objects` are what tasks meet at, across threads and processes. Its `README.md` says what
//!   happens when who dies where.
//! * `sequential` runs each task at once in its caller, for debugging.
//! * [`capi`] holds one file for each section of the header; the types that the pool works with
//!   are in `pool::abi` and `pool::codes`. The header is generated from these (`make header`).
//! * [`support`] chooses std's, loom's or shuttle's atomics, so that `state`, `mailbox`, `fifo`,
//!   `ranges`, `sleep` and others are model-checked as they are (`--cfg loom`; the models are in
//!   `models`), and whole pools run under schedules of our choice (`--cfg shuttle`; in `schedules`).
//! * [`sys`] has one folder per platform.
//!
//! `unsafe` is denied, and allowed by name in the files that need it.

#![cfg_attr(
    not(all(target_os = "linux", not(feature = "portable"))),
    allow(dead_code, unused_imports, reason = "what only worker processes need")
)]

#[cfg(not(any(loom, feature = "prefix")))]
pub mod capi;
// The same, as build.rs writes it.
#[cfg(all(not(loom), feature = "prefix"))]
include!(concat!(env!("OUT_DIR"), "/capi.rs"));
#[cfg(not(loom))]
mod compose;
#[cfg(not(any(loom, shuttle)))]
mod objects;
#[cfg_attr(loom, allow(dead_code))]
mod pool;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
#[cfg_attr(loom, allow(dead_code))]
mod procs;
#[cfg(not(loom))]
mod sequential;
#[cfg_attr(loom, allow(dead_code))]
mod support;
#[cfg(not(loom))]
mod sys;
#[cfg_attr(loom, allow(dead_code))]
mod threads;

#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, shuttle))]
mod schedules;
