//! The file that makes a system start Operator: written whole, removed without a trace.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::{Error, Result};
use crate::sys::atomic_file;

/// The syntax of one kind of autostart file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    /// Render a file that starts this command.
    pub(crate) render: fn(&[String]) -> String,
    /// Parse the command; none if the file has another form.
    pub(crate) parse: fn(&str) -> Option<Vec<String>>,
    /// Whether the system can start a program at this path.
    pub(crate) can_start: fn(&str) -> bool,
    /// Whether the user or the desktop has disabled it in the file.
    pub(crate) is_disabled: fn(&str) -> bool,
    /// A link that must point to the file, relative to its folder.
    pub(crate) link: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOutcome {
    Unchanged,
    New,
    Changed,
}

/// An autostart file, which may not exist.
#[derive(Debug)]
pub(crate) struct AutostartFile {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

impl AutostartFile {
    pub(crate) fn new(root: &Path, inside: &str, format: Format) -> Self {
        Self { path: root.join(inside), format }
    }

    /// True for a dangling link too.
    pub(crate) fn exists(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }

    pub(crate) fn ensure_startable(&self, command: &[String]) -> Result<()> {
        match command.first().filter(|program| !(self.format.can_start)(program)) {
            Some(program) => Err(Error::UnstartablePath(program.into())),
            None => Ok(()),
        }
    }

    /// None if there is no file, or no command can be parsed.
    pub(crate) fn command(&self) -> Option<Vec<String>> {
        (self.format.parse)(&self.content()?)
    }

    /// Linked and not disabled.
    pub(crate) fn is_enabled(&self) -> bool {
        let is_disabled = self.content().is_none_or(|text| (self.format.is_disabled)(&text));
        !is_disabled && self.link().is_none_or(|link| fs::symlink_metadata(link).is_ok())
    }

    /// Whether it starts an Operator.
    pub(crate) fn is_ours(&self) -> bool {
        self.program().is_some_and(|program| is_operator(&program))
    }

    pub(crate) fn ensure_ours(&self) -> Result<()> {
        if !self.exists() || self.is_ours() {
            return Ok(());
        }
        let starts = self.program().unwrap_or_else(|| "no known command".into());
        Err(Error::Foreign { path: self.path.clone(), starts })
    }

    fn program(&self) -> Option<String> {
        self.command()?.into_iter().next()
    }

    pub(crate) fn write(&self, command: &[String]) -> Result<WriteOutcome> {
        let (text, known) = ((self.format.render)(command), self.content());
        if known.as_ref() == Some(&text) {
            return Ok(WriteOutcome::Unchanged);
        }
        self.replace(&text).map_err(|error| Error::Io { path: self.path.clone(), error })?;
        Ok(if known.is_some() { WriteOutcome::Changed } else { WriteOutcome::New })
    }

    /// Remove the file, its link, and empty folders below `root`.
    pub(crate) fn remove(&self, root: &Path) -> Result<()> {
        let remove_file = |path: &Path| match fs::remove_file(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| Error::Io { path: path.to_path_buf(), error }),
        };
        let link = self.link();
        if let Some(link) = &link {
            remove_file(link)?;
        }
        remove_file(&self.path)?;
        [link.as_deref(), Some(&self.path)].into_iter().flatten().for_each(|path| remove_empty_dirs(path, root));
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

fn is_operator(program: &str) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default();
    name.to_string_lossy().to_ascii_lowercase().starts_with("operator")
}

/// Remove empty folders between `path` and `root`. `LaunchAgents` belongs to macOS.
fn remove_empty_dirs(path: &Path, root: &Path) {
    let folders = path.ancestors().skip(1).take_while(|folder| *folder != root && !folder.ends_with("LaunchAgents"));
    for folder in folders {
        // A folder with content cannot be removed.
        if fs::remove_dir(folder).is_err_and(|error| error.kind() != ErrorKind::NotFound) {
            break;
        }
    }
}
