//! Secrets that the configuration points to.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

use super::interpolate::Env;
use super::schema::Config;

/// A secret that is given in the configuration, or else in a file; none if in neither.
///
/// The file is read anew each time, so a token can be changed while the program runs; space around it does not count.
///
/// # Errors
/// In words, when the file cannot be read, is empty, or is too large to hold a secret.
pub fn secret(given: Option<&SecretString>, file: Option<&Path>) -> Result<Option<SecretString>, String> {
    match (given, file) {
        (Some(secret), _) => Ok(Some(secret.clone())),
        (None, Some(file)) => read(file).map(Some).map_err(|what| format!("{}: {what}", file.display())),
        (None, None) => Ok(None),
    }
}

fn read(file: &Path) -> Result<SecretString, String> {
    const LARGEST: u64 = 64 * 1024;
    let mut text = String::new();
    let reader = File::open(file).map_err(|error| format!("this file cannot be read: {error}"))?;
    reader.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| format!("this file cannot be read: {error}"))?;
    if text.len() as u64 > LARGEST {
        return Err("this file is too large to hold one secret".into());
    }
    match text.trim() {
        "" => Err("this file is empty: put the secret in it".into()),
        secret => Ok(SecretString::from(secret)),
    }
}

impl Config {
    /// The WorkOS database: `sources.workos.url`, else what `url_file` holds, else `$WORKOS_DATABASE_URL`.
    ///
    /// # Errors
    /// In words, when `url_file` cannot be read.
    pub fn workos_url(&self, env: &Env) -> Result<Option<SecretString>, String> {
        let workos = &self.sources.workos;
        let configured = secret(workos.url.as_ref(), workos.url_file.as_deref())?;
        let from_env = || env("WORKOS_DATABASE_URL").filter(|url| !url.is_empty()).map(SecretString::from);
        Ok(configured.or_else(from_env))
    }
}
