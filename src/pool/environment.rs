//! What the environment says about all pools of a program, so that one that is there already can be
//! run otherwise: `MILLPOND_NUM_WORKERS`, `MILLPOND_MODE`.

use super::{
    abi::POOL_MAX_WORKERS,
    options::Mode,
    status::{Error, Result},
};

fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?;
    (!value.is_empty()).then(|| value.to_string_lossy().into_owned())
}

/// How many workers a pool has that asks for as many as fit.
///
/// # Errors
/// `INVALID`.
pub fn workers() -> Result<Option<usize>> {
    let Some(text) = variable("MILLPOND_NUM_WORKERS") else { return Ok(None) };
    let possible = 1..=POOL_MAX_WORKERS;
    let number = text.parse().ok().filter(|number| possible.contains(number));
    number.map(|number| Some(number as usize)).ok_or_else(|| {
        Error::invalid(format!(
            "the environment sets MILLPOND_NUM_WORKERS to {text:?}, \
             which is no number from 1 to {POOL_MAX_WORKERS}"
        ))
    })
}

/// Where the tasks of all pools run, whatever the program says.
///
/// # Errors
/// `INVALID`.
pub fn mode() -> Result<Option<Mode>> {
    let Some(text) = variable("MILLPOND_MODE") else { return Ok(None) };
    match text.as_str() {
        "threads" => Ok(Some(Mode::Threads)),
        "processes" => Ok(Some(Mode::Processes)),
        "sequential" => Ok(Some(Mode::Sequential)),
        _ => Err(Error::invalid(format!(
            "the environment sets MILLPOND_MODE to {text:?}, \
             which is none of threads, processes, sequential"
        ))),
    }
}

/// An error of making a pool whose mode the environment has set: it says so.
pub fn blamed(error: Error, mode: Mode) -> Error {
    let name = match mode {
        Mode::Threads => "threads",
        Mode::Processes => "processes",
        Mode::Sequential => "sequential",
    };
    let message = format!("{} (the environment sets MILLPOND_MODE to {name})", error.message);
    Error { message: message.into(), ..error }
}
