//! A log file rotated by size: `operator.log`, `operator.log.1`, ….
//!
//! The file is opened for each line. A file removed from outside is made again at the next line, and two processes can share it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A writer of whole lines: each `write` lands in one file.
#[derive(Debug, Clone)]
pub struct RotatingFile {
    path: PathBuf,
    max_bytes: u64,
    files: u32,
}

impl RotatingFile {
    /// A file of at most `max_bytes` bytes (a longer line gets a file of its own), `files` files in all. Mode 0600.
    pub fn open(path: &Path, max_bytes: u64, files: u32) -> io::Result<Self> {
        let file = Self { path: path.to_path_buf(), max_bytes, files };
        file.append()?;
        Ok(file)
    }

    fn append(&self) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)
    }

    /// The file for `more` bytes. A full file that cannot be rotated goes on growing: no line is lost.
    fn file_for(&self, more: u64) -> io::Result<File> {
        let file = self.append()?;
        let size = file.metadata()?.len();
        if size == 0 || size.saturating_add(more) <= self.max_bytes || self.rotate().is_err() {
            return Ok(file);
        }
        self.append()
    }

    /// Each file takes the next number; the oldest is dropped.
    fn rotate(&self) -> io::Result<()> {
        let last = self.files.saturating_sub(1);
        if last == 0 {
            return fs::remove_file(&self.path);
        }
        for older in (1..=last).rev() {
            match fs::rename(self.numbered_path(older - 1), self.numbered_path(older)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn numbered_path(&self, number: u32) -> PathBuf {
        if number == 0 {
            return self.path.clone();
        }
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }
}

impl Write for RotatingFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.file_for(line.len() as u64)?.write_all(line)?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
