//! Model checks of the protocols that everything stands on: run with
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib`. The code under test is the library's
//! own; only queues and callbacks around it are stand-ins.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod feed;
mod fifo;
mod fork;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod hints;
mod mailbox;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod process_sleep;
mod progress;
mod ranges;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod reports;
mod sleep;
mod state;
mod wakers;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod word;

/// Explores `body` under all interleavings with at most `preemptions` forced switches.
fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(body);
}
