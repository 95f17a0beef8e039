//! The engine as a process, which ends with the test.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::home::{Home, eventually};

/// A running engine process.
pub(crate) struct Running {
    child: Child,
    socket: PathBuf,
    errors: PathBuf,
}

impl Running {
    /// Start a headless engine and wait until it answers.
    pub(crate) fn start(home: &Home) -> Self {
        let running = Self::spawn(home, &[]);
        eventually("the engine answers", || running.ask(r#"{"command": "status"}"#));
        running
    }

    /// Start an engine with these flags and wait until it answers.
    #[cfg(target_os = "linux")]
    pub(crate) fn in_front(home: &Home, flags: &[&str]) -> Self {
        let running = Self::run(home, flags);
        eventually("the engine answers", || running.ask(r#"{"command": "status"}"#));
        running
    }

    /// Start a headless engine with more flags, without waiting.
    pub(crate) fn spawn(home: &Home, flags: &[&str]) -> Self {
        Self::run(home, &[&["--headless"], flags].concat())
    }

    fn run(home: &Home, flags: &[&str]) -> Self {
        let errors = home.path("tmp/stderr.log");
        let mut program = home.program();
        program.arg("--config").arg(home.path("config.yaml")).args(flags);
        program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&errors).expect("a file for stderr"));
        let child = program.spawn().expect("the engine starts");
        Self { child, socket: home.path("state/operator.sock"), errors }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its stderr so far.
    pub(crate) fn stderr_text(&self) -> String {
        std::fs::read_to_string(&self.errors).unwrap_or_default()
    }

    /// A connection to its control socket.
    pub(crate) fn connect(&self) -> Option<UnixStream> {
        let stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        Some(stream)
    }

    /// Send one line and parse the JSON line that comes back.
    pub(crate) fn ask(&self, line: &str) -> Option<Value> {
        let mut stream = self.connect()?;
        writeln!(stream, "{line}").ok()?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).ok()?;
        serde_json::from_str(&reply).ok()
    }

    /// Its status, over the control socket.
    pub(crate) fn status(&self) -> Value {
        self.ask(r#"{"command": "status"}"#).expect("a reply")["body"].clone()
    }

    /// Send a signal and wait. Gives the exit code; none if the signal killed it.
    pub(crate) fn stop(&mut self, signal: &str) -> Option<i32> {
        let sent = Command::new("kill").args(["-s", signal, &self.pid().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal cannot be sent");
        self.ended()
    }

    /// Wait until it ends by itself.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        // The contract allows ten seconds; after half a minute it hangs.
        let child = std::cell::RefCell::new(&mut self.child);
        eventually("the engine ends", || child.borrow_mut().try_wait().expect("its status")).code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
