//! The engine's database, and its replacement when the file is corrupt.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::store::{self, Opened, Store};

#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) state_dir: PathBuf,
    /// Warnings about this program's own files.
    pub(crate) warnings: Vec<String>,
    /// A corrupt file was set aside and no new one could be created. `store` is a copy in memory until that works.
    store_missing: bool,
}

impl Database {
    pub(crate) const fn new(store: Store, state_dir: PathBuf, warnings: Vec<String>) -> Self {
        Self { store, state_dir, warnings, store_missing: false }
    }

    /// Open the missing database, because nothing may be recorded in memory alone. True: a new store was adopted.
    pub(crate) fn reopen_if_missing(&mut self, now: Timestamp) -> Result<bool, store::Error> {
        if !self.store_missing {
            return Ok(false);
        }
        self.adopt(Store::open(&self.state_dir.join(store::FILE_NAME), now))?;
        Ok(true)
    }

    /// Set the corrupt file aside and continue with a new one.
    pub(crate) fn replace_corrupt(&mut self, error: &store::Error, now: Timestamp) -> Result<(), store::Error> {
        tracing::error!("{error}");
        let corrupt = std::mem::replace(&mut self.store, Store::in_memory()?);
        self.store_missing = true;
        self.adopt(corrupt.replace_corrupt(now))
    }

    /// A dry run leaves the corrupt file alone.
    pub(crate) fn continue_in_memory(&mut self, error: &store::Error) -> Result<(), store::Error> {
        tracing::warn!("{error}; the dry run continues with an empty database");
        self.store = Store::in_memory()?;
        Ok(())
    }

    fn adopt(&mut self, opened: Result<Opened, store::Error>) -> Result<(), store::Error> {
        let opened = opened?;
        if let Some(warning) = opened.warning() {
            tracing::error!("{warning}");
            self.warnings.push(warning);
        }
        self.store = opened.store;
        self.store_missing = false;
        Ok(())
    }
}
