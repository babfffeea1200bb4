//! How many items to run at a time: chunks grow while they are quick.

use std::time::{Duration, Instant};

/// A chunk should take about this long: long against the cost of taking it.
const CHUNK: Duration = Duration::from_micros(16);
/// A chunk that cannot be put back once it is begun is at most such a part of what is left: what
/// comes at its end may cost a thousand times as much as what came before.
pub const SHARE: usize = 8;

/// The size of the next chunk, from how long the last ones took.
pub struct Pace {
    /// How many items it has.
    pub size: usize,
    before: Instant,
}

impl Pace {
    /// Begins with one item, now.
    pub fn new() -> Self {
        Self { size: 1, before: Instant::now() }
    }

    /// A chunk has ended, and the next one begins.
    pub fn step(&mut self) {
        let now = Instant::now();
        let took = now - self.before;
        self.before = now;
        if took < CHUNK / 2 {
            self.size = self.size.saturating_mul(2);
        } else if took > CHUNK * 2 {
            self.size = (self.size / 2).max(1);
        }
    }
}
