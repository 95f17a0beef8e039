//! Mail servers: a real one with TLS and a login, and one that says what a test tells it to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const USER: &str = "ada@example.org";
pub(crate) const PASSWORD: &str = "s3cret \"word\" ü";

const SERVER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/smtp_server.py");

const CERTIFICATES: &str = r#"
set -e
key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=operator-test-authority -days 2
openssl req $key -keyout server.key -out server.csr -subj /CN=localhost
printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' > extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile extensions
"#;

/// A folder with an authority (`ca.pem`) and a certificate of it for `localhost`.
fn certificates() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let make = || {
        let folder = tempfile::tempdir().unwrap();
        let made = Command::new("sh").args(["-c", CERTIFICATES]).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "openssl must work: {made:?}");
        folder
    };
    FOLDER.get_or_init(make).path()
}

/// The Python that has the server's library: Debian's own, or the one that is there.
fn python() -> &'static str {
    let has = |python: &&str| {
        let found = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"].into_iter().find(has).expect("aiosmtpd is installed, see tests/run")
}

/// A running mail server, gone with its owner.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    security: &'static str,
    mails: Receiver<Value>,
    /// Holds the pipe that keeps the server alive.
    _keeper: Child,
}

impl MailServer {
    /// With this `security`: `tls`, `starttls` or `none`.
    pub(crate) fn start(security: &'static str) -> Self {
        let folder = certificates();
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        let mut server = Command::new(python());
        server.arg(SERVER).arg(security).args([certificate, key]).args([USER, PASSWORD]);
        let mut keeper = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.next().and_then(|line| line.parse().ok()).expect("it listens");
        let (told, mails) = channel();
        thread::spawn(move || {
            for line in lines {
                // The test may be over.
                let _ = told.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { port, security, mails, _keeper: keeper }
    }

    /// The next mail that it took.
    pub(crate) fn mail(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(20)).expect("a mail")
    }

    /// Whether there is none that was not looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.mails.try_recv().is_err()
    }

    /// The configuration as a section.
    pub(crate) fn section(&self) -> Value {
        let mut section = json!({
            "enabled": true, "server": "localhost", "port": self.port, "security": self.security,
            "from": "Operator <operator@example.org>", "to": ["ada@example.org"],
        });
        if self.security != "none" {
            let ca_file: PathBuf = certificates().join("ca.pem");
            section["ca_file"] = json!(ca_file);
            section["user"] = USER.into();
            section["password"] = PASSWORD.into();
        }
        section
    }
}

/// What a misbehaving server does.
pub(crate) enum Reply {
    Say(String),
    Hang,
    Close,
}

impl Reply {
    pub(crate) fn say(line: &str) -> Self {
        Self::Say(format!("{line}\r\n"))
    }
}

/// A server without encryption that answers each line as a script says: the greeting to an empty line, a mail's text to `.`.
pub(crate) struct Scripted {
    pub(crate) port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    pub(crate) fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, heard) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
        let (record, script) = (Arc::clone(&heard), Arc::new(script));
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                // A connection that hangs is one that we do not let go of.
                open.push(stream.try_clone().unwrap());
                let (record, script) = (Arc::clone(&record), Arc::clone(&script));
                thread::spawn(move || converse(&stream, &record, &*script));
            }
        });
        Self { port, heard }
    }

    /// The lines that came in, without the text of mails.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn converse(mut stream: &TcpStream, record: &Mutex<Vec<String>>, script: &dyn Fn(&str) -> Reply) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut line = Some(String::new());
    while let Some(said) = line {
        record.lock().unwrap().push(said.clone());
        match script(&said) {
            // A client that has had enough may close first.
            Reply::Say(words) => drop(stream.write_all(words.as_bytes())),
            Reply::Hang => return,
            Reply::Close => break,
        }
        line = if said == "DATA" { lines.find(|line| line == ".") } else { lines.next() };
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// What a server says that takes everything.
pub(crate) fn agreeable(line: &str) -> Reply {
    Reply::say(match line.split(' ').next().unwrap_or_default() {
        "" => "220 localhost ESMTP",
        "EHLO" => "250-localhost\r\n250 AUTH PLAIN LOGIN",
        "AUTH" => "235 2.7.0 Welcome",
        "DATA" => "354 Go on",
        "QUIT" => "221 Bye",
        _ => "250 2.0.0 OK",
    })
}
