//! A section of a channel or source as validation and the status see it.

use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

#[derive(Default)]
pub(super) struct Section {
    pub(super) secrets: Vec<SecretSetting>,
    /// A key whose value does not fit the others, and why.
    pub(super) conflict: Option<(&'static str, &'static str)>,
    /// Fields of the status besides those of the secrets.
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// A secret that is given by its key or by a file that `KEY_file` names.
#[derive(Clone, Copy)]
pub(super) struct SecretSetting {
    pub(super) key: &'static str,
    pub(super) is_set: bool,
    pub(super) is_given_twice: bool,
}

impl Section {
    /// `KEY_set` for each secret, then the section's own fields. Invariant: holds no secret.
    pub(super) fn summary(self) -> impl Iterator<Item = (String, Value)> {
        let secrets = self.secrets.into_iter().map(|secret| (format!("{}_set", secret.key), json!(secret.is_set)));
        secrets.chain(self.fields.into_iter().map(|(key, value)| (key.to_owned(), value)))
    }
}

impl SecretSetting {
    pub(super) fn new(key: &'static str, value: &Option<SecretString>, file: &Option<PathBuf>) -> Self {
        let has_value = value.as_ref().is_some_and(|secret| !secret.expose_secret().is_empty());
        Self { key, is_set: file.is_some() || has_value, is_given_twice: file.is_some() && value.is_some() }
    }
}
