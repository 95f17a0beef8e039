//! The Homebrew cask: the template with a release's version, checksum and address put in.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::failure::{About, Failure};

/// The cask before a release is known.
pub const TEMPLATE: &str = include_str!("../cask/operator.rb");

/// A release, as the cask must name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release<'a> {
    /// Its version, without a `v`.
    pub version: &'a str,
    /// The disk image's SHA-256, in hexadecimal digits.
    pub sha256: &'a str,
    /// Its GitHub repository: `owner/name`.
    pub repository: &'a str,
}

impl Release<'_> {
    /// The cask of this release.
    #[must_use]
    pub fn cask(&self) -> String {
        let places = [("@VERSION@", self.version), ("@SHA256@", self.sha256), ("@REPOSITORY@", self.repository)];
        places.into_iter().fold(TEMPLATE.to_owned(), |text, (place, value)| text.replace(place, value))
    }
}

/// The SHA-256 of a file, in hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(file: &Path) -> Result<String, Failure> {
    let hash = Sha256::digest(fs::read(file).about(file)?);
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A repository's name, if it is one: it is put into a program text.
///
/// # Errors
/// In words, when it is something else than `owner/name`.
pub fn repository(text: &str) -> Result<String, String> {
    let name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match text.split_once('/') {
        Some((owner, project)) if name(owner) && name(project) => Ok(text.to_owned()),
        _ => Err(format!("'{text}' is not a repository: give one like owner/operator")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_filled_in() {
        let release = Release { version: "1.2.3", sha256: "abc123", repository: "someone/operator" };
        let cask = release.cask();
        assert!(!cask.contains('@'), "{cask}");
        for line in ["version \"1.2.3\"", "sha256 \"abc123\"", "homepage \"https://github.com/someone/operator\""] {
            assert!(cask.lines().any(|it| it.trim() == line), "{line} in {cask}");
        }
        assert!(cask.contains("releases/download/v#{version}/Operator-#{version}.dmg"), "{cask}");
    }

    #[test]
    fn what_operator_leaves_is_zapped() {
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
    fn the_checksum_is_that_of_the_content() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(file.path()).unwrap(), known);
    }

    #[test]
    fn only_a_repository_is_one() {
        assert!(repository("some-one/operator.rs").is_ok());
        for wrong in ["", "operator", "a/b/c", "/b", "a/", "a/b\"; system(1)"] {
            assert!(repository(wrong).is_err(), "{wrong}");
        }
    }
}
