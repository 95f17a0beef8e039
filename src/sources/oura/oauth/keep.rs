//! Where the tokens of a connection lie: in the Keychain on macOS, or in a file that only its owner can read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::tokens::Tokens;

#[cfg(target_os = "macos")]
mod keychain;

/// The file's name in the state directory.
pub const FILE_NAME: &str = "oura-tokens.json";

/// No pair of tokens is longer (bytes).
const LONGEST: u64 = 64 * 1024;

/// Where the tokens of one state directory lie.
#[derive(Debug, Clone)]
pub enum Keep {
    /// In this file.
    File(PathBuf),
    /// In the person's Keychain, under this name.
    #[cfg(target_os = "macos")]
    Keychain(String),
}

impl Keep {
    /// A file in the state directory.
    #[must_use]
    pub fn file(state_dir: &Path) -> Self {
        Self::File(state_dir.join(FILE_NAME))
    }

    /// What this system has for secrets.
    #[must_use]
    pub fn of_system(state_dir: &Path) -> Self {
        #[cfg(target_os = "macos")]
        return Self::Keychain(format!("Oura, for {}", state_dir.display()));
        #[cfg(not(target_os = "macos"))]
        Self::file(state_dir)
    }

    /// The tokens; none if there are none.
    ///
    /// # Errors
    /// In words without a secret, when they cannot be read.
    pub fn load(&self) -> Result<Option<Tokens>, String> {
        let found = match self {
            Self::File(path) => read(path).map_err(|error| error.to_string()),
            #[cfg(target_os = "macos")]
            Self::Keychain(name) => keychain::read(name),
        };
        let unreadable = |what: &str| format!("the tokens in {} cannot be read: {what}", self.place());
        let Some(text) = found.map_err(|what| unreadable(&what))? else { return Ok(None) };
        Tokens::from_json(&text).map(Some).ok_or_else(|| unreadable("it holds something else"))
    }

    /// Put these in the place of what is there: whole and on the disk, or not at all.
    ///
    /// # Errors
    /// In words without a secret, when they cannot be written.
    pub fn save(&self, tokens: &Tokens) -> Result<(), String> {
        let text = tokens.to_json();
        let saved = match self {
            Self::File(path) => replace(path, text.as_bytes()).map_err(|error| error.to_string()),
            #[cfg(target_os = "macos")]
            Self::Keychain(name) => keychain::write(name, text.as_bytes()),
        };
        saved.map_err(|what| format!("the tokens cannot be written to {}: {what}", self.place()))
    }

    /// Whether something could be kept here; what is there stays.
    ///
    /// # Errors
    /// In words, when nothing can be written.
    pub fn try_writing(&self) -> Result<(), String> {
        let tried = match self {
            Self::File(path) => try_replacing(path).map_err(|error| error.to_string()),
            #[cfg(target_os = "macos")]
            Self::Keychain(name) => {
                let trial = format!("{name} (trial)");
                keychain::write(&trial, b"trial").and_then(|()| keychain::remove(&trial))
            }
        };
        tried.map_err(|what| format!("no tokens can be written to {}: {what}", self.place()))
    }

    /// Keep nothing any more.
    ///
    /// # Errors
    /// In words, when it cannot be taken away.
    pub fn forget(&self) -> Result<(), String> {
        let forgotten = match self {
            // A crash may have left a draft of them.
            Self::File(path) => remove(path).and_then(|()| remove(&draft(path))).map_err(|error| error.to_string()),
            #[cfg(target_os = "macos")]
            Self::Keychain(name) => keychain::remove(name),
        };
        forgotten.map_err(|what| format!("the tokens in {} cannot be removed: {what}", self.place()))
    }

    /// In words.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            #[cfg(target_os = "macos")]
            Self::Keychain(_) => "the Keychain".into(),
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match path.metadata() {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // A pipe or a device could keep the reader waiting for ever.
    if !file.is_file() || file.len() > LONGEST {
        return Err(io::Error::other("it is no file of ours"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut text)?;
    Ok(Some(text))
}

/// Written beside it, flushed to the disk, then moved over it; the folder is flushed too, or a power cut could bring the old one back,
/// whose refresh token is used up.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = draft(path);
    remove(&beside)?; // left over from a crash, perhaps with other rights
    let written = write(&beside, text).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside); // the first error is the one that tells
    }
    written?;
    File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

/// As far as `replace` goes before it changes anything.
fn try_replacing(path: &Path) -> io::Result<()> {
    let beside = draft(path);
    remove(&beside)?;
    let written = write(&beside, b"trial");
    let removed = remove(&beside);
    written.and(removed)
}

fn draft(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
