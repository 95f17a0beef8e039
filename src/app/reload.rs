//! Watching `config.yaml`: a change of it is read and handed to the engine.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

use crate::app::load::ConfigSource;
use crate::engine::ConfigUpdate;

/// Editors write a file in several steps: it is read when it has been left alone for so long.
const SETTLED: Duration = Duration::from_millis(200);

/// Watch until the engine is gone. Where the system cannot watch, a change holds from the next start on, and the log says so.
pub async fn watch_config(source: ConfigSource, engine: mpsc::Sender<ConfigUpdate>) {
    let (touch, mut touched) = mpsc::channel(1);
    let watcher = match watch(&source.path, touch) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!("{}: changes hold from the next start on: {error}", source.path.display());
            return;
        }
    };
    let mut known = fs::read(&source.path).ok();
    while touched.recv().await.is_some() {
        while let Ok(Some(())) = tokio::time::timeout(SETTLED, touched.recv()).await {}
        let now = fs::read(&source.path).ok();
        // A file that is gone for a moment is being replaced; one that says the same was only touched.
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

/// The folder is watched, for editors put a new file in the place of the old one; behind a link, that of the file itself as well.
fn watch(path: &Path, touch: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let files: BTreeSet<PathBuf> = [std::path::absolute(path)?, path.canonicalize()?].into();
    let folders: BTreeSet<PathBuf> = files.iter().filter_map(|file| Some(file.parent()?.to_path_buf())).collect();
    let names: BTreeSet<OsString> = files.iter().filter_map(|file| Some(file.file_name()?.to_owned())).collect();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Our own files may lie beside it.
        let is_ours =
            |event: &Event| event.paths.iter().filter_map(|path| path.file_name()).any(|name| names.contains(name));
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_)) && is_ours(&event)) {
            // One that waits says it for all.
            let _ = touch.try_send(());
        }
    })?;
    for folder in folders {
        watcher.watch(&folder, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}
