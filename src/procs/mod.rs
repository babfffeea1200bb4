//! The process engine: tasks run in worker processes, and a death costs the task in hand alone.
//! `README.md` has the protocol.
//!
//! | file         | noun |
//! |--------------|------|
//! | `word`       | the life of a task in shared memory, in one word (model-checked) |
//! | `hints`      | the queue that leads workers to tasks (model-checked) |
//! | `layout`     | what lies where in the shared memory |
//! | `heap`       | the host's memory for arguments and for users |
//! | `catalog`    | which functions the workers of a zygote know |
//! | `names`      | what the host calls functions for them |
//! | `window`     | what the host knows of the tasks with the workers, and of those that wait |
//! | `dispatch`   | tasks on their way to the workers, and their slots on the way back |
//! | `reports`    | what the workers have done, in order, and who takes it in |
//! | `results`    | what a worker has left, checked and copied |
//! | `pieces`     | maps, in pieces, on their way to the workers |
//! | `hearing`    | how far the tasks in the slots say they have come |
//! | `items`      | what comes back of a piece |
//! | `admission`  | which calls the workers could run |
//! | `waiting`    | what the host's threads ask about single tasks |
//! | `entrance`   | how tasks come in: into a slot, or the window's queue |
//! | `engine`     | all of that as the pool's layer sees it |
//! | `supervisor` | the thread that sees to everything nobody waits for |
//! | `audit`      | tasks whose words were written over |
//! | `books`      | what the host knows of the workers, for those who ask |
//! | `deaths`     | what a worker's death, or the zygote's, means |
//! | `fleet`      | the workers and their zygotes, as the host sees them |
//! | `runner`     | the thread that runs callbacks |
//! | `tail`       | what workers wrote to stderr |
//! | `zygote`     | the process that makes workers, from the host's side |
//! | `nursery`    | the same, from the inside |
//! | `wire`       | what they say to each other |
//! | `child`      | how a worker process begins and ends |
//! | `worker`     | the life of a worker |
//! | `claiming`   | what it does before it runs something |
//! | `perform`    | one task in a worker, or one piece of a map |
//! | `slab`       | a worker's own memory for results |

pub mod hints;
pub mod word;

#[cfg(not(loom))]
mod admission;
#[cfg(not(loom))]
mod audit;
#[cfg(not(loom))]
mod books;
#[cfg(not(loom))]
mod catalog;
#[cfg(not(loom))]
mod child;
#[cfg(not(loom))]
mod claiming;
#[cfg(not(loom))]
mod deaths;
#[cfg(not(loom))]
mod dispatch;
#[cfg(not(loom))]
pub mod engine;
#[cfg(not(loom))]
mod entrance;
#[cfg(not(loom))]
mod fleet;
#[cfg(not(loom))]
mod heap;
#[cfg(not(loom))]
mod hearing;
#[cfg(not(loom))]
mod items;
#[cfg(not(loom))]
mod layout;
#[cfg(not(loom))]
mod names;
#[cfg(not(loom))]
mod nursery;
#[cfg(not(loom))]
mod perform;
#[cfg(not(loom))]
mod pieces;
#[cfg(not(loom))]
mod reports;
#[cfg(not(loom))]
mod results;
#[cfg(not(loom))]
mod runner;
#[cfg(not(loom))]
mod slab;
#[cfg(not(loom))]
mod supervisor;
#[cfg(not(loom))]
mod tail;
#[cfg(not(loom))]
mod waiting;
#[cfg(not(loom))]
mod window;
#[cfg(not(loom))]
mod wire;
#[cfg(not(loom))]
mod worker;
#[cfg(not(loom))]
mod zygote;
