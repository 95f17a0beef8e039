//! A private desktop: a real session bus with a scripted notification server.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use zbus::message::Header;
use zbus::zvariant::{DynamicType, OwnedValue};
use zbus::{Connection, connection, fdo, interface};

use super::home::{Home, eventually};

const SERVICE: &str = "org.freedesktop.Notifications";
const OBJECT: &str = "/org/freedesktop/Notifications";

/// The capabilities of most servers.
pub(crate) const USUAL: &[&str] = &["actions", "body", "body-markup", "persistence"];

/// A session bus that cannot start installed services.
pub(crate) struct Desktop {
    folder: TempDir,
    daemon: Child,
    runtime: Handle,
    _stop: oneshot::Sender<()>,
}

/// The reaction to the next banner.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Shows it and returns its number.
    Number,
    /// Shows it and never replies.
    Silence,
    /// Returns an error without showing it.
    Error(fn(String) -> fdo::Error),
}

/// A received banner.
#[derive(Debug, Clone)]
pub(crate) struct Banner {
    /// Assigned by the server.
    pub(crate) number: u32,
    /// The number that it asked to replace.
    pub(crate) replaces: u32,
    pub(crate) app: String,
    pub(crate) title: String,
    pub(crate) body: String,
    /// Callback data and labels alternate.
    pub(crate) actions: Vec<String>,
    hints: Arc<HashMap<String, OwnedValue>>,
    pub(crate) expires_ms: i32,
    /// The sender's unique name on the bus.
    pub(crate) sender: String,
}

impl Banner {
    pub(crate) fn urgency(&self) -> u8 {
        self.hints["urgency"].downcast_ref().expect("an urgency")
    }

    /// A text hint.
    pub(crate) fn hint(&self, name: &str) -> Option<String> {
        self.hints.get(name).map(|value| value.downcast_ref().expect("a text"))
    }

    /// Whether a boolean hint is set.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.hints.get(name).is_some_and(|value| value.downcast_ref().expect("a truth value"))
    }

    /// The callback data of the button with this label.
    pub(crate) fn callback_data(&self, label: &str) -> String {
        let button = self.actions.chunks(2).find(|pair| pair[1] == label);
        button.unwrap_or_else(|| panic!("no {label}: {self:?}"))[0].clone()
    }
}

impl Desktop {
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("bus").display().to_string();
        let rules = "<policy context='default'><allow send_destination='*'/><allow receive_sender='*'/><allow own='*'/></policy>";
        let config = format!("<busconfig><type>session</type><listen>unix:path={socket}</listen>{rules}</busconfig>");
        std::fs::write(folder.path().join("bus.conf"), config).expect("a configuration of the bus");
        let daemon = daemon(&folder.path().join("bus.conf"));
        let (stop, stopped) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let handle = runtime.handle().clone();
        std::thread::spawn(move || runtime.block_on(stopped));
        Self { folder, daemon, runtime: handle, _stop: stop }
    }

    pub(crate) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Contains the socket `bus`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.folder().join("bus").display())
    }

    /// A home with this bus in its environment.
    pub(crate) fn home(&self) -> Home {
        let home = Home::new();
        home.variable("DBUS_SESSION_BUS_ADDRESS", self.address());
        home
    }

    pub(crate) fn stop_bus(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        let _ = std::fs::remove_file(self.folder().join("bus"));
    }

    /// Starts the bus again, without any clients.
    pub(crate) fn restart_bus(&mut self) {
        self.daemon = daemon(&self.folder().join("bus.conf"));
    }

    /// Another client of the bus.
    pub(crate) fn other_client(&self) -> Connection {
        let address = self.address();
        let join = async move { connection::Builder::address(address.as_str()).expect("an address").build().await };
        self.runtime.block_on(join).expect("a connection")
    }

    /// Starts a notification server.
    pub(crate) fn serve(&self, capabilities: &'static [&'static str]) -> Service {
        let inner = Arc::new(Mutex::new(Inner::default()));
        let server = Server { capabilities, inner: Arc::clone(&inner) };
        let address = self.address();
        let serve = async move {
            let builder = connection::Builder::address(address.as_str())?;
            builder.serve_at(OBJECT, server)?.name(SERVICE)?.build().await
        };
        let connection = self.runtime.block_on(serve).expect("the service is on the bus");
        Service { connection, inner, runtime: self.runtime.clone() }
    }

    /// Another client than the server signals a button press.
    pub(crate) fn forge(&self, from: &Connection, to: &str, press: &(u32, String)) {
        self.runtime.block_on(emit(from, Some(to), "ActionInvoked", press)).expect("a signal");
    }

    /// Another program shows a banner.
    pub(crate) fn show_as(&self, from: &Connection, title: &str) {
        let hints = HashMap::from([("urgency", zbus::zvariant::Value::from(1_u8))]);
        let banner = ("Mail", 0_u32, "", title, "", Vec::<String>::new(), hints, -1_i32);
        let show = from.call_method(Some(SERVICE), OBJECT, Some(SERVICE), "Notify", &banner);
        self.runtime.block_on(show).expect("the service shows it");
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.stop_bus();
    }
}

fn daemon(config: &Path) -> Child {
    let mut daemon = Command::new("dbus-daemon");
    daemon
        .arg("--nofork")
        .arg("--nopidfile")
        .arg("--print-address=1")
        .arg(format!("--config-file={}", config.display()));
    let mut daemon = daemon.stdout(Stdio::piped()).spawn().expect("dbus-daemon is installed");
    let mut line = String::new();
    let stdout = daemon.stdout.as_mut().expect("its stdout");
    BufReader::new(stdout).read_line(&mut line).expect("the address of the bus");
    assert!(line.starts_with("unix:"), "the daemon does not start");
    daemon
}

/// A notification server. Ends when it is dropped.
pub(crate) struct Service {
    connection: Connection,
    inner: Arc<Mutex<Inner>>,
    runtime: Handle,
}

#[derive(Default)]
struct Inner {
    shown: Vec<Banner>,
    last: u32,
    answers: VecDeque<Answer>,
    /// Accepts unknown numbers, as dunst and Plasma do.
    keeps_numbers: bool,
}

impl Service {
    /// All banners in order.
    pub(crate) fn shown(&self) -> Vec<Banner> {
        self.inner.lock().unwrap().shown.clone()
    }

    /// Waits for the banner with this text in its title.
    pub(crate) fn banner(&self, title: &str) -> Banner {
        eventually(title, || self.shown().into_iter().find(|banner| banner.title.contains(title)))
    }

    /// The number of banners with this text in their title.
    pub(crate) fn times(&self, title: &str) -> usize {
        self.shown().iter().filter(|banner| banner.title.contains(title)).count()
    }

    /// The reactions to the next banners. Later ones are shown.
    pub(crate) fn answer_next(&self, answers: &[Answer]) {
        self.inner.lock().unwrap().answers.extend(answers.iter().cloned());
    }

    pub(crate) fn keep_numbers(&self) {
        self.inner.lock().unwrap().keeps_numbers = true;
    }

    /// The user presses a button.
    pub(crate) fn press(&self, banner: &Banner, label: &str) {
        self.emit("ActionInvoked", &(banner.number, banner.callback_data(label)));
    }

    /// The user closes a banner.
    pub(crate) fn close(&self, banner: &Banner) {
        self.emit("NotificationClosed", &(banner.number, 2_u32));
    }

    fn emit(&self, signal: &str, body: &(impl Serialize + DynamicType)) {
        self.runtime.block_on(emit(&self.connection, None, signal, body)).expect("a signal");
    }

    /// Leaves the bus.
    pub(crate) fn quit(self) {
        self.runtime.block_on(self.connection.close()).expect("it leaves the bus");
    }
}

/// Returns after the bus has forwarded the signal: later calls arrive after it.
async fn emit(
    from: &Connection,
    to: Option<&str>,
    signal: &str,
    body: &(impl Serialize + DynamicType),
) -> zbus::Result<()> {
    from.emit_signal(to, OBJECT, SERVICE, signal, body).await?;
    let bus = "org.freedesktop.DBus";
    from.call_method(Some(bus), "/org/freedesktop/DBus", Some(bus), "GetId", &()).await.map(drop)
}

struct Server {
    capabilities: &'static [&'static str],
    inner: Arc<Mutex<Inner>>,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Server {
    fn get_capabilities(&self) -> Vec<&'static str> {
        self.capabilities.to_vec()
    }

    fn get_server_information(&self) -> (&'static str, &'static str, &'static str, &'static str) {
        ("Testshell", "the tests", "46.0", "1.2")
    }

    #[expect(clippy::too_many_arguments, reason = "the specification has so many")]
    async fn notify(
        &self,
        #[zbus(header)] header: Header<'_>,
        app: String,
        replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        hints: HashMap<String, OwnedValue>,
        expires_ms: i32,
    ) -> fdo::Result<u32> {
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let hints = Arc::new(hints);
        let banner = Banner { number: 0, replaces, app, title, body, actions, hints, expires_ms, sender };
        let (answer, number) = self.inner.lock().unwrap().receive(banner);
        match answer {
            Answer::Number => Ok(number),
            Answer::Silence => std::future::pending().await,
            Answer::Error(error) => Err(error("as the test wants it".into())),
        }
    }
}

impl Inner {
    fn receive(&mut self, mut banner: Banner) -> (Answer, u32) {
        let answer = self.answers.pop_front().unwrap_or(Answer::Number);
        if !matches!(answer, Answer::Error(_)) {
            let is_known = self.shown.iter().any(|shown| shown.number == banner.replaces);
            banner.number = match banner.replaces {
                number if is_known || self.keeps_numbers && number > 0 => number,
                _ => {
                    self.last += 1;
                    self.last
                }
            };
            self.shown.push(banner.clone());
        }
        (answer, banner.number)
    }
}

/// The address of a socket that accepts connections and never replies, while the listener lives.
pub(crate) fn silent_bus(home: &Home) -> (UnixListener, String) {
    let socket = home.path("tmp/silent");
    let listener = UnixListener::bind(&socket).expect("a socket");
    (listener, format!("unix:path={}", socket.display()))
}
