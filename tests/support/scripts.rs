//! Test scripts, and a proof that a process has died.

use std::fs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A test that takes longer has failed.
const DEATH_TIMEOUT: Duration = Duration::from_secs(30);

/// Creates an executable in `folder` by another process. If this process wrote it, a child of another test could inherit the open
/// file, and executing it would fail (ETXTBSY).
pub(crate) fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (draft, path) = (folder.join(format!("{name}.draft")), folder.join(name));
    fs::write(&draft, text).unwrap();
    assert!(Command::new("install").args(["-m", "755"]).args([&draft, &path]).status().unwrap().success());
    fs::remove_file(draft).unwrap();
    path
}

/// Creates a shell script.
pub(crate) fn sh(folder: &Path, name: &str, body: &str) -> PathBuf {
    script(folder, name, &format!("#!/bin/sh\n{body}\n"))
}

/// A named pipe that processes open for writing. It ends when the last of them has died.
pub(crate) struct LifeLine {
    pub(crate) path: PathBuf,
    content: tokio::task::JoinHandle<String>,
}

impl LifeLine {
    pub(crate) fn in_folder(folder: &Path) -> Self {
        let path = folder.join("life-line");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let pipe = path.clone();
        let content = tokio::task::spawn_blocking(move || {
            let mut content = String::new();
            File::open(pipe).unwrap().read_to_string(&mut content).unwrap();
            content
        });
        Self { path, content }
    }

    /// Returns the written content when all writers are dead.
    pub(crate) async fn wait_until_dead(self) -> String {
        tokio::time::timeout(DEATH_TIMEOUT, self.content).await.expect("a process is alive").unwrap()
    }
}
