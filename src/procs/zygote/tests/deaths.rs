#![allow(unsafe_code)]
//! Who else dies when a worker, the zygote or the host does.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Starts a child that leaves session and group, hears nothing, and writes its id.
fn stray(board: &Board, at: usize) {
    if children::fork().expect("fork") == 0 {
        // SAFETY: plain system calls.
        unsafe {
            libc::setsid();
            libc::signal(libc::SIGTERM, libc::SIG_IGN);
        }
        if children::fork().expect("fork") == 0 {
            board.write(at, this_process::own_pid());
            this_process::pause_for_ever();
        }
        this_process::exit_now(0);
    }
}

/// Runs `host` in a process of its own, which `PATIENCE` outlives, and gives its id.
fn in_another_process(host: impl FnOnce()) -> i32 {
    match children::fork().expect("fork") {
        0 => {
            let done = catch_unwind(AssertUnwindSafe(host));
            this_process::exit_now(i32::from(done.is_err()));
        }
        pid => pid,
    }
}

#[test]
fn aborting_takes_everything_along() {
    let board = Board::new();
    for at in 0..10 {
        let zygote = start(&Settings::new("pool"), &|_, _| {
            stray(&board, 2 * at);
            // One that has lost its worker already.
            stray(&board, 2 * at + 1);
            pause(0, 0)
        });
        zygote.spawn(0, 0);
        let strays = [board.wait_for(2 * at), board.wait_for(2 * at + 1)];
        let worker = spawned(&zygote);
        if at % 2 == 0 {
            zygote.abort();
            assert_eq!(end_of(&zygote), End::Signal(9));
            until_gone(&zygote);
        } else {
            drop(zygote);
        }
        for pid in [strays[0], strays[1], worker] {
            assert!(!runs(pid), "{pid} outlived the abort");
        }
    }
}

#[test]
fn quitting_leaves_what_tasks_have_left_behind() {
    let board = Board::new();
    let zygote = start(&Settings::new("pool"), &|_, _| {
        stray(&board, 0);
        board.wait_for(0);
        0
    });
    zygote.spawn(0, 0);
    let pid = board.wait_for(0);
    zygote.quit();
    until_gone(&zygote);
    drop(zygote);
    assert!(runs(pid));
    children::kill(pid);
}

#[test]
fn when_the_zygote_dies_its_workers_go_with_it() {
    for round in 0..20 {
        let mut settings = Settings::new("pool");
        settings.no_pidfd = round % 2 == 1;
        let zygote = start(&settings, &pause);
        let pids: Vec<i32> = (0..3)
            .map(|index| {
                zygote.spawn(index, 0);
                spawned(&zygote)
            })
            .collect();
        // In the second half by SIGTERM, in good order.
        if round < 10 {
            children::kill(zygote.pid());
        } else {
            // SAFETY: signals a child of this process that is not reaped.
            unsafe { libc::kill(zygote.pid(), libc::SIGTERM) };
        }
        until_gone(&zygote);
        assert!(!pids.into_iter().any(runs), "a worker runs after its zygote");
    }
}

#[test]
fn when_the_host_dies_everything_goes() {
    for round in 0..20 {
        let board = Board::new();
        let host = in_another_process(|| {
            let mut settings = Settings::new("pool");
            settings.no_pidfd = round % 2 == 1;
            let zygote = start(&settings, &|index, _| {
                stray(&board, 4 + index as usize);
                board.write(2 + index as usize, this_process::own_pid());
                pause(0, 0)
            });
            // A further child holds the host's end, so that its closing tells nobody.
            if round % 4 < 2 && children::fork().expect("fork") == 0 {
                board.write(1, this_process::own_pid());
                this_process::pause_for_ever();
            }
            board.write(0, zygote.pid());
            zygote.spawn(0, 0);
            zygote.spawn(1, 0);
            this_process::pause_for_ever()
        });
        let first = if round % 4 < 2 { 1 } else { 2 };
        let holder = board.wait_for(first);
        let pids: Vec<i32> = [0, 2, 3, 4, 5].into_iter().map(|at| board.wait_for(at)).collect();
        children::kill(host);
        assert_eq!(children::wait_for(host, None), Some(End::Signal(9)));
        pids.into_iter().for_each(assert_ends);
        children::kill(if first == 1 { holder } else { 0 });
    }
}

#[test]
fn a_host_that_dies_at_the_fork_is_noticed() {
    let board = Board::new();
    for at in 0..20 {
        let host = in_another_process(|| {
            let zygote = start(&Settings::new("pool"), &pause);
            board.write(at, zygote.pid());
            zygote.spawn(0, 0);
            children::kill(this_process::own_pid());
        });
        assert_eq!(children::wait_for(host, None), Some(End::Signal(9)));
        assert_ends(board.wait_for(at));
    }
}

#[test]
fn hosts_that_reap_everything_survive() {
    for (reaps, no_pidfd) in [(false, false), (false, true), (true, false), (true, true)] {
        let host = in_another_process(|| {
            // SAFETY: ignoring SIGCHLD has no handler.
            unsafe {
                libc::signal(libc::SIGCHLD, if reaps { libc::SIG_DFL } else { libc::SIG_IGN })
            };
            let mut settings = Settings::new("pool");
            settings.no_pidfd = no_pidfd;
            let zygote = start(&settings, &|_, _| 3);
            zygote.spawn(0, 0);
            spawned(&zygote);
            assert_eq!(end_of(&zygote), End::Code(3));
            if reaps {
                zygote.abort();
                let deadline = Instant::now() + PATIENCE;
                while children::wait_any().is_none() {
                    assert!(Instant::now() < deadline);
                }
            } else {
                zygote.quit();
            }
            until_gone(&zygote);
            zygote.wait_until_gone();
        });
        assert_eq!(children::wait_for(host, None), Some(End::Code(0)));
    }
}
