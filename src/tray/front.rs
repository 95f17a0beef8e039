//! The tray's front: what is painted and what is clicked, whatever runs the loop.

use std::io;
use std::sync::Arc;
use std::thread;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};
use tray_icon::menu::MenuEvent;

use super::TrayContext;
use super::action::Action;
use super::desk;
use super::menu::{Face, Surroundings};
use super::tray::Tray;
use crate::core::status::Status;
use crate::engine::commands::Command;
use crate::engine::{Request, user_time_zone};
use crate::sys::autostart::{LoginItem, LoginItemError, Mode};

/// What the loop on the main thread is woken for.
#[derive(Debug)]
pub(crate) enum Event {
    /// There is something new to see.
    Changed(Box<Status>),
    /// An item was clicked.
    Clicked(Action),
    /// The login item was switched, or could not be: how it stands now.
    LoginItem(Option<bool>),
    /// The engine has stopped.
    Stopped,
}

/// Wakes the loop; gives false when it has ended.
pub(crate) type Wake = Arc<dyn Fn(Event) -> bool + Send + Sync>;

/// The front while it runs. Lives on the main thread.
pub(crate) struct Front {
    tray: Tray,
    status: Option<Status>,
    context: Arc<TrayContext>,
    wake: Wake,
    /// None where the system cannot say.
    starts_at_login: Option<bool>,
}

impl Front {
    /// Show the item, then call `on_ready` and listen for clicks and snapshots.
    ///
    /// # Errors
    /// When the bar takes no item.
    pub(crate) fn start(context: TrayContext, on_ready: impl FnOnce(), wake: Wake) -> Result<Self, String> {
        let tray = Tray::new()?;
        let context = Arc::new(context);
        let clicked = Arc::clone(&wake);
        MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
            if let Some(action) = Action::named(&event.id().0) {
                clicked(Event::Clicked(action));
            }
        }));
        forward_snapshots(context.engine.snapshots.clone(), Arc::clone(&wake)).map_err(|error| error.to_string())?;
        on_ready();
        let starts_at_login = starts_at_login(&context);
        Ok(Self { tray, status: None, context, wake, starts_at_login })
    }

    /// Take an event in. False: it was the last.
    pub(crate) fn handle(&mut self, event: Event) -> bool {
        match event {
            Event::Changed(status) => {
                self.status = Some(*status);
                self.paint();
            }
            Event::Clicked(action) => {
                self.tray.restore_ticks();
                self.act(&action);
            }
            Event::LoginItem(on) => {
                self.starts_at_login = on;
                self.paint();
            }
            Event::Stopped => return false,
        }
        true
    }

    fn paint(&mut self) {
        let Some(status) = &self.status else { return };
        let around =
            Surroundings { now: Timestamp::now(), zone: user_time_zone(status), starts_at_login: self.starts_at_login };
        self.tray.paint(Face::of(status, &around));
    }

    fn act(&mut self, action: &Action) {
        let Some(status) = &self.status else { return };
        if let Some(command) = action.command(status, Timestamp::now()) {
            return self.ask(command);
        }
        match action {
            Action::Quit => drop(self.context.engine.stop.send(true)),
            Action::StartAtLogin => self.switch_login_item(),
            _ => desk::open(action, &self.context, status),
        }
    }

    /// Beside the loop: a service may take its time to stop.
    fn switch_login_item(&self) {
        let (context, wake, on) =
            (Arc::clone(&self.context), Arc::clone(&self.wake), self.starts_at_login == Some(true));
        let switch = move || {
            match switched(&context, !on) {
                Ok(done) => tracing::info!("{done}"),
                Err(what) => tracing::warn!("Start at Login: {what}"),
            }
            wake(Event::LoginItem(starts_at_login(&context)));
        };
        if let Err(error) = thread::Builder::new().name("login item".into()).spawn(switch) {
            tracing::warn!("Start at Login: {error}");
        }
    }

    /// The engine answers with a new status; a refusal is told in the log.
    fn ask(&self, command: Command) {
        let (reply, answer) = oneshot::channel();
        if self.context.engine.requests.blocking_send(Request { command, reply }).is_err() {
            return; // it is stopping
        }
        let told = thread::Builder::new().name("answer".into()).spawn(move || {
            if let Ok(reply) = answer.blocking_recv()
                && !reply.ok
            {
                tracing::warn!("{}", reply.message);
            }
        });
        drop(told);
    }
}

fn switched(context: &TrayContext, on: bool) -> Result<String, LoginItemError> {
    let item = LoginItem::here(context.session_root.clone(), context.named_config.as_deref())?;
    if on { item.install(Mode::App) } else { item.uninstall() }
}

fn starts_at_login(context: &TrayContext) -> Option<bool> {
    LoginItem::here(context.session_root.clone(), context.named_config.as_deref()).ok()?.status().starts_at_login()
}

/// Forward snapshots until the engine has stopped, then say so.
fn forward_snapshots(mut snapshots: watch::Receiver<Option<Status>>, wake: Wake) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let forward = move || {
        runtime.block_on(async {
            while snapshots.changed().await.is_ok() {
                let status = snapshots.borrow_and_update().clone();
                if !status.is_none_or(|status| wake(Event::Changed(Box::new(status)))) {
                    break;
                }
            }
        });
        wake(Event::Stopped);
    };
    thread::Builder::new().name("snapshots".into()).spawn(forward).map(drop)
}
