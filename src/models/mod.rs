//! Model checks of the three protocols that everything stands on: run with
//! `RUSTFLAGS="--cfg loom" cargo test --release --lib`. The code under test is the library's
//! own; only queues and callbacks around it are stand-ins.

mod mailbox;
mod sleep;
mod state;

/// Explores `body` under all interleavings with at most `preemptions` forced switches.
fn check(preemptions: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.check(body);
}
