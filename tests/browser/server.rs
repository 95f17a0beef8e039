//! An engine with a week of made-up data that serves its dashboard.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, eventually};

pub(crate) struct TestServer {
    home: Home,
    engine: Child,
    port: u16,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl TestServer {
    /// After some days of checks: alerts are open and the journal has entries.
    pub(crate) fn with_a_week() -> Self {
        let home = Home::new();
        home.set(json!({"alerters": {"notification": {"enabled": false}}})); // without a desktop, delivery attempts would change the page
        for (days, time) in [(-2, "17:05"), (-1, "09:05"), (-1, "23:05"), (0, "09:05")] {
            home.check(&home.day_at(days, time));
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|it| it.local_addr()).expect("a port").port();
        home.set(json!({"http": {"enabled": true, "port": port}}));
        let mut program = home.program();
        program.arg("--config").arg(home.path("config.yaml")).arg("--headless");
        let engine = program
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the engine starts");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        operator::net::tls::install();
        // The client would not notice that the server closed an idle connection.
        let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().expect("a client");
        let server = Self { home, engine, port, client, runtime };
        eventually("the first check is over", || {
            let status = server.try_get("/api/status")?;
            (status["check_running"] == json!(false) && status["run_count"] == json!(5)).then_some(())
        });
        server
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// A one-time link.
    pub(crate) fn link(&self) -> String {
        self.operator(&["dashboard", "--print"]).trim().to_owned()
    }

    /// Run a command. Returns its output.
    pub(crate) fn operator(&self, arguments: &[&str]) -> String {
        self.home.run(arguments).ok().out
    }

    /// GET with the token.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|| panic!("{path}"))
    }

    fn try_get(&self, path: &str) -> Option<Value> {
        let token = fs::read_to_string(self.home.path("state/http-token")).ok()?;
        let request = self.client.get(self.address(path)).bearer_auth(token.trim());
        self.runtime.block_on(async { request.send().await.ok()?.json().await.ok() })
    }

    /// Null if there is no such alert.
    pub(crate) fn incident(&self, key: &str) -> Value {
        let alerts = self.get("/api/alerts?all=true");
        let has_key = |incident: &&Value| incident["alert"]["key"] == key;
        alerts.as_array().unwrap().iter().find(has_key).cloned().unwrap_or_default()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.engine.kill();
        let _ = self.engine.wait();
    }
}
