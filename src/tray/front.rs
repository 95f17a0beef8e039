//! The tray's front: what is painted and what is clicked, whatever runs the loop.

use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use tray_icon::menu::MenuEvent;

use super::action::Action;
use super::desk;
use super::menu::{Face, Surroundings};
use super::tray::Tray;
use crate::app::daemon::{FAREWELL, Service, announce};
use crate::app::exit::Failure;
use crate::app::load::{AppContext, environment, runtime};
use crate::core::status::Status;
use crate::engine::command::Command;
use crate::engine::{Request, zone_of};
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
    requests: mpsc::Sender<Request>,
    stop: watch::Sender<bool>,
    engine: JoinHandle<Result<(), Failure>>,
    context: Arc<AppContext>,
    wake: Wake,
    /// None where the system cannot say.
    starts_at_login: Option<bool>,
}

impl Front {
    /// Put the item into the bar, start the engine on a thread of its own, and hear what is clicked.
    ///
    /// # Errors
    /// When another instance runs, the database cannot be opened, or the bar takes no item.
    pub(crate) fn start(context: AppContext, dry_run: bool, wake: Wake) -> Result<Self, Failure> {
        let context = Arc::new(context);
        let service = Service::prepare(&context, dry_run)?;
        let tray = Tray::new().map_err(Failure::NoTray)?;
        announce(&context, "in the tray");
        let (requests, stop) = (service.requests(), service.stopper());
        let clicked = Arc::clone(&wake);
        MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
            if let Some(action) = Action::named(&event.id().0) {
                clicked(Event::Clicked(action));
            }
        }));
        let engine = spawn(service, Arc::clone(&context), Arc::clone(&wake))?;
        let starts_at_login = starts_at_login(&context);
        Ok(Self { tray, status: None, requests, stop, engine, context, wake, starts_at_login })
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
            Surroundings { now: Timestamp::now(), zone: zone_of(status), starts_at_login: self.starts_at_login };
        self.tray.paint(Face::of(status, &around));
    }

    fn act(&mut self, action: &Action) {
        let Some(status) = &self.status else { return };
        if let Some(command) = action.command(status, Timestamp::now()) {
            return self.ask(command);
        }
        match action {
            Action::Quit => drop(self.stop.send(true)),
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
        if self.requests.blocking_send(Request { command, reply }).is_err() {
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

    /// Once the loop has ended: wait for the engine.
    ///
    /// # Errors
    /// What the engine ended with.
    pub(crate) fn end(self) -> Result<ExitCode, Failure> {
        drop(self.tray);
        drop(self.wake);
        let broken = |_| Err(Failure::Other("the engine broke off; please report this with the log".into()));
        self.engine.join().unwrap_or_else(broken).map(|()| ExitCode::SUCCESS)
    }
}

/// The engine's thread, with a runtime of its own.
fn spawn(service: Service, context: Arc<AppContext>, wake: Wake) -> Result<JoinHandle<Result<(), Failure>>, Failure> {
    let run = move || {
        // Whatever happens here, the loop must not wait for ever.
        let _end = Ended(Arc::clone(&wake));
        let runtime = runtime()?;
        let ran = runtime.block_on(async {
            tokio::spawn(show(service.snapshots(), wake));
            service.run(&context).await
        });
        // The engine has waited for a renewal already.
        runtime.end(FAREWELL, FAREWELL);
        ran
    };
    let failed = |error| Failure::Other(format!("the engine's thread cannot be started: {error}"));
    thread::Builder::new().name("engine".into()).spawn(run).map_err(failed)
}

struct Ended(Wake);

impl Drop for Ended {
    fn drop(&mut self) {
        (self.0)(Event::Stopped);
    }
}

fn switched(context: &AppContext, on: bool) -> Result<String, LoginItemError> {
    let item = LoginItem::here(environment, context.named_config())?;
    if on { item.install(Mode::App) } else { item.uninstall() }
}

fn starts_at_login(context: &AppContext) -> Option<bool> {
    LoginItem::here(environment, context.named_config()).ok()?.status().starts_at_login()
}

/// Pass on what is published.
async fn show(mut snapshots: watch::Receiver<Option<Status>>, wake: Wake) {
    while snapshots.changed().await.is_ok() {
        let status = snapshots.borrow_and_update().clone();
        if !status.is_none_or(|status| wake(Event::Changed(Box::new(status)))) {
            break;
        }
    }
}
