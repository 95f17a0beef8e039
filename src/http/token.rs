//! The token that every access rests on: random, in a file that only its owner can read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::keys;
use crate::sys::atomic_file;

/// The file's name in the state directory.
const FILE_NAME: &str = "http-token";

/// 32 bytes as hexadecimal digits; a shorter text is no token of ours.
const LENGTH: usize = 64;

/// Why there is no token.
#[derive(Debug)]
pub(super) enum Missing {
    /// There is no file.
    Absent,
    /// It cannot be used, in words.
    Unusable(String),
}

pub(super) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE_NAME)
}

/// The token that is there.
pub(super) fn read(state_dir: &Path) -> Result<SecretString, Missing> {
    let path = path(state_dir);
    let unusable = |what: String| Missing::Unusable(format!("{}: {what}", path.display()));
    let text = match contents(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Missing::Absent),
        Err(error) => return Err(unusable(error.to_string())),
    };
    let token = text.trim();
    if token.len() < LENGTH {
        return Err(unusable("holds no token; remove it and restart Operator".into()));
    }
    Ok(token.into())
}

fn contents(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut text = String::new();
    Read::by_ref(&mut file).take(4096).read_to_string(&mut text)?;
    Ok(text)
}

/// The token, made if there is none that only its owner could have read.
///
/// # Errors
/// When it cannot be written.
pub(super) fn read_or_make(state_dir: &Path) -> io::Result<SecretString> {
    let path = path(state_dir);
    if is_private(&path)
        && let Ok(token) = read(state_dir)
    {
        return Ok(token);
    }
    let token = SecretString::from(keys::random_hex()?);
    let line = format!("{}\n", token.expose_secret());
    atomic_file::replace(&path, line.as_bytes(), atomic_file::PRIVATE)?;
    Ok(token)
}

/// Ours, and nobody else's to read.
fn is_private(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.mode() & 0o077 == 0)
}
