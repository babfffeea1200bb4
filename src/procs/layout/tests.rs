#![cfg(all(target_os = "linux", not(feature = "portable")))]

use super::*;
use std::{
    fs, thread,
    time::{Duration, Instant},
};

/// Far longer than anything takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a thread of that name sleeps in the kernel.
fn sleeps(name: &str) -> bool {
    let mut threads = fs::read_dir("/proc/self/task").expect("a list of threads").flatten();
    threads.any(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.contains(&format!("({name}) S"))
    })
}

#[test]
fn who_was_killed_in_his_sleep_does_not_keep_his_successor_asleep() {
    let memory = Memory::new(1).expect("memory");
    let word = &memory.sleepers()[0];
    word.store(ASLEEP, Ordering::SeqCst);
    let until = Instant::now() + PATIENCE;
    let sleep = || {
        while word.load(Ordering::SeqCst) == ASLEEP && Instant::now() < until {
            futex::wait_shared(word, ASLEEP, Some(until));
        }
        Instant::now() < until
    };
    thread::scope(|scope| {
        let sleepers = ["the-killed-one", "the-new-one"].map(|name| {
            let thread = thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn_scoped(scope, sleep).expect("a thread");
            while !sleeps(name) {
                thread::yield_now();
            }
            thread
        });
        assert!(memory.wake(0));
        assert!(!memory.wake(0));
        for sleeper in sleepers {
            assert!(sleeper.join().expect("no panic"), "was not woken");
        }
    });
}
