//! Linux: the tray's library has threads of its own, so that a channel is all the loop there is.

use std::sync::{Arc, mpsc};

use crate::tray::TrayContext;
use crate::tray::front::{Event, Front};

/// Run in the tray until it is told to stop.
///
/// # Errors
/// When the bar takes no item.
pub(crate) fn run(context: TrayContext, on_ready: impl FnOnce()) -> Result<(), String> {
    let (events, woken) = mpsc::channel::<Event>();
    let mut front = Front::start(context, on_ready, Arc::new(move |event| events.send(event).is_ok()))?;
    while let Ok(event) = woken.recv() {
        if !front.handle(event) {
            break;
        }
    }
    Ok(())
}
