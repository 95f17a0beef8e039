//! The menu bar or tray item: what it shows and what a click does.

mod action;
mod desk;
mod front;
mod host;
pub mod icon;
pub mod menu;
mod picture;
mod run_loop;
mod tray;

use std::path::PathBuf;

pub use action::Action;
pub use desk::browse;
pub use host::look;

use crate::engine::EngineHandle;

/// The program that the tray item belongs to.
#[derive(Debug)]
pub struct TrayContext {
    /// The engine that the menu shows and commands.
    pub engine: EngineHandle,
    /// The configuration file in use.
    pub config_path: Option<PathBuf>,
    /// The configuration file that the login item must name; none for the default one.
    pub named_config: Option<PathBuf>,
    /// Holds the texts that the menu opens.
    pub state_dir: PathBuf,
    /// The folder of this user's session files; none without a home folder.
    pub session_root: Option<PathBuf>,
}

/// Show the item until the engine stops. `on_ready` runs once, when the item is shown; it starts the engine.
///
/// # Errors
/// When the bar takes no item.
pub fn run(context: TrayContext, on_ready: impl FnOnce()) -> Result<(), String> {
    run_loop::run(context, on_ready)
}
