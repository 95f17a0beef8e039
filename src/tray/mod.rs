//! The menu bar or tray item: what it shows and what a click does.

mod action;
mod app;
mod availability;
pub mod icon;
mod icon_pixels;
pub mod menu;
mod open;
mod platform;
mod status_item;

use std::path::PathBuf;

pub use crate::tray::availability::check_tray_available;
pub use crate::tray::open::open_in_browser;
pub use action::Action;

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

/// Show the item until the engine stops. `on_ready` runs once the item is shown, and starts the engine.
pub fn run(context: TrayContext, on_ready: impl FnOnce()) -> Result<(), String> {
    crate::tray::platform::run_event_loop(context, on_ready)
}
