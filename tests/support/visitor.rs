//! A visitor of the page on this machine: HTTP by hand, so that anything can be said.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Running;
use super::home::{Home, eventually};

/// No answer takes longer, unless the server hangs.
const LONGEST: Duration = Duration::from_secs(30);

/// What every answer tells a browser.
const PROMISED: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("x-frame-options", "DENY"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
];

/// What was answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header that is there once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice: {self:?}");
        value
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The sentence of a JSON answer.
    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().expect("a message").to_owned()
    }

    /// Fails unless it has this code and everything that a browser must be told.
    pub(crate) fn with(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for (name, value) in PROMISED {
            assert_eq!(self.header(name), Some(value), "{name}: {self:?}");
        }
        self
    }

    /// What a browser would send back: `name=value`.
    pub(crate) fn cookie(&self) -> Option<String> {
        Some(self.header("set-cookie")?.split(';').next()?.to_owned())
    }
}

/// A connection.
pub(crate) struct Talk {
    stream: BufReader<TcpStream>,
}

impl Talk {
    pub(crate) fn with(port: u16) -> Self {
        Self::try_with(port).expect("a connection")
    }

    pub(crate) fn try_with(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(LONGEST))?;
        stream.set_write_timeout(Some(LONGEST))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// The port that it leads to.
    pub(crate) fn port(&self) -> u16 {
        self.stream.get_ref().peer_addr().expect("it is connected").port()
    }

    /// Say this, whether or not anybody listens any more.
    pub(crate) fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Say no more, and go on listening.
    pub(crate) fn fall_silent(&self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// The next answer; none when the connection was closed.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.answer_to("GET")
    }

    pub(crate) fn answer_to(&mut self, method: &str) -> Option<Answer> {
        let first = self.line()?;
        let code = first.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.line()?.split_once(':') {
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { code, headers, body: String::new() };
        if method != "HEAD" && answer.header("transfer-encoding").is_none() {
            let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).ok()?;
            answer.body = String::from_utf8(body).ok()?;
        }
        Some(answer)
    }

    /// The next line, without its end; none when the connection was closed.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Everything until the connection is closed.
    pub(crate) fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        // One that was reset has ended too.
        let ended = self.stream.read_to_end(&mut rest);
        let waits = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        assert!(!ended.is_err_and(|error| waits(&error)), "nobody closes it");
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// A home with a running engine whose page can be visited.
pub(crate) struct Site {
    pub(crate) home: Home,
    pub(crate) engine: Running,
    pub(crate) port: u16,
}

impl Site {
    /// Open it, after its first check.
    pub(crate) fn open() -> Self {
        Self::open_in(Home::new())
    }

    /// The same in a home that was prepared.
    pub(crate) fn open_in(home: Home) -> Self {
        let port = free_port();
        home.set(json!({"http": {"enabled": true, "port": port}}));
        let engine = Running::start(&home);
        eventually("the first check", || (engine.status()["run_count"] != 0).then_some(()));
        Self { home, engine, port }
    }

    /// End the engine and start another one, after something was done in between.
    pub(crate) fn reopen(&mut self, between: impl FnOnce(&Home)) {
        assert_eq!(self.engine.stop("TERM"), Some(0), "{}", self.engine.said());
        between(&self.home);
        self.engine = Running::start(&self.home);
    }

    /// The token, as it stands in its file.
    pub(crate) fn token(&self) -> String {
        let text = std::fs::read_to_string(self.home.path("state/http-token")).expect("a token");
        text.trim().to_owned()
    }

    /// The header line of a program with the token.
    pub(crate) fn pass(&self) -> String {
        format!("Authorization: Bearer {}", self.token())
    }

    /// The header line of a page that is ours.
    pub(crate) fn origin(&self) -> String {
        format!("Origin: http://127.0.0.1:{}", self.port)
    }

    /// A request's bytes. The host is ours unless a line says otherwise.
    pub(crate) fn request(&self, method: &str, target: &str, lines: &[&str], body: &str) -> String {
        let mut text = format!("{method} {target} HTTP/1.1\r\n");
        if !lines.iter().any(|line| line.to_lowercase().starts_with("host:")) {
            text.push_str(&format!("Host: 127.0.0.1:{}\r\n", self.port));
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        for line in lines.iter().filter(|line| !line.is_empty()) {
            text.push_str(&format!("{line}\r\n"));
        }
        text + "\r\n" + body
    }

    /// Ask in a connection of its own.
    pub(crate) fn ask(&self, method: &str, target: &str, lines: &[&str], body: &str) -> Answer {
        let mut talk = Talk::with(self.port);
        talk.say(self.request(method, target, lines, body));
        talk.answer_to(method).unwrap_or_else(|| panic!("no answer to {method} {target} {lines:?}"))
    }

    /// Read something with the token.
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, &[&self.pass()], "")
    }

    /// Change something with the token.
    pub(crate) fn post(&self, path: &str, form: &str) -> Answer {
        let kind = if form.is_empty() { "" } else { "Content-Type: application/x-www-form-urlencoded" };
        self.ask("POST", path, &[&self.pass(), kind], form)
    }

    /// A ticket, as the command line gives it out.
    pub(crate) fn link(&self) -> String {
        self.home.run(&["dashboard", "--print"]).ok().out.trim().to_owned()
    }

    /// Where a link leads, without the host.
    pub(crate) fn target(&self, link: &str) -> String {
        let host = format!("http://127.0.0.1:{}", self.port);
        link.strip_prefix(&host).unwrap_or_else(|| panic!("not ours: {link}")).to_owned()
    }

    /// Come in by a link: the header line of the cookie.
    pub(crate) fn come_in(&self) -> String {
        let answer = self.ask("GET", &self.target(&self.link()), &[], "").with(200);
        format!("Cookie: {}", answer.cookie().expect("a cookie"))
    }

    /// How the engine's log tells of the requests that were refused: each line's reason.
    pub(crate) fn refusals(&self) -> Vec<String> {
        let said = self.engine.said();
        let reasons = said.lines().filter_map(|line| line.split_once("The page refused a request that "));
        let mut reasons: Vec<_> =
            reasons.map(|(_, reason)| reason.split(';').next().unwrap_or_default().to_owned()).collect();
        reasons.sort();
        reasons
    }

    /// Fails unless the engine answers on its socket and checks when it is asked to.
    pub(crate) fn is_well(&self) {
        let report = self.engine.ask(r#"{"command": "run_now"}"#).expect("an answer");
        assert_eq!(report["body"]["monitors"]["health"]["status"], "ok", "{report}");
        self.ask("GET", "/health", &[], "").with(200);
        assert!(!self.engine.said().contains("panicked"), "{}", self.engine.said());
    }
}

/// A port that nobody has. The system gives others to whoever connects, so it is not asked for one.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 100).expect("it is small") * 100;
    let mut ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}
