#![allow(unsafe_code)]
//! What a process does about its children: makes, watches, kills and reaps them.

use super::{
    pidfd::Pidfd,
    poll::{PollFd, poll},
    this_process::own_pid,
};
use std::{fs, io, mem::MaybeUninit};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It left with this exit code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// Forks this process: 0 in the child, the child's id in the parent.
///
/// # Errors
/// When there may be no more processes or there is no memory.
pub fn fork() -> io::Result<i32> {
    // SAFETY: what a child of a process with threads may do is up to the caller; the C library
    // makes its allocator and its streams usable there.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid),
    }
}

/// Gives `pid`, this process or a child of it, a process group of its own. Called by both, it is
/// done before either goes on.
pub fn new_group(pid: i32) {
    // SAFETY: a plain system call; that the child is gone by now is no harm.
    unsafe { libc::setpgid(pid, pid) };
}

/// Kills a process, which must be a child of this one that is not reaped yet, or this one's
/// zygote: another's id may since be somebody else's. Whether it could be signalled.
pub fn kill(pid: i32) -> bool {
    // SAFETY: a plain system call. 0, 1 and negative ids would be far more than one process.
    pid > 1 && unsafe { libc::kill(pid, libc::SIGKILL) } == 0
}

/// Kills the process group that `pid` founded, under the same condition.
pub fn kill_group(pid: i32) {
    if pid > 1 {
        // SAFETY: a plain system call.
        unsafe { libc::kill(-pid, libc::SIGKILL) };
    }
}

/// Reaps any child that has ended, without waiting.
pub fn wait_any() -> Option<(i32, End)> {
    loop {
        let mut status = 0;
        // SAFETY: writes the status into a live variable.
        match unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) } {
            -1 if interrupted() => {}
            -1 | 0 => return None,
            pid => return Some((pid, end(status))),
        }
    }
}

/// Whether this process has children, be they alive or not reaped yet.
pub fn has_children() -> bool {
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: writes nothing but the structure, which lives.
    unsafe { libc::waitid(libc::P_ALL, 0, MaybeUninit::zeroed().as_mut_ptr(), flags) == 0 }
}

/// Waits until the child has ended and reaps it. Its end is unknown if something else in this
/// process reaps it first (a `waitpid(-1)`, or SIGCHLD being ignored): then this returns too.
///
/// It must not be called twice for one child: by then the id may be another's.
pub fn wait_for(pid: i32, pidfd: Option<&Pidfd>) -> Option<End> {
    if let Some(pidfd) = pidfd {
        while !pidfd.has_ended() {
            poll(&mut [PollFd::new(pidfd.fd(), false)], None);
        }
        return pidfd.reap();
    }
    loop {
        let mut status = 0;
        // SAFETY: writes the status into a live variable.
        match unsafe { libc::waitpid(pid, &mut status, 0) } {
            -1 if interrupted() => {}
            -1 => return None,
            _ => return Some(end(status)),
        }
    }
}

/// Whether a child of this process has ended or was reaped by something else in this process;
/// it is not reaped here. The id must not have been waited for.
pub fn has_ended(pid: i32) -> bool {
    let Ok(id) = libc::id_t::try_from(pid) else { return true };
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: the structure is all zero, and the system fills it in when the child has ended;
    // with that, or zero, its id can be read.
    unsafe {
        match libc::waitid(libc::P_PID, id, info.as_mut_ptr(), flags) {
            0 => info.assume_init().si_pid() != 0,
            _ => !interrupted(),
        }
    }
}

/// The ids of this process's children, ended ones too; `None` if the system does not say. A
/// child that is made or ends meanwhile may be missing, and others along with it.
pub fn children() -> Option<Vec<i32>> {
    // A /proc of another pid namespace would give the ids that are used there.
    if fs::read_link("/proc/self").ok()?.to_str() != Some(own_pid().to_string().as_str()) {
        return None;
    }
    listed_children().or_else(children_among_all)
}

/// As the kernel lists them, one list for each thread.
fn listed_children() -> Option<Vec<i32>> {
    let mut pids = Vec::new();
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let list = fs::read_to_string(thread.ok()?.path().join("children")).ok()?;
        pids.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    Some(pids)
}

/// For kernels without those lists: every process says whose child it is.
fn children_among_all() -> Option<Vec<i32>> {
    let own = own_pid().to_string();
    let mut pids = Vec::new();
    for process in fs::read_dir("/proc").ok()? {
        let name = process.ok()?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else { continue };
        // The name is in parentheses and may hold anything; state and parent follow it.
        let Some(name_end) = stat.iter().rposition(|byte| *byte == b')') else { continue };
        let mut fields = stat[name_end + 1..].split(|byte| *byte == b' ').skip(2);
        if fields.next() == Some(own.as_bytes()) {
            pids.push(pid);
        }
    }
    Some(pids)
}

fn interrupted() -> bool {
    io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
}

fn end(status: libc::c_int) -> End {
    if libc::WIFSIGNALED(status) {
        End::Signal(libc::WTERMSIG(status))
    } else {
        End::Code(libc::WEXITSTATUS(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_find_the_child() {
        let pid = fork().expect("fork");
        if pid == 0 {
            super::super::this_process::pause_for_ever();
        }
        assert!(listed_children().is_none_or(|pids| pids.contains(&pid)));
        assert!(children_among_all().is_none_or(|pids| pids.contains(&pid)));
        assert!(!has_ended(pid));
        assert!(kill(pid));
        assert_eq!(wait_for(pid, None), Some(End::Signal(libc::SIGKILL)));
    }
}
