//! A made-up person's home with a running engine that serves its dashboard.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, eventually};

pub(crate) struct AppContext {
    home: Home,
    engine: Child,
    port: u16,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl AppContext {
    /// Some days of checks lie behind it: alerts are open, and the journal has something to tell.
    pub(crate) fn with_a_week() -> Self {
        let home = Home::new();
        home.set(json!({"alerters": {"notification": {"enabled": false}}})); // there is no desktop: nothing moves on the page by itself
        for (days, time) in [(-2, "17:05"), (-1, "09:05"), (-1, "23:05"), (0, "09:05")] {
            home.check(&home.day_at(days, time));
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr()).expect("a port").port();
        home.set(json!({"http": {"enabled": true, "port": port}}));
        let mut program = home.program();
        program.arg("--config").arg(home.path("config.yaml")).arg("--headless");
        let engine =
            program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        operator::net::tls::install();
        // Between two questions nobody would notice that a connection which rests was closed.
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        let house = Self { home, engine, port, client, runtime };
        eventually("the first check is over", || {
            let status = house.try_getting("/api/status")?;
            (status["check_running"] == json!(false) && status["run_count"] == json!(5)).then_some(())
        });
        house
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A link that lets a browser in.
    pub(crate) fn link(&self) -> String {
        self.operator(&["dashboard", "--print"]).trim().to_owned()
    }

    /// Run a command; what it prints.
    pub(crate) fn operator(&self, arguments: &[&str]) -> String {
        self.home.run(arguments).ok().out
    }

    /// What a program with the token is told.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.try_getting(path).unwrap_or_else(|| panic!("{path}"))
    }

    fn try_getting(&self, path: &str) -> Option<Value> {
        let token = fs::read_to_string(self.home.path("state/http-token")).ok()?;
        let request = self.client.get(self.address(path)).bearer_auth(token.trim());
        self.runtime.block_on(async { request.send().await.ok()?.json().await.ok() })
    }

    /// How an alert stands.
    pub(crate) fn incident(&self, key: &str) -> Value {
        let alerts = self.get("/api/alerts?all=true");
        let of = |incident: &&Value| incident["alert"]["key"] == key;
        alerts.as_array().unwrap().iter().find(of).cloned().unwrap_or_default()
    }
}

impl Drop for AppContext {
    fn drop(&mut self) {
        let _ = self.engine.kill();
        let _ = self.engine.wait();
    }
}
