//! What an engine is built from and how the rest of the program reaches it.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::clock::Clock;
use super::commands::Request;
use super::heartbeat::Heartbeat;
use crate::alerters::Alerter;
use crate::config::schema::Config;
use crate::core::status::Status;
use crate::monitors::sources::Sources;
use crate::store::Store;

/// The components that one configuration asks for, ready to use.
#[derive(Debug)]
pub struct Components {
    pub config: Arc<Config>,
    /// Every source, configured or not.
    pub sources: Sources,
    /// The enabled channels.
    pub alerters: Vec<Arc<dyn Alerter>>,
    /// None: no heartbeat is configured.
    pub heartbeat: Option<Arc<Heartbeat>>,
    /// The configuration without its secrets.
    pub shown_config: Value,
    /// Warnings about the configuration, as sentences.
    pub warnings: Vec<String>,
}

/// A changed configuration file: its components, or why it is invalid.
pub type ConfigUpdate = Result<Box<Components>, String>;

/// Everything that an engine is built from.
#[derive(Debug)]
pub struct EngineConfig {
    pub components: Components,
    pub store: Store,
    /// The folder of the database and the state file.
    pub state_dir: PathBuf,
    pub clock: Clock,
    /// Decide and report, but write and send nothing.
    pub dry_run: bool,
    /// Warnings that arose before the engine started.
    pub warnings: Vec<String>,
}

/// The running engine as its front ends see it.
#[derive(Debug, Clone)]
pub struct EngineHandle {
    pub requests: mpsc::Sender<Request>,
    /// The last published snapshot; closed when the engine has stopped.
    pub snapshots: watch::Receiver<Option<Status>>,
    /// Stops the engine when it becomes true.
    pub stop: watch::Sender<bool>,
}
