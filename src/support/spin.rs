//! Bounded spinning.

/// How many rounds it is worth to look before sleeping, in a pool of so many workers: none when
/// there is no CPU to spare.
pub fn patience(workers: usize, cpus: usize) -> u32 {
    if cfg!(shuttle) {
        // Shuttle has no processors; some looks keep the searchers' paths in play.
        2
    } else if cpus > 1 && workers <= cpus {
        256
    } else {
        0
    }
}

/// Looks at `done` up to `rounds` times with a pause of some 40 ns between, less than
/// it takes another processor to answer; true as soon as it holds.
pub fn spin_until(rounds: u32, mut done: impl FnMut() -> bool) -> bool {
    for round in 0..rounds {
        if done() {
            return true;
        }
        pause(1 << round.min(1));
    }
    done()
}

/// About `count` times the shortest pause the processor offers (some 20 ns on x86-64).
pub fn pause(count: u32) {
    #[cfg(not(any(loom, shuttle)))]
    for _ in 0..count {
        std::hint::spin_loop();
    }
    #[cfg(any(loom, shuttle))]
    {
        let _ = count;
        #[cfg(loom)]
        loom::thread::yield_now();
        #[cfg(shuttle)]
        shuttle::thread::yield_now();
    }
}
