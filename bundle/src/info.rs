//! Info.plist: the template at the root with the program's version put in.

use std::fs;
use std::path::Path;

use plist::{Dictionary, Value};

use crate::failure::{About, Failure};

/// What macOS is told about the app.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    keys: Dictionary,
    version: String,
}

impl Info {
    /// The template and the version in the folder that holds `Cargo.toml` and `Info.plist`.
    ///
    /// # Errors
    /// When one of them is missing or holds something else.
    pub fn read(root: &Path) -> Result<Self, Failure> {
        let manifest = root.join("Cargo.toml");
        let manifest_text = fs::read_to_string(&manifest).about(&manifest)?;
        let version = version(&manifest_text)
            .ok_or_else(|| Failure::content(manifest.display().to_string(), "says no version in [package]"))?;
        let template = root.join("Info.plist");
        Self::fill(&fs::read(&template).about(&template)?, version)
            .map_err(|why| Failure::content(template.display().to_string(), why))
    }

    fn fill(template: &[u8], version: &str) -> Result<Self, String> {
        let value = Value::from_reader_xml(template).map_err(|error| error.to_string())?;
        let mut keys = value.into_dictionary().ok_or("is not a dictionary")?;
        keys.insert("CFBundleShortVersionString".to_owned(), version.into());
        // Apple's tools compare this one by its numbers and know no "-rc.1".
        let numbers = version.split(['-', '+']).next().unwrap_or(version);
        keys.insert("CFBundleVersion".to_owned(), numbers.into());
        let info = Self { keys, version: version.to_owned() };
        info.text("LSMinimumSystemVersion").ok_or("says no LSMinimumSystemVersion")?;
        Ok(info)
    }

    /// The program's version, as in Cargo.toml.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The oldest macOS that the app starts on.
    #[must_use]
    pub fn floor(&self) -> &str {
        self.text("LSMinimumSystemVersion").unwrap_or_default()
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key)?.as_string()
    }

    /// The file's content.
    ///
    /// # Errors
    /// When it cannot be written as XML.
    pub fn to_xml(&self) -> Result<Vec<u8>, Failure> {
        let mut xml = Vec::new();
        Value::Dictionary(self.keys.clone())
            .to_writer_xml(&mut xml)
            .map_err(|error| Failure::content("Info.plist", error))?;
        Ok(xml)
    }
}

/// The version in a manifest's `[package]`.
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
    fn the_version_is_that_of_the_package() {
        let manifest = "[workspace]\nversion = \"9\"\n[package]\nname = \"x\"\nversion = \"1.2.3\" # so\n[lib]\n";
        assert_eq!(version(manifest), Some("1.2.3"));
        assert_eq!(version("[package]\nname = \"x\"\n[dependencies]\nversion = \"1\"\n"), None);
        assert_eq!(version(""), None);
    }

    #[test]
    fn a_version_to_come_keeps_its_name_for_people_and_its_numbers_for_tools() {
        let template =
            b"<plist version=\"1.0\"><dict><key>LSMinimumSystemVersion</key><string>13.0</string></dict></plist>";
        let info = Info::fill(template, "1.2.3-rc.1").unwrap();
        assert_eq!(info.text("CFBundleShortVersionString"), Some("1.2.3-rc.1"));
        assert_eq!(info.text("CFBundleVersion"), Some("1.2.3"));
        assert_eq!((info.version(), info.floor()), ("1.2.3-rc.1", "13.0"));
    }

    #[test]
    fn a_template_that_is_none_is_refused() {
        assert!(Info::fill(b"nonsense", "1.0.0").is_err());
        assert!(Info::fill(b"<plist version=\"1.0\"><array/></plist>", "1.0.0").is_err());
        assert!(Info::fill(b"<plist version=\"1.0\"><dict/></plist>", "1.0.0").is_err());
    }
}
