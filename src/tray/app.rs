//! The tray app: paints snapshots and runs the actions of clicks. The platform runs the event loop.

use std::io;
use std::sync::Arc;
use std::thread;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tray_icon::menu::MenuEvent;

use super::TrayContext;
use super::action::Action;
use super::menu::{MenuContext, TrayView};
use crate::core::status::Status;
use crate::engine::commands::Command;
use crate::engine::{Request, user_time_zone};
use crate::sys::autostart::{self, LoginItem, Mode};
use crate::tray::open;
use crate::tray::status_item::StatusItem;

/// An event of the main thread's loop.
#[derive(Debug)]
pub(crate) enum Event {
    /// A new snapshot.
    Snapshot(Box<Status>),
    Clicked(Action),
    /// The state of the login item after a switch.
    LoginItem(Option<bool>),
    EngineStopped,
}

/// Sends an event to the loop; false if the loop has ended.
pub(crate) type EventSink = Arc<dyn Fn(Event) -> bool + Send + Sync>;

/// Lives on the main thread.
pub(crate) struct TrayApp {
    tray: StatusItem,
    status: Option<Status>,
    context: Arc<TrayContext>,
    sink: EventSink,
    /// None if the system does not know.
    starts_at_login: Option<bool>,
}

impl TrayApp {
    /// Show the item, call `on_ready`, and listen for clicks and snapshots.
    pub(crate) fn start(context: TrayContext, on_ready: impl FnOnce(), sink: EventSink) -> Result<Self, String> {
        let tray = StatusItem::new()?;
        let context = Arc::new(context);
        let clicks = Arc::clone(&sink);
        MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
            if let Some(action) = Action::parse(&event.id().0) {
                clicks(Event::Clicked(action));
            }
        }));
        forward_snapshots(context.engine.snapshots.clone(), Arc::clone(&sink)).map_err(|error| error.to_string())?;
        on_ready();
        let starts_at_login = starts_at_login(&context);
        Ok(Self { tray, status: None, context, sink, starts_at_login })
    }

    /// False if this event ends the loop.
    pub(crate) fn handle(&mut self, event: Event) -> bool {
        match event {
            Event::Snapshot(status) => {
                self.status = Some(*status);
                self.paint();
            }
            Event::Clicked(action) => {
                self.tray.restore_checkmarks();
                self.run_action(&action);
            }
            Event::LoginItem(on) => {
                self.starts_at_login = on;
                self.paint();
            }
            Event::EngineStopped => return false,
        }
        true
    }

    fn paint(&mut self) {
        let Some(status) = &self.status else { return };
        let context =
            MenuContext { now: Timestamp::now(), zone: user_time_zone(status), starts_at_login: self.starts_at_login };
        self.tray.paint(TrayView::from_status(status, &context));
    }

    fn run_action(&mut self, action: &Action) {
        let Some(status) = &self.status else { return };
        if let Some(command) = action.command(status, Timestamp::now()) {
            return self.send_command(command);
        }
        match action {
            Action::Quit => drop(self.context.engine.stop.send(true)),
            Action::StartAtLogin => self.switch_login_item(),
            _ => open::open_target(action, &self.context, status),
        }
    }

    /// On a thread: a service may take seconds to stop.
    fn switch_login_item(&self) {
        let (context, sink, is_on) =
            (Arc::clone(&self.context), Arc::clone(&self.sink), self.starts_at_login == Some(true));
        let switch = move || {
            match set_login_item(&context, !is_on) {
                Ok(message) => tracing::info!("{message}"),
                Err(error) => tracing::warn!(%error, "login item not changed"),
            }
            sink(Event::LoginItem(starts_at_login(&context)));
        };
        if let Err(error) = thread::Builder::new().name("login item".into()).spawn(switch) {
            tracing::warn!(%error, "login item not changed");
        }
    }

    /// The engine answers with a new snapshot. A refusal is logged.
    fn send_command(&self, command: Command) {
        let (reply, answer) = oneshot::channel();
        if self.context.engine.requests.blocking_send(Request { command, reply }).is_err() {
            return; // the engine is stopping
        }
        let spawned = thread::Builder::new().name("reply".into()).spawn(move || {
            if let Ok(reply) = answer.blocking_recv()
                && !reply.ok
            {
                tracing::warn!(reason = reply.message, "command refused");
            }
        });
        drop(spawned);
    }
}

fn set_login_item(context: &TrayContext, on: bool) -> Result<String, autostart::Error> {
    let item = LoginItem::here(context.session_root.clone(), context.named_config.as_deref())?;
    if on { item.install(Mode::App) } else { item.uninstall() }
}

fn starts_at_login(context: &TrayContext) -> Option<bool> {
    LoginItem::here(context.session_root.clone(), context.named_config.as_deref()).ok()?.status().starts_at_login()
}

/// Forward snapshots until the engine has stopped.
fn forward_snapshots(mut snapshots: watch::Receiver<Option<Status>>, sink: EventSink) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let forward = move || {
        runtime.block_on(async {
            while snapshots.changed().await.is_ok() {
                let status = snapshots.borrow_and_update().clone();
                if !status.is_none_or(|status| sink(Event::Snapshot(Box::new(status)))) {
                    break;
                }
            }
        });
        sink(Event::EngineStopped);
    };
    thread::Builder::new().name("snapshots".into()).spawn(forward).map(drop)
}
