#![allow(unsafe_code)]
//! Where objects live, and which there are: so that they are freed once, by who made them, and
//! hear of deaths.

use super::header::{Header, Object, Plan, open};
use crate::{
    pool::{
        core::Core,
        status::{self, Error, Result},
    },
    support::{
        alloc::is_there_room,
        arena::Arena,
        pages,
        per_process::PerProcess,
        person,
        sync::{Arc, Mutex, Weak, lock},
    },
};
use std::{
    collections::{HashMap, VecDeque},
    ops::Range,
    ptr::NonNull,
};

/// Of those that were freed in a process's own memory, so many stay there for a while: who still uses
/// one is told, and does not crash.
const FREED: usize = 16;
/// Of those that are larger the system has the pages back at once, but for the first; else they do not
/// stay.
const LARGE: usize = 1 << 20;

/// One that this process has made.
struct Resident {
    /// The pool whose memory it is in; `None`: the process's own arena.
    pool: Option<Weak<Core>>,
    /// In bytes.
    size: usize,
    /// Told of deaths.
    bury: Option<fn(NonNull<u8>, bool)>,
}

#[derive(Default)]
struct Books {
    residents: HashMap<usize, Resident>,
    arena: Option<Arena>,
    /// See `FREED`; the oldest first.
    freed: VecDeque<(NonNull<u8>, Weak<Core>)>,
    /// So many residents lead to a look who has gone with his pool.
    many: usize,
}

/// The objects of each process.
static HOME: PerProcess<Mutex<Books>> = PerProcess::new();

/// Makes an object with `extra` zeroed bytes behind it, in the memory of a pool, or in memory that
/// this process shares with all that it will fork.
///
/// # Errors
/// `NO_MEMORY`; `UNSUPPORTED` in a worker of the pool; `SYSTEM`.
pub fn make<T: Object>(
    pool: Option<&Core>,
    extra: usize,
    sizes: [u64; 2],
    begin: impl FnOnce(&T),
) -> Result<NonNull<T>> {
    let no_memory = || Error::no_memory("no memory for the object");
    let size = size_of::<T>().checked_add(extra).ok_or_else(no_memory)?;
    if !is_there_room(16 << 10) {
        return Err(no_memory());
    }
    let books = || Ok::<_, Error>(Mutex::new(Books { many: 64, ..Books::default() }));
    let mut books = lock(HOME.get_or_try_init(books)?);
    books.residents.try_reserve(1).map_err(|_| no_memory())?;
    let (place, shared) = if let Some(core) = pool {
        let memory = core.engine.shared();
        (memory.allocate(size)?, memory.is_between_processes())
    } else {
        let arena = if let Some(arena) = &mut books.arena {
            arena
        } else {
            let arena = Arena::new().ok_or_else(no_memory)?;
            books.arena.insert(arena)
        };
        (arena.take(size).ok_or_else(no_memory)?, Arena::SHARED)
    };
    // SAFETY: zeroed memory of that size, 64-aligned, which is a valid object.
    let object = unsafe { place.cast::<T>().as_ref() };
    begin(object);
    let plan = Plan { shared, maker: person::me().pid(), sizes };
    // SAFETY: every object begins with one.
    let header = unsafe { place.cast::<Header>().as_ref() };
    if let Err(error) = header.seal(T::KIND, &plan) {
        books.give(place, pool);
        return Err(error);
    }
    if books.residents.len() >= books.many {
        books
            .residents
            .retain(|_, one| one.pool.as_ref().is_none_or(|pool| pool.strong_count() > 0));
        books.many = 64.max(books.residents.len() * 2);
    }
    let resident = Resident {
        pool: pool.map(|core| Arc::downgrade(&core.to_arc())),
        size,
        bury: shared.then_some(bury::<T>),
    };
    books.residents.insert(place.as_ptr() as usize, resident);
    Ok(place.cast())
}

// SAFETY: the places are only given back.
unsafe impl Send for Books {}

impl Books {
    /// What is freed of a pool now: this, or something older, while this stays for a while.
    fn keep(&mut self, place: NonNull<u8>, core: &Arc<Core>) -> Option<(NonNull<u8>, Arc<Core>)> {
        if self.freed.try_reserve(1).is_err() {
            return Some((place, Arc::clone(core)));
        }
        self.freed.push_back((place, Arc::downgrade(core)));
        if self.freed.len() <= FREED {
            return None;
        }
        let (place, pool) = self.freed.pop_front()?;
        // If there is none, it has gone with its pool.
        pool.upgrade().map(|core| (place, core))
    }

    fn give(&mut self, place: NonNull<u8>, pool: Option<&Core>) {
        if let Some(core) = pool {
            let _ = core.engine.shared().free(place.as_ptr());
        } else if let Some(arena) = &mut self.arena {
            arena.give(place.as_ptr() as usize);
        }
    }
}

fn bury<T: Object>(place: NonNull<u8>, violently: bool) {
    // SAFETY: among the residents, so its memory is there; `open` checks what it holds.
    if let Ok((object, plan)) = unsafe { open(place.cast::<T>().as_ptr()) } {
        object.bury(&plan, violently);
    }
}

/// Frees an object that nobody uses any more.
///
/// # Safety
/// As `open`, and so it is.
///
/// # Errors
/// `INVALID`, `FORKED`; `UNSUPPORTED` in a process that has not made it.
pub unsafe fn free<T: Object>(object: *const T) -> Result<()> {
    // SAFETY: promised by the caller.
    let (_, plan) = unsafe { open(object) }?;
    let elsewhere = || {
        let text = format!("only the process that made the {} frees it", T::NOUN);
        Error::new(status::UNSUPPORTED, text)
    };
    let mut books = lock(HOME.get().ok_or_else(elsewhere)?);
    let resident = books.residents.remove(&(object as usize)).ok_or_else(elsewhere)?;
    let Some(place) = NonNull::new(object.cast_mut().cast::<u8>()) else { return Ok(()) };
    // SAFETY: every object begins with one; it was open a moment ago.
    unsafe { place.cast::<Header>().as_ref() }.unseal();
    match resident.pool.map(|pool| pool.upgrade()) {
        Some(Some(core)) => {
            // SAFETY: nobody uses the object any more; its header is in the first page.
            let may_stay = !plan.shared
                && (resident.size <= LARGE || unsafe { pages::empty(place, resident.size) });
            let given =
                if may_stay { books.keep(place, &core) } else { Some((place, Arc::clone(&core))) };
            if let Some((place, core)) = &given {
                books.give(*place, Some(core));
            }
            // Before the pools, which may go here.
            drop(books);
        }
        // It has gone with its pool.
        Some(None) => {}
        None => books.give(place, None),
    }
    Ok(())
}

/// The memory of a pool goes: nobody touches the objects in it any more.
pub fn forget(memory: Range<usize>) {
    if let Some(books) = HOME.get() {
        let mut books = lock(books);
        books.residents.retain(|address, _| !memory.contains(address));
    }
}

/// A process has died that may have used objects of this one; violently, or as it was meant to.
pub fn bury_all(violently: bool) {
    if let Some(books) = HOME.get() {
        for (address, resident) in &lock(books).residents {
            if let (Some(bury), Some(place)) = (resident.bury, NonNull::new(*address as *mut u8)) {
                bury(place, violently);
            }
        }
    }
}
