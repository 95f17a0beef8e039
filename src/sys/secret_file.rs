//! Secrets, either given as a value or in a file of their own.

use std::fmt;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// A longer file is not a secret.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A file that is not read by then is on a disk that does not respond.
const READ_TIMEOUT: Duration = Duration::from_secs(15);

/// Names the file, never its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub message: String,
    pub hint: &'static str,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} – {}", self.message, self.hint)
    }
}

impl std::error::Error for Error {}

/// The value, else the content of the file, without surrounding white space. Empty counts as absent.
pub fn resolve(value: Option<&SecretString>, file: Option<&Path>) -> Result<Option<SecretString>, Error> {
    let value = value.map(|secret| secret.expose_secret().trim()).filter(|text| !text.is_empty());
    match (value, file) {
        (Some(text), _) => Ok(Some(text.into())),
        (None, Some(path)) => read_file(path),
        (None, None) => Ok(None),
    }
}

/// `resolve` off the async thread and with a time limit.
pub async fn load(value: Option<&SecretString>, file: Option<&PathBuf>) -> Result<Option<SecretString>, Error> {
    let (None, Some(file)) = (value, file.cloned()) else { return resolve(value, None) };
    let failed = |reason| unreadable(&file, reason);
    let path = file.clone();
    match timeout(READ_TIMEOUT, spawn_blocking(move || read_file(&path))).await {
        Ok(Ok(secret)) => secret,
        Ok(Err(_)) => Err(failed("reading broke off")),
        Err(_) => Err(failed("the file does not respond")),
    }
}

fn read_file(path: &Path) -> Result<Option<SecretString>, Error> {
    let failed = |error: std::io::Error| unreadable(path, error);
    // A pipe or a device could block the reader forever.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(unreadable(path, "it is not a file"));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    let length = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if length as u64 > MAX_FILE_BYTES {
        return Err(unreadable(path, "the file is too long"));
    }
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.into()))
}

fn unreadable(path: &Path, reason: impl fmt::Display) -> Error {
    Error {
        message: format!("cannot read the secret in {}: {reason}", path.display()),
        hint: "Put the secret into this file as one line of text that only you can read.",
    }
}

/// A secret that is read at every use, because its file may change.
#[derive(Debug)]
pub(crate) struct Secret {
    value: Option<SecretString>,
    file: Option<PathBuf>,
}

impl Secret {
    pub(crate) fn new(value: &Option<SecretString>, file: &Option<PathBuf>) -> Self {
        Self { value: value.clone(), file: file.clone() }
    }

    /// `None` if neither is configured; an empty file is an error.
    pub(crate) fn resolve(&self) -> Result<Option<SecretString>, Error> {
        let secret = resolve(self.value.as_ref(), self.file.as_deref())?;
        match (&secret, &self.file) {
            (None, Some(file)) => Err(unreadable(file, "the file is empty")),
            _ => Ok(secret),
        }
    }
}

/// Hashes the current content, and with it changes of the file.
impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let secret = self.resolve().ok().flatten();
        secret.as_ref().map(ExposeSecret::expose_secret).hash(state);
    }
}
