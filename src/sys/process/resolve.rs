//! Finds the file of a program, and explains why a program does not start.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// The search path, and the `PATH` of every program that runs: system folders, Homebrew's, and those of monitoring plugins.
pub const PATH: &str = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/opt/homebrew/sbin:/usr/local/sbin:/usr/sbin:/sbin:\
/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/lib/monitoring-plugins";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The file does not exist. It may be installed, or its disk may come back.
    NotFound,
    /// The user has to fix the file or the command.
    Unusable,
    /// The system lacks a resource. A later start may succeed.
    Busy,
}

/// A program did not start. The message holds none of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: ErrorKind,
    /// `there is no /usr/bin/check`.
    pub message: String,
    /// What the user should do; empty for `Busy`.
    pub advice: &'static str,
}

impl Error {
    fn not_found(message: String, advice: &'static str) -> Self {
        Self { kind: ErrorKind::NotFound, message, advice }
    }

    fn unusable(message: impl Into<String>, advice: &'static str) -> Self {
        Self { kind: ErrorKind::Unusable, message: message.into(), advice }
    }

    fn busy(message: String) -> Self {
        Self { kind: ErrorKind::Busy, message, advice: "" }
    }

    fn no_file(path: &Path) -> Self {
        Self::not_found(format!("there is no {}", path.display()), "check the path")
    }

    pub(super) fn spawn_failed(path: &Path, error: &io::Error) -> Self {
        let shown = path.display();
        match Errno::from_io_error(error) {
            _ if path.is_dir() => Self::unusable(format!("{shown} is a folder"), "name the program in it"),
            Some(Errno::NOENT | Errno::NOTDIR) if path.exists() => Self::unusable(
                format!("{shown} does not start: its interpreter is missing"),
                "install the interpreter that its first line names, or correct that line",
            ),
            Some(Errno::NOENT | Errno::NOTDIR) => Self::no_file(path),
            Some(Errno::ACCESS | Errno::PERM) => {
                Self::unusable(format!("{shown} is not executable"), "make it executable: chmod u+x")
            }
            Some(Errno::NOEXEC) => Self::unusable(
                format!("{shown} is not a program"),
                "begin a script with the line that names its interpreter, such as #!/bin/sh",
            ),
            Some(Errno::TOOBIG) => Self::unusable(format!("{shown}: its arguments are too long"), "shorten them"),
            _ => Self::busy(format!("{shown} does not start ({error})")),
        }
    }

    pub(super) fn wait_failed(error: &io::Error) -> Self {
        Self::busy(format!("its exit status is unknown ({error})"))
    }
}

/// The file of a command: its first word as an absolute path, or searched for on `PATH`.
pub(super) fn resolve(command: &[String]) -> Result<PathBuf, Error> {
    let name = command.first().map(String::as_str).unwrap_or_default();
    if command.iter().any(|word| word.contains('\0')) {
        return Err(Error::unusable("the command holds a NUL character", "take it out"));
    }
    if name.starts_with('/') {
        let path = PathBuf::from(name);
        return if path.exists() { Ok(path) } else { Err(Error::no_file(&path)) };
    }
    if name.is_empty() || name.contains('/') {
        let advice = "name the program by its whole path, or by its name alone";
        return Err(Error::unusable(format!("'{name}' is not a program"), advice));
    }
    let mut candidates = PATH.split(':').map(|folder| Path::new(folder).join(name));
    candidates.find(|candidate| candidate.is_file()).ok_or_else(|| {
        Error::not_found(format!("there is no program '{name}'"), "install it, or name it by its whole path")
    })
}
