//! Info.plist: the template in the workspace with the version of Cargo.toml.

use std::fs;
use std::path::Path;

use plist::{Dictionary, Value};

use crate::error::{Error, WithPath};

#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    keys: Dictionary,
    version: String,
}

impl Info {
    /// Read `Cargo.toml` and `Info.plist` in `root`.
    pub fn load(root: &Path) -> Result<Self, Error> {
        let manifest = root.join("Cargo.toml");
        let manifest_text = fs::read_to_string(&manifest).with_path(&manifest)?;
        let version = version(&manifest_text)
            .ok_or_else(|| Error::content(manifest.display().to_string(), "has no version in [package]"))?;
        let template = root.join("Info.plist");
        Self::fill(&fs::read(&template).with_path(&template)?, version)
            .map_err(|why| Error::content(template.display().to_string(), why))
    }

    fn fill(template: &[u8], version: &str) -> Result<Self, String> {
        let value = Value::from_reader_xml(template).map_err(|error| error.to_string())?;
        let mut keys = value.into_dictionary().ok_or("is not a dictionary")?;
        keys.insert("CFBundleShortVersionString".to_owned(), version.into());
        // Apple's tools accept numbers only, without "-rc.1".
        let numbers = version.split(['-', '+']).next().unwrap_or(version);
        keys.insert("CFBundleVersion".to_owned(), numbers.into());
        let info = Self { keys, version: version.to_owned() };
        info.text("LSMinimumSystemVersion").ok_or("has no LSMinimumSystemVersion")?;
        Ok(info)
    }

    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Oldest supported macOS.
    #[must_use]
    pub fn min_macos(&self) -> &str {
        self.text("LSMinimumSystemVersion").unwrap_or_default()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.as_string()
    }

    pub fn to_xml(&self) -> Result<Vec<u8>, Error> {
        let mut xml = Vec::new();
        Value::Dictionary(self.keys.clone())
            .to_writer_xml(&mut xml)
            .map_err(|error| Error::content("Info.plist", error))?;
        Ok(xml)
    }
}

/// `version` in the `[package]` section of a manifest.
fn version(manifest: &str) -> Option<&str> {
    let package = manifest.lines().skip_while(|line| line.trim() != "[package]").skip(1);
    let mut own = package.take_while(|line| !line.starts_with('['));
    own.find_map(|line| {
        let (key, value) = line.split_once('=')?;
        if key.trim() == "version" { value.split('"').nth(1) } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_comes_from_the_package_section() {
        let manifest = "[workspace]\nversion = \"9\"\n[package]\nname = \"x\"\nversion = \"1.2.3\" # so\n[lib]\n";
        assert_eq!(version(manifest), Some("1.2.3"));
        assert_eq!(version("[package]\nname = \"x\"\n[dependencies]\nversion = \"1\"\n"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn prerelease_suffix_is_not_in_bundle_version() {
        let template =
            b"<plist version=\"1.0\"><dict><key>LSMinimumSystemVersion</key><string>13.0</string></dict></plist>";
        let info = Info::fill(template, "1.2.3-rc.1").unwrap();
        assert_eq!(info.text("CFBundleShortVersionString"), Some("1.2.3-rc.1"));
        assert_eq!(info.text("CFBundleVersion"), Some("1.2.3"));
        assert_eq!((info.version(), info.min_macos()), ("1.2.3-rc.1", "13.0"));
    }

    #[test]
    fn invalid_template_is_an_error() {
        assert!(Info::fill(b"nonsense", "1.0.0").is_err());
        assert!(Info::fill(b"<plist version=\"1.0\"><array/></plist>", "1.0.0").is_err());
        assert!(Info::fill(b"<plist version=\"1.0\"><dict/></plist>", "1.0.0").is_err());
    }
}
