//! Every system call of the library, behind one documented interface; one folder per platform.
//!
//! | module     | what it promises |
//! |------------|------------------|
//! | `futex`    | `wait` sleeps only while the word holds the expected value and is woken by `wake`; spurious returns allowed |
//! | `fork`     | `epoch()` differs in every forked child from all its ancestors', without a system call; `leave()` ends such a child |
//! | `robust`   | a lock that is handed on when its owner dies, be it a thread or a process |
//! | `identity` | whether a thread or a process is still there |
//! | `at_exit`  | calls a function when the program ends by itself |
//! | `thread`   | signal masks, affinity and the stack bounds of the calling thread; on Linux also how threads begin and end |
//! | `clock`    | nanoseconds on a clock that all processes read alike |
//! | `event`    | a file descriptor that is readable while it is set |
//! | `module`   | keeps the library mapped while threads run its code |
//! | `pages`    | memory of the process's own, of which the system may have the content |
//!
//! Only for process mode, which Linux alone has:
//!
//! | module         | what it promises |
//! |----------------|------------------|
//! | `memory`       | a sparse mapping that forked children share at the same address |
//! | `channel`      | small messages between processes, whole and in order |
//! | `poll`         | the wait for any of several descriptors |
//! | `children`     | makes, kills and reaps processes |
//! | `pidfd`        | a process by a descriptor that never comes to mean another |
//! | `this_process` | its number, its parent, its name, its end |
//! | `signals`      | their names, their defaults, and hearing them through a descriptor |
//! | `stdio`        | the standard streams: emptied, written out, caught and passed on |
//! | `limits`       | how much of the machine this process may use |
//! | `random`       | numbers that nobody can guess |
//! | `modules`      | what is loaded where, told apart by build ids |
//!
//! `linux` uses the kernel's own means; `portable` (any other system, or the feature of that
//! name) makes do with std and leaves out what std cannot do, saying so in each function.

#[cfg(all(target_os = "linux", not(feature = "portable")))]
mod linux;
#[cfg(all(target_os = "linux", not(feature = "portable")))]
pub use linux::{
    at_exit, channel, children, clock, event, fork, futex, identity, limits, memory, module,
    modules, pages, pidfd, poll, random, robust, signals, stdio, this_process, thread,
};

#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
mod portable;
#[cfg(not(all(target_os = "linux", not(feature = "portable"))))]
pub use portable::{at_exit, clock, event, fork, futex, identity, module, pages, robust, thread};
