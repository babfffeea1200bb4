#![allow(unsafe_code)]
//! Values of which each thread has its own, and so each worker: made when first asked for, freed when
//! the thread ends, or the worker process.
//!
//! A key is never freed, only forgotten: its few bytes stay, so that whoever still asks for it gets an
//! error. No lock is involved, which a fork could copy.

use super::status::{self, Error, Result};
use crate::support::{
    alloc::try_box,
    process,
    sync::{AtomicPtr, AtomicU32, Ordering, thread_local},
};
use std::{cell::RefCell, ffi::c_void, ptr};

/// Makes a value; null is a failure.
pub type Make = unsafe extern "C" fn(user_data: *mut c_void) -> *mut c_void;
/// Frees a value.
pub type Free = unsafe extern "C" fn(value: *mut c_void, user_data: *mut c_void);

/// What a value is asked for by.
pub struct Key {
    /// `LIVE`, or `FORGOTTEN`: unlikely to be found by chance.
    life: AtomicU32,
    make: Make,
    free: Option<Free>,
    user_data: *mut c_void,
    /// The key made before, so that all can be reached.
    older: *mut Key,
}

const LIVE: u32 = 0x4c4f_4341;
const FORGOTTEN: u32 = 0xdead_4c4f;

static NEWEST: AtomicPtr<Key> = AtomicPtr::new(ptr::null_mut());

/// A value of this thread, by the address of its key; null while it is being made.
struct Value {
    key: usize,
    /// The process that made it: in a child that was forked since, it is another's.
    epoch: u32,
    value: *mut c_void,
    free: Option<Free>,
    user_data: *mut c_void,
}

/// All values of a thread, the oldest first.
struct Values {
    list: Vec<Value>,
    /// The process leaves this thread behind: its values are being freed, and there will be no more.
    ended: bool,
}

thread_local! {
    static VALUES: RefCell<Values> = const { RefCell::new(Values { list: Vec::new(), ended: false }) };
}

impl Value {
    fn end(self) {
        if let Some(free) =
            self.free.filter(|_| !self.value.is_null() && process::is_current(self.epoch))
        {
            // SAFETY: the value is what the key's other function made, and is freed once.
            unsafe { free(self.value, self.user_data) };
        }
    }
}

impl Drop for Values {
    fn drop(&mut self) {
        while let Some(value) = self.list.pop() {
            value.end();
        }
    }
}

/// A new key.
///
/// # Errors
/// `NO_MEMORY`.
pub fn create(make: Make, free: Option<Free>, user_data: *mut c_void) -> Result<*mut Key> {
    let key = Key { life: AtomicU32::new(LIVE), make, free, user_data, older: ptr::null_mut() };
    let key = try_box(key).ok_or_else(|| Error::no_memory("no memory for a key"))?;
    let key = Box::into_raw(key);
    let mut newest = NEWEST.load(Ordering::Relaxed);
    loop {
        // SAFETY: nobody else knows the key yet.
        unsafe { (*key).older = newest };
        match NEWEST.compare_exchange_weak(newest, key, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return Ok(key),
            Err(now) => newest = now,
        }
    }
}

/// # Safety
/// `key` is null, or was returned by `create`.
unsafe fn live<'a>(key: *const Key) -> Result<&'a Key> {
    if key.is_null() || !key.is_aligned() {
        return Err(Error::invalid("local is NULL, or no key of pool_local_create()"));
    }
    // SAFETY: promised by the caller; keys stay.
    let key = unsafe { &*key };
    if key.life.load(Ordering::Acquire) != LIVE {
        return Err(Error::invalid("the key has been released, or was never one"));
    }
    Ok(key)
}

/// Forgets a key. Values that threads have are freed when these end.
///
/// # Safety
/// As `get`.
///
/// # Errors
/// `INVALID`.
pub unsafe fn release(key: *const Key) -> Result<()> {
    // SAFETY: promised by the caller.
    let key = unsafe { live(key) }?;
    let was = key.life.swap(FORGOTTEN, Ordering::AcqRel);
    if was == LIVE { Ok(()) } else { Err(Error::invalid("the key has been released already")) }
}

/// The value of the calling thread, made here if it has none yet.
///
/// # Safety
/// `key` is null, or was returned by `create`.
///
/// # Errors
/// `INVALID`; `DEADLOCK` while it is being made; `NO_MEMORY`; `INTERNAL` if it could not be made.
pub unsafe fn get(key: *const Key) -> Result<*mut c_void> {
    // SAFETY: promised by the caller.
    let key = unsafe { live(key) }?;
    let address = ptr::from_ref(key) as usize;
    let found = with(|values| {
        let value = values.iter().find(|value| value.key == address)?;
        process::is_current(value.epoch).then_some(value.value)
    })?;
    match found {
        Some(value) if value.is_null() => {
            let text = "the value is being made by this very thread, which asks for it";
            return Err(Error::new(status::DEADLOCK, text));
        }
        Some(value) => return Ok(value),
        None => {}
    }
    let epoch = process::epoch().map_err(|error| Error::system("no page of memory", &error))?;
    let Key { free, user_data, .. } = *key;
    let place = Value { key: address, epoch, value: ptr::null_mut(), free, user_data };
    with(|values| -> Result<()> {
        // What the parent of this process has made stays its own.
        values.retain(|value| value.key != address);
        values.try_reserve(1).map_err(|_| Error::no_memory("no memory for a thread's value"))?;
        values.push(place);
        Ok(())
    })??;
    // Without a borrow: it may ask for others.
    // SAFETY: the caller's function, called as its contract says.
    let value = unsafe { (key.make)(user_data) };
    with(|values| {
        let Some(at) = values.iter().position(|one| one.key == address) else { return };
        if value.is_null() {
            values.remove(at);
        } else {
            values[at].value = value;
        }
    })?;
    if value.is_null() {
        return Err(Error::new(
            status::INTERNAL,
            "the function that makes the value returned NULL",
        ));
    }
    Ok(value)
}

fn with<R>(body: impl FnOnce(&mut Vec<Value>) -> R) -> Result<R> {
    let done = VALUES.try_with(|values| {
        let mut values = values.borrow_mut();
        (!values.ended).then(|| body(&mut values.list))
    });
    let ended = || Error::invalid("the thread is ending, its values are being freed");
    done.ok().flatten().ok_or_else(ended)
}

/// Frees all values of the calling thread, the youngest first: at the end of a process that leaves
/// without ending its threads.
pub fn end_all() {
    let pop = |values: &RefCell<Values>| {
        let mut values = values.borrow_mut();
        values.ended = true;
        values.list.pop()
    };
    while let Ok(Some(value)) = VALUES.try_with(pop) {
        value.end();
    }
}
