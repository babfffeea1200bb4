//! What a pool means: tasks, futures, callbacks, maps, lifecycle. It knows no engine by name.
//!
//! | file           | noun |
//! |----------------|------|
//! | `abi`          | the plain types that cross the C boundary |
//! | `callables`    | the types of the functions that loops and sorts are given |
//! | `codes`        | the numbers of the statuses |
//! | `status`       | a status and its sentence as an error |
//! | `options`      | what a pool is made with |
//! | `hooks`        | what the user does at the beginning and the end of each worker |
//! | `environment`  | what the environment says about all pools of a program |
//! | `core`         | the heart that handle, workers and tasks share; its lifecycle |
//! | `engine`       | the interface to whoever runs tasks |
//! | `state`        | the life of a task in one word (model-checked) |
//! | `task`         | the block that holds a task |
//! | `cold`         | what a small task does not need |
//! | `ended`        | how a task ended, and what it tells about it |
//! | `functions`    | functions that are promised to stay |
//! | `stats`        | what a pool does and has done, in numbers |
//! | `tally`        | what one worker has done |
//! | `local`        | values of which each thread has its own |
//! | `log`          | what happens in pools that a program may want to write down |
//! | `shared`       | memory that the user's tasks share |
//! | `remote`       | a task in a worker process, as its frame sees it |
//! | `parcel`       | a task that another process runs |
//! | `payload`      | arguments and results as bytes |
//! | `direct`       | a task that runs in its caller, without a block |
//! | `depot`        | free blocks, and where they come from |
//! | `blocks`       | who may have a block: workers, outsiders by lane; the gate that close shuts |
//! | `frame`        | a task or a callback while it runs |
//! | `blocking`     | sections in which a thread gives up its place |
//! | `outcome`      | what it says about its outcome |
//! | `site`         | where it runs: the worker's number, and where it offers forks |
//! | `fork`         | fork-join inside a task; `fork.md` has the protocol |
//! | `fork_record`  | a fork (model-checked) |
//! | `offers`       | forks that any worker may take (model-checked) |
//! | `items`        | fork-join over many items |
//! | `stack`        | what the calling thread is in the midst of |
//! | `context`      | which pools a thread is working for |
//! | `mailbox`      | many senders, one reader at a time (model-checked) |
//! | `callbacks`    | when and where callbacks run |
//! | `progress`     | how far a task says it has come (model-checked) |
//! | `said`         | that, and how far maps have come, as whoever has a future is told |
//! | `sweep`        | the innermost loop of a map, where the caller brings it along |
//! | `sweeping`     | how a participant in a map runs item after item |
//! | `bodies`       | what a map runs: items, ranges, pieces of a reduction |
//! | `columns`      | several arrays of arguments for one map |
//! | `ranges`       | which items nobody has begun yet (model-checked) |
//! | `pace`         | how many items to run at a time |
//! | `map_call`     | what a map is to run, and over what |
//! | `map`          | one descriptor for many items |
//! | `accounts`     | how a map keeps account of its items |
//! | `imap`         | a map from a producer to a consumer, with a window |
//! | `reduce`       | many items to one result, the same in every run |
//! | `sort`         | a sort as a task that forks; the numbers it knows |
//! | `quicksort`    | numbers in order |
//! | `mergesort`    | elements of any kind in order |
//! | `bound`        | how many tasks may be in the pool at a time |
//! | `timetable`    | what is to happen when |
//! | `timer`        | the thread that sees to it |
//! | `terms`        | when a call may start, how long it may take, how often it is tried |
//! | `calling`      | how a frame calls the user's functions |
//! | `running`      | how a claimed task is run in this process |
//! | `attempts`     | running something as often, and as long, as its terms say |
//! | `priority`     | which tasks go ahead of which |
//! | `agenda`       | tasks that may not start yet |
//! | `arrivals`     | tasks in the order in which they end |
//! | `gathering`    | many tasks that somebody waits for at once |
//! | `deferred`     | what a task waits for that may not start yet |
//! | `group`        | tasks that are cancelled, and waited for, as one |
//! | `periodic`     | a task that is run again and again |
//! | `watchers`     | who is to be called when a task has ended |
//! | `batch`        | many calls submitted at once, all or none |
//! | `rendezvous`   | where all workers wait until each of them has come |
//! | `broadcast`    | something that every worker does once |
//! | `submit`       | what apply, submit, map, wait and cancel do with all these |

pub mod abi;
#[cfg(not(loom))]
pub mod accounts;
#[cfg(not(loom))]
pub mod agenda;
#[cfg(not(loom))]
pub mod arrivals;
#[cfg(not(loom))]
pub mod attempts;
#[cfg(not(loom))]
pub mod batch;
#[cfg(not(loom))]
pub mod blocking;
#[cfg(not(loom))]
pub mod blocks;
#[cfg(not(loom))]
pub mod bodies;
#[cfg(not(loom))]
pub mod bound;
#[cfg(not(any(loom, shuttle)))]
pub mod broadcast;
#[cfg(not(loom))]
pub mod callables;
#[cfg(not(loom))]
pub mod callbacks;
#[cfg(not(loom))]
pub mod calling;
pub mod codes;
#[cfg(not(loom))]
pub mod cold;
#[cfg(not(loom))]
pub mod columns;
#[cfg(not(loom))]
pub mod context;
#[cfg(not(loom))]
pub mod core;
#[cfg(not(loom))]
pub mod deferred;
#[cfg(not(loom))]
pub mod depot;
#[cfg(not(loom))]
pub mod direct;
#[cfg(not(loom))]
pub mod ended;
#[cfg(not(loom))]
pub mod engine;
#[cfg(not(loom))]
pub mod environment;
#[cfg(not(loom))]
pub mod fork;
pub mod fork_record;
#[cfg(not(loom))]
pub mod frame;
#[cfg(not(loom))]
pub mod functions;
#[cfg(not(loom))]
pub mod gathering;
#[cfg(not(loom))]
pub mod group;
#[cfg(not(loom))]
pub mod hooks;
#[cfg(not(loom))]
pub mod imap;
#[cfg(not(loom))]
pub mod items;
#[cfg(not(loom))]
pub mod local;
#[cfg(not(loom))]
pub mod log;
pub mod mailbox;
#[cfg(not(loom))]
pub mod map;
#[cfg(not(loom))]
pub mod map_call;
#[cfg(not(loom))]
pub mod mergesort;
pub mod offers;
#[cfg(not(loom))]
pub mod options;
pub mod outcome;
#[cfg(not(loom))]
pub mod pace;
#[cfg(not(loom))]
pub mod parcel;
#[cfg(not(loom))]
pub mod payload;
#[cfg(not(loom))]
pub mod periodic;
#[cfg(not(loom))]
pub mod priority;
pub mod progress;
#[cfg(not(loom))]
pub mod quicksort;
pub mod ranges;
#[cfg(not(loom))]
pub mod reduce;
#[cfg(not(loom))]
pub mod remote;
#[cfg(not(any(loom, shuttle)))]
pub mod rendezvous;
#[cfg(not(loom))]
pub mod running;
#[cfg(not(loom))]
pub mod said;
#[cfg(not(loom))]
pub mod shared;
#[cfg(not(loom))]
pub mod site;
#[cfg(not(loom))]
pub mod sort;
#[cfg(not(loom))]
pub mod stack;
pub mod state;
#[cfg(not(loom))]
pub mod stats;
pub mod status;
#[cfg(not(loom))]
pub mod submit;
#[cfg(not(loom))]
pub mod sweep;
#[cfg(not(loom))]
mod sweeping;
#[cfg(not(loom))]
pub mod tally;
#[cfg(not(loom))]
pub mod task;
#[cfg(not(loom))]
pub mod terms;
#[cfg(not(loom))]
pub mod timer;
#[cfg(not(loom))]
pub mod timetable;
#[cfg(not(loom))]
pub mod watchers;
