//! The token file: 64 random hexadecimal digits that only its owner can read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::sys::atomic_file;
use crate::sys::random::random_hex;

const FILE_NAME: &str = "http-token";
const MIN_TOKEN_CHARS: usize = 64;
const MAX_FILE_BYTES: u64 = 4096;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot read {}: {error}; restart Operator, which creates it", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{} holds no token: remove it and restart Operator", .0.display())]
    Invalid(PathBuf),
}

pub(crate) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE_NAME)
}

pub(crate) fn load(state_dir: &Path) -> Result<SecretString, Error> {
    let path = path(state_dir);
    let mut text = String::new();
    let read = File::open(&path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
    if let Err(error) = read {
        return Err(Error::Unreadable { path, error });
    }
    let token = text.trim();
    if token.len() < MIN_TOKEN_CHARS { Err(Error::Invalid(path)) } else { Ok(token.into()) }
}

/// The token; a new one unless a valid file exists that only its owner can read.
pub(crate) fn load_or_create(state_dir: &Path) -> io::Result<SecretString> {
    let path = path(state_dir);
    if is_private_file(&path)
        && let Ok(token) = load(state_dir)
    {
        return Ok(token);
    }
    let token = SecretString::from(random_hex()?);
    let line = format!("{}\n", token.expose_secret());
    atomic_file::replace(&path, line.as_bytes(), atomic_file::PRIVATE)?;
    Ok(token)
}

/// False for a symbolic link.
fn is_private_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o077 == 0)
}
