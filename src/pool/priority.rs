//! Which tasks go ahead of which, and how often it is the others' turn.

use super::task::Task;

/// So many starts make a round, in which each level goes first at least once.
pub const ROUND: u32 = 16;

/// How urgent a task is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Goes ahead of all others.
    High,
    /// As most are.
    #[default]
    Normal,
    /// Runs when there is nothing else, and once in a round.
    Low,
}

/// How many levels there are.
pub const LEVELS: usize = 3;

impl Level {
    /// All of them, the most urgent first.
    pub const ALL: [Self; LEVELS] = [Self::High, Self::Normal, Self::Low];

    /// In which order a worker looks for its next task, when it has started `turn` before. Of
    /// sixteen starts one is the oldest normal task's and one the oldest low one's, lest a stream
    /// of more urgent ones starve them.
    pub fn order(turn: u32) -> [Self; LEVELS] {
        match turn % ROUND {
            7 => [Self::Normal, Self::High, Self::Low],
            15 => [Self::Low, Self::High, Self::Normal],
            _ => Self::ALL,
        }
    }
}

/// How many tasks there are of each level.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts([usize; LEVELS]);

impl Counts {
    /// So many, all normal.
    pub fn normal(count: usize) -> Self {
        Self([0, count, 0])
    }

    /// One, of that level.
    pub fn one(level: Level) -> Self {
        let mut counts = Self::default();
        counts.0[level as usize] = 1;
        counts
    }

    /// One of the normal ones is of another level.
    pub fn shift(&mut self, level: Level) {
        self.0[Level::Normal as usize] -= 1;
        self.0[level as usize] += 1;
    }

    /// One of the normal ones is none of these.
    pub fn drop_normal(&mut self) {
        self.0[Level::Normal as usize] -= 1;
    }

    /// How many there are of a level.
    pub fn of(&self, level: Level) -> usize {
        self.0[level as usize]
    }

    /// How many there are.
    pub fn all(&self) -> usize {
        self.0.iter().sum()
    }
}

impl Task {
    /// How urgent it is. By its submitter, or by whoever may look at its cold part.
    pub fn level(&self) -> Level {
        self.terms().map_or(Level::Normal, |terms| terms.level)
    }
}
