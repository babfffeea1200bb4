//! Points at which a test lets a process die: compiled in only with the feature `failpoints`.
//!
//! `MILLPOND_FAILPOINTS` is a list like `claimed=1/50,done=1/100`: at each passing of the point
//! `claimed` the process gets SIGKILL with a chance of 1 in 50. It is read once in each zygote,
//! whose workers inherit it. Who dies adds the point's name as a line to the file that
//! `MILLPOND_FAILPOINTS_LOG` names, if it does.

/// Dies here, if the environment says so.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub fn point(_name: &str) {}

#[cfg(feature = "failpoints")]
pub use with_feature::point;

#[cfg(feature = "failpoints")]
mod with_feature {
    use crate::sys::{children, random, this_process};
    use once_cell::race::OnceBox;
    use std::{cell::Cell, env, fs, io::Write};

    static ODDS: OnceBox<Vec<(String, u64)>> = OnceBox::new();

    thread_local! {
        /// The process whose random numbers these are, and the last one.
        static RANDOM: Cell<(i32, u64)> = const { Cell::new((0, 0)) };
    }

    fn odds() -> Vec<(String, u64)> {
        let text = env::var("MILLPOND_FAILPOINTS").unwrap_or_default();
        let one = |one: &str| {
            let (name, odds) = one.split_once("=1/")?;
            Some((name.to_owned(), odds.parse().ok()?))
        };
        text.split(',').filter_map(one).collect()
    }

    /// A fork must not go on with its parent's numbers.
    fn random() -> u64 {
        let own = this_process::own_pid();
        let (pid, mut seed) = RANDOM.get();
        if pid != own {
            seed = random::number() | 1;
        }
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        RANDOM.set((own, seed));
        seed.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn note(name: &str) {
        if let Some(path) = env::var_os("MILLPOND_FAILPOINTS_LOG")
            && let Ok(mut log) = fs::OpenOptions::new().append(true).create(true).open(path)
        {
            let _ = log.write_all(format!("{name}\n").as_bytes());
        }
    }

    /// Dies here, if the environment says so.
    pub fn point(name: &str) {
        let odds = ODDS.get_or_init(|| Box::new(odds())).iter().find(|(one, _)| one == name);
        if odds.is_some_and(|(_, odds)| random().is_multiple_of((*odds).max(1))) {
            note(name);
            children::kill(this_process::own_pid());
            this_process::pause_for_ever();
        }
    }
}
