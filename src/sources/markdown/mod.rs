//! Markdown notes: open checkboxes in a folder, with Obsidian's markers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::ZonedDateTime;
use jiff::civil::Date;

use self::cache::{NoteCache, NoteItems};
use self::note::Item;
use super::{Error, FetchFuture, TaskSource};
use crate::core::facts::{Task, TaskReading, TaskStatus};
use crate::core::text::truncate;
use crate::sources::blocking::run_blocking;
use crate::sources::task_builder::{add_note, empty_reading};

mod cache;
mod folder;
mod line;
mod markers;
mod note;

const SOURCE: &str = "markdown";

/// A title in a note about an unreadable task is cut to this length (characters).
const MAX_SHOWN_TITLE_CHARS: usize = 100;

#[derive(Debug, Clone, Default)]
pub struct Markdown {
    pub folder: Option<PathBuf>,
    /// Folders and files to skip, relative to `folder`.
    pub exclude: Vec<PathBuf>,
    pub cache: Arc<Mutex<NoteCache>>,
}

impl TaskSource for Markdown {
    fn source_name(&self) -> &'static str {
        SOURCE
    }

    fn is_configured(&self) -> bool {
        self.folder.is_some()
    }

    fn is_local(&self) -> bool {
        true
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(async {
            let Some(folder) = self.folder.clone() else {
                return Err(Error::not_configured(SOURCE, "no folder is configured", "set sources.markdown.folder"));
            };
            let (exclude, cache, now) = (self.exclude.clone(), Arc::clone(&self.cache), now.clone());
            run_blocking(SOURCE, move || {
                // The first read of very many notes may exceed the timeout; it goes on in its thread.
                let Ok(mut cache) = cache.try_lock() else {
                    return Err(Error::transient(SOURCE, "the notes are still being read"));
                };
                read_notes(&folder, &exclude, &mut cache, &now)
            })
            .await
        })
    }
}

/// Blocking.
fn read_notes(
    root: &Path,
    exclude: &[PathBuf],
    cache: &mut NoteCache,
    now: &ZonedDateTime,
) -> Result<TaskReading, Error> {
    let mut reading = empty_reading(SOURCE, now.timestamp());
    let notes = folder::find_notes(root, exclude, &mut reading)?;
    let mut next_cache = NoteCache::default();
    for note in &notes {
        let items = match cache.take(note) {
            Some(items) => items,
            None => match note.read_text() {
                Ok(text) => NoteItems::new(note::parse_items(&text)),
                Err(error) => {
                    let error = Error::from_io(SOURCE, &note.path, &error);
                    add_note(&mut reading.notes, format!("Skipped: {}.", error.message));
                    reading.unreadable.push(format!("{}#", note.name));
                    continue;
                }
            },
        };
        if note.is_truncated() {
            let text = format!("Only the beginning of {} was read, because it is very long.", note.name);
            add_note(&mut reading.notes, text);
        }
        for item in items.as_slice() {
            add_task(item, &note.name, now.date(), &mut reading);
        }
        next_cache.insert(note, items);
    }
    *cache = next_cache;
    reading.tasks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(reading)
}

fn add_task(item: &Item, note: &str, today: Date, reading: &mut TaskReading) {
    let id = format!("{note}#{}", item.name);
    if let Some(problem) = item.problem {
        let title = truncate(&item.title, MAX_SHOWN_TITLE_CHARS);
        add_note(&mut reading.notes, format!("'{title}' in {note} {problem}."));
        return reading.unreadable.push(id);
    }
    reading.tasks.push(Task {
        id,
        title: item.title.clone(),
        status: match item.is_started {
            true => TaskStatus::Active,
            false if item.start.is_some_and(|start| start > today) => TaskStatus::Backlog,
            false => TaskStatus::Pending,
        },
        priority: item.priority,
        due: item.due,
        milestone: false,
        same_as: None,
    });
}
