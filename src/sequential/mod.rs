//! The engine for debugging: every task runs at once in the caller, inside the call that submits
//! it, so that a debugger shows who submitted what, and each run is like the one before.
//!
//! | file      | noun |
//! |-----------|------|
//! | `queue`   | what has been submitted and not begun, and whose turn it is |
//! | `engine`  | what the pool's layer sees |
//! | `turn`    | a thread that runs tasks, and what it does until it is done |
//! | `books`   | what the engine knows of its only worker, for those who ask |
//!
//! There is one place. Who submits takes it, if nobody has it, and runs until nothing is left; what
//! other threads submit meanwhile is left to it, so that nobody ever waits to submit. A task that
//! submits runs its own task on top of it, as deep as the stack allows; what it cannot run that way
//! is run when it has returned.

mod books;
pub mod engine;
mod queue;
mod turn;
