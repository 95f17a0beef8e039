//! `operator connect oura` as a process that waits for its browser, which the test plays.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use reqwest::Url;
use serde_json::json;

use super::home::{Home, Run};
use super::oura::{FakeOura, ID, SECRET};
use super::raw_http::free_port;

/// A home whose application is in the configuration.
pub(crate) struct User {
    pub(crate) home: Home,
    pub(crate) oura: FakeOura,
    pub(crate) port: u16,
}

impl User {
    /// Somebody with an application and no cache.
    pub(crate) fn new() -> Self {
        Self::in_home(Home::new())
    }

    /// The same at a home that was prepared.
    pub(crate) fn in_home(home: Home) -> Self {
        let (oura, port) = (FakeOura::start(), free_port());
        std::fs::remove_file(home.path("foreign/oura-health.db")).expect("a cache");
        home.set(oura.config(port));
        home.set(json!({"sources": {"oura": {"client_id": ID, "client_secret": SECRET}}}));
        Self { home, oura, port }
    }

    /// Ask, and wait until the browser may come.
    pub(crate) fn begin(&self) -> Connecting {
        self.begin_with(&[])
    }

    pub(crate) fn begin_with(&self, flags: &[&str]) -> Connecting {
        let mut program = self.home.program();
        program.arg("--config").arg(self.home.path("config.yaml")).args(["connect", "oura"]).args(flags);
        program.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.connecting(program.spawn().expect("it starts"))
    }

    /// One that was started in another way.
    pub(crate) fn connecting(&self, child: Child) -> Connecting {
        Connecting::of(child, self.port)
    }

    /// Connect.
    pub(crate) fn connect(&self) -> Run {
        let connecting = self.begin();
        connecting.says_yes();
        connecting.ended().ok()
    }

    /// The text of the token file; empty without one.
    pub(crate) fn stored_tokens(&self) -> String {
        std::fs::read_to_string(self.home.path("state/oura-tokens.json")).unwrap_or_default()
    }
}

/// The process.
pub(crate) struct Connecting {
    pub(crate) child: Child,
    screen: BufReader<ChildStderr>,
    said: String,
    /// Where the browser is sent.
    pub(crate) address: Url,
    port: u16,
}

/// A page that the browser was shown.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) code: u16,
    pub(crate) text: String,
}

impl Connecting {
    fn of(mut child: Child, port: u16) -> Self {
        let mut screen = BufReader::new(child.stderr.take().expect("stderr"));
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(screen.read_line(&mut line).expect("text") > 0, "no address: {said}");
            said.push_str(&line);
            if let Some(address) = Url::parse(line.trim()).ok().filter(Url::has_host) {
                break address;
            }
        };
        Self { child, screen, said, address, port }
    }

    pub(crate) fn parameter(&self, name: &str) -> String {
        let value = self.address.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned());
        value.unwrap_or_else(|| panic!("no {name} in {}", self.address))
    }

    /// Go where Oura would send the browser, with this in the query.
    pub(crate) fn answers(&self, query: &str) -> Page {
        self.asks("GET", &format!("/callback?{query}&state={}", self.parameter("state")))
    }

    pub(crate) fn says_yes(&self) -> Page {
        self.answers(&format!("code={}", super::oura::CODE))
    }

    pub(crate) fn asks(&self, method: &str, target: &str) -> Page {
        self.asks_at(Ipv4Addr::LOCALHOST.into(), method, target)
    }

    pub(crate) fn asks_at(&self, ip: IpAddr, method: &str, target: &str) -> Page {
        let mut stream = TcpStream::connect(SocketAddr::new(ip, self.port)).expect("somebody listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        let host = format!("localhost:{}", self.port);
        write!(stream, "{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it is heard");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        let code = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{text}"));
        Page { code, text }
    }

    /// Wait until it has ended by itself.
    pub(crate) fn ended(self) -> Run {
        let Self { mut child, mut screen, mut said, .. } = self;
        screen.read_to_string(&mut said).expect("text");
        let mut out = String::new();
        child.stdout.take().expect("stdout").read_to_string(&mut out).expect("text");
        Run { code: child.wait().expect("it ends").code().unwrap_or(-1), out, err: said }
    }
}
