//! Programs of the tests' own, and a proof that one has died.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A test that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// An executable file in `folder`. It is put there by another process: were it written here, a child that another test starts
/// meanwhile would hold it open for writing, and it could not be executed.
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (draft, path) = (folder.join(format!("{name}.draft")), folder.join(name));
    fs::write(&draft, text).unwrap();
    assert!(Command::new("install").args(["-m", "755"]).args([&draft, &path]).status().unwrap().success());
    fs::remove_file(draft).unwrap();
    path
}

/// A script of the shell.
pub(crate) fn sh(folder: &Path, name: &str, body: &str) -> PathBuf {
    script(folder, name, &format!("#!/bin/sh\n{body}\n"))
}

/// A pipe with a name: whoever writes to it lives, and it ends when the last of them has died.
pub(crate) struct LifeLine {
    pub(crate) path: PathBuf,
    said: tokio::task::JoinHandle<String>,
}

impl LifeLine {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let path = folder.join("life-line");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let place = path.clone();
        let said = tokio::task::spawn_blocking(move || {
            let mut said = String::new();
            File::open(place).unwrap().read_to_string(&mut said).unwrap();
            said
        });
        Self { path, said }
    }

    /// What was written to it, when all who could have are dead.
    pub(crate) async fn all_have_died(self) -> String {
        tokio::time::timeout(PATIENCE, self.said).await.expect("somebody lives on").unwrap()
    }
}
