//! macOS: AppKit's event loop on the main thread, through tao. Invariant: no other file knows tao.
//!
//! The loop sleeps until an event (`ControlFlow::Wait`). The tray library requires the status item to be created after the loop
//! has started (`StartCause::Init`). Events are sent only when necessary, because tao's observers run while a menu is open.

use std::sync::Arc;

use tao::event::{Event as TaoEvent, StartCause};
use tao::event_loop::{ControlFlow, EventLoopBuilder};
use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
use tao::platform::run_return::EventLoopExtRunReturn;

use crate::tray::TrayContext;
use crate::tray::app::{Event, TrayApp};

/// Run until the engine has stopped.
pub(crate) fn run_event_loop(context: TrayContext, on_ready: impl FnOnce()) -> Result<(), String> {
    let mut event_loop = EventLoopBuilder::<Event>::with_user_event().build();
    // No Dock icon, no application menu, and no focus change.
    event_loop.set_activation_policy(ActivationPolicy::Accessory);
    event_loop.set_activate_ignoring_other_apps(false);
    let proxy = event_loop.create_proxy();
    let sink = Arc::new(move |event| proxy.send_event(event).is_ok());
    let mut start = Some((context, on_ready, sink));
    let mut app = Ok(None);
    event_loop.run_return(|event, _, control_flow| {
        *control_flow = ControlFlow::Wait;
        match event {
            TaoEvent::NewEvents(StartCause::Init) => {
                if let Some((context, on_ready, sink)) = start.take() {
                    app = TrayApp::start(context, on_ready, sink).map(Some);
                }
                if app.is_err() {
                    *control_flow = ControlFlow::Exit;
                }
            }
            TaoEvent::UserEvent(event) => {
                if let Ok(Some(running)) = &mut app
                    && !running.handle(event)
                {
                    *control_flow = ControlFlow::Exit;
                }
            }
            _ => {}
        }
    });
    match app? {
        Some(_) => Ok(()),
        None => Err("the menu bar's event loop ended before it started".into()),
    }
}
