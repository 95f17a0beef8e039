//! A secret that stands in the configuration or in a file of its own.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::sources::Error;
use crate::sources::blocking::run_blocking;

/// No token is longer (bytes); a longer file is the wrong one.
const LONGEST: u64 = 64 * 1024;

/// The value if there is one, else the file's content without the white space around it; empty is none.
/// `what` is the source that the secret is for.
///
/// # Errors
/// `NeedsUser` naming the file, if it cannot be read or is no text.
pub fn resolve(
    value: Option<&SecretString>,
    file: Option<&Path>,
    what: &'static str,
) -> Result<Option<SecretString>, Error> {
    let given = value.map(|secret| secret.expose_secret().trim()).filter(|text| !text.is_empty());
    match (given, file) {
        (Some(text), _) => Ok(Some(text.into())),
        (None, Some(path)) => from_file(path, what),
        (None, None) => Ok(None),
    }
}

/// The same, for whoever must not wait for a file.
///
/// # Errors
/// As `resolve`.
pub async fn given_or_in(
    value: Option<&SecretString>,
    file: Option<&PathBuf>,
    what: &'static str,
) -> Result<Option<SecretString>, Error> {
    match (value, file.cloned()) {
        (None, Some(file)) => run_blocking(what, move || resolve(None, Some(&file), what)).await,
        (value, _) => resolve(value, None, what),
    }
}

fn from_file(path: &Path, what: &'static str) -> Result<Option<SecretString>, Error> {
    let refused = |reason: String| {
        let advice = "Put the secret into this file as one line of text that only you can read.";
        Error::action_required(what, format!("cannot read the secret in {}: {reason}", path.display()), advice)
    };
    // A pipe or a device could keep the reader waiting for ever.
    if !path.metadata().map_err(|e| refused(e.to_string()))?.is_file() {
        return Err(refused("it is not a file".into()));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|e| refused(e.to_string()))?;
    let length = file.take(LONGEST + 1).read_to_string(&mut text).map_err(|e| refused(e.to_string()))?;
    if length as u64 > LONGEST {
        return Err(refused("the file is too long".into()));
    }
    let text = text.trim();
    Ok((!text.is_empty()).then(|| text.into()))
}
