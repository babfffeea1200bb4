//! Which processes have taken how many of something, so that it is not lost with them.
//!
//! Only kept for objects that processes share. A place is a process's while its count is not 0.
//! All is read and written in sections of the object's guard.

use super::{guard::Steps, header::Plan};
use crate::support::{
    person::{self, Person},
    sync::{AtomicU64, Ordering},
};

/// So many processes can hold something at a time; what more of them take is nobody's.
const PLACES: usize = 512;
/// A process finds its place among so many.
const REACH: usize = 16;
/// In a count: the maker of the object learns of the process's death.
const WATCHED: u64 = 1 << 32;
/// The cells of these words begin with this number.
const CELLS: u64 = 16;

/// A process, and how much it holds.
#[repr(C)]
struct Holder {
    who: AtomicU64,
    count: AtomicU64,
}

/// See the module.
#[repr(C)]
pub struct Holders([Holder; PLACES]);

/// A place and what it holds.
#[derive(Clone, Copy)]
pub struct Held {
    place: usize,
    /// How much.
    pub count: u64,
    flags: u64,
}

impl Holders {
    /// A word by its cell's number.
    pub fn cell(&self, number: u64) -> Option<&AtomicU64> {
        let number = usize::try_from(number.checked_sub(CELLS)?).ok()?;
        let place = self.0.get(number / 2)?;
        Some(if number.is_multiple_of(2) { &place.who } else { &place.count })
    }

    fn read(&self, place: usize) -> Held {
        let word = self.0[place].count.load(Ordering::Relaxed);
        Held { place, count: word & (WATCHED - 1), flags: word & WATCHED }
    }

    fn who(&self, place: usize) -> Option<Person> {
        Person::from_bits(self.0[place].who.load(Ordering::Relaxed))
    }

    fn places(me: Person) -> impl Iterator<Item = usize> {
        (0..REACH).map(move |step| (me.pid() as usize + step) % PLACES)
    }

    /// What the calling process holds.
    fn own(&self, me: Person) -> Option<Held> {
        let mine = |place: &usize| self.who(*place) == Some(me);
        Self::places(me).find(mine).map(|place| self.read(place)).filter(|held| held.count > 0)
    }

    /// The calling process takes one.
    pub fn add(&self, plan: &Plan, steps: &mut Steps) {
        if !plan.shared {
            return;
        }
        let me = person::me();
        if let Some(held) = self.own(me) {
            return Self::set(held, held.count + 1, steps);
        }
        let is_free = |place: &usize| self.read(*place).count == 0;
        if let Some(place) = Self::places(me).find(is_free) {
            let flags = if plan.is_watched() { WATCHED } else { 0 };
            steps.set(CELLS + 2 * place as u64, me.bits());
            Self::set(Held { place, count: 0, flags }, 1, steps);
        }
    }

    fn set(held: Held, count: u64, steps: &mut Steps) {
        let word = if count == 0 { 0 } else { count | held.flags };
        steps.set(CELLS + 2 * held.place as u64 + 1, word);
    }

    /// Somebody gives back up to `most`: of its own; else, since one may give back what another
    /// has taken, of anybody's. How many there were.
    pub fn subtract(&self, plan: &Plan, most: u64, steps: &mut Steps) -> u64 {
        if !plan.shared {
            return 0;
        }
        let held = self.own(person::me()).or_else(|| self.all().next());
        let Some(held) = held else { return 0 };
        let given = held.count.min(most);
        Self::set(held, held.count - given, steps);
        given
    }

    fn all(&self) -> impl Iterator<Item = Held> {
        (0..PLACES).map(|place| self.read(place)).filter(|held| held.count > 0)
    }

    /// What a process holds that has died. Reads a file for each that holds something.
    pub fn of_the_dead(&self) -> Option<Held> {
        self.all().find(|held| self.who(held.place).is_none_or(|who| !who.is_alive()))
    }

    /// Takes it away.
    pub fn clear(held: Held, steps: &mut Steps) {
        Self::set(held, 0, steps);
    }

    /// Whether somebody holds something whose death nobody would tell.
    pub fn are_untold(&self) -> bool {
        self.all().any(|held| held.flags & WATCHED == 0)
    }
}
