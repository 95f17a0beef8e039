//! Stores the tokens of the Oura connection: in the Keychain on macOS, or in a file that only its owner can read.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::tokens::Tokens;
use crate::sys::atomic_file;
#[cfg(target_os = "macos")]
use crate::sys::keychain;

/// File name in the state directory.
pub const FILE_NAME: &str = "oura-tokens.json";

/// Tokens take a few hundred bytes. A longer file is not ours.
const MAX_FILE_BYTES: u64 = 64 * 1024;

#[derive(Debug, Clone)]
pub enum TokenStore {
    File(PathBuf),
    /// The account name of the Keychain item.
    #[cfg(target_os = "macos")]
    Keychain(String),
}

/// Every error is a sentence without a secret.
impl TokenStore {
    #[must_use]
    pub fn file(state_dir: &Path) -> Self {
        Self::File(state_dir.join(FILE_NAME))
    }

    /// The Keychain on macOS, a file elsewhere.
    #[must_use]
    pub fn system_default(state_dir: &Path) -> Self {
        #[cfg(target_os = "macos")]
        return Self::Keychain(format!("Oura, for {}", state_dir.display()));
        #[cfg(not(target_os = "macos"))]
        Self::file(state_dir)
    }

    /// The stored tokens, or `None` if there are none.
    pub fn load(&self) -> Result<Option<Tokens>, String> {
        let stored = match self {
            Self::File(path) => load_file(path).map_err(|error| error.to_string()),
            #[cfg(target_os = "macos")]
            Self::Keychain(account) => keychain::load(account),
        };
        let unreadable = |error: &str| format!("the tokens in {} cannot be read: {error}", self.location());
        let Some(json) = stored.map_err(|error| unreadable(&error))? else { return Ok(None) };
        Tokens::from_json(&json).map(Some).ok_or_else(|| unreadable("the content is not tokens of Operator"))
    }

    /// Replace the stored tokens. They are on disk when this returns.
    pub fn save(&self, tokens: &Tokens) -> Result<(), String> {
        let json = tokens.to_json();
        let saved = match self {
            Self::File(path) => {
                atomic_file::replace(path, json.as_bytes(), atomic_file::PRIVATE).map_err(|error| error.to_string())
            }
            #[cfg(target_os = "macos")]
            Self::Keychain(account) => keychain::save(account, json.as_bytes()),
        };
        saved.map_err(|error| format!("the tokens cannot be written to {}: {error}", self.location()))
    }

    /// Check that tokens could be stored. The stored tokens stay as they are.
    pub fn check_writable(&self) -> Result<(), String> {
        let checked = match self {
            Self::File(path) => atomic_file::check_writable(path).map_err(|error| error.to_string()),
            #[cfg(target_os = "macos")]
            Self::Keychain(account) => {
                let trial = format!("{account} (trial)");
                keychain::save(&trial, b"trial").and_then(|()| keychain::delete(&trial))
            }
        };
        checked.map_err(|error| format!("no tokens can be written to {}: {error}", self.location()))
    }

    pub fn delete(&self) -> Result<(), String> {
        let deleted = match self {
            Self::File(path) => atomic_file::remove(path).map_err(|error| error.to_string()),
            #[cfg(target_os = "macos")]
            Self::Keychain(account) => keychain::delete(account),
        };
        deleted.map_err(|error| format!("the tokens in {} cannot be removed: {error}", self.location()))
    }

    /// The file's path, or "the Keychain".
    #[must_use]
    pub fn location(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            #[cfg(target_os = "macos")]
            Self::Keychain(_) => "the Keychain".into(),
        }
    }
}

fn load_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let metadata = match path.metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    // A pipe or a device could block the reader forever.
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(io::Error::other("it is not a token file of Operator"));
    }
    let mut content = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES).read_to_end(&mut content)?;
    Ok(Some(content))
}
