#![allow(unsafe_code)]
//! What every object begins with: of what kind it is, and what it was made for.
//!
//! The object may lie in memory that dying processes write to. So nothing of its header is
//! believed unless the seal says that it is what was written when the object was made, at this
//! very address: what others have written over, what was freed, and what never was an object, is
//! told from objects that way. Nobody's pointer and no length is read from anywhere else.

use crate::{
    pool::status::{self, Error, Result},
    support::{
        person, process,
        sync::{AtomicU32, AtomicU64, Ordering},
    },
};
use std::hash::{BuildHasher, Hasher};

/// See the module.
#[repr(C, align(64))]
pub struct Header {
    /// Over all else. Written last, by who makes the object, with release; read with acquire.
    seal: AtomicU64,
    kind: AtomicU32,
    /// The process that made it, when only its threads may use the object; else 0.
    epoch: AtomicU32,
    /// The process that made it, by id.
    maker: AtomicU32,
    sizes: [AtomicU64; 2],
}

/// What an object was made for.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Whether other processes may use it.
    pub shared: bool,
    /// The process that made it.
    pub maker: u32,
    /// Two numbers that each kind has its own use for.
    pub sizes: [u64; 2],
}

impl Plan {
    /// Whether the maker learns of the death of the calling process at once.
    pub fn is_watched(&self) -> bool {
        !self.shared || person::is_watched_by(self.maker)
    }
}

/// A kind of object: a `repr(C)` struct that begins with a header, for which zero bytes are valid.
///
/// # Safety
/// So it is.
pub unsafe trait Object: Sized {
    /// Told from all others by this.
    const KIND: u32;
    /// What it is called.
    const NOUN: &'static str;

    /// A process has died that may have used the object. Must not wait.
    fn bury(&self, plan: &Plan, violently: bool);
}

/// The same in all processes that share objects: drawn before the first of them is forked, and
/// before the first object is made. Written once; orders nothing else.
static SECRET: AtomicU64 = AtomicU64::new(0);

/// Draws what seals are made with, if that has not been done.
pub fn draw_secret() -> u64 {
    let secret = SECRET.load(Ordering::Relaxed);
    if secret != 0 {
        return secret;
    }
    let fresh = std::hash::RandomState::new().build_hasher().finish() | 1;
    let drawn = SECRET.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed);
    drawn.err().unwrap_or(fresh)
}

fn seal(address: usize, kind: u32, epoch: u32, plan: &Plan) -> u64 {
    let mix =
        |sum: u64, value: u64| (sum ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let of = [
        address as u64,
        u64::from(kind) << 32 | u64::from(epoch),
        u64::from(plan.maker),
        plan.sizes[0],
        plan.sizes[1],
    ];
    of.into_iter().fold(SECRET.load(Ordering::Relaxed), mix) | 1
}

impl Header {
    /// Makes the object one that can be used.
    pub fn seal(&self, kind: u32, plan: &Plan) -> Result<()> {
        draw_secret();
        let epoch = process::epoch()?;
        let epoch = if plan.shared { 0 } else { epoch };
        self.kind.store(kind, Ordering::Relaxed);
        self.epoch.store(epoch, Ordering::Relaxed);
        self.maker.store(plan.maker, Ordering::Relaxed);
        for (word, size) in self.sizes.iter().zip(plan.sizes) {
            word.store(size, Ordering::Relaxed);
        }
        let seal = seal(std::ptr::from_ref(self) as usize, kind, epoch, plan);
        self.seal.store(seal, Ordering::Release);
        Ok(())
    }

    /// The object is none any more.
    pub fn unseal(&self) {
        self.seal.store(0, Ordering::Release);
    }

    fn read(&self, kind: u32, noun: &str) -> Result<Plan> {
        let found = self.seal.load(Ordering::Acquire);
        let epoch = self.epoch.load(Ordering::Relaxed);
        let plan = Plan {
            shared: epoch == 0,
            maker: self.maker.load(Ordering::Relaxed),
            sizes: self.sizes.each_ref().map(|word| word.load(Ordering::Relaxed)),
        };
        let kind_here = self.kind.load(Ordering::Relaxed);
        if found != seal(std::ptr::from_ref(self) as usize, kind_here, epoch, &plan)
            || kind_here != kind
        {
            return Err(none(noun));
        }
        if epoch != 0 && !process::is_current(epoch) {
            return Err(elsewhere(noun));
        }
        Ok(plan)
    }
}

#[cold]
fn none(noun: &str) -> Error {
    Error::invalid(format!(
        "this is no {noun}: it was freed, or never was one, or its memory was written over"
    ))
}

#[cold]
fn elsewhere(noun: &str) -> Error {
    let text = format!(
        "the {noun} is for the threads of the process that made it; one that processes share \
         is made with a pool of processes, or without a pool"
    );
    Error::new(status::FORKED, text)
}

/// The object behind a pointer from outside, and what it was made for.
///
/// # Safety
/// `object` is null, or leads to readable memory that stays until `'a` ends.
///
/// # Errors
/// `INVALID`, `FORKED`.
#[inline]
pub unsafe fn open<'a, T: Object>(object: *const T) -> Result<(&'a T, Plan)> {
    if object.is_null() {
        return Err(Error::invalid(format!("{} is NULL", T::NOUN)));
    }
    if !object.cast::<Header>().is_aligned() {
        return Err(none(T::NOUN));
    }
    // SAFETY: the caller vouches for the memory; every object begins with a header, which is all
    // atomics.
    let plan = unsafe { &*object.cast::<Header>() }.read(T::KIND, T::NOUN)?;
    // SAFETY: sealed, so it was made as one of these.
    Ok((unsafe { &*object }, plan))
}
