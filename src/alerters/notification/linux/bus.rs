//! The session bus and the notification server on it. The connection opens on first use and reopens after it broke.

mod address;

use std::io;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::sync::futures::Notified;
use zbus::zvariant::DynamicType;
use zbus::{Connection, Message, MessageStream};

use self::address::Address;
use super::banner_id::BannerId;
use crate::alerters::text::{single_line, truncate_chars};
use crate::alerters::{Failure, FailureKind};
use crate::config::Env;

/// For one call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Errors of zbus may be long.
const MAX_ERROR_CHARS: usize = 160;

const SERVICE: &str = "org.freedesktop.Notifications";
const OBJECT: &str = "/org/freedesktop/Notifications";

#[derive(Debug)]
pub(super) struct Bus {
    address: Address,
    connection: Mutex<Option<BusConnection>>,
    reconnected: tokio::sync::Notify,
}

#[derive(Debug)]
struct BusConnection {
    connection: Connection,
    /// The last known notification server.
    server: Option<Server>,
}

/// One notification server, by its unique name: another server may take over the service name later.
#[derive(Debug, Clone)]
pub(super) struct Server {
    connection: Connection,
    owner: String,
    /// Whether the body is parsed as markup.
    pub(super) parses_markup: bool,
    pub(super) supports_buttons: bool,
}

impl Bus {
    pub(super) fn from_env(env: &Env) -> Option<Self> {
        let address = Address::from_env(env)?;
        Some(Self { address, connection: Mutex::default(), reconnected: tokio::sync::Notify::new() })
    }

    pub(super) fn may_exist(&self) -> bool {
        self.address.may_exist()
    }

    /// Resolves at the next new connection.
    pub(super) fn reconnected(&self) -> Notified<'_> {
        self.reconnected.notified()
    }

    /// The current notification server. The bus starts one that it can activate.
    pub(super) async fn server(&self) -> Result<Server, Failure> {
        let mut slot = self.connection.lock().await;
        let BusConnection { connection, server } = self.connect(&mut slot).await?;
        let owner = match service_owner(connection).await {
            Ok(owner) => owner,
            Err(error) => {
                *slot = None;
                return Err(bus_failure(&error));
            }
        };
        if let Some(known) = server.as_ref().filter(|known| Some(&known.owner) == owner.as_ref()) {
            return Ok(known.clone());
        }
        let current = Server::connect(connection).await?;
        *server = Some(current.clone());
        Ok(current)
    }

    /// Name and version.
    pub(super) async fn server_information(&self) -> Result<(String, String), Failure> {
        let server = self.server().await?;
        let reply = server.call("GetServerInformation", &()).await.map_err(|error| query_failure(&error))?;
        let fields = reply.body().deserialize::<(String, String, String, String)>();
        let (name, _, version, _) = fields.map_err(|error| query_failure(&error))?;
        Ok((single_line(&name), single_line(&version)))
    }

    /// The signals of the notification server, until the connection breaks.
    pub(super) async fn signals(&self) -> Result<MessageStream, Failure> {
        let mut slot = self.connection.lock().await;
        let connection = self.connect(&mut slot).await?.connection.clone();
        drop(slot);
        let rule = format!("type='signal',sender='{SERVICE}',path='{OBJECT}',interface='{SERVICE}'");
        let stream = with_timeout(MessageStream::for_match_rule(rule.as_str(), &connection, None)).await;
        stream.map_err(|error| bus_failure(&error))
    }

    async fn connect<'a>(&self, slot: &'a mut Option<BusConnection>) -> Result<&'a mut BusConnection, Failure> {
        match slot.take().filter(|open| !open.connection.is_closed()) {
            Some(open) => Ok(slot.insert(open)),
            None if !self.may_exist() => Err(no_bus()),
            None => {
                let connected = with_timeout(self.address.connect()).await;
                let connection = connected.map_err(|error| bus_failure(&error))?;
                self.reconnected.notify_waiters();
                Ok(slot.insert(BusConnection { connection, server: None }))
            }
        }
    }
}

impl Server {
    /// The sender of the reply is the owner of the service name.
    async fn connect(connection: &Connection) -> Result<Self, Failure> {
        let reply = call(connection, SERVICE, OBJECT, SERVICE, "GetCapabilities", &()).await;
        let reply = reply.map_err(|error| query_failure(&error))?;
        let capabilities: Vec<String> = reply.body().deserialize().map_err(|error| query_failure(&error))?;
        let owner = reply.header().sender().map(ToString::to_string);
        let owner = owner.ok_or_else(|| query_failure(&zbus::Error::MissingField))?;
        let supports = |name: &str| capabilities.iter().any(|capability| capability == name);
        let (parses_markup, supports_buttons) = (supports("body-markup"), supports("actions"));
        Ok(Self { connection: connection.clone(), owner, parses_markup, supports_buttons })
    }

    pub(super) fn banner_id(&self, number: u32) -> BannerId {
        BannerId { bus: self.connection.server_guid().to_string(), owner: self.owner.clone(), number }
    }

    pub(super) fn issued(&self, id: &BannerId) -> bool {
        *id == self.banner_id(id.number)
    }

    /// Shows a banner and returns its number.
    pub(super) async fn notify<B: Serialize + DynamicType + Sync>(&self, banner: &B) -> Result<u32, Failure> {
        let reply = self.call("Notify", banner).await.map_err(|error| notify_failure(&error))?;
        let no_number = |_| Failure::new(FailureKind::Unconfirmed, "the notification service returned no number");
        reply.body().deserialize().map_err(no_number)
    }

    async fn call<B: Serialize + DynamicType + Sync>(&self, method: &str, body: &B) -> zbus::Result<Message> {
        call(&self.connection, &self.owner, OBJECT, SERVICE, method, body).await
    }
}

/// The unique name of the notification server; `None` if none is running.
pub(super) async fn service_owner(connection: &Connection) -> zbus::Result<Option<String>> {
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
    with_timeout(connection.call_method(Some(to), object, Some(interface), method, body)).await
}

async fn with_timeout<T>(call: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let timed_out = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
    tokio::time::timeout(CALL_TIMEOUT, call).await.unwrap_or_else(timed_out)
}

// === Failures ===

/// Normal on a machine without a desktop.
pub(super) fn no_bus() -> Failure {
    Failure::no_transport("no session bus", "")
}

fn bus_failure(error: &zbus::Error) -> Failure {
    if is_timeout(error) {
        return Failure::no_transport("the session bus does not answer", "if this persists, log out and in again");
    }
    let what = format!("the session bus cannot be reached ({})", describe(error));
    Failure::no_transport(what, "run Operator in the desktop's session, or correct DBUS_SESSION_BUS_ADDRESS")
}

/// A query to the server failed. Nothing was shown.
fn query_failure(error: &zbus::Error) -> Failure {
    if is_absent(error) {
        return Failure::no_transport(
            "no notification service on the session bus",
            "start one, such as dunst or mako, or set alerters.notification.enabled to false",
        );
    }
    Failure::retryable(match is_timeout(error) {
        true => "the notification service does not answer".to_owned(),
        false => format!("the notification service cannot be queried ({})", describe(error)),
    })
}

/// A banner was sent.
fn notify_failure(error: &zbus::Error) -> Failure {
    let what = format!("the notification service did not show it ({})", describe(error));
    match error_name(error) {
        _ if is_timeout(error) => {
            Failure::new(FailureKind::Unconfirmed, "the notification service did not answer in time")
        }
        _ if is_absent(error) => Failure::retryable("the notification service exited"),
        None | Some("NoReply" | "Timeout" | "TimedOut" | "Disconnected") => {
            let what = format!("the connection to the notification service broke ({})", describe(error));
            Failure::new(FailureKind::Unconfirmed, what)
        }
        Some("InvalidArgs" | "InvalidSignature" | "UnknownMethod" | "UnknownInterface" | "UnknownObject") => {
            Failure::permanent(what, "use another notification service, or another channel")
        }
        Some("AccessDenied") => Failure::no_transport(what, format!("let Operator talk to {SERVICE}")),
        Some(_) => Failure::retryable(what),
    }
}

fn is_timeout(error: &zbus::Error) -> bool {
    matches!(error, zbus::Error::InputOutput(error) if error.kind() == io::ErrorKind::TimedOut)
}

/// The service name has no owner, and the bus cannot start one.
fn is_absent(error: &zbus::Error) -> bool {
    let names = ["ServiceUnknown", "NameHasNoOwner"];
    error_name(error).is_some_and(|name| names.contains(&name) || name.starts_with("Spawn."))
}

/// The name of an error reply, without the bus's prefix.
fn error_name(error: &zbus::Error) -> Option<&str> {
    let zbus::Error::MethodError(name, ..) = error else { return None };
    Some(name.strip_prefix("org.freedesktop.DBus.Error.").unwrap_or(name))
}

fn describe(error: &zbus::Error) -> String {
    let text = match (error, error_name(error)) {
        (zbus::Error::MethodError(_, Some(detail), _), Some(name)) => format!("{name}: {detail}"),
        (_, Some(name)) => name.to_owned(),
        // zbus's text names a web page about addresses.
        (zbus::Error::Address(_), None) => "its address is not valid".into(),
        (zbus::Error::InputOutput(error) | zbus::Error::Connection(error, _), None) => error.to_string(),
        _ => error.to_string(),
    };
    truncate_chars(&single_line(&text), MAX_ERROR_CHARS)
}
