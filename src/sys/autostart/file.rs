//! The file that makes a system start Operator: written whole, removed without a trace.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{LoginItemError, Result};
use crate::sys::atomic_file;

/// How a kind of file says what is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// The whole file that starts this command.
    pub(crate) text: fn(&[String]) -> String,
    /// The command that a file starts; none if it is not such a file.
    pub(crate) command: fn(&str) -> Option<Vec<String>>,
    /// Whether the system starts a program at this path, however it is written.
    pub(crate) starts: fn(&str) -> bool,
    /// Whether the person or their desktop has switched it off in the file.
    pub(crate) switched_off: fn(&str) -> bool,
    /// A link that must lead to the file for it to count, relative to the file's folder.
    pub(crate) link: Option<&'static str>,
}

/// What writing has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// Nothing: it was so already.
    Same,
    /// The file was not there.
    New,
    /// The file said something else.
    Changed,
}

/// A file that may be there or not.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

impl Entry {
    pub(crate) fn new(root: &Path, inside: &str, format: Format) -> Self {
        Self { path: root.join(inside), format }
    }

    /// A link that leads nowhere is there, too.
    pub(crate) fn is_there(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }

    /// # Errors
    /// When the system would not start the program of this command, because of its path.
    pub(crate) fn refuse_unfit(&self, command: &[String]) -> Result<()> {
        match command.first().filter(|program| !(self.format.starts)(program)) {
            Some(program) => Err(LoginItemError::Unfit(program.into())),
            None => Ok(()),
        }
    }

    /// The command that it starts; none if there is none, or none that can be read.
    pub(crate) fn command(&self) -> Option<Vec<String>> {
        (self.format.command)(&self.content()?)
    }

    /// Whether it counts: linked where it must be, and not switched off.
    pub(crate) fn is_on(&self) -> bool {
        let off = self.content().is_none_or(|text| (self.format.switched_off)(&text));
        !off && self.link().is_none_or(|link| fs::symlink_metadata(link).is_ok())
    }

    /// Whether it starts an Operator.
    pub(crate) fn is_ours(&self) -> bool {
        self.program().is_some_and(|program| is_operator(&program))
    }

    /// # Errors
    /// When a file is there that starts another program.
    pub(crate) fn refuse_foreign(&self) -> Result<()> {
        if !self.is_there() || self.is_ours() {
            return Ok(());
        }
        let starts = self.program().unwrap_or_else(|| "nothing that can be read".into());
        Err(LoginItemError::Foreign { path: self.path.clone(), starts })
    }

    fn program(&self) -> Option<String> {
        self.command()?.into_iter().next()
    }

    /// Make it start this command.
    pub(crate) fn write(&self, command: &[String]) -> Result<Written> {
        let (text, known) = ((self.format.text)(command), self.content());
        if known.as_ref() == Some(&text) {
            return Ok(Written::Same);
        }
        self.replace(&text).map_err(|error| LoginItemError::Io { path: self.path.clone(), error })?;
        Ok(if known.is_some() { Written::Changed } else { Written::New })
    }

    /// Take away the file, its link, and the folders below `root` that are empty then.
    pub(crate) fn remove(&self, root: &Path) -> Result<()> {
        let gone = |path: &Path| match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| LoginItemError::Io { path: path.to_path_buf(), error }),
        };
        let link = self.link();
        if let Some(link) = &link {
            gone(link)?;
        }
        gone(&self.path)?;
        [link.as_deref(), Some(&self.path)].into_iter().flatten().for_each(|path| tidy(path, root));
        Ok(())
    }

    fn content(&self) -> Option<String> {
        fs::read_to_string(&self.path).ok()
    }

    fn link(&self) -> Option<PathBuf> {
        Some(self.path.parent()?.join(self.format.link?))
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let folder = self.path.parent().ok_or(ErrorKind::InvalidInput)?;
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        atomic_file::replace(&self.path, text.as_bytes(), 0o644)
    }
}

/// Whether a program is an Operator, here or at another place.
fn is_operator(program: &str) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase().starts_with("operator")
}

/// Remove the folders above `path` as long as they are empty and below `root`. macOS has its folders from the start.
fn tidy(path: &Path, root: &Path) {
    let folders = path.ancestors().skip(1).take_while(|folder| *folder != root && !folder.ends_with("LaunchAgents"));
    for folder in folders {
        // One that holds something cannot be removed.
        if fs::remove_dir(folder).is_err_and(|error| error.kind() != ErrorKind::NotFound) {
            break;
        }
    }
}
