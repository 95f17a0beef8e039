//! Where a program is, and why it does not start.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// Where programs are looked for, and what they see as their own `PATH`: the usual folders, Homebrew's, and those that check
/// plugins are kept in.
pub const PATH: &str = "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/opt/homebrew/sbin:/usr/local/sbin:/usr/sbin:/sbin:\
/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/lib/monitoring-plugins";

/// What can be done about a program that does not start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// It is not there; it may be installed, or its disk may come back.
    Missing,
    /// It will not start until a person changes something.
    Unusable,
    /// The machine is short of something: it may start later.
    Busy,
}

/// Why a program did not start, in words that hold none of its arguments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct NotStarted {
    /// What can be done about it.
    pub cause: Cause,
    /// What happened: `there is no /usr/bin/check`.
    pub what: String,
    /// What the person should do; empty when waiting is all there is to do.
    pub advice: &'static str,
}

impl NotStarted {
    fn new(cause: Cause, what: impl Into<String>, advice: &'static str) -> Self {
        Self { cause, what: what.into(), advice }
    }

    /// The program at `path` did not start.
    pub(crate) fn of(path: &Path, error: &io::Error) -> Self {
        let shown = path.display();
        match Errno::from_io_error(error) {
            _ if path.is_dir() => Self::new(Cause::Unusable, format!("{shown} is a folder"), "name the program in it"),
            Some(Errno::NOENT | Errno::NOTDIR) if path.exists() => {
                let advice = "install what its first line names, or correct that line";
                Self::new(Cause::Unusable, format!("{shown} does not start: its interpreter is missing"), advice)
            }
            Some(Errno::NOENT | Errno::NOTDIR) => missing(path),
            Some(Errno::ACCESS | Errno::PERM) => {
                let advice = "make it executable for you: chmod u+x";
                Self::new(Cause::Unusable, format!("{shown} may not be executed"), advice)
            }
            Some(Errno::NOEXEC) => {
                let advice = "begin a script with the line that names its interpreter, such as #!/bin/sh";
                Self::new(Cause::Unusable, format!("{shown} is no program"), advice)
            }
            Some(Errno::TOOBIG) => {
                Self::new(Cause::Unusable, format!("{shown}: its arguments are too long"), "shorten them")
            }
            _ => Self::new(Cause::Busy, format!("{shown} does not start ({error})"), ""),
        }
    }

    /// It was started, and the system does not say what became of it.
    pub(crate) fn lost(error: &io::Error) -> Self {
        Self::new(Cause::Busy, format!("it was lost sight of ({error})"), "")
    }
}

/// The file of a command: its first word as an absolute path, or looked for on `PATH`.
pub(crate) fn find(command: &[String]) -> Result<PathBuf, NotStarted> {
    let name = command.first().map(String::as_str).unwrap_or_default();
    if command.iter().any(|word| word.contains('\0')) {
        return Err(NotStarted::new(Cause::Unusable, "the command has a NUL in it", "take it out"));
    }
    if name.starts_with('/') {
        return if Path::new(name).exists() { Ok(name.into()) } else { Err(missing(Path::new(name))) };
    }
    if name.is_empty() || name.contains('/') {
        let advice = "name the program by its whole path, or by its name alone";
        return Err(NotStarted::new(Cause::Unusable, format!("'{name}' is no program"), advice));
    }
    let places = PATH.split(':').map(|folder| Path::new(folder).join(name));
    places.into_iter().find(|place| place.is_file()).ok_or_else(|| {
        let advice = "install it, or name it by its whole path";
        NotStarted::new(Cause::Missing, format!("there is no program '{name}'"), advice)
    })
}

fn missing(path: &Path) -> NotStarted {
    NotStarted::new(Cause::Missing, format!("there is no {}", path.display()), "check the path")
}
