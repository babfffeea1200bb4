//! What is to happen when: a heap, from the middle of which things can be taken out.

use super::status::{Error, Result};
use std::time::Instant;

struct Entry<T> {
    at: Instant,
    number: u64,
    place: usize,
    what: T,
}

/// See the module.
pub struct Timetable<T> {
    /// No entry is later than the two that it has below it.
    heap: Vec<Entry<T>>,
    /// Where in the heap the entry of each place is.
    places: Vec<usize>,
    /// Places without an entry; there is room for all of them.
    free: Vec<usize>,
    next_number: u64,
}

/// Names an entry, and no later one.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    place: usize,
    number: u64,
}

impl<T> Timetable<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { heap: Vec::new(), places: Vec::new(), free: Vec::new(), next_number: 0 }
    }

    /// When something is to happen next.
    pub fn first(&self) -> Option<Instant> {
        self.heap.first().map(|entry| entry.at)
    }

    /// Adds something. What has the same time happens in the order in which it was added.
    ///
    /// # Errors
    /// `NO_MEMORY`.
    pub fn add(&mut self, at: Instant, what: T) -> Result<Ticket> {
        let no_memory = |_| Error::no_memory("no memory for the pool's timetable");
        self.heap.try_reserve(1).map_err(no_memory)?;
        if self.free.is_empty() {
            self.places.try_reserve(1).map_err(no_memory)?;
            self.free.try_reserve(self.places.len() + 1).map_err(no_memory)?;
            self.free.push(self.places.len());
            self.places.push(0);
        }
        let place = self.free.pop().unwrap_or_default();
        self.next_number += 1;
        let number = self.next_number;
        self.heap.push(Entry { at, number, place, what });
        self.rise(self.heap.len() - 1);
        Ok(Ticket { place, number })
    }

    /// Takes something out, if it is there.
    pub fn remove(&mut self, ticket: Ticket) -> Option<T> {
        let index = *self.places.get(ticket.place)?;
        let is_it = |entry: &Entry<T>| (entry.place, entry.number) == (ticket.place, ticket.number);
        self.heap.get(index).filter(|entry| is_it(entry))?;
        Some(self.remove_at(index))
    }

    /// Takes out what is to happen next, if its time has come.
    pub fn take_due(&mut self, now: Instant) -> Option<T> {
        self.first().is_some_and(|at| at <= now).then(|| self.remove_at(0))
    }

    /// Takes out anything of a kind.
    pub fn take_any(&mut self, is_meant: impl Fn(&T) -> bool) -> Option<T> {
        let index = self.heap.iter().position(|entry| is_meant(&entry.what))?;
        Some(self.remove_at(index))
    }

    fn remove_at(&mut self, index: usize) -> T {
        let entry = self.heap.swap_remove(index);
        self.free.push(entry.place);
        if index < self.heap.len() {
            // What was last may belong further up, or further down.
            self.rise(index);
            self.sink(index);
        }
        entry.what
    }

    fn is_before(&self, one: usize, other: usize) -> bool {
        let key = |index: usize| (self.heap[index].at, self.heap[index].number);
        key(one) < key(other)
    }

    fn note(&mut self, index: usize) {
        self.places[self.heap[index].place] = index;
    }

    fn rise(&mut self, mut index: usize) {
        while index > 0 && self.is_before(index, (index - 1) / 2) {
            self.heap.swap(index, (index - 1) / 2);
            self.note(index);
            index = (index - 1) / 2;
        }
        self.note(index);
    }

    fn sink(&mut self, mut index: usize) {
        loop {
            let mut next = 2 * index + 1;
            if next + 1 < self.heap.len() && self.is_before(next + 1, next) {
                next += 1;
            }
            if next >= self.heap.len() || !self.is_before(next, index) {
                break;
            }
            self.heap.swap(index, next);
            self.note(index);
            index = next;
        }
        self.note(index);
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Against a list that is searched.
    #[test]
    fn what_is_first_comes_first_whatever_is_taken_out() {
        let now = Instant::now();
        let mut table = Timetable::new();
        let mut list: Vec<(Instant, u64, Ticket)> = Vec::new();
        let mut seed = 1_u64;
        for step in 0..20_000_u64 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let random = (seed >> 33) as usize;
            if random.is_multiple_of(10) && !list.is_empty() {
                let (_, what, ticket) = list.swap_remove(random / 5 % list.len());
                assert_eq!(table.remove(ticket), Some(what));
                assert_eq!(table.remove(ticket), None);
            } else if random % 10 < 7 {
                let at = now + Duration::from_millis((random / 5 % 100) as u64);
                let ticket = table.add(at, step).expect("memory");
                list.push((at, step, ticket));
            } else {
                let first = list.iter().map(|(at, what, _)| (*at, *what)).min();
                assert_eq!(table.first(), first.map(|(at, _)| at));
                let due = now + Duration::from_millis(50);
                let expected = first.filter(|(at, _)| *at <= due).map(|(_, what)| what);
                assert_eq!(table.take_due(due), expected);
                list.retain(|(_, what, _)| Some(*what) != expected);
            }
        }
        assert!(list.len() > 100, "the test has come to something");
        while table.take_any(|_| true).is_some() {}
        assert!(table.first().is_none());
    }
}
