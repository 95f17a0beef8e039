//! Mail servers: a real one with TLS and a login, and a scripted one.

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

/// A Python with the server's library: Debian's own, or the one in PATH.
fn python() -> &'static str {
    let has = |python: &&str| {
        let found = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        found.is_ok_and(|status| status.success())
    };
    ["/usr/bin/python3", "python3"].into_iter().find(has).expect("aiosmtpd is installed, see tests/run")
}

/// Ends when it is dropped.
pub(crate) struct MailServer {
    pub(crate) port: u16,
    security: &'static str,
    mails: Receiver<Value>,
    /// Owns the pipe that keeps the server alive.
    _process: Child,
}

impl MailServer {
    /// `security` is `tls`, `starttls` or `none`.
    pub(crate) fn start(security: &'static str) -> Self {
        let folder = certificates();
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        let mut server = Command::new(python());
        server.arg(SERVER).arg(security).args([certificate, key]).args([USER, PASSWORD]);
        let mut process = server.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.next().and_then(|line| line.parse().ok()).expect("a port");
        let (sender, mails) = channel();
        thread::spawn(move || {
            for line in lines {
                // The test may have ended.
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self { port, security, mails, _process: process }
    }

    /// The next accepted mail.
    pub(crate) fn mail(&self) -> Value {
        self.mails.recv_timeout(Duration::from_secs(20)).expect("a mail")
    }

    /// Whether there is no unread mail.
    pub(crate) fn is_empty(&self) -> bool {
        self.mails.try_recv().is_err()
    }

    /// The configuration section.
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

/// The reply of the scripted server.
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

/// A server without encryption. The script gets an empty line for the greeting, and `.` for the content of a mail.
pub(crate) struct ScriptedMailServer {
    pub(crate) port: u16,
    received: Arc<Mutex<Vec<String>>>,
}

impl ScriptedMailServer {
    pub(crate) fn start(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, received) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<String>>>::default());
        let (record, script) = (Arc::clone(&received), Arc::new(script));
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                // Dropping the stream would close a hanging connection.
                open.push(stream.try_clone().unwrap());
                let (record, script) = (Arc::clone(&record), Arc::clone(&script));
                thread::spawn(move || converse(&stream, &record, &*script));
            }
        });
        Self { port, received }
    }

    /// The received lines, without the content of mails.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

fn converse(mut stream: &TcpStream, record: &Mutex<Vec<String>>, script: &dyn Fn(&str) -> Reply) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut line = Some(String::new());
    while let Some(received) = line {
        record.lock().unwrap().push(received.clone());
        match script(&received) {
            // The client may close the connection first.
            Reply::Say(text) => drop(stream.write_all(text.as_bytes())),
            Reply::Hang => return,
            Reply::Close => break,
        }
        line = if received == "DATA" { lines.find(|line| line == ".") } else { lines.next() };
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

/// Replies of a server that accepts every mail.
pub(crate) fn accept_all(line: &str) -> Reply {
    Reply::say(match line.split(' ').next().unwrap_or_default() {
        "" => "220 localhost ESMTP",
        "EHLO" => "250-localhost\r\n250 AUTH PLAIN LOGIN",
        "AUTH" => "235 2.7.0 Welcome",
        "DATA" => "354 Go on",
        "QUIT" => "221 Bye",
        _ => "250 2.0.0 OK",
    })
}
