//! Linux: the tray's library has threads of its own, so that a channel is all the loop there is.

use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use crate::app::exit::Failure;
use crate::app::house::House;
use crate::shell::front::{Event, Front};
use crate::shell::tray::Tray;

/// Run in the tray until it is told to stop. None, with the house given back, when the bar takes no item.
///
/// # Errors
/// When another instance runs, or the database cannot be opened.
pub(in crate::shell) fn run(house: House, dry_run: bool) -> Result<ExitCode, Failure> {
    let (events, woken) = mpsc::channel::<Event>();
    let tray = Tray::new().map_err(Failure::NoTray)?;
    let mut front = Front::start(house, dry_run, tray, Arc::new(move |event| events.send(event).is_ok()))?;
    while let Ok(event) = woken.recv() {
        if !front.handle(event) {
            break;
        }
    }
    front.end()
}
