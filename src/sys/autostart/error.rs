//! Why Operator cannot be made to start, or not to start, with the session.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What went wrong, and what to do.
#[derive(Debug, Error)]
pub enum LoginItemError {
    /// No folder to write to.
    #[error("$HOME is not set, so there is no place for a login item: set it")]
    Homeless,
    /// The system does not say where this program is.
    #[error("this program's own place is unknown: {0}")]
    Nowhere(io::Error),
    /// The program that runs has been moved away.
    #[error("{}: this program is not there any more; do it with the one at its new place", .0.display())]
    Moved(PathBuf),
    /// A path with control characters, or that is not UTF-8.
    #[error("{}: such a path cannot be written into a login item; use one that is plain text", .0.display())]
    Unwritable(PathBuf),
    /// The system has rules of its own for programs.
    #[error("{}: the system starts no program at a path with such characters; move it to a plainer one", .0.display())]
    Unfit(PathBuf),
    /// Apple's own login items are for apps.
    #[error("{}: this program is not in its app; do it with Operator.app, or give --headless", .0.display())]
    Unbundled(PathBuf),
    /// macOS runs an app that was just downloaded from a place that is another each time.
    #[error("move Operator.app to the Applications folder and open it there first: macOS runs it from a passing place")]
    Translocated,
    /// macOS starts an app without arguments.
    #[error(
        "macOS starts the app without --config: move {} to the usual place, or give --headless",
        .0.display()
    )]
    ConfigOfApp(PathBuf),
    /// Somebody else's file of the same name.
    #[error("{}: this is not Operator's (it starts {starts}) and was left alone; remove it yourself first", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The program that it starts.
        starts: String,
    },
    /// The file cannot be read, written or removed.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: io::Error,
    },
    /// The file is there, and the service manager does not take it.
    #[error("{} is written, but Operator is not started: {what}. Where the session runs, run: {run}", .path.display())]
    NotStarted {
        /// The file.
        path: PathBuf,
        /// The service manager's words.
        what: String,
        /// What would start it.
        run: String,
    },
    /// macOS refuses.
    #[error("macOS did not do it: {0}")]
    Refused(String),
}
