#![allow(unsafe_code)]
//! The zygote as its host sees it: the process that makes the workers.

pub use super::wire::Report;
use super::{
    nursery::{self, Host},
    wire::Command,
};
use crate::{
    support::sync::{Mutex, lock},
    sys::{
        channel::{Channel, Delivery, Received},
        children,
        pidfd::Pidfd,
        poll::{PollFd, poll},
        signals::Signals,
        stdio::{self, Reader, pipe},
        this_process,
        thread::{CpuSet, SignalsBlocked},
    },
};
use std::{
    collections::VecDeque,
    ffi::c_void,
    io,
    time::{Duration, Instant},
};

/// A fork with what a language's runtime needs around it: 0 in the child, the child's id in the
/// parent, -1 when it failed. The child must be a direct one.
pub type ForkFn = unsafe extern "C" fn(*mut c_void) -> i32;

/// What a worker does: called with its index and incarnation, it returns the exit code.
pub type Work<'a> = dyn Fn(u32, u32) -> i32 + 'a;

/// What zygote and workers are set up with.
pub struct Settings {
    /// The pool's name; the processes' names are made from it.
    pub name: String,
    /// Replaces fork(2), in the host and in the zygote.
    pub fork: Option<(ForkFn, *mut c_void)>,
    /// Added to the workers' niceness.
    pub nice: i32,
    /// How readily the system kills workers when memory runs out.
    pub oom_score_adj: Option<i32>,
    /// The most private writable memory of a worker in bytes; 0 for no limit.
    pub memory_limit: usize,
    /// Whether a worker that crashes may leave a core file.
    pub core_dumps: bool,
    /// The CPUs that workers may run on.
    pub affinity: Option<CpuSet>,
    /// Whether each worker stays on one of these, by its index.
    pub pin: bool,
    /// For the workers below this index, standard error goes through a pipe to the host.
    pub stderr_pipes: u32,
    /// Whether to do without pidfds, as on systems that refuse them.
    pub no_pidfd: bool,
}

// SAFETY: the fork function and its pointer are only ever used by `Zygote::start`, on the thread
// that calls that; who passes them in says that this is fine on any thread.
unsafe impl Send for Settings {}
// SAFETY: as above.
unsafe impl Sync for Settings {}

impl Settings {
    /// The settings of workers that are like their host.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            fork: None,
            nice: 0,
            oom_score_adj: None,
            memory_limit: 0,
            core_dumps: false,
            affinity: None,
            pin: false,
            stderr_pipes: 0,
            no_pidfd: false,
        }
    }

    /// Forks: 0 in the child, the child's id in the parent.
    pub(super) fn fork(&self) -> io::Result<i32> {
        let Some((fork, data)) = self.fork else { return children::fork() };
        // SAFETY: who passed in the function and its pointer said that they belong together and
        // live as long as the pool.
        match unsafe { fork(data) } {
            pid if pid >= 0 => Ok(pid),
            _ => Err(io::Error::last_os_error()),
        }
    }

    fn pidfd(&self, pid: i32) -> Option<Pidfd> {
        if self.no_pidfd { None } else { Pidfd::open(pid) }
    }
}

/// The host's end. Every method may be called on any thread; none waits, but
/// `wait_until_gone` and the drop, which aborts.
pub struct Zygote {
    channel: Channel,
    pid: i32,
    pidfd: Option<Pidfd>,
    host: i32,
    stderr: Vec<Reader>,
    /// Commands that wait for room in the channel, in order.
    commands: Mutex<VecDeque<Command>>,
    seen: Mutex<Seen>,
    /// The zygote is dead and reaped: its id means nothing any more. Held while that is waited
    /// for, and never together with another lock but `seen`.
    reaped: Mutex<bool>,
}

/// What the host knows from reports.
#[derive(Default)]
struct Seen {
    /// `Gone` was reported.
    gone: bool,
    /// The processes of the workers that were made and have not been reported as ended.
    workers: Vec<i32>,
}

impl Zygote {
    /// Forks the zygote, having written out what C's streams have buffered. In its workers
    /// `work` is called, whose value is the exit code. Does not return in the children.
    ///
    /// # Errors
    /// When the process has no descriptors left, or cannot fork.
    pub fn start(settings: &Settings, work: &Work<'_>) -> io::Result<Self> {
        let (channel, far_end) = Channel::pair()?;
        let signals = Signals::new()?;
        let pipes: io::Result<Vec<_>> = (0..settings.stderr_pipes).map(|_| pipe()).collect();
        let (stderr, pipes): (Vec<_>, Vec<_>) = pipes?.into_iter().unzip();
        let host = this_process::own_pid();
        let far_end = Host { channel: far_end, pidfd: settings.pidfd(host), pid: host };
        stdio::flush_stdio();
        // No handler of the host's may run in the child.
        let blocked = SignalsBlocked::new();
        let pid = settings.fork()?;
        if pid == 0 {
            drop((channel, stderr));
            nursery::live(settings, work, far_end, signals, pipes);
        }
        drop(blocked);
        Ok(Self {
            channel,
            pid,
            pidfd: settings.pidfd(pid),
            host,
            stderr,
            commands: Mutex::new(VecDeque::new()),
            seen: Mutex::new(Seen::default()),
            reaped: Mutex::new(false),
        })
    }

    /// The zygote's process.
    #[cfg(test)]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Asks for a worker: `Spawned` or `ForkFailed` will be reported.
    pub fn spawn(&self, index: u32, incarnation: u32) {
        self.command(Command::Spawn { index, incarnation });
    }

    /// Kills a worker and its process group, if that incarnation is still alive.
    pub fn kill(&self, index: u32, incarnation: u32) {
        self.command(Command::Kill { index, incarnation });
    }

    /// Says that no more workers will be asked for: the zygote leaves when the last one has.
    /// What tasks have started and left running is left alone.
    pub fn quit(&self) {
        self.command(Command::Quit);
    }

    /// Kills all workers and everything that was started under them, then ends the zygote.
    /// Commands that have not been carried out are void.
    pub fn abort(&self) {
        lock(&self.commands).clear();
        self.channel.hang_up();
        if let Some(pidfd) = &self.pidfd {
            pidfd.resume();
        }
    }

    fn command(&self, command: Command) {
        let mut commands = lock(&self.commands);
        commands.push_back(command);
        self.send(&mut commands);
    }

    fn send(&self, commands: &mut VecDeque<Command>) {
        while let Some(command) = commands.front() {
            match self.channel.send(&command.encode()) {
                Delivery::Full => return,
                Delivery::Sent | Delivery::Gone => commands.pop_front(),
            };
        }
    }

    /// Sends commands that have had to wait for room. `receive` does so, too.
    pub fn flush(&self) {
        self.send(&mut lock(&self.commands));
    }

    /// What to wait for before the next `flush` and `receive`: the channel and the zygote's end.
    /// Whoever gives commands on another thread wakes the waiting one: they may have found no
    /// room.
    pub fn poll_fds(&self) -> [PollFd; 2] {
        if lock(&self.seen).gone {
            return [PollFd::none(); 2];
        }
        let waiting = !lock(&self.commands).is_empty();
        let pidfd = self.pidfd.as_ref().map_or(PollFd::none(), |fd| PollFd::new(fd.fd(), false));
        [PollFd::new(self.channel.fd(), waiting), pidfd]
    }

    /// The oldest report that has not been received; `Gone` is the last one, once.
    pub fn receive(&self) -> Option<Report> {
        self.flush();
        let mut seen = lock(&self.seen);
        let mut dead = false;
        while !seen.gone {
            match self.channel.receive() {
                Received::Message(message) => {
                    let report = Report::decode(message);
                    match report {
                        Some(Report::Spawned { pid, .. }) => seen.workers.push(pid),
                        Some(Report::Exited { pid, .. }) => seen.workers.retain(|one| *one != pid),
                        _ => {}
                    }
                    if report.is_some() {
                        return report;
                    }
                }
                // Looked at once more when the zygote has ended: it may have said something
                // before. The channel alone does not tell, other processes may hold its end.
                Received::Nothing if !dead => {
                    dead = self.has_ended();
                    if !dead {
                        return None;
                    }
                }
                Received::Nothing | Received::Gone => seen.gone = true,
            }
            if seen.gone {
                return Some(Report::Gone);
            }
        }
        None
    }

    fn has_ended(&self) -> bool {
        match &self.pidfd {
            Some(pidfd) => pidfd.has_ended(),
            None => children::has_ended(self.pid),
        }
    }

    /// Waits for the end of the zygote and reaps it. When `Gone` has been received, no worker
    /// runs any more afterwards: those of a zygote that was killed are killed by the kernel,
    /// which has then happened.
    ///
    /// The zygote may have been reaped by something else in the host, or by the kernel, and
    /// several threads may wait.
    pub fn wait_until_gone(&self) {
        let mut reaped = lock(&self.reaped);
        if *reaped {
            return;
        }
        children::wait_for(self.pid, self.pidfd.as_ref());
        *reaped = true;
        let deadline = Instant::now() + LAST_STEPS;
        for pid in std::mem::take(&mut lock(&self.seen).workers) {
            wait_for_worker(pid, deadline);
        }
    }

    /// The standard error of a worker, when it goes through a pipe: all that the incarnations of
    /// this index print.
    pub fn stderr(&self, index: u32) -> Option<&Reader> {
        self.stderr.get(index as usize)
    }
}

/// How long a worker with a pending SIGKILL is waited for at most.
const LAST_STEPS: Duration = Duration::from_secs(1);

/// Waits for a killed worker. It is no child of the host, unless the host inherits orphans: then
/// it is reaped.
fn wait_for_worker(pid: i32, deadline: Instant) {
    if let Some(pidfd) = Pidfd::open(pid) {
        while !pidfd.has_ended() && Instant::now() < deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            poll(&mut [PollFd::new(pidfd.fd(), false)], Some(left));
        }
        pidfd.reap();
    }
}

impl Drop for Zygote {
    fn drop(&mut self) {
        // In a child that the host has forked, this is only a copy.
        if self.host == this_process::own_pid() {
            self.abort();
            self.wait_until_gone();
        }
    }
}

#[cfg(test)]
mod tests;
