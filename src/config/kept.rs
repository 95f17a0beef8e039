//! Where a secret stands.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

/// A secret that stands under its key, or in the file that `…_file` names.
pub(super) struct Kept<'a> {
    pub(super) key: &'static str,
    pub(super) value: &'a Option<SecretString>,
    pub(super) file: &'a Option<PathBuf>,
}

impl Kept<'_> {
    pub(super) fn is_set(&self) -> bool {
        self.file.is_some() || self.value.as_ref().is_some_and(|secret| !secret.expose_secret().is_empty())
    }

    pub(super) fn is_given_twice(&self) -> bool {
        self.file.is_some() && self.value.is_some()
    }
}
