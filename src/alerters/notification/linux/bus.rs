//! The session bus: one connection, made when it is needed and made anew after it broke, and the server of banners on it.

mod address;

use std::io;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::sync::futures::Notified;
use zbus::zvariant::DynamicType;
use zbus::{Connection, Message, MessageStream};

use self::address::Address;
use super::shown::Shown;
use crate::alerters::words::{fit, plain_line};
use crate::alerters::{Failure, FailureKind};
use crate::config::Env;

/// Neither the bus nor a server takes longer for an answer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(5);

const SERVICE: &str = "org.freedesktop.Notifications";
const OBJECT: &str = "/org/freedesktop/Notifications";

/// Where a person's desktop is reached.
#[derive(Debug)]
pub(super) struct Bus {
    address: Address,
    line: Mutex<Option<Line>>,
    renewed: tokio::sync::Notify,
}

#[derive(Debug)]
struct Line {
    connection: Connection,
    /// Who served last.
    server: Option<Server>,
}

/// The server of banners: this very one, and not another that takes its name later.
#[derive(Debug, Clone)]
pub(super) struct Server {
    connection: Connection,
    owner: String,
    /// Whether it takes the body of a banner for markup.
    pub(super) reads_markup: bool,
    /// Whether a banner can have buttons.
    pub(super) has_buttons: bool,
}

impl Bus {
    /// The one that the environment names.
    pub(super) fn of(env: &Env) -> Option<Self> {
        let address = Address::of(env)?;
        Some(Self { address, line: Mutex::default(), renewed: tokio::sync::Notify::new() })
    }

    /// Whether there may be one.
    pub(super) fn exists(&self) -> bool {
        self.address.exists()
    }

    /// Done when the next connection has been made.
    pub(super) fn renewed(&self) -> Notified<'_> {
        self.renewed.notified()
    }

    /// Who shows banners now; one that can be started by the bus is started.
    pub(super) async fn server(&self) -> Result<Server, Failure> {
        let mut line = self.line.lock().await;
        let Line { connection, server } = self.connected(&mut line).await?;
        let owner = match owner_of_service(connection).await {
            Ok(owner) => owner,
            Err(error) => {
                *line = None;
                return Err(unreachable(&error));
            }
        };
        if let Some(known) = server.as_ref().filter(|known| Some(&known.owner) == owner.as_ref()) {
            return Ok(known.clone());
        }
        let found = Server::ask(connection).await?;
        *server = Some(found.clone());
        Ok(found)
    }

    /// Name and version of the server.
    pub(super) async fn server_information(&self) -> Result<(String, String), Failure> {
        let server = self.server().await?;
        let reply = server.call("GetServerInformation", &()).await.map_err(|error| unasked(&error))?;
        let read = reply.body().deserialize::<(String, String, String, String)>();
        let (name, _, version, _) = read.map_err(|error| unasked(&error))?;
        Ok((plain_line(&name), plain_line(&version)))
    }

    /// What the server of banners tells everybody, as long as the connection lasts.
    pub(super) async fn signals(&self) -> Result<MessageStream, Failure> {
        let mut line = self.line.lock().await;
        let connection = self.connected(&mut line).await?.connection.clone();
        drop(line);
        let rule = format!("type='signal',sender='{SERVICE}',path='{OBJECT}',interface='{SERVICE}'");
        let asked = within(MessageStream::for_match_rule(rule.as_str(), &connection, None)).await;
        asked.map_err(|error| unreachable(&error))
    }

    async fn connected<'a>(&self, line: &'a mut Option<Line>) -> Result<&'a mut Line, Failure> {
        if line.as_ref().is_some_and(|line| line.connection.is_closed()) {
            *line = None;
        }
        match line {
            Some(line) => Ok(line),
            None => {
                let connection = self.connect().await?;
                self.renewed.notify_waiters();
                Ok(line.insert(Line { connection, server: None }))
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        if !self.exists() {
            return Err(no_bus());
        }
        within(self.address.connect()).await.map_err(|error| unreachable(&error))
    }
}

impl Server {
    /// Whoever has the name of the service: the answer tells who that is.
    async fn ask(connection: &Connection) -> Result<Self, Failure> {
        let asked = call(connection, SERVICE, OBJECT, SERVICE, "GetCapabilities", &()).await;
        let reply = asked.map_err(|error| unasked(&error))?;
        let can: Vec<String> = reply.body().deserialize().map_err(|error| unasked(&error))?;
        let owner = reply.header().sender().map(ToString::to_string);
        let owner = owner.ok_or_else(|| unasked(&zbus::Error::MissingField))?;
        let can = |what: &str| can.iter().any(|known| known == what);
        let (reads_markup, has_buttons) = (can("body-markup"), can("actions"));
        Ok(Self { connection: connection.clone(), owner, reads_markup, has_buttons })
    }

    /// The banner that this server calls so.
    pub(super) fn shown(&self, number: u32) -> Shown {
        Shown { bus: self.connection.server_guid().to_string(), owner: self.owner.clone(), number }
    }

    /// Whether a banner is one of this server's.
    pub(super) fn drew(&self, shown: &Shown) -> bool {
        *shown == self.shown(shown.number)
    }

    /// Show a banner; gives its number.
    pub(super) async fn notify<B: Serialize + DynamicType + Sync>(&self, banner: &B) -> Result<u32, Failure> {
        let reply = self.call("Notify", banner).await.map_err(|error| unshown(&error))?;
        // It was shown, though we do not know as what.
        reply
            .body()
            .deserialize()
            .map_err(|_| Failure::new(FailureKind::Unconfirmed, "the answer to a banner has no number"))
    }

    async fn call<B: Serialize + DynamicType + Sync>(&self, method: &str, body: &B) -> zbus::Result<Message> {
        call(&self.connection, &self.owner, OBJECT, SERVICE, method, body).await
    }
}

/// Who has the name of the service, if anybody has.
pub(super) async fn owner_of_service(connection: &Connection) -> zbus::Result<Option<String>> {
    let bus = "org.freedesktop.DBus";
    match call(connection, bus, "/org/freedesktop/DBus", bus, "GetNameOwner", &SERVICE).await {
        Ok(reply) => reply.body().deserialize().map(Some),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn call<B: Serialize + DynamicType + Sync>(
    connection: &Connection,
    to: &str,
    object: &str,
    interface: &str,
    method: &str,
    body: &B,
) -> zbus::Result<Message> {
    within(connection.call_method(Some(to), object, Some(interface), method, body)).await
}

async fn within<T>(asked: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(late)
}

// === What went wrong ===

/// A machine without a desktop is not broken.
pub(super) fn no_bus() -> Failure {
    Failure::no_transport("no session bus", "")
}

/// The bus itself is the trouble.
fn unreachable(error: &zbus::Error) -> Failure {
    if is_late(error) {
        return Failure::no_transport("the session bus does not answer", "log out and in again if that goes on");
    }
    let what = format!("the session bus cannot be reached ({})", said(error));
    Failure::no_transport(what, "run Operator in the desktop's session, or correct DBUS_SESSION_BUS_ADDRESS")
}

/// The server was asked about itself, and nothing was shown yet.
fn unasked(error: &zbus::Error) -> Failure {
    match error {
        error if is_absent(error) => Failure::no_transport(
            "no notification service on the session bus",
            "start one, such as dunst or mako, or set alerters.notification.enabled to false",
        ),
        error if is_late(error) => Failure::retryable("the notification service does not answer"),
        _ => Failure::retryable(format!("the notification service gives no account of itself ({})", said(error))),
    }
}

/// A banner was handed over.
fn unshown(error: &zbus::Error) -> Failure {
    let what = format!("the notification service did not show it ({})", said(error));
    match name(error) {
        _ if is_late(error) => {
            Failure::new(FailureKind::Unconfirmed, "the notification service did not answer in time")
        }
        _ if is_absent(error) => Failure::retryable("the notification service went away"),
        None | Some("NoReply" | "Timeout" | "TimedOut" | "Disconnected") => {
            Failure::new(FailureKind::Unconfirmed, format!("the notification service was lost ({})", said(error)))
        }
        Some("InvalidArgs" | "InvalidSignature" | "UnknownMethod" | "UnknownInterface" | "UnknownObject") => {
            Failure::permanent(what, "use another notification service, or another channel")
        }
        Some("AccessDenied") => Failure::no_transport(what, format!("let Operator talk to {SERVICE}")),
        Some(_) => Failure::retryable(what),
    }
}

fn is_late(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::InputOutput(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// Nobody has the name, and nobody can be started for it.
fn is_absent(error: &zbus::Error) -> bool {
    name(error).is_some_and(|name| ["ServiceUnknown", "NameHasNoOwner"].contains(&name) || name.starts_with("Spawn."))
}

/// The name of an error that was answered, without the bus's prefix.
fn name(error: &zbus::Error) -> Option<&str> {
    let zbus::Error::MethodError(name, ..) = error else { return None };
    Some(name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name))
}

/// An error in a few words.
fn said(error: &zbus::Error) -> String {
    let words = match (error, name(error)) {
        (zbus::Error::MethodError(_, Some(detail), _), Some(name)) => format!("{name}: {detail}"),
        (_, Some(name)) => name.to_owned(),
        // It names a page about addresses.
        (zbus::Error::Address(_), None) => "its address cannot be read".into(),
        (zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _), None) => error.to_string(),
        _ => error.to_string(),
    };
    fit(&plain_line(&words), 160, |_| 1)
}
