//! The new configuration: changed in memory, written once at the end.

use std::path::{Path, PathBuf};

use super::steps::{InputKind, Question};
use crate::app::exit;
use crate::app::load::EnvFn;
use crate::config::edit::{self, Setting};
use crate::config::schema::Config;
use crate::config::{self, paths};

#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) path: PathBuf,
    /// The target if `path` is a link. Relative paths still start from `path`.
    file: PathBuf,
    env: EnvFn,
    /// The content at the start; none without a file.
    original: Option<String>,
    text: String,
    pub(super) changed: Vec<String>,
    /// New entries of a list of sections.
    entries: Vec<Vec<(String, String)>>,
}

impl Draft {
    /// Open `named` or the default path; a missing file starts from the commented default.
    pub(super) fn open(named: Option<&Path>, env: EnvFn) -> Result<Self, exit::Error> {
        let path = match named {
            Some(path) => path.to_path_buf(),
            None => paths::default_config(&env)?,
        };
        let file = path.canonicalize().unwrap_or_else(|_| path.clone());
        let original = config::file_text(&path)?;
        let text = original.clone().unwrap_or_else(|| config::DEFAULT.to_owned());
        let draft = Self { path, file, env, original, text, changed: Vec::new(), entries: Vec::new() };
        draft.config()?;
        Ok(draft)
    }

    pub(super) const fn exists(&self) -> bool {
        self.original.is_some()
    }

    pub(super) fn config(&self) -> Result<Config, config::Error> {
        config::parse(&self.text, &self.path.display().to_string(), &self.env).map(|(config, _)| config)
    }

    pub(super) const fn env(&self) -> EnvFn {
        self.env
    }

    /// Resolve a path as the configuration does.
    pub(super) fn resolve_path(&self, typed: &str) -> PathBuf {
        let home = (self.env)("HOME").map(PathBuf::from);
        match (typed.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.path.parent().unwrap_or(Path::new("")).join(typed),
        }
    }

    /// Add an entry with a new name to a list of sections.
    pub(super) fn add_entry(&mut self, list: &str, keys: Vec<(String, String)>) -> Result<(), String> {
        let mut entry = vec![("name".to_owned(), entry_name(self.entries.len() + 1))];
        entry.extend(keys);
        self.entries.push(entry);
        self.set(list, &Setting::Sections(self.entries.clone()))
    }

    pub(super) fn last_entry_name(&self) -> String {
        entry_name(self.entries.len())
    }

    /// The value of a key, or its default.
    pub(super) fn effective(&self, key: &str) -> Option<String> {
        self.value(key).or_else(|| edit::get(config::DEFAULT, key))
    }

    /// The value of a key in the file.
    pub(super) fn value(&self, key: &str) -> Option<String> {
        edit::get(&self.text, key)
    }

    pub(super) fn set(&mut self, key: &str, setting: &Setting) -> Result<(), String> {
        self.text = edit::set(&self.text, key, setting)?;
        if !self.changed.iter().any(|known| known == key) {
            self.changed.push(key.to_owned());
        }
        Ok(())
    }

    pub(super) fn set_answer(&mut self, question: &Question, typed: &str) -> Result<(), String> {
        let setting = match question.kind {
            InputKind::List => Setting::List(typed.split(',').map(|part| part.trim().to_owned()).collect()),
            InputKind::Text | InputKind::Secret => Setting::Text(typed.to_owned()),
        };
        self.set(question.key, &setting)
    }

    /// Replace the file atomically. Refuses if it changed since the start.
    pub(super) fn write(&self) -> Result<(), exit::Error> {
        let path = self.path.display();
        if config::file_text(&self.path)? != self.original {
            return Err(exit::Error::Other(format!(
                "{path} has changed since the start: nothing was written, run setup again"
            )));
        }
        config::replace_file(&self.file, &self.text)
            .map_err(|error| exit::Error::Other(format!("{path} cannot be written: {error}; nothing was changed")))
    }
}

/// `calendar`, `calendar2`, `calendar3`.
fn entry_name(number: usize) -> String {
    if number <= 1 { "calendar".into() } else { format!("calendar{number}") }
}
