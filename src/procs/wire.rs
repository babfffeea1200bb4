//! What the host and its zygote say to each other, as words of a channel.

use crate::sys::{channel::Message, children::End};

/// What the host asks the zygote for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Another worker.
    Spawn {
        /// Which of the pool's workers it is.
        index: u32,
        /// Which of the processes that have had this index.
        incarnation: u32,
    },
    /// The end of a worker, if it is still alive.
    Kill {
        /// Which of the pool's workers it is.
        index: u32,
        /// Which of the processes that have had this index.
        incarnation: u32,
    },
    /// To leave after the last worker.
    Quit,
}

/// What the host learns from the zygote, and about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// A worker was made.
    Spawned {
        /// Which of the pool's workers it is.
        index: u32,
        /// Which of the processes that have had this index.
        incarnation: u32,
        /// Its process.
        pid: i32,
    },
    /// A worker could not be made.
    ForkFailed {
        /// Which of the pool's workers it would have been.
        index: u32,
        /// Which of the processes that have had this index.
        incarnation: u32,
        /// Why, as a number of the system.
        errno: i32,
    },
    /// A worker has ended and is reaped.
    Exited {
        /// Which of the pool's workers it was.
        index: u32,
        /// Which of the processes that have had this index.
        incarnation: u32,
        /// Its process; the number may since be another's.
        pid: i32,
        /// How it ended.
        end: End,
    },
    /// The zygote is dead, and nothing follows this.
    Gone,
}

const SPAWN: u32 = 1;
const KILL: u32 = 2;
const QUIT: u32 = 3;
const SPAWNED: u32 = 4;
const FORK_FAILED: u32 = 5;
const LEFT: u32 = 6;
const KILLED: u32 = 7;

impl Command {
    /// As words.
    pub fn encode(self) -> Message {
        match self {
            Self::Spawn { index, incarnation } => [SPAWN, index, incarnation, 0, 0, 0],
            Self::Kill { index, incarnation } => [KILL, index, incarnation, 0, 0, 0],
            Self::Quit => [QUIT, 0, 0, 0, 0, 0],
        }
    }

    /// From words; `None` if they are no command.
    pub fn decode(message: Message) -> Option<Self> {
        let [kind, index, incarnation, ..] = message;
        match kind {
            SPAWN => Some(Self::Spawn { index, incarnation }),
            KILL => Some(Self::Kill { index, incarnation }),
            QUIT => Some(Self::Quit),
            _ => None,
        }
    }
}

impl Report {
    /// As words; `Gone` is never sent, and stands for nothing.
    pub fn encode(self) -> Message {
        match self {
            Self::Spawned { index, incarnation, pid } => {
                [SPAWNED, index, incarnation, pid.cast_unsigned(), 0, 0]
            }
            Self::ForkFailed { index, incarnation, errno } => {
                [FORK_FAILED, index, incarnation, 0, errno.cast_unsigned(), 0]
            }
            Self::Exited { index, incarnation, pid, end } => {
                let (kind, value) = match end {
                    End::Code(code) => (LEFT, code),
                    End::Signal(signal) => (KILLED, signal),
                };
                [kind, index, incarnation, pid.cast_unsigned(), value.cast_unsigned(), 0]
            }
            Self::Gone => [0; 6],
        }
    }

    /// From words; `None` if they are no report.
    pub fn decode(message: Message) -> Option<Self> {
        let [kind, index, incarnation, pid, value, _] = message;
        let (pid, value) = (pid.cast_signed(), value.cast_signed());
        match kind {
            SPAWNED => Some(Self::Spawned { index, incarnation, pid }),
            FORK_FAILED => Some(Self::ForkFailed { index, incarnation, errno: value }),
            LEFT => Some(Self::Exited { index, incarnation, pid, end: End::Code(value) }),
            KILLED => Some(Self::Exited { index, incarnation, pid, end: End::Signal(value) }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_was_said() {
        for command in [
            Command::Spawn { index: 1, incarnation: 2 },
            Command::Kill { index: 1, incarnation: u32::MAX },
            Command::Quit,
        ] {
            assert_eq!(Command::decode(command.encode()), Some(command));
        }
        let (index, incarnation, pid) = (3, 4, i32::MAX);
        for report in [
            Report::Spawned { index, incarnation, pid },
            Report::ForkFailed { index, incarnation, errno: 11 },
            Report::Exited { index, incarnation, pid, end: End::Code(-7) },
            Report::Exited { index, incarnation, pid, end: End::Signal(9) },
        ] {
            assert_eq!(Report::decode(report.encode()), Some(report));
        }
        assert_eq!(Report::decode(Report::Gone.encode()), None);
    }
}
