#![allow(unsafe_code)]
//! One large sparse mapping that forked children share at the same address.

use super::{descriptor::above_stdio, thread::Uncancellable};
use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    ptr::{self, NonNull},
    sync::atomic::{AtomicU8, Ordering},
};

/// The size of a page, a power of two.
pub fn page() -> usize {
    // SAFETY: reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}

/// A sparse shared mapping: it costs an address range until its pages are written, and a child
/// made by fork sees the same pages at the same address. Unmapped when dropped.
pub struct Mapping {
    start: NonNull<u8>,
    size: usize,
    file: Option<OwnedFd>,
}

// SAFETY: the mapping is an address range that belongs to the whole process; who may read or
// write which part of it is up to those who use `start`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `size` bytes, rounded up to whole pages, readable and writable, all zero.
    ///
    /// A memfd carries it where there is one: neither /dev/shm's size nor strict overcommit
    /// limits that, only the pages really used count. Otherwise it is shared anonymous memory.
    ///
    /// # Errors
    /// When the address space, the system's commit limit or a locked-memory limit (of a process
    /// that locks all its future memory) does not allow it.
    pub fn new(size: usize) -> io::Result<Self> {
        let size = size.max(1).checked_next_multiple_of(page()).ok_or(libc::ENOMEM);
        let size = size.map_err(io::Error::from_raw_os_error)?;
        let file = sealed_file(size);
        let start = map(size, file.as_ref())?;
        let mapping = Self { start, size, file };
        // SAFETY: concerns the fresh mapping alone, which nobody uses yet. A process that locks
        // its future memory (mlockall) would have every page of the range brought in at once:
        // so it is mapped without access first, unlocked, and only then opened.
        unsafe {
            libc::munlock(start.as_ptr().cast(), size);
            libc::madvise(start.as_ptr().cast(), size, libc::MADV_DONTDUMP);
        }
        mapping.protect(0, size, true)?;
        Ok(mapping)
    }

    /// Where it starts, at a page's boundary.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Its size in bytes, a multiple of the page size.
    #[cfg(test)]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Brings in every page that holds one of the `len` bytes from `offset` on: using them does
    /// not fail afterwards, as it would by SIGBUS where there is no memory left. The pages keep
    /// what they hold. Where the mapping has no memfd they must be writable.
    ///
    /// On kernels before 5.14, memory without a memfd is touched page by page, where a lack of
    /// memory is still a SIGBUS.
    ///
    /// # Errors
    /// When there is no memory; some of the pages may have been brought in.
    ///
    /// # Panics
    /// When the range is not inside the mapping, as in all methods here.
    pub fn populate(&self, offset: usize, len: usize) -> io::Result<()> {
        self.check(offset, len);
        if len == 0 {
            return Ok(());
        }
        let first = offset - offset % page();
        let len = (offset + len).next_multiple_of(page()) - first;
        let advised = retry(|| {
            // SAFETY: the range lies inside the mapping, and its content does not change.
            unsafe { libc::madvise(self.at(first), len, libc::MADV_POPULATE_WRITE) }
        });
        match advised {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => self.allocate(first, len),
            other => other,
        }
    }

    /// Gives back the whole pages among the `len` bytes from `offset` on: they read as zero
    /// afterwards. Should the system refuse, they keep what they hold.
    pub fn discard(&self, offset: usize, len: usize) {
        self.check(offset, len);
        let first = offset.next_multiple_of(page());
        let end = offset + len - (offset + len) % page();
        if first < end {
            // SAFETY: the range lies inside the mapping; that its content is dropped is what
            // the caller asks for.
            unsafe { libc::madvise(self.at(first), end - first, libc::MADV_REMOVE) };
        }
    }

    /// Allows or forbids this process, and those that it forks later, to write to the `len`
    /// bytes from `offset` on; both are multiples of the page size.
    ///
    /// # Errors
    /// When the system has no room for another boundary between protections.
    pub fn protect(&self, offset: usize, len: usize, writable: bool) -> io::Result<()> {
        self.check(offset, len);
        assert!(offset.is_multiple_of(page()) && len.is_multiple_of(page()));
        let access = if writable { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_READ };
        // SAFETY: the range lies inside the mapping; who writes to it is up to the callers.
        retry(|| unsafe { libc::mprotect(self.at(offset), len, access) })
    }

    fn at(&self, offset: usize) -> *mut libc::c_void {
        self.start.as_ptr().wrapping_add(offset).cast()
    }

    fn check(&self, offset: usize, len: usize) {
        assert!(offset <= self.size && len <= self.size - offset, "outside the mapping");
    }

    /// What `populate` does where the kernel does not know `MADV_POPULATE_WRITE`, or refuses it
    /// because the pages are read-only.
    fn allocate(&self, first: usize, len: usize) -> io::Result<()> {
        let Some(file) = &self.file else {
            for offset in (first..first + len).step_by(page()) {
                // SAFETY: the byte is mapped and writable. The operation is atomic and leaves
                // the value, so that it loses nobody's write.
                unsafe { AtomicU8::from_ptr(self.at(offset).cast()) }
                    .fetch_or(0, Ordering::Relaxed);
            }
            return Ok(());
        };
        let (Ok(first), Ok(len)) = (libc::off_t::try_from(first), libc::off_t::try_from(len))
        else {
            return Err(io::Error::from_raw_os_error(libc::EFBIG));
        };
        // A cancellation point, that submitters may come by.
        let _put_off = Uncancellable::new();
        // SAFETY: a plain call on a descriptor that lives; pages that exist are left alone.
        retry(|| unsafe { libc::fallocate(file.as_raw_fd(), 0, first, len) })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: whoever drops the mapping uses none of its addresses any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.size) };
    }
}

/// A memfd of that size that nobody can resize; `None` where it cannot be had.
fn sealed_file(size: usize) -> Option<OwnedFd> {
    let mut limit = MaybeUninit::<libc::rlimit>::uninit();
    let length = libc::off_t::try_from(size).ok()?;
    // SAFETY: plain system calls; the limit is read only when it was filled in, and the
    // descriptor is owned by nobody else. To grow a file beyond the limit would raise SIGXFSZ.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_FSIZE, limit.as_mut_ptr()) != 0
            || limit.assume_init().rlim_cur < u64::try_from(size).ok()?
        {
            return None;
        }
        let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
        let fd = libc::syscall(libc::SYS_memfd_create, c"millpond".as_ptr(), flags);
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        let file = above_stdio(OwnedFd::from_raw_fd(fd)).ok()?;
        if libc::ftruncate(file.as_raw_fd(), length) != 0 {
            return None;
        }
        let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
        libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals);
        Some(file)
    }
}

/// A shared mapping without access of the file, or of anonymous memory.
fn map(size: usize, file: Option<&OwnedFd>) -> io::Result<NonNull<u8>> {
    let kind = if file.is_some() { 0 } else { libc::MAP_ANONYMOUS };
    let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | kind;
    let fd = file.map_or(-1, AsRawFd::as_raw_fd);
    // SAFETY: a fresh mapping at an address of the system's choice overlaps nothing.
    let start = unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_NONE, flags, fd, 0) };
    match NonNull::new(start.cast()) {
        Some(at) if start != libc::MAP_FAILED => Ok(at),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Calls until the call is not interrupted.
fn retry(mut call: impl FnMut() -> libc::c_int) -> io::Result<()> {
    loop {
        if call() == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_come_and_go() {
        let mapping = Mapping::new(1 << 36).expect("sparse");
        let far = mapping.size() - 100;
        mapping.populate(far, 100).expect("memory");
        let byte = mapping.start().as_ptr().wrapping_add(far);
        // SAFETY: the byte is inside the mapping and was populated.
        unsafe {
            byte.write(7);
            mapping.populate(far, 100).expect("memory");
            assert_eq!(byte.read(), 7);
            mapping.discard(far, 100);
            assert_eq!(byte.read(), 7, "part of a page is not given back");
            mapping.discard(far - page(), page() + 100);
            assert_eq!(byte.read(), 0);
        }
        let last = mapping.size() - page();
        mapping.protect(last, page(), false).expect("protect");
        mapping.populate(last, 1).expect("memory");
    }

    #[test]
    fn old_kernels_ways_to_populate() {
        for file in [sealed_file(1 << 20), None] {
            let start = map(1 << 20, file.as_ref()).expect("map");
            let mapping = Mapping { start, size: 1 << 20, file };
            mapping.protect(0, 1 << 20, true).expect("protect");
            mapping.allocate(page(), 3 * page()).expect("memory");
        }
    }
}
