//! The work-stealing engine.
//!
//! | file        | noun |
//! |-------------|------|
//! | `README.md` | who wakes whom, and why no wake-up is lost |
//! | `sleep`     | the counts and the eventcount (model-checked) |
//! | `fifo`      | a queue: one puts in, many take out (model-checked) |
//! | `queue`     | all the queues: the lanes of outsiders, the workers' own, one for each other priority |
//! | `entrance`  | how tasks get into them |
//! | `engine`    | what the pool's layer sees |
//! | `worker`    | the life of a worker's thread |
//! | `births`    | the workers that a pool with an initializer begins with |
//! | `books`     | what the engine knows of its workers, for those who ask |
//! | `placement` | on which CPUs the workers run |
//! | `helper`    | threads that run a task while they wait for it |

#[cfg(not(loom))]
mod births;
#[cfg(not(loom))]
mod books;
#[cfg(not(loom))]
pub mod engine;
#[cfg(not(loom))]
mod entrance;
pub mod fifo;
#[cfg(not(loom))]
mod helper;
#[cfg(not(loom))]
mod placement;
#[cfg(not(loom))]
mod queue;
pub mod sleep;
#[cfg(not(loom))]
mod worker;
