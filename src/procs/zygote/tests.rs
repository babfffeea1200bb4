#![allow(unsafe_code)]
#![cfg(all(target_os = "linux", not(feature = "portable")))]
//! With real processes: who lives, who dies, and what is reported.

use super::*;
use crate::{
    procs::child,
    sys::{children::End, memory::Mapping},
};
use std::{
    fs,
    sync::atomic::{AtomicI32, Ordering},
    thread,
};

mod deaths;

/// Far longer than anything takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Numbers that all processes of a test share.
struct Board(Mapping);

impl Board {
    fn new() -> Self {
        let mapping = Mapping::new(4096).expect("a page");
        mapping.populate(0, 4096).expect("memory");
        Self(mapping)
    }

    fn slot(&self, at: usize) -> &AtomicI32 {
        assert!(at < 1024);
        // SAFETY: inside the page, aligned, populated, and only ever used as atomics.
        unsafe { AtomicI32::from_ptr(self.0.start().as_ptr().cast::<i32>().add(at)) }
    }

    fn wait_for(&self, at: usize) -> i32 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.slot(at).load(Ordering::SeqCst) {
                0 => assert!(Instant::now() < deadline, "nobody wrote into slot {at}"),
                value => return value,
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn write(&self, at: usize, value: i32) {
        self.slot(at).store(value, Ordering::SeqCst);
    }
}

fn next(zygote: &Zygote) -> Report {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(report) = zygote.receive() {
            return report;
        }
        assert!(Instant::now() < deadline, "no report");
        poll(&mut zygote.poll_fds(), Some(Duration::from_millis(100)));
    }
}

fn spawned(zygote: &Zygote) -> i32 {
    match next(zygote) {
        Report::Spawned { pid, .. } => pid,
        other => panic!("{other:?}"),
    }
}

fn end_of(zygote: &Zygote) -> End {
    match next(zygote) {
        Report::Exited { end, .. } => end,
        other => panic!("{other:?}"),
    }
}

/// Reads on until the last report, and reaps.
fn until_gone(zygote: &Zygote) {
    while next(zygote) != Report::Gone {}
    zygote.wait_until_gone();
    assert_eq!(zygote.receive(), None);
}

fn runs(pid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    !matches!(state, Some('Z' | 'X') | None)
}

fn assert_ends(pid: i32) {
    let deadline = Instant::now() + PATIENCE;
    while runs(pid) {
        assert!(Instant::now() < deadline, "{pid} still runs");
        thread::sleep(Duration::from_millis(1));
    }
}

fn start(settings: &Settings, work: &Work<'_>) -> Zygote {
    Zygote::start(settings, work).expect("a zygote")
}

fn pause(_: u32, _: u32) -> i32 {
    this_process::pause_for_ever()
}

#[test]
fn workers_come_and_go() {
    let zygote = start(&Settings::new("pool"), &|index, incarnation| match index {
        2 => 7 + incarnation.cast_signed(),
        _ => this_process::pause_for_ever(),
    });
    let mut pids = Vec::new();
    for index in 0..2 {
        zygote.spawn(index, 5);
        pids.push(spawned(&zygote));
    }
    zygote.kill(0, 4);
    zygote.kill(0, 5);
    let end = End::Signal(9);
    let pid = pids[0];
    assert_eq!(next(&zygote), Report::Exited { index: 0, incarnation: 5, pid, end });
    zygote.spawn(2, 1);
    spawned(&zygote);
    assert_eq!(end_of(&zygote), End::Code(8));
    zygote.quit();
    zygote.kill(1, 5);
    assert_eq!(end_of(&zygote), end);
    until_gone(&zygote);
    assert_eq!(zygote.poll_fds().map(|fd| fd.ready()), [false; 2]);
    zygote.spawn(0, 9);
    zygote.abort();
}

#[test]
fn a_worker_can_be_killed_at_once() {
    let zygote = start(&Settings::new("pool"), &pause);
    for incarnation in 0..50 {
        zygote.spawn(0, incarnation);
        zygote.kill(0, incarnation);
        spawned(&zygote);
        assert_eq!(end_of(&zygote), End::Signal(9));
    }
}

#[test]
fn what_waits_for_room_arrives() {
    let zygote = start(&Settings::new("pool"), &|_, _| 0);
    // SAFETY: stops and resumes a child of this process that is not reaped.
    unsafe { libc::kill(zygote.pid(), libc::SIGSTOP) };
    for number in 0..5000 {
        zygote.kill(number, number);
    }
    zygote.spawn(3, 4);
    assert!(!lock(&zygote.commands).is_empty());
    // SAFETY: as above.
    unsafe { libc::kill(zygote.pid(), libc::SIGCONT) };
    spawned(&zygote);
    assert_eq!(end_of(&zygote), End::Code(0));
    // Nobody reads for a while: the reports wait in the zygote.
    for number in 0..1000 {
        zygote.spawn(1, number);
    }
    zygote.quit();
    thread::sleep(Duration::from_millis(300));
    let mut ends = 0;
    loop {
        match next(&zygote) {
            Report::Exited { end, .. } => ends += i32::from(end == End::Code(0)),
            Report::Gone => break,
            _ => {}
        }
    }
    assert_eq!(ends, 1000);
}

#[test]
fn a_worker_is_set_up() {
    let mut settings = Settings::new("a long name of a pool");
    settings.nice = 3;
    settings.oom_score_adj = Some(500);
    settings.stderr_pipes = 3;
    settings.pin = true;
    settings.affinity = thread_affinity();
    settings.memory_limit = 1 << 30;
    let zygote = start(&settings, &|index, _| {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let status = read("/proc/self/status");
        let has = |line: &str| status.lines().any(|found| found == line);
        // Signals 32 and 33 are the C library's own.
        let signals = |line: &str, expected: u64| {
            let mask = status.lines().find_map(|found| found.strip_prefix(line));
            let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
            mask.is_some_and(|mask| mask & !(3 << 31) == expected)
        };
        let stdin = fs::read_link("/proc/self/fd/0").expect("stdin");
        // SAFETY: plain system calls.
        let (group, nice) = unsafe { (libc::getpgrp(), libc::getpriority(libc::PRIO_PROCESS, 0)) };
        // Far more than a pipe holds.
        let mut text = vec![b'.'; 1 << 20];
        text[..12].copy_from_slice(format!("hello from {index}").as_bytes());
        // SAFETY: writes what it is given.
        unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
        let right = [
            has("Name:\ta long name o-2"),
            signals("SigBlk:", 0),
            signals("SigIgn:", 1 << 1 | 1 << 20 | 1 << 21),
            signals("SigCgt:", 0),
            has("Threads:\t1"),
            stdin.to_str() == Some("/dev/null"),
            group == this_process::own_pid(),
            nice >= 3,
            read("/proc/self/oom_score_adj").trim() == "500",
            thread_affinity().is_some_and(|set| set.count() == 1),
            child::is_still_me(),
            Vec::<u8>::new().try_reserve(2 << 30).is_err(),
        ];
        right.iter().enumerate().map(|(bit, right)| i32::from(!right) << bit).sum()
    });
    zygote.spawn(2, 0);
    spawned(&zygote);
    // An exit code has eight bits; a fault in the others shows in the next line's message.
    assert_eq!(end_of(&zygote), End::Code(0));
    let mut text = [0; 4096];
    let length = zygote.stderr(2).expect("a pipe").read(&mut text);
    assert!(text[..length].starts_with(b"hello from 2..."));
    assert_eq!(zygote.stderr(0).expect("a pipe").read(&mut text), 0);
    assert!(zygote.stderr(3).is_none());
}

fn thread_affinity() -> Option<CpuSet> {
    crate::sys::thread::affinity()
}

#[test]
fn nobody_gets_out_of_a_worker() {
    let board = Board::new();
    let zygote = start(&Settings::new("pool"), &|index, _| {
        if index == 0 {
            // As a panic does, without its message.
            std::panic::resume_unwind(Box::new("out"));
        }
        // A task that forks and returns in the child.
        if children::fork().expect("fork") == 0 {
            assert!(!child::is_still_me());
            board.write(0, this_process::own_pid());
            return 1;
        }
        let pid = board.wait_for(0);
        assert_ends(pid);
        2
    });
    zygote.spawn(0, 0);
    spawned(&zygote);
    assert_eq!(end_of(&zygote), End::Code(child::UNWOUND));
    zygote.spawn(1, 0);
    spawned(&zygote);
    assert_eq!(end_of(&zygote), End::Code(2));
}

#[test]
fn a_fork_of_the_hosts_own() {
    unsafe extern "C" fn fork(calls: *mut c_void) -> i32 {
        // SAFETY: the test below passes its counter, which the zygote has a copy of.
        let calls = unsafe { &*calls.cast::<AtomicI32>() };
        if calls.fetch_add(1, Ordering::SeqCst) == 2 {
            // SAFETY: the thread's own variable.
            unsafe { *libc::__errno_location() = libc::EAGAIN };
            return -1;
        }
        children::fork().unwrap_or(-1)
    }
    let calls = AtomicI32::new(0);
    let mut settings = Settings::new("pool");
    settings.fork = Some((fork, (&raw const calls).cast_mut().cast()));
    let zygote = start(&settings, &pause);
    zygote.spawn(0, 0);
    spawned(&zygote);
    zygote.spawn(1, 0);
    let errno = libc::EAGAIN;
    assert_eq!(next(&zygote), Report::ForkFailed { index: 1, incarnation: 0, errno });
    zygote.spawn(1, 1);
    spawned(&zygote);
}
