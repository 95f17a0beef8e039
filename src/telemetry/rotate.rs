//! A log file that starts anew when it is full, and keeps a few of its predecessors: `operator.log`, `operator.log.1`, ….
//!
//! The file is opened for each line and closed again. Lines are few, and so nothing need be remembered: a file that was removed or
//! moved from outside is made again at the next line, and two processes may write to the same one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A writer that takes whole lines: each `write` lands in one file, unbroken.
#[derive(Debug, Clone)]
pub struct Rotating {
    path: PathBuf,
    largest: u64,
    files: u32,
}

impl Rotating {
    /// A file at `path` of at most `largest` bytes (or of one line, if that is longer), and with it `files` files in all; at
    /// least one. The file is made at once, for its owner alone.
    ///
    /// # Errors
    /// When it cannot be opened for writing.
    pub fn open(path: &Path, largest: u64, files: u32) -> io::Result<Self> {
        let rotating = Self { path: path.to_path_buf(), largest, files };
        rotating.append()?;
        Ok(rotating)
    }

    fn append(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }

    /// The file to write so many more bytes to. If it is full but cannot be put aside, it goes on growing: no line is lost.
    fn room_for(&self, more: u64) -> io::Result<File> {
        let file = self.append()?;
        let size = file.metadata()?.len();
        if size == 0 || size.saturating_add(more) <= self.largest || self.put_aside().is_err() {
            return Ok(file);
        }
        self.append()
    }

    /// Each file takes the next one's name; the last one's content is dropped.
    fn put_aside(&self) -> io::Result<()> {
        let last = self.files.saturating_sub(1);
        if last == 0 {
            return fs::remove_file(&self.path);
        }
        for older in (1..=last).rev() {
            match fs::rename(self.name(older - 1), self.name(older)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn name(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

impl Write for Rotating {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.room_for(line.len() as u64)?.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
