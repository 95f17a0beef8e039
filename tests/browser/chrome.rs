//! A headless Chromium that a test controls through chromedriver, which speaks WebDriver: JSON over HTTP.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use tempfile::TempDir;

/// For one WebDriver command, and for a condition on the page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Screen size and colour scheme.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Viewport {
    pub(crate) dark: bool,
    /// CSS pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

pub(crate) const DESKTOP: Viewport = Viewport { dark: false, width: 1200, height: 900 };
pub(crate) const DARK: Viewport = Viewport { dark: true, width: 1200, height: 900 };
pub(crate) const PHONE: Viewport = Viewport { dark: false, width: 380, height: 800 };

/// A browser with one page, closed when the test ends.
pub(crate) struct Chrome {
    driver: Child,
    /// URL of the WebDriver session.
    session: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    _profile: TempDir,
}

impl Chrome {
    /// `extra_switches` are command-line switches of Chromium.
    pub(crate) fn start(extra_switches: &[&str]) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver: tests/run installs it");
        let out = BufReader::new(driver.stdout.take().expect("its stdout"));
        let port = out.lines().map_while(Result::ok).find_map(|line| {
            line.split_once("started successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver prints its port");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        operator::net::tls::install();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let profile = tempfile::tempdir().expect("a folder");
        let mut switches = vec![
            "--headless".to_owned(),
            "--no-sandbox".into(), // the sandbox needs rights that a container does not give; the page is our own
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
            "--no-proxy-server".into(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        switches.extend(extra_switches.iter().map(ToString::to_string));
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": {"args": switches},
        }}});
        let mut chrome =
            Self { driver, session: format!("http://127.0.0.1:{port}/session"), client, runtime, _profile: profile };
        let id = chrome.post("", &capabilities)["sessionId"].as_str().expect("a session").to_owned();
        chrome.session = format!("{}/{id}", chrome.session);
        chrome
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{command}", self.session)).json(body).timeout(PAGE_TIMEOUT);
        self.respond(request, command)
    }

    fn respond(&self, request: reqwest::RequestBuilder, command: &str) -> Value {
        let response: Value = self.runtime.block_on(async {
            let response = request.send().await.unwrap_or_else(|error| panic!("{command}: {error}"));
            response.json().await.unwrap_or_else(|error| panic!("{command}: {error}"))
        });
        let value = response["value"].clone();
        assert!(value.get("error").is_none(), "{command}: {value:#}");
        value
    }

    pub(crate) fn open(&self, address: &str) {
        self.post("/url", &json!({"url": address}));
    }

    /// The value that a script returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The value with which a script calls its last argument.
    pub(crate) fn run_async(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Wait until a script returns neither null nor false.
    #[expect(clippy::disallowed_methods, reason = "the page can only be polled")]
    pub(crate) fn wait_until(&self, condition: &str, script: &str) -> Value {
        let deadline = Instant::now() + PAGE_TIMEOUT;
        loop {
            let value = self.run(script);
            if value != Value::Null && value != json!(false) {
                return value;
            }
            if Instant::now() > deadline {
                let page = self.run("return document.body.innerText.slice(0, 1000)");
                panic!("timeout: {condition}: {script}\n{page:#}\n{:#?}", self.console_messages());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Click the first match as a user would: it must be visible and uncovered.
    pub(crate) fn click(&self, selector: &str) {
        self.wait_until(
            "it is in view",
            &format!("document.querySelector(`{selector}`).scrollIntoView({{block: 'center'}}); return true"),
        );
        let id = self.element(selector);
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    pub(crate) fn press_tab(&self) {
        self.key("\u{E004}");
    }

    pub(crate) fn press_enter(&self) {
        self.key("\u{E007}");
    }

    fn key(&self, key: &str) {
        self.post(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keyboard", "actions": [
                {"type": "keyDown", "value": key}, {"type": "keyUp", "value": key},
            ]}]}),
        );
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("{selector}: {found}")).to_owned()
    }

    /// Messages of the browser console since the last call.
    pub(crate) fn console_messages(&self) -> Vec<String> {
        let messages = self.post("/se/log", &json!({"type": "browser"}));
        let line = |entry: &Value| format!("{} {}", entry["level"], entry["message"]);
        messages.as_array().expect("a list").iter().map(line).collect()
    }

    pub(crate) fn set_viewport(&self, viewport: Viewport) {
        let Viewport { dark, width, height } = viewport;
        let scheme = if dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
            }),
        );
        self.devtools(
            "Emulation.setEmulatedMedia",
            &json!({
                "features": [{"name": "prefers-color-scheme", "value": scheme}],
            }),
        );
    }

    /// Save the whole page as PNG in the temporary folder of the tests.
    pub(crate) fn save_screenshot(&self, name: &str) {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let screenshot = self.devtools("Page.captureScreenshot", &whole);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let bytes = BASE64_STANDARD.decode(screenshot["data"].as_str().expect("a screenshot")).expect("Base64");
        assert!(bytes.starts_with(b"\x89PNG"), "not a PNG");
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("the screenshot is saved");
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let delete = self.client.delete(&self.session).timeout(Duration::from_secs(5));
        let _ = self.runtime.block_on(async { delete.send().await });
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
