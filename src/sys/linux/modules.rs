#![allow(unsafe_code)]
//! The program and the shared objects that this process has loaded.

use std::{
    cell::UnsafeCell,
    ffi::{CStr, c_int, c_void},
    ops::Range,
    slice,
    sync::Once,
};

/// The program or a shared object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Where it was loaded: the address that stands for zero in its file.
    pub base: usize,
    /// Its path; empty for the program itself.
    pub name: String,
    /// The linker's identification of its content; empty if it has none.
    pub build_id: Vec<u8>,
    /// The addresses of its code.
    pub code: Vec<Range<usize>>,
}

/// Everything that is loaded now, the program first.
///
/// Takes a lock of the loader. In a child of a process whose other threads were loading or
/// unwinding at the fork, that lock may be held for ever: there, what was found out before the
/// fork is to be preferred. Threads that were here are waited for by a fork.
pub fn modules() -> Vec<Module> {
    let mut found = Vec::new();
    each(|info| {
        found.push(module(info));
        false
    });
    found
}

/// How many modules were loaded and unloaded so far: while neither changes, `modules` does not.
pub fn changes() -> (u64, u64) {
    let mut counts = (0, 0);
    each(|info| {
        counts = (info.dlpi_adds, info.dlpi_subs);
        true
    });
    counts
}

/// Held by whoever is in the loader because of this file, and by forks. The C library does not
/// free the loader's own lock in a child.
struct LoaderLock(UnsafeCell<libc::pthread_mutex_t>);

// SAFETY: a mutex is there to be shared, and only the functions below touch it.
unsafe impl Sync for LoaderLock {}

static LOADER: LoaderLock = LoaderLock(UnsafeCell::new(libc::PTHREAD_MUTEX_INITIALIZER));

extern "C" fn enter_loader() {
    // SAFETY: the mutex is initialised and never moves.
    unsafe { libc::pthread_mutex_lock(LOADER.0.get()) };
}

extern "C" fn leave_loader() {
    // SAFETY: as above; the calling thread has entered.
    unsafe { libc::pthread_mutex_unlock(LOADER.0.get()) };
}

/// In the child of a fork, whose only thread has entered; under another number, by which some
/// mutexes know their owner.
extern "C" fn renew() {
    // SAFETY: nobody else is here, and nobody waits for the mutex.
    unsafe { LOADER.0.get().write(libc::PTHREAD_MUTEX_INITIALIZER) };
}

/// Has forks wait until nobody is in the loader.
fn hold_off_forks() {
    static ONCE: Once = Once::new();
    // SAFETY: the C library drops the handlers when it unloads the library that they are in.
    ONCE.call_once(|| unsafe {
        // Without memory for it, forks are as they were before.
        libc::pthread_atfork(Some(enter_loader), Some(leave_loader), Some(renew));
    });
}

/// Calls for each module until the call says that this was the last one.
fn each<F: FnMut(&libc::dl_phdr_info) -> bool>(mut visit: F) {
    unsafe extern "C" fn one<F: FnMut(&libc::dl_phdr_info) -> bool>(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        visit: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader passes a structure that lives during the call, and `visit` as it
        // was given below, borrowed for the whole iteration.
        unsafe { (*visit.cast::<F>())(&*info).into() }
    }
    hold_off_forks();
    enter_loader();
    // SAFETY: `one` is given what it expects, and is not called after this returns.
    unsafe { libc::dl_iterate_phdr(Some(one::<F>), (&raw mut visit).cast()) };
    leave_loader();
}

#[cfg(target_pointer_width = "64")]
type Header = libc::Elf64_Phdr;
#[cfg(target_pointer_width = "32")]
type Header = libc::Elf32_Phdr;

fn headers(info: &libc::dl_phdr_info) -> &[Header] {
    if info.dlpi_phdr.is_null() {
        return &[];
    }
    // SAFETY: the loader keeps the module's program headers mapped while it is loaded.
    unsafe { slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) }
}

fn addresses(info: &libc::dl_phdr_info, header: &Header) -> Range<usize> {
    let start = (info.dlpi_addr as usize).wrapping_add(header.p_vaddr as usize);
    start..start.saturating_add(header.p_memsz as usize)
}

fn loaded(info: &libc::dl_phdr_info, access: u32) -> impl Iterator<Item = Range<usize>> + '_ {
    let segments = headers(info)
        .iter()
        .filter(move |header| header.p_type == libc::PT_LOAD && header.p_flags & access == access);
    segments.map(|header| addresses(info, header))
}

fn code(info: &libc::dl_phdr_info) -> impl Iterator<Item = Range<usize>> + '_ {
    loaded(info, libc::PF_X)
}

fn module(info: &libc::dl_phdr_info) -> Module {
    let name = if info.dlpi_name.is_null() {
        String::new()
    } else {
        // SAFETY: the loader's name of the module ends with a zero byte and lives as it does.
        unsafe { CStr::from_ptr(info.dlpi_name) }.to_string_lossy().into_owned()
    };
    let build_id = notes(info).find_map(|(notes, align)| build_id(notes, align));
    Module {
        base: info.dlpi_addr as usize,
        name,
        build_id: build_id.unwrap_or_default().to_vec(),
        code: code(info).collect(),
    }
}

/// The segments of notes that are mapped, and the alignment inside each.
fn notes(info: &libc::dl_phdr_info) -> impl Iterator<Item = (&[u8], usize)> {
    let headers = headers(info).iter().filter(|header| header.p_type == libc::PT_NOTE);
    headers.filter_map(|header| {
        let range = addresses(info, header);
        let inside =
            |segment: Range<usize>| segment.start <= range.start && range.end <= segment.end;
        if !loaded(info, libc::PF_R).any(inside) {
            return None;
        }
        // SAFETY: the range lies inside a readable segment, mapped while the module is loaded.
        let bytes = unsafe { slice::from_raw_parts(range.start as *const u8, range.len()) };
        Some((bytes, if header.p_align == 8 { 8 } else { 4 }))
    })
}

/// The build id among notes: each is three words (the sizes of name and content, and a type),
/// then name and content, padded.
fn build_id(mut notes: &[u8], align: usize) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: usize = 3;
    loop {
        let word = |at: usize| {
            let bytes = notes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_ne_bytes(bytes)).ok()
        };
        let (name_size, size, kind) = (word(0)?, word(4)?, word(8)?);
        let start = 12_usize.checked_add(name_size)?.checked_next_multiple_of(align)?;
        let end = start.checked_add(size)?;
        if kind == NT_GNU_BUILD_ID && notes.get(12..12 + name_size)? == b"GNU\0" {
            return notes.get(start..end);
        }
        notes = notes.get(end.checked_next_multiple_of(align)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_found_in_its_module() {
        let here = code_is_found_in_its_module as *const () as usize;
        let all = modules();
        let module_of = |address: usize| {
            all.iter().find(|one| one.code.iter().any(|code| code.contains(&address)))
        };
        assert_eq!(module_of(here), all.first(), "the program comes first");
        assert_eq!(all[0].name, "");
        let libc = module_of(libc::getpid as *const () as usize).expect("a module");
        assert!(libc.name.contains("libc"), "{}", libc.name);
        assert!(!libc.build_id.is_empty());
        assert_eq!(module_of(&raw const all as usize), None, "the stack is no module");
        assert_eq!(changes(), changes());
    }

    #[test]
    fn notes_are_read_with_care() {
        let other = [4_u32, 5, 1, u32::from_ne_bytes(*b"GNU\0"), 0, 0];
        let id = [4_u32, 4, 3, u32::from_ne_bytes(*b"GNU\0"), 0x0101_0101];
        let bytes: Vec<u8> = other.iter().chain(&id).flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(build_id(&bytes, 4), Some(&[1_u8; 4][..]));
        for length in 0..bytes.len() {
            assert_eq!(build_id(&bytes[..length], 4), None);
        }
    }
}
