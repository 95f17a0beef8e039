//! A secret as the person gave it, in the configuration or in a file of its own.

use std::hash::{Hash, Hasher};
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::Failure;
use crate::sources::secret_file;

/// Where a secret is. A file is read at every use, so that a new one holds at once.
#[derive(Debug)]
pub(crate) struct Secret {
    value: Option<SecretString>,
    file: Option<PathBuf>,
}

impl Secret {
    pub(crate) fn new(value: &Option<SecretString>, file: &Option<PathBuf>) -> Self {
        Self { value: value.clone(), file: file.clone() }
    }

    /// The secret, if one is given.
    ///
    /// # Errors
    /// `Refused`, naming the file, when it cannot be read or is empty: whoever named it wants its secret to be used.
    pub(crate) fn read(&self) -> Result<Option<SecretString>, Failure> {
        let found = secret_file::resolve(self.value.as_ref(), self.file.as_deref(), "");
        let found = found.map_err(|error| Failure::refused(error.message, error.advice))?;
        match (&found, &self.file) {
            (None, Some(file)) => {
                Err(Failure::refused(format!("{} is empty", file.display()), "put the secret into it as one line"))
            }
            _ => Ok(found),
        }
    }
}

/// By what it says now: so a change of it shows.
impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let known = self.read().ok().flatten();
        known.as_ref().map(ExposeSecret::expose_secret).hash(state);
    }
}
