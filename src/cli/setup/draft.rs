//! The configuration as it will be: changed in memory, written once, at the end.

use std::path::{Path, PathBuf};

use super::steps::{Ask, Kind};
use crate::app::exit::Failure;
use crate::app::load::EnvFn;
use crate::config::edit::{self, Setting};
use crate::config::schema::Config;
use crate::config::{self, paths};

/// A configuration that is being written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) path: PathBuf,
    /// Where the name is a link, the file behind it is what changes; what is relative starts from the name all the same.
    file: PathBuf,
    env: EnvFn,
    /// What stands in the file; none if there is no file.
    found: Option<String>,
    text: String,
    /// The keys that have been given.
    pub(super) changed: Vec<String>,
    /// The entries that have been given to lists of sections.
    entries: Vec<Vec<(String, String)>>,
}

impl Draft {
    /// The file that is named, or the usual one; the commented default where there is none yet.
    pub(super) fn open(named: Option<&Path>, env: EnvFn) -> Result<Self, Failure> {
        let path = match named {
            Some(path) => path.to_path_buf(),
            None => paths::default_config(&env)?,
        };
        let file = path.canonicalize().unwrap_or_else(|_| path.clone());
        let found = config::file_text(&path)?;
        let text = found.clone().unwrap_or_else(|| config::DEFAULT.to_owned());
        let draft = Self { path, file, env, found, text, changed: Vec::new(), entries: Vec::new() };
        draft.config()?;
        Ok(draft)
    }

    /// Whether there is a file already.
    pub(super) const fn exists(&self) -> bool {
        self.found.is_some()
    }

    /// What it says.
    pub(super) fn config(&self) -> Result<Config, config::Error> {
        config::parse(&self.text, &self.path.display().to_string(), &self.env).map(|(config, _)| config)
    }

    /// The environment that it is read in.
    pub(super) const fn env(&self) -> EnvFn {
        self.env
    }

    /// A path as the configuration means it.
    pub(super) fn place(&self, typed: &str) -> PathBuf {
        let home = (self.env)("HOME").map(PathBuf::from);
        match (typed.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.path.parent().unwrap_or(Path::new("")).join(typed),
        }
    }

    /// Add an entry to a list.
    pub(super) fn add(&mut self, list: &str, keys: Vec<(String, String)>) -> Result<(), String> {
        let mut entry = vec![("name".to_owned(), name(self.entries.len() + 1))];
        entry.extend(keys);
        self.entries.push(entry);
        self.set(list, &Setting::Sections(self.entries.clone()))
    }

    /// What the last entry is called.
    pub(super) fn last_entry(&self) -> String {
        name(self.entries.len())
    }

    /// What holds for a key: as it is written, or by default.
    pub(super) fn holds(&self, key: &str) -> Option<String> {
        self.written(key).or_else(|| edit::get(config::DEFAULT, key))
    }

    /// What stands under a key, as it is written.
    pub(super) fn written(&self, key: &str) -> Option<String> {
        edit::get(&self.text, key)
    }

    /// Give a key a value.
    pub(super) fn set(&mut self, key: &str, setting: &Setting) -> Result<(), String> {
        self.text = edit::set(&self.text, key, setting)?;
        if !self.changed.iter().any(|known| known == key) {
            self.changed.push(key.to_owned());
        }
        Ok(())
    }

    /// Give a key what was typed.
    pub(super) fn answer(&mut self, ask: &Ask, typed: &str) -> Result<(), String> {
        let setting = match ask.kind {
            Kind::List => Setting::List(typed.split(',').map(|part| part.trim().to_owned()).collect()),
            Kind::Text | Kind::Secret => Setting::Text(typed.to_owned()),
        };
        self.set(ask.key, &setting)
    }

    /// Write it, whole or not at all.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let path = self.path.display();
        if config::file_text(&self.path)? != self.found {
            return Err(Failure::Other(format!("{path} has changed meanwhile: nothing was written, begin again")));
        }
        config::replace_file(&self.file, &self.text)
            .map_err(|error| Failure::Other(format!("{path} cannot be written: {error}; nothing was changed")))
    }
}

/// `calendar`, `calendar2`, `calendar3`.
fn name(number: usize) -> String {
    if number <= 1 { "calendar".into() } else { format!("calendar{number}") }
}
