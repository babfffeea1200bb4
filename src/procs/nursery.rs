//! The zygote's side: a process with one thread that makes workers, reaps them, and takes them
//! along when the host is dead.

use super::{
    child,
    wire::{Command, Report},
    zygote::{Settings, Work},
};
use crate::{
    support::fail,
    sys::{
        channel::{Channel, Delivery, Received},
        children,
        pidfd::Pidfd,
        poll::{PollFd, poll},
        signals::Signals,
        stdio::{self, Writer},
        this_process,
    },
};
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// How often a zygote that has no pidfd of its host asks who its parent is.
const LOOK_AT_HOST: Duration = Duration::from_millis(200);
/// How long a zygote goes on killing: what has not ended by then waits inside the kernel, and
/// ends when it comes back from there.
const KEEP_KILLING: Duration = Duration::from_secs(5);
/// A list of children may lack those that came just then: only after pauses up to this long is it
/// believed that there is nobody left who could be killed.
const LONG_ENOUGH: Duration = Duration::from_millis(10);

/// What the zygote has of its host.
pub struct Host {
    /// Commands come in and reports go out here.
    pub channel: Channel,
    /// Ready when the host has ended. Opened by the host before the fork, so that it means the
    /// host whatever has happened since, and across pid namespaces.
    pub pidfd: Option<Pidfd>,
    /// The host's id.
    pub pid: i32,
}

/// A worker that has not been reaped yet.
struct Living {
    index: u32,
    incarnation: u32,
    pid: i32,
}

struct Nursery<'a> {
    settings: &'a Settings,
    work: &'a Work<'a>,
    /// `None` only in a worker, which holds none of these any more.
    held: Option<(Host, Signals)>,
    pipes: Vec<Writer>,
    workers: Vec<Living>,
    /// Reports that wait for room in the channel: the zygote itself waits for nobody.
    reports: VecDeque<Report>,
    quitting: bool,
    pid: i32,
}

/// The life of the zygote, from right after the fork, with all signals blocked, on.
pub fn live(
    settings: &Settings,
    work: &Work<'_>,
    host: Host,
    signals: Signals,
    pipes: Vec<Writer>,
) -> ! {
    let pid = this_process::own_pid();
    children::new_group(pid);
    this_process::become_subreaper();
    signals.listen();
    stdio::empty_stdin();
    this_process::set_name(&child::short_name(&settings.name, "-zygote"));
    let held = Some((host, signals));
    let (workers, reports) = (Vec::new(), VecDeque::new());
    Nursery { settings, work, held, pipes, workers, reports, quitting: false, pid }.run()
}

impl Nursery<'_> {
    fn run(mut self) -> ! {
        while !self.is_abandoned() {
            while let Some(command) = self.next_command() {
                match command {
                    Command::Spawn { index, incarnation } => self.spawn(index, incarnation),
                    Command::Kill { index, incarnation } => self.kill(index, incarnation),
                    Command::Quit => self.quitting = true,
                }
            }
            self.reap();
            self.send();
            if self.quitting && self.workers.is_empty() && self.reports.is_empty() {
                this_process::exit_now(0);
            }
        }
        self.end_all();
        this_process::exit_now(0)
    }

    /// Waits until there is something to do. Whether that is to end: the host is dead, has hung
    /// up, or executes another program; or somebody has asked this process to end (SIGTERM),
    /// which it obeys, for the workers would otherwise have to be found one by one.
    fn is_abandoned(&self) -> bool {
        let Some((host, signals)) = &self.held else { return true };
        let pidfd = host.pidfd.as_ref().map_or(PollFd::none(), |fd| PollFd::new(fd.fd(), false));
        let mut fds = [
            PollFd::new(host.channel.fd(), !self.reports.is_empty()),
            PollFd::new(signals.fd(), false),
            pidfd,
        ];
        poll(&mut fds, if host.pidfd.is_some() { None } else { Some(LOOK_AT_HOST) });
        fds[0].hung_up()
            || fds[1].ready() && signals.take()
            || fds[2].ready()
            || host.pidfd.is_none() && !host.is_my_parent()
    }

    fn next_command(&self) -> Option<Command> {
        let (host, _) = self.held.as_ref()?;
        loop {
            match host.channel.receive() {
                Received::Message(message) => match Command::decode(message) {
                    None => {}
                    command => return command,
                },
                // That the host is gone is seen by the next wait.
                Received::Nothing | Received::Gone => return None,
            }
        }
    }

    fn spawn(&mut self, index: u32, incarnation: u32) {
        fail::point("fork");
        match self.settings.fork() {
            Ok(0) => {
                fail::point("forked");
                self.held = None;
                self.workers = Vec::new();
                let pipes = std::mem::take(&mut self.pipes);
                child::run(|| {
                    child::prepare(self.settings, index, self.pid, pipes);
                    (self.work)(index, incarnation)
                })
            }
            Ok(pid) => {
                fail::point("spawned");
                children::new_group(pid);
                self.workers.push(Living { index, incarnation, pid });
                self.reports.push_back(Report::Spawned { index, incarnation, pid });
            }
            Err(error) => {
                let errno = error.raw_os_error().unwrap_or(0);
                self.reports.push_back(Report::ForkFailed { index, incarnation, errno });
            }
        }
    }

    /// Kills a worker with all of its group. Only this process reaps it, so that while it is in
    /// the list its id is nobody else's.
    fn kill(&self, index: u32, incarnation: u32) {
        let wanted = |worker: &&Living| (worker.index, worker.incarnation) == (index, incarnation);
        if let Some(worker) = self.workers.iter().find(wanted) {
            children::kill_group(worker.pid);
            children::kill(worker.pid);
        }
    }

    /// Reaps what has ended: workers, and orphans of tasks, which nobody asks about.
    fn reap(&mut self) {
        while let Some((pid, end)) = children::wait_any() {
            fail::point("reap");
            if let Some(at) = self.workers.iter().position(|worker| worker.pid == pid) {
                let Living { index, incarnation, pid } = self.workers.swap_remove(at);
                self.reports.push_back(Report::Exited { index, incarnation, pid, end });
            }
        }
    }

    fn send(&mut self) {
        let Some((host, _)) = &self.held else { return };
        while let Some(report) = self.reports.front() {
            match host.channel.send(&report.encode()) {
                Delivery::Full => return,
                Delivery::Sent | Delivery::Gone => self.reports.pop_front(),
            };
        }
    }

    /// Kills the workers and everything that was started under them. What a dead process leaves
    /// behind becomes a child of this one, also out of sessions and groups of its own, and is
    /// killed in the next round.
    fn end_all(&mut self) {
        let started = Instant::now();
        let mut pause = Duration::from_millis(1);
        loop {
            for worker in &self.workers {
                children::kill_group(worker.pid);
                children::kill(worker.pid);
            }
            // Without a list of them the others cannot be found; some may be beyond the reach
            // of this user. Neither is worth waiting for.
            let found = children::children().unwrap_or_default();
            let reached = found.into_iter().filter(|pid| children::kill(*pid)).count();
            self.reap();
            self.send();
            let hopeless = reached == 0 && self.workers.is_empty() && pause > LONG_ENOUGH;
            if !children::has_children() || hopeless || started.elapsed() > KEEP_KILLING {
                return;
            }
            self.wait_for_child(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Sleeps until a child has ended, or for a while.
    fn wait_for_child(&self, at_most: Duration) {
        if let Some((_, signals)) = &self.held {
            poll(&mut [PollFd::new(signals.fd(), false)], Some(at_most));
            signals.take();
        }
    }
}

impl Host {
    /// Whether the host is still the parent of this process. A parent outside this pid namespace
    /// reads as 0, alive or not; then only the end of the channel tells.
    fn is_my_parent(&self) -> bool {
        [0, self.pid].contains(&this_process::parent_pid())
    }
}
