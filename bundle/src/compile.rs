//! The release build: for both kinds of Mac where both can be built, joined into one file.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Runner};
use crate::failure::{About, Failure};

/// The two kinds of Mac.
pub const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];

/// Where Rust keeps what it needs for each target.
///
/// # Errors
/// When there is no Rust.
pub fn sysroot() -> Result<PathBuf, Failure> {
    Call::new("rustc").words("--print sysroot").answer().map(PathBuf::from)
}

/// Those of [`TARGETS`] that this Rust can build for, with rustup or without.
#[must_use]
pub fn installed(sysroot: &Path) -> Vec<&'static str> {
    let there = |target: &&str| sysroot.join("lib/rustlib").join(target).join("lib").is_dir();
    TARGETS.into_iter().filter(there).collect()
}

/// What to build, and where.
#[derive(Debug, Clone)]
pub struct Build<'a> {
    /// The folder that holds the root's Cargo.toml.
    pub root: &'a Path,
    /// Cargo's target directory.
    pub target_dir: &'a Path,
    /// The oldest macOS that the result must start on.
    pub floor: &'a str,
}

impl Build<'_> {
    /// Build the program for every target and join the results.
    ///
    /// # Errors
    /// When there is no target, or a build or the joining fails.
    pub fn program(&self, targets: &[&str], run: &mut Runner) -> Result<PathBuf, Failure> {
        for target in targets {
            run(&self.cargo(target))?;
        }
        match targets {
            [] => {
                Err(Failure::Usage(format!("this Rust builds for no Mac: `rustup target add {}`", TARGETS.join(" "))))
            }
            [only] => Ok(self.slice(only)),
            several => {
                let whole = self.target_dir.join("universal-apple-darwin/release/operator");
                let folder = whole.parent().unwrap_or(self.target_dir);
                fs::create_dir_all(folder).about(folder)?;
                let slices: Vec<PathBuf> = several.iter().map(|target| self.slice(target)).collect();
                run(&join(&slices, &whole))?;
                Ok(whole)
            }
        }
    }

    fn slice(&self, target: &str) -> PathBuf {
        self.target_dir.join(target).join("release/operator")
    }

    /// C code and linker are told the same oldest macOS that Info.plist promises.
    fn cargo(&self, target: &str) -> Call {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Call::new(cargo)
            .words("build --locked --release --package operator --bin operator --target")
            .arg(target)
            .arg("--target-dir")
            .arg(self.target_dir)
            .arg("--manifest-path")
            .arg(self.root.join("Cargo.toml"))
            .env("MACOSX_DEPLOYMENT_TARGET", self.floor)
    }
}

fn join(slices: &[PathBuf], whole: &Path) -> Call {
    slices.iter().fold(Call::new("lipo").arg("-create"), Call::arg).arg("-output").arg(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(targets: &[&str]) -> (Result<PathBuf, Failure>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let build = Build { root: Path::new("/r"), target_dir: folder.path(), floor: "13.0" };
        let mut seen = Vec::new();
        let shown = |text: String| text.replace(folder.path().to_str().unwrap(), "T");
        let made = build.program(targets, &mut |call| {
            seen.push(shown(call.to_string()));
            Ok(())
        });
        (made.map(|path| shown(path.display().to_string()).into()), seen)
    }

    #[test]
    fn both_targets_are_joined() {
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
    fn one_target_needs_no_joining_and_none_is_refused() {
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
    fn only_targets_whose_library_is_there_count() {
        let sysroot = tempfile::tempdir().unwrap();
        assert!(installed(sysroot.path()).is_empty());
        fs::create_dir_all(sysroot.path().join("lib/rustlib/x86_64-apple-darwin/lib")).unwrap();
        fs::create_dir_all(sysroot.path().join("lib/rustlib/x86_64-unknown-linux-gnu/lib")).unwrap();
        assert_eq!(installed(sysroot.path()), ["x86_64-apple-darwin"]);
    }
}
