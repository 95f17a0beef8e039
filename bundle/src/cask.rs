//! Homebrew cask: the template with version, checksum and repository of a release.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, WithPath};

pub const TEMPLATE: &str = include_str!("../cask/operator.rb");

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release<'a> {
    /// Without a leading `v`.
    pub version: &'a str,
    /// SHA-256 of the disk image, in hex.
    pub sha256: &'a str,
    /// GitHub repository: `owner/name`.
    pub repository: &'a str,
}

impl Release<'_> {
    #[must_use]
    pub fn cask(&self) -> String {
        let places = [("@VERSION@", self.version), ("@SHA256@", self.sha256), ("@REPOSITORY@", self.repository)];
        places.into_iter().fold(TEMPLATE.to_owned(), |text, (place, value)| text.replace(place, value))
    }
}

/// In hex.
pub fn sha256(file: &Path) -> Result<String, Error> {
    let hash = Sha256::digest(fs::read(file).with_path(file)?);
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Validates `owner/name`, because it becomes Ruby source.
pub fn repository(text: &str) -> Result<String, String> {
    let name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match text.split_once('/') {
        Some((owner, project)) if name(owner) && name(project) => Ok(text.to_owned()),
        _ => Err(format!("'{text}' is not a repository: write it as owner/operator")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cask_fills_every_placeholder() {
        let release = Release { version: "1.2.3", sha256: "abc123", repository: "someone/operator" };
        let cask = release.cask();
        assert!(!cask.contains('@'), "{cask}");
        for line in ["version \"1.2.3\"", "sha256 \"abc123\"", "homepage \"https://github.com/someone/operator\""] {
            assert!(cask.lines().any(|it| it.trim() == line), "{line} in {cask}");
        }
        assert!(cask.contains("releases/download/v#{version}/Operator-#{version}.dmg"), "{cask}");
    }

    #[test]
    fn zap_lists_every_folder() {
        for place in [
            "Application Support/Operator",
            "LaunchAgents/com.thanos.operator.plist",
            "Logs/Operator",
            "Preferences/com.thanos.operator.plist",
        ] {
            assert!(TEMPLATE.contains(&format!("\"~/Library/{place}\",")), "{place}");
        }
    }

    #[test]
    fn checksum_matches_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(file.path()).unwrap(), known);
    }

    #[test]
    fn repository_rejects_invalid_names() {
        assert!(repository("some-one/operator.rs").is_ok());
        for wrong in ["", "operator", "a/b/c", "/b", "a/", "a/b\"; system(1)"] {
            assert!(repository(wrong).is_err(), "{wrong}");
        }
    }
}
