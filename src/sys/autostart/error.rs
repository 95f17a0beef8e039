//! Errors of login items.

use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("$HOME is not set: set it to install a login item")]
    NoHome,
    #[error("the path of this program is unknown: {0}")]
    UnknownProgram(io::Error),
    #[error("{}: this program does not exist any more; use the one at its new path", .0.display())]
    Moved(PathBuf),
    #[error("{}: this path cannot be written into a login item; use one that is plain text", .0.display())]
    UnwritablePath(PathBuf),
    #[error("{}: the system cannot start a program at this path; move it to a plainer one", .0.display())]
    UnstartablePath(PathBuf),
    #[error("{}: this program is not in its app; use Operator.app, or give --headless", .0.display())]
    Unbundled(PathBuf),
    #[error(
        "move Operator.app to the Applications folder and open it there first: macOS runs it from a temporary path"
    )]
    Translocated,
    #[error(
        "macOS starts the app without --config: move {} to the default path, or give --headless",
        .0.display()
    )]
    ConfigOfApp(PathBuf),
    #[error("{}: this file is not Operator's (it starts {starts}) and was left alone; remove it first", .path.display())]
    Foreign { path: PathBuf, starts: String },
    #[error("{}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{} is written, but the service did not start: {reason}. In your session, run: {run}", .path.display())]
    NotStarted { path: PathBuf, reason: String, run: String },
    #[error("macOS refused: {0}")]
    Refused(String),
}
