//! A desktop of the test's own: a real session bus, and a notification service on it that does what the test tells it to.

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

/// What most services can do.
pub(crate) const USUAL: &[&str] = &["actions", "body", "body-markup", "persistence"];

/// A session bus without anything of the tester's desktop on it: what is installed cannot be started by it.
pub(crate) struct Desktop {
    folder: TempDir,
    daemon: Child,
    runtime: Handle,
    _stop: oneshot::Sender<()>,
}

/// What a service is to do about the next banner.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Show it and say its number.
    Number,
    /// Show it and say nothing, ever.
    Silence,
    /// Do not show it, and say so.
    Error(fn(String) -> fdo::Error),
}

/// A banner as it was handed over.
#[derive(Debug, Clone)]
pub(crate) struct Banner {
    /// The number that the service gave it.
    pub(crate) number: u32,
    /// The number that it was to take the place of.
    pub(crate) replaces: u32,
    pub(crate) app: String,
    pub(crate) title: String,
    pub(crate) body: String,
    /// Handles and labels in turn.
    pub(crate) actions: Vec<String>,
    hints: Arc<HashMap<String, OwnedValue>>,
    pub(crate) expires_ms: i32,
    /// The program's unique name on the bus.
    pub(crate) sender: String,
}

impl Banner {
    pub(crate) fn urgency(&self) -> u8 {
        self.hints["urgency"].downcast_ref().expect("an urgency")
    }

    /// A hint that is a text.
    pub(crate) fn hint(&self, name: &str) -> Option<String> {
        self.hints.get(name).map(|value| value.downcast_ref().expect("a text"))
    }

    /// A hint that is there and true.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.hints.get(name).is_some_and(|value| value.downcast_ref().expect("a truth value"))
    }

    /// The handle of the button with this label.
    pub(crate) fn handle(&self, label: &str) -> String {
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

    /// Where everything of the test's own on the bus runs.
    pub(crate) fn runtime(&self) -> Handle {
        self.runtime.clone()
    }

    /// Where the bus is, as `bus`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn address(&self) -> String {
        format!("unix:path={}", self.folder().join("bus").display())
    }

    /// A home of somebody who sits at this desktop.
    pub(crate) fn home(&self) -> Home {
        let home = Home::new();
        home.variable("DBUS_SESSION_BUS_ADDRESS", self.address());
        home
    }

    /// The bus goes, and with it everybody who is on it.
    pub(crate) fn go(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
        let _ = std::fs::remove_file(self.folder().join("bus"));
    }

    /// It comes back, with nobody on it.
    pub(crate) fn come_back(&mut self) {
        self.daemon = daemon(&self.folder().join("bus.conf"));
    }

    /// Somebody on the bus, without a name.
    pub(crate) fn somebody(&self) -> Connection {
        let address = self.address();
        let join = async move { connection::Builder::address(address.as_str()).expect("an address").build().await };
        self.runtime.block_on(join).expect("the bus takes everybody")
    }

    /// A notification service that can do this.
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

    /// Somebody who is no notification service tells a program that a button was pressed.
    pub(crate) fn forge(&self, from: &Connection, to: &str, press: &(u32, String)) {
        self.runtime.block_on(tell(from, Some(to), "ActionInvoked", press)).expect("a signal");
    }

    /// Somebody else shows a banner.
    pub(crate) fn show_as(&self, from: &Connection, title: &str) {
        let hints = HashMap::from([("urgency", zbus::zvariant::Value::from(1_u8))]);
        let banner = ("Mail", 0_u32, "", title, "", Vec::<String>::new(), hints, -1_i32);
        let show = from.call_method(Some(SERVICE), OBJECT, Some(SERVICE), "Notify", &banner);
        self.runtime.block_on(show).expect("the service shows it");
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        self.go();
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
    let mut said = String::new();
    let stdout = daemon.stdout.as_mut().expect("its stdout");
    BufReader::new(stdout).read_line(&mut said).expect("the daemon says where it is");
    assert!(said.starts_with("unix:"), "the daemon does not start");
    daemon
}

/// A notification service; it goes when it is dropped.
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
    /// A number that it does not know is taken all the same, as dunst and Plasma do.
    keeps_numbers: bool,
}

impl Service {
    /// Everything that it was asked to show, in order.
    pub(crate) fn shown(&self) -> Vec<Banner> {
        self.inner.lock().unwrap().shown.clone()
    }

    /// The one banner with this in its title, as soon as there is one.
    pub(crate) fn banner(&self, title: &str) -> Banner {
        eventually(title, || self.shown().into_iter().find(|banner| banner.title.contains(title)))
    }

    /// How many banners have this in their title.
    pub(crate) fn times(&self, title: &str) -> usize {
        self.shown().iter().filter(|banner| banner.title.contains(title)).count()
    }

    /// What it does about the next banners; then it shows them again.
    pub(crate) fn will(&self, answers: &[Answer]) {
        self.inner.lock().unwrap().answers.extend(answers.iter().cloned());
    }

    pub(crate) fn keep_numbers(&self) {
        self.inner.lock().unwrap().keeps_numbers = true;
    }

    /// The person presses a button.
    pub(crate) fn press(&self, banner: &Banner, label: &str) {
        self.tell("ActionInvoked", &(banner.number, banner.handle(label)));
    }

    /// The person closes a banner.
    pub(crate) fn close(&self, banner: &Banner) {
        self.tell("NotificationClosed", &(banner.number, 2_u32));
    }

    fn tell(&self, signal: &str, body: &(impl Serialize + DynamicType)) {
        self.runtime.block_on(tell(&self.connection, None, signal, body)).expect("a signal");
    }

    /// It ends, and whoever has something to say to it finds nobody.
    pub(crate) fn quit(self) {
        self.runtime.block_on(self.connection.close()).expect("it leaves the bus");
    }
}

/// When this is done the bus has passed the signal on: whatever it is asked afterwards comes later.
async fn tell(
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
        let (answer, number) = self.inner.lock().unwrap().take(banner);
        match answer {
            Answer::Number => Ok(number),
            Answer::Silence => std::future::pending().await,
            Answer::Error(error) => Err(error("as the test wants it".into())),
        }
    }
}

impl Inner {
    fn take(&mut self, mut banner: Banner) -> (Answer, u32) {
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

/// The address of a socket that takes everybody and never says a word, for as long as the listener lives.
pub(crate) fn silent_bus(home: &Home) -> (UnixListener, String) {
    let socket = home.path("tmp/silent");
    let listener = UnixListener::bind(&socket).expect("a socket");
    (listener, format!("unix:path={}", socket.display()))
}
