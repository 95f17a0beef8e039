//! Watches `config.yaml` and passes each new version to the engine.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::app::load::ConfigSource;
use crate::engine::ConfigUpdate;

/// Editors write a file in several steps: it is read after it has been unchanged this long.
const SETTLE_DELAY: Duration = Duration::from_millis(200);

/// Watch until the engine has stopped. Without file watching a change takes effect at the next start.
pub async fn watch_config(source: ConfigSource, engine: mpsc::Sender<ConfigUpdate>) {
    let (sender, mut changes) = mpsc::channel(1);
    let watcher = match watch(&source.path, sender) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(file = %source.path.display(), %error, "configuration is not watched, restart after a change");
            return;
        }
    };
    let mut known = fs::read(&source.path).ok();
    while changes.recv().await.is_some() {
        while let Ok(Some(())) = tokio::time::timeout(SETTLE_DELAY, changes.recv()).await {}
        let now = fs::read(&source.path).ok();
        // A missing file is being replaced; one with the same content was only touched.
        if now.is_none() || now == known {
            continue;
        }
        known = now;
        if engine.send(source.load()).await.is_err() {
            break;
        }
    }
    drop(watcher);
}

/// Watch the folder, because editors replace the file; behind a symlink, the target's folder too.
fn watch(path: &Path, changed: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let files: BTreeSet<PathBuf> = [std::path::absolute(path)?, path.canonicalize()?].into();
    let folders: BTreeSet<PathBuf> = files.iter().filter_map(|file| Some(file.parent()?.to_path_buf())).collect();
    let names: BTreeSet<OsString> = files.iter().filter_map(|file| Some(file.file_name()?.to_owned())).collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let is_config =
            |event: &Event| event.paths.iter().filter_map(|path| path.file_name()).any(|name| names.contains(name));
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_)) && is_config(&event)) {
            // A full channel already holds a change.
            let _ = changed.try_send(());
        }
    })?;
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}
