//! Linux: the tray library has its own threads; a channel is enough.

use std::sync::{Arc, mpsc};

use crate::tray::TrayContext;
use crate::tray::app::{Event, TrayApp};

/// Run until the engine has stopped.
pub(crate) fn run_event_loop(context: TrayContext, on_ready: impl FnOnce()) -> Result<(), String> {
    let (sender, events) = mpsc::channel::<Event>();
    let mut app = TrayApp::start(context, on_ready, Arc::new(move |event| sender.send(event).is_ok()))?;
    while let Ok(event) = events.recv() {
        if !app.handle(event) {
            break;
        }
    }
    Ok(())
}
