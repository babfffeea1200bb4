//! Sentences about failures, which may be for want of memory.

use std::{
    borrow::Cow,
    fmt::{self, Display, Write},
    io,
};

/// A sentence, as `format_args!` says; when there is no memory for it, one that says that.
pub fn sentence(arguments: fmt::Arguments<'_>) -> Cow<'static, str> {
    try_sentence(arguments)
        .map_or(Cow::Borrowed("there is no memory for the sentence about this failure"), Cow::Owned)
}

/// As `sentence`; `None` when there is no memory for it.
pub fn try_sentence(arguments: fmt::Arguments<'_>) -> Option<String> {
    let mut text = Text(String::new());
    text.write_fmt(arguments).ok()?;
    Some(text.0)
}

/// Grows, or fails.
struct Text(String);

impl Write for Text {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        self.0.try_reserve(more.len()).map_err(|_| fmt::Error)?;
        self.0.push_str(more);
        Ok(())
    }
}

/// What the system said, in the words of std, which takes memory for them.
pub struct Reason<'a>(pub &'a io::Error);

impl Display for Reason<'_> {
    #[cfg(all(target_os = "linux", not(any(feature = "portable", loom))))]
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.0.raw_os_error() else {
            return self.0.fmt(to);
        };
        let mut room = [0; 128];
        let text = crate::sys::limits::meaning_of_error(code, &mut room);
        write!(to, "{text} (os error {code})")
    }

    #[cfg(not(all(target_os = "linux", not(any(feature = "portable", loom)))))]
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(to)
    }
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_the_system_reads_as_std_has_it() {
        for code in [1, 11, 12, 22, 9999] {
            let error = io::Error::from_raw_os_error(code);
            assert_eq!(Reason(&error).to_string(), error.to_string());
        }
        let other = io::Error::from(io::ErrorKind::OutOfMemory);
        assert_eq!(sentence(format_args!("a: {}", Reason(&other))), format!("a: {other}"));
    }
}
