//! Markdown: checkboxes with the signs of Obsidian Tasks, in a folder of notes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jiff::ZonedDateTime;
use jiff::civil::Date;

use self::memory::{Found, Memory};
use self::note::Item;
use super::error::SourceError;
use super::tasks::{Reading, TaskSource};
use crate::core::facts::{Task, TaskReading, TaskStatus};
use crate::core::text::clip;
use crate::sources::blocking::run_blocking;
use crate::sources::task_builder;

mod folder;
mod line;
mod memory;
mod note;
mod signs;

const SOURCE: &str = "markdown";

/// No more is shown of a title that something is wrong with (characters).
const SHOWN: usize = 100;

/// A folder of notes.
#[derive(Debug, Clone, Default)]
pub struct Markdown {
    /// Where it is, if one is named.
    pub folder: Option<PathBuf>,
    /// Folders and files in it that are passed over, as paths from it.
    pub exclude: Vec<PathBuf>,
    /// What was found in files that have not changed since.
    pub memory: Arc<Mutex<Memory>>,
}

impl TaskSource for Markdown {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn is_set_up(&self) -> bool {
        self.folder.is_some()
    }

    fn is_local(&self) -> bool {
        true
    }

    fn read<'a>(&'a self, now: &'a ZonedDateTime) -> Reading<'a> {
        Box::pin(async {
            let Some(folder) = self.folder.clone() else {
                return Err(SourceError::not_set_up(SOURCE, "no folder is named", "set sources.markdown.folder"));
            };
            let (exclude, memory, now) = (self.exclude.clone(), Arc::clone(&self.memory), now.clone());
            run_blocking(SOURCE, move || {
                // A first look at very many notes may take longer than one is waited for; it goes on.
                let Ok(mut memory) = memory.try_lock() else {
                    return Err(SourceError::outage(SOURCE, "the notes are still being read"));
                };
                read(&folder, &exclude, &mut memory, &now)
            })
            .await
        })
    }
}

/// Open tasks as of `now`. Blocking.
fn read(
    root: &Path,
    exclude: &[PathBuf],
    memory: &mut Memory,
    now: &ZonedDateTime,
) -> Result<TaskReading, SourceError> {
    let mut reading = task_builder::reading(SOURCE, now.timestamp());
    let files = folder::notes(root, exclude, &mut reading)?;
    let mut renewed = Memory::default();
    for file in &files {
        let found = match memory.take(file) {
            Some(found) => found,
            None => match file.read() {
                Ok(text) => Found::of(note::items(&text)),
                Err(error) => {
                    let trouble = SourceError::unreadable(SOURCE, &file.path, &error);
                    task_builder::note(&mut reading, format!("Passed over: {}.", trouble.what));
                    reading.unreadable.push(format!("{}#", file.name));
                    continue;
                }
            },
        };
        if file.is_cut() {
            task_builder::note(&mut reading, format!("Only the beginning of {} is read: it is very long.", file.name));
        }
        for item in found.items() {
            take(item, &file.name, now.date(), &mut reading);
        }
        renewed.keep(file, found);
    }
    *memory = renewed;
    reading.tasks.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(reading)
}

fn take(item: &Item, file: &str, today: Date, reading: &mut TaskReading) {
    let id = format!("{file}#{}", item.name);
    if let Some(trouble) = item.trouble {
        task_builder::note(reading, format!("'{}' in {file} {trouble}.", clip(&item.title, SHOWN)));
        return reading.unreadable.push(id);
    }
    reading.tasks.push(Task {
        id,
        title: item.title.clone(),
        status: match item.begun {
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
