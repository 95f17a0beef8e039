//! macOS: the loop that AppKit wants on the main thread, through tao. Nothing else knows tao.
//!
//! It sleeps until an event comes (`ControlFlow::Wait`) and has no timers. The status item is made when the loop has begun
//! (`StartCause::Init`), as the tray's library asks. Events are sent only when something is to be done: tao's observers run while
//! a menu is open.

use std::sync::Arc;

use tao::event::{Event as Woken, StartCause};
use tao::event_loop::{ControlFlow, EventLoopBuilder};
use tao::platform::macos::{ActivationPolicy, EventLoopExtMacOS};
use tao::platform::run_return::EventLoopExtRunReturn;

use crate::tray::TrayContext;
use crate::tray::front::{Event, Front};

/// Run in the menu bar until it is told to stop.
///
/// # Errors
/// When the bar takes no item.
pub(crate) fn run(context: TrayContext, on_ready: impl FnOnce()) -> Result<(), String> {
    let mut event_loop = EventLoopBuilder::<Event>::with_user_event().build();
    // No Dock icon, no menu of our own at the top of the screen, and nobody's window loses the keyboard to us.
    event_loop.set_activation_policy(ActivationPolicy::Accessory);
    event_loop.set_activate_ignoring_other_apps(false);
    let proxy = event_loop.create_proxy();
    let wake = Arc::new(move |event| proxy.send_event(event).is_ok());
    let mut begin = Some((context, on_ready, wake));
    let mut front = Ok(None);
    event_loop.run_return(|woken, _, control_flow| {
        *control_flow = ControlFlow::Wait;
        match woken {
            Woken::NewEvents(StartCause::Init) => {
                if let Some((context, on_ready, wake)) = begin.take() {
                    front = Front::start(context, on_ready, wake).map(Some);
                }
                if front.is_err() {
                    *control_flow = ControlFlow::Exit;
                }
            }
            Woken::UserEvent(event) => {
                if let Ok(Some(front)) = &mut front
                    && !front.handle(event)
                {
                    *control_flow = ControlFlow::Exit;
                }
            }
            _ => {}
        }
    });
    match front? {
        Some(_) => Ok(()),
        None => Err("the menu bar's event loop ended before it started".into()),
    }
}
