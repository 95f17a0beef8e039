//! Linux: the tray's library has threads of its own, so that a channel is all the loop there is.

use std::process::ExitCode;
use std::sync::{Arc, mpsc};

use crate::app::exit::Failure;
use crate::app::load::AppContext;
use crate::tray::front::{Event, Front};

/// Run in the tray until it is told to stop.
///
/// # Errors
/// When another instance runs, the database cannot be opened, or the bar takes no item.
pub(crate) fn run(context: AppContext, dry_run: bool) -> Result<ExitCode, Failure> {
    let (events, woken) = mpsc::channel::<Event>();
    let mut front = Front::start(context, dry_run, Arc::new(move |event| events.send(event).is_ok()))?;
    while let Ok(event) = woken.recv() {
        if !front.handle(event) {
            break;
        }
    }
    front.end()
}
