//! HTTP written by hand, so that a test can send anything, and an engine with a running HTTP server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::engine::Running;
use super::home::{Home, eventually};

/// No response takes longer unless the server hangs.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The log line of a rejected request.
pub(crate) const REJECTED: &str = "request rejected; later ones of this kind are not logged";

/// In every response.
const REQUIRED_HEADERS: [(&str, &str); 7] = [
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

#[derive(Debug, Clone)]
pub(crate) struct HttpResponse {
    pub(crate) code: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl HttpResponse {
    /// Panics if the header is repeated.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice: {self:?}");
        value
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("not JSON ({error}): {self:?}"))
    }

    /// `message` of a JSON reply.
    pub(crate) fn message(&self) -> String {
        self.json()["message"].as_str().expect("a message").to_owned()
    }

    /// Panics unless the response has this code and all required headers.
    pub(crate) fn expect_code(self, code: u16) -> Self {
        assert_eq!(self.code, code, "{self:?}");
        for (name, value) in REQUIRED_HEADERS {
            assert_eq!(self.header(name), Some(value), "{name}: {self:?}");
        }
        self
    }

    /// The cookie that a browser would send back: `name=value`.
    pub(crate) fn cookie(&self) -> Option<String> {
        Some(self.header("set-cookie")?.split(';').next()?.to_owned())
    }
}

pub(crate) struct RawConnection {
    stream: BufReader<TcpStream>,
}

impl RawConnection {
    pub(crate) fn open(port: u16) -> Self {
        Self::try_open(port).expect("a connection")
    }

    pub(crate) fn try_open(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(RESPONSE_TIMEOUT))?;
        stream.set_write_timeout(Some(RESPONSE_TIMEOUT))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.stream.get_ref().peer_addr().expect("it is connected").port()
    }

    /// False if the server has closed the connection.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    /// Send no more; responses can still be read.
    pub(crate) fn shutdown_write(&self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Write);
    }

    /// The next response to a GET or POST; None after the connection was closed.
    pub(crate) fn response(&mut self) -> Option<HttpResponse> {
        self.response_to("GET")
    }

    pub(crate) fn response_to(&mut self, method: &str) -> Option<HttpResponse> {
        let first = self.read_line()?;
        let code = first.split(' ').nth(1)?.parse().ok()?;
        let mut headers = Vec::new();
        while let Some((name, value)) = self.read_line()?.split_once(':') {
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut response = HttpResponse { code, headers, body: String::new() };
        if method != "HEAD" && response.header("transfer-encoding").is_none() {
            let length = response.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body).ok()?;
            response.body = String::from_utf8(body).ok()?;
        }
        Some(response)
    }

    /// Without the line end; None after the connection was closed.
    pub(crate) fn read_line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Read until the server closes or resets the connection. Panics if it does neither.
    pub(crate) fn read_to_close(&mut self) -> String {
        let mut rest = Vec::new();
        let result = self.stream.read_to_end(&mut rest);
        let timed_out = |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        assert!(!result.is_err_and(|error| timed_out(&error)), "the server keeps the connection open");
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// An engine with a running HTTP server.
pub(crate) struct TestServer {
    pub(crate) home: Home,
    pub(crate) engine: Running,
    pub(crate) port: u16,
}

impl TestServer {
    /// Start it and wait for the first check.
    pub(crate) fn start() -> Self {
        Self::start_in(Home::new())
    }

    pub(crate) fn start_in(home: Home) -> Self {
        let port = free_port();
        home.set(json!({"http": {"enabled": true, "port": port}}));
        let engine = Running::start(&home);
        eventually("the first check", || (engine.status()["run_count"] != 0).then_some(()));
        Self { home, engine, port }
    }

    /// Stop the engine, run `between`, and start a new engine.
    pub(crate) fn restart(&mut self, between: impl FnOnce(&Home)) {
        assert_eq!(self.engine.stop("TERM"), Some(0), "{}", self.engine.stderr_text());
        between(&self.home);
        self.engine = Running::start(&self.home);
    }

    pub(crate) fn token(&self) -> String {
        let text = std::fs::read_to_string(self.home.path("state/http-token")).expect("a token");
        text.trim().to_owned()
    }

    /// The `Authorization` line of a program.
    pub(crate) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token())
    }

    /// The `Origin` line of the dashboard.
    pub(crate) fn origin(&self) -> String {
        format!("Origin: http://127.0.0.1:{}", self.port)
    }

    /// `Host` is ours unless `lines` have one.
    pub(crate) fn raw_request(&self, method: &str, target: &str, lines: &[&str], body: &str) -> String {
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

    /// Send a request on a new connection.
    pub(crate) fn send(&self, method: &str, target: &str, lines: &[&str], body: &str) -> HttpResponse {
        let mut connection = RawConnection::open(self.port);
        connection.send(self.raw_request(method, target, lines, body));
        connection.response_to(method).unwrap_or_else(|| panic!("no response to {method} {target} {lines:?}"))
    }

    /// GET with the token.
    pub(crate) fn get(&self, target: &str) -> HttpResponse {
        self.send("GET", target, &[&self.bearer()], "")
    }

    /// POST a form with the token.
    pub(crate) fn post(&self, path: &str, form: &str) -> HttpResponse {
        let kind = if form.is_empty() { "" } else { "Content-Type: application/x-www-form-urlencoded" };
        self.send("POST", path, &[&self.bearer(), kind], form)
    }

    /// A one-time link from the command line.
    pub(crate) fn link(&self) -> String {
        self.home.run(&["dashboard", "--print"]).ok().out.trim().to_owned()
    }

    /// The path and query of a link.
    pub(crate) fn target(&self, link: &str) -> String {
        let host = format!("http://127.0.0.1:{}", self.port);
        link.strip_prefix(&host).unwrap_or_else(|| panic!("not ours: {link}")).to_owned()
    }

    /// Follow a new link. Returns the `Cookie` line.
    pub(crate) fn sign_in(&self) -> String {
        let response = self.send("GET", &self.target(&self.link()), &[], "").expect_code(200);
        format!("Cookie: {}", response.cookie().expect("a cookie"))
    }

    /// The reasons in the log, sorted.
    pub(crate) fn logged_rejections(&self) -> Vec<String> {
        let log = self.engine.stderr_text();
        let lines = log.lines().filter_map(|line| line.split_once(REJECTED));
        let mut reasons: Vec<_> =
            lines.map(|(_, fields)| fields.trim_start_matches(" reason=").trim_matches('"').to_owned()).collect();
        reasons.sort();
        reasons
    }

    /// Panics unless the engine checks on request and `/health` responds.
    pub(crate) fn assert_healthy(&self) {
        let report = self.engine.ask(r#"{"command": "run_now"}"#).expect("a response");
        assert_eq!(report["body"]["monitors"]["health"]["status"], "ok", "{report}");
        self.send("GET", "/health", &[], "").expect_code(200);
        assert!(!self.engine.stderr_text().contains("panicked"), "{}", self.engine.stderr_text());
    }
}

/// A free port below the range from which the system gives ports to clients.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 100).expect("it is small") * 100;
    let mut ports = std::iter::repeat_with(|| first + NEXT.fetch_add(1, Ordering::Relaxed));
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}
