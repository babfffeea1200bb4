#![allow(unsafe_code)]
//! Where Rust ends: errors become statuses and sentences; panics and cancellation never pass.

use crate::{
    pool::status::{self, Error, Result, Status},
    support::{process::Uncancellable, sync::thread_local},
};
use std::{
    cell::UnsafeCell,
    ffi::c_char,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

const ROOM: usize = 512;

thread_local! {
    /// The sentence of this thread's last failed call. Without a destructor, so that it can be
    /// read while the thread ends.
    static LAST: UnsafeCell<[u8; ROOM]> = const { UnsafeCell::new([0; ROOM]) };
}

/// Keeps the sentence for `pool_last_error`.
pub fn remember(message: &str) {
    let mut end = message.len().min(ROOM - 1);
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    LAST.with(|last| {
        // SAFETY: the thread's own, and no reference into it is kept.
        let last = unsafe { &mut *last.get() };
        last[..end].copy_from_slice(&message.as_bytes()[..end]);
        last[end] = 0;
    });
}

/// The sentence, as a C string.
pub fn last() -> *const c_char {
    LAST.with(|last| last.get().cast_const().cast())
}

/// Runs the body of a function that returns a status.
pub fn status(body: impl FnOnce() -> Result<()>) -> Status {
    number(|| body().map(|()| status::OK))
}

/// As `status`, for a short function that is called often: neither the body nor anything that it
/// calls may be a cancellation point.
#[inline]
pub fn quick_status(body: impl FnOnce() -> Result<()>) -> Status {
    guarded(|| body().map(|()| status::OK)).unwrap_or_else(|status| status)
}

/// Runs the body of a function that returns a number, or a status if it fails.
pub fn number(body: impl FnOnce() -> Result<i32>) -> i32 {
    value(body).unwrap_or_else(|status| status)
}

/// Runs the body of a function that returns something else when it fails.
pub fn value<T>(body: impl FnOnce() -> Result<T>) -> std::result::Result<T, Status> {
    // `pthread_cancel` unwinds like an exception, through frames that must not be left that way.
    let _put_off = Uncancellable::new();
    guarded(body)
}

#[inline]
fn guarded<T>(body: impl FnOnce() -> Result<T>) -> std::result::Result<T, Status> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(told(&error)),
        Err(_) => Err(told(&Error::new(status::INTERNAL, "a panic inside the library"))),
    }
}

#[cold]
fn told(error: &Error) -> Status {
    remember(&error.message);
    error.status
}

/// When a wait of so many milliseconds ends; `None` is never.
///
/// # Errors
/// `INVALID` for negative times other than -1.
pub fn deadline(timeout_ms: i64) -> Result<Option<Instant>> {
    match timeout_ms {
        -1 => Ok(None),
        0.. => Ok(Instant::now().checked_add(Duration::from_millis(timeout_ms.unsigned_abs()))),
        _ => Err(Error::invalid(format!("a time-out of {timeout_ms} ms; -1 means for ever"))),
    }
}

/// Fails for a null pointer.
///
/// # Errors
/// `INVALID`.
pub fn not_null<T>(pointer: *const T, what: &'static str) -> Result<()> {
    if pointer.is_null() {
        return Err(Error::invalid(format!("{what} is NULL")));
    }
    Ok(())
}

/// The function, if there is one; else the sentence is that of the error, whole, so that nothing
/// need be called for it on the way of a task.
///
/// # Errors
/// `INVALID`.
#[inline]
pub fn given<F>(function: Option<F>, otherwise: &'static str) -> Result<F> {
    function.ok_or_else(|| Error::invalid(otherwise))
}

/// Fails for bytes that are said to be somewhere, but nowhere, or more than there can be.
///
/// # Errors
/// `INVALID`.
#[inline]
pub fn bytes<T>(pointer: *const T, size: usize, count: usize, what: &'static str) -> Result<()> {
    let total = size.checked_mul(count).filter(|total| *total <= isize::MAX as usize);
    match total {
        Some(total) if total == 0 || !pointer.is_null() => Ok(()),
        _ => Err(no_bytes(total, size, count, what)),
    }
}

#[cold]
fn no_bytes(total: Option<usize>, size: usize, count: usize, what: &str) -> Error {
    let times = if count == 1 { String::new() } else { format!("{count} times ") };
    Error::invalid(match total {
        Some(_) => format!("{what} is NULL, but its size is {times}{size} bytes"),
        None => format!("{what}: {times}{size} bytes are too many"),
    })
}

/// As `bytes`, for an array of which the caller has said only how many elements it has.
///
/// # Errors
/// `INVALID`.
pub fn elements<T>(pointer: *const T, count: usize, what: &'static str) -> Result<()> {
    if pointer.is_null() && count > 0 {
        return Err(Error::invalid(format!("{what} is NULL, but its count is {count}")));
    }
    bytes(pointer, size_of::<T>(), count, what)
}

/// A struct that callers fill, and that begins with its size as the caller knows it.
///
/// It grows at its end only, where no version has had padding: then an older version's struct is
/// the beginning of ours.
///
/// # Safety
/// The first field is its size, a `usize`, and all zeroes are a value of it.
pub unsafe trait Versioned: Copy {
    /// What it is, which is also the middle of its macro's name.
    const WHAT: &'static str;
    /// The sizes that it had in released versions, accepted for ever. On other pointers than
    /// those of 64 bits there has been none yet.
    const FORMER: &'static [usize];
}

/// Writes a struct that begins with its size as the caller knows it: as much as the caller knows of
/// it, and zeros to what we do not know.
///
/// # Safety
/// `pointer` is null or writable for the size that it begins with.
///
/// # Errors
/// `INVALID`.
pub unsafe fn write_struct<T: Versioned>(pointer: *mut T, value: &T) -> Result<()> {
    not_null(pointer, T::WHAT)?;
    let ours = size_of::<T>();
    // SAFETY: every such struct begins with its size.
    let theirs = unsafe { pointer.cast::<usize>().read_unaligned() };
    if !is_size_of::<T>(theirs) {
        return Err(wrong_size::<T>(theirs));
    }
    let head = size_of::<usize>();
    // SAFETY: the caller vouches for the size of its struct, which is at least the head's.
    unsafe {
        let (to, from) = (pointer.cast::<u8>(), std::ptr::from_ref(value).cast::<u8>());
        to.add(head).copy_from_nonoverlapping(from.add(head), ours.min(theirs) - head);
        to.add(ours.min(theirs)).write_bytes(0, theirs.saturating_sub(ours));
    }
    Ok(())
}

/// Whether some version's struct has that size, or a later one's may have.
fn is_size_of<T: Versioned>(theirs: usize) -> bool {
    let ours = size_of::<T>();
    T::FORMER.contains(&theirs) || (ours..=64 * ours).contains(&theirs)
}

fn wrong_size<T: Versioned>(theirs: usize) -> Error {
    let ours = size_of::<T>();
    let text = format!(
        "{}: struct_size is {theirs}, not {ours}; begin with POOL_{}_INIT",
        T::WHAT,
        T::WHAT.to_uppercase()
    );
    Error::invalid(text)
}

/// Reads a struct of this version's size, of a former version's, whose missing fields are zero,
/// or of a later one's, whose further bytes must be zero.
///
/// # Safety
/// `pointer` is null or readable for the size that it begins with.
///
/// # Errors
/// `INVALID`, `UNSUPPORTED`.
#[inline]
pub unsafe fn read_struct<T: Versioned>(pointer: *const T) -> Result<T> {
    not_null(pointer, T::WHAT)?;
    // SAFETY: every such struct begins with its size.
    let theirs = unsafe { pointer.cast::<usize>().read_unaligned() };
    if theirs != size_of::<T>() {
        // SAFETY: as promised.
        return unsafe { read_other(pointer, theirs) };
    }
    // SAFETY: it has the size of ours.
    Ok(unsafe { pointer.read_unaligned() })
}

/// # Safety
/// `pointer` is readable for `theirs` bytes.
#[cold]
unsafe fn read_other<T: Versioned>(pointer: *const T, theirs: usize) -> Result<T> {
    let ours = size_of::<T>();
    if !is_size_of::<T>(theirs) {
        return Err(wrong_size::<T>(theirs));
    }
    for offset in ours..theirs {
        // SAFETY: inside the size that the caller vouches for.
        if unsafe { pointer.cast::<u8>().add(offset).read() } != 0 {
            let text = format!("{} sets a field that this version of the library lacks", T::WHAT);
            return Err(Error::new(status::UNSUPPORTED, text));
        }
    }
    let mut read = MaybeUninit::<T>::zeroed();
    // SAFETY: no more than the caller vouches for, nor than there is room for; all zeroes are a
    // value, and what is copied is the beginning of one.
    unsafe {
        pointer.cast::<u8>().copy_to_nonoverlapping(read.as_mut_ptr().cast(), theirs.min(ours));
        Ok(read.assume_init())
    }
}
