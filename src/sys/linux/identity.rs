#![allow(unsafe_code)]
//! Who a process is, and whether it still is there: its id may come to mean another one, but not
//! together with the time when it was started.

use std::{
    fs::File,
    io::{Cursor, Read, Write},
};

/// A number of the calling thread that no other living one has.
pub fn own_thread() -> u32 {
    // SAFETY: cannot fail.
    let thread = unsafe { libc::gettid() };
    thread.cast_unsigned()
}

/// The process's id.
pub fn own_process() -> u32 {
    std::process::id()
}

/// When the process was started, in ticks of the system's, the low bits of it; 0 if that is not
/// to be known.
pub fn start_of(pid: u32) -> u32 {
    look(pid).map_or(0, |(start, _)| start)
}

/// Whether the process that was started then is still there and has not ended.
pub fn is_alive(pid: u32, start: u32) -> bool {
    if let Some((now, has_ended)) = look(pid) {
        return !has_ended && (start == 0 || now == start);
    }
    // SAFETY: signal 0 is sent to nobody.
    let sent = unsafe { libc::kill(pid.cast_signed(), 0) };
    sent == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Its start, and whether it has ended and waits to be reaped.
fn look(pid: u32) -> Option<(u32, bool)> {
    // On the stack: the memory may have run out.
    let mut path = Cursor::new([0_u8; 32]);
    write!(path, "/proc/{pid}/stat").ok()?;
    let (length, path) = (path.position() as usize, path.into_inner());
    let path = std::str::from_utf8(path.get(..length)?).ok()?;
    // The fields in question are in the first half, however long they are.
    let mut text = [0; 1024];
    let length = File::open(path).ok()?.read(&mut text).ok()?;
    let text = text.get(..length)?;
    // The name, in parentheses, may hold anything.
    let end = text.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(text.get(end + 1..)?).ok()?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let threads = fields.nth(16)?;
    let start: u64 = fields.nth(1)?.parse().ok()?;
    // A process whose first thread has ended looks as if it had, but for its other threads.
    let has_ended = matches!(state, "Z" | "X") && matches!(threads, "0" | "1");
    Some((start as u32, has_ended))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive() {
        let own = own_process();
        let start = start_of(own);
        assert_ne!(start, 0);
        assert!(is_alive(own, start));
        assert!(!is_alive(own, start.wrapping_add(1)));
    }

    #[test]
    fn a_process_that_has_ended_is_dead_also_before_it_is_reaped() {
        let mut child = std::process::Command::new("true").spawn().expect("a process");
        let start = start_of(child.id());
        while is_alive(child.id(), start) {
            std::thread::yield_now();
        }
        child.wait().expect("its end");
        assert!(!is_alive(child.id(), start));
    }
}
