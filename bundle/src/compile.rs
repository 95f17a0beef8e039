//! Release build for the installed macOS targets, joined into one universal binary.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Runner};
use crate::error::{Error, WithPath};

/// Apple silicon and Intel.
pub const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];

pub fn sysroot() -> Result<PathBuf, Error> {
    Call::new("rustc").words("--print sysroot").stdout().map(PathBuf::from)
}

/// The [`TARGETS`] whose standard library is installed, with or without rustup.
#[must_use]
pub fn installed(sysroot: &Path) -> Vec<&'static str> {
    let there = |target: &&str| sysroot.join("lib/rustlib").join(target).join("lib").is_dir();
    TARGETS.into_iter().filter(there).collect()
}

#[derive(Debug, Clone)]
pub struct Build<'a> {
    /// Folder of the workspace's Cargo.toml.
    pub root: &'a Path,
    pub target_dir: &'a Path,
    /// Oldest supported macOS, such as `13.0`.
    pub min_macos: &'a str,
}

impl Build<'_> {
    /// Build every target and return the path of the joined binary.
    pub fn program(&self, targets: &[&str], run: &mut Runner) -> Result<PathBuf, Error> {
        for target in targets {
            run(&self.cargo(target))?;
        }
        match targets {
            [] => Err(Error::Usage(format!(
                "no macOS target is installed: run `rustup target add {}`",
                TARGETS.join(" ")
            ))),
            [only] => Ok(self.slice(only)),
            several => {
                let whole = self.target_dir.join("universal-apple-darwin/release/operator");
                let folder = whole.parent().unwrap_or(self.target_dir);
                fs::create_dir_all(folder).with_path(folder)?;
                let slices: Vec<PathBuf> = several.iter().map(|target| self.slice(target)).collect();
                run(&join(&slices, &whole))?;
                Ok(whole)
            }
        }
    }

    fn slice(&self, target: &str) -> PathBuf {
        self.target_dir.join(target).join("release/operator")
    }

    /// The C compiler and the linker get the oldest macOS of Info.plist.
    fn cargo(&self, target: &str) -> Call {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Call::new(cargo)
            .words("build --locked --release --package operator --bin operator --target")
            .arg(target)
            .arg("--target-dir")
            .arg(self.target_dir)
            .arg("--manifest-path")
            .arg(self.root.join("Cargo.toml"))
            .env("MACOSX_DEPLOYMENT_TARGET", self.min_macos)
    }
}

fn join(slices: &[PathBuf], whole: &Path) -> Call {
    slices.iter().fold(Call::new("lipo").arg("-create"), Call::arg).arg("-output").arg(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(targets: &[&str]) -> (Result<PathBuf, Error>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let build = Build { root: Path::new("/r"), target_dir: folder.path(), min_macos: "13.0" };
        let mut seen = Vec::new();
        let shown = |text: String| text.replace(folder.path().to_str().unwrap(), "T");
        let made = build.program(targets, &mut |call| {
            seen.push(shown(call.to_string()));
            Ok(())
        });
        (made.map(|path| shown(path.display().to_string()).into()), seen)
    }

    #[test]
    fn two_targets_are_joined() {
        let (made, seen) = built(&TARGETS);
        assert_eq!(made.unwrap(), Path::new("T/universal-apple-darwin/release/operator"));
        let [arm, intel, join] = seen.as_slice() else { panic!("{seen:?}") };
        let wanted = "build --locked --release --package operator --bin operator --target aarch64-apple-darwin \
                      --target-dir T --manifest-path /r/Cargo.toml";
        assert!(arm.starts_with("MACOSX_DEPLOYMENT_TARGET=13.0 ") && arm.ends_with(wanted), "{arm}");
        assert!(intel.contains("--target x86_64-apple-darwin "), "{intel}");
        assert_eq!(
            join,
            "lipo -create T/aarch64-apple-darwin/release/operator T/x86_64-apple-darwin/release/operator \
             -output T/universal-apple-darwin/release/operator"
        );
    }

    #[test]
    fn one_target_is_not_joined_and_none_is_an_error() {
        let (made, seen) = built(&TARGETS[..1]);
        assert_eq!(made.unwrap(), Path::new("T/aarch64-apple-darwin/release/operator"));
        assert_eq!(seen.len(), 1);
        let (refused, seen) = built(&[]);
        assert!(
            refused.unwrap_err().to_string().contains("rustup target add aarch64-apple-darwin x86_64-apple-darwin")
        );
        assert!(seen.is_empty());
    }

    #[test]
    fn installed_targets_have_a_standard_library() {
        let sysroot = tempfile::tempdir().unwrap();
        assert!(installed(sysroot.path()).is_empty());
        fs::create_dir_all(sysroot.path().join("lib/rustlib/x86_64-apple-darwin/lib")).unwrap();
        fs::create_dir_all(sysroot.path().join("lib/rustlib/x86_64-unknown-linux-gnu/lib")).unwrap();
        assert_eq!(installed(sysroot.path()), ["x86_64-apple-darwin"]);
    }
}
