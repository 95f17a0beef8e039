//! A headless Chromium that a test steers: chromedriver speaks WebDriver, which is JSON over HTTP.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Nothing on a page takes longer, unless it never comes.
const LONGEST: Duration = Duration::from_secs(30);

/// How the browser looks at the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) dark: bool,
    /// CSS pixels.
    pub(crate) width: u32,
    pub(crate) height: u32,
}

pub(crate) const DESK: Look = Look { dark: false, width: 1200, height: 900 };
pub(crate) const NIGHT: Look = Look { dark: true, width: 1200, height: 900 };
pub(crate) const PHONE: Look = Look { dark: false, width: 380, height: 800 };

/// A browser with one page; ended with the test whatever happens.
pub(crate) struct Chrome {
    driver: Child,
    /// Where the session's commands go.
    session: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    _profile: TempDir,
}

impl Chrome {
    /// Start one. `more` are further switches of Chromium.
    pub(crate) fn start(more: &[&str]) -> Self {
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
        let port = port.expect("chromedriver says its port");
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
        switches.extend(more.iter().map(ToString::to_string));
        let wishes = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": {"args": switches},
        }}});
        let mut chrome =
            Self { driver, session: format!("http://127.0.0.1:{port}/session"), client, runtime, _profile: profile };
        let id = chrome.post("", &wishes)["sessionId"].as_str().expect("a session").to_owned();
        chrome.session = format!("{}/{id}", chrome.session);
        chrome
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}{command}", self.session)).json(body).timeout(LONGEST);
        self.answer(request, command)
    }

    fn answer(&self, request: reqwest::RequestBuilder, command: &str) -> Value {
        let answer: Value = self.runtime.block_on(async {
            let answer = request.send().await.unwrap_or_else(|error| panic!("{command}: {error}"));
            answer.json().await.unwrap_or_else(|error| panic!("{command}: {error}"))
        });
        let value = answer["value"].clone();
        assert!(value.get("error").is_none(), "{command}: {value:#}");
        value
    }

    /// Go to an address.
    pub(crate) fn open(&self, address: &str) {
        self.post("/url", &json!({"url": address}));
    }

    /// What a script gives back: `return …`.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The same, where the last argument of the script is to be called with the result.
    pub(crate) fn run_until_called(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Waits until a script gives something that is true.
    #[expect(clippy::disallowed_methods, reason = "a page can only be looked at again and again")]
    pub(crate) fn until(&self, what: &str, script: &str) -> Value {
        let deadline = Instant::now() + LONGEST;
        loop {
            let value = self.run(script);
            if value != Value::Null && value != json!(false) {
                return value;
            }
            if Instant::now() > deadline {
                let page = self.run("return document.body.innerText.slice(0, 1000)");
                let now = self.run_until_called("const d=arguments[0]; fetch(location.href).then(r=>r.text()).then(t=>d([new DOMParser().parseFromString(t,'text/html').querySelector('[data-key]').outerHTML.slice(0,900), performance.getEntriesByType('resource').map(e=>[e.name.slice(-12), Math.round(e.startTime), Math.round(e.responseEnd)]), Math.round(performance.now())]))");
                eprintln!("{now}");
                panic!("in vain: {what}: {script}\n{page:#}\n{:#?}", self.console());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Click on the first that a selector finds, as a person would: it must be in view and uncovered.
    pub(crate) fn click(&self, selector: &str) {
        self.until(
            "it is in view",
            &format!("document.querySelector(`{selector}`).scrollIntoView({{block: 'center'}}); return true"),
        );
        let id = self.element(selector);
        self.post(&format!("/element/{id}/click"), &json!({}));
    }

    /// Go on to whatever is next on the page.
    pub(crate) fn tab(&self) {
        self.key("\u{E004}");
    }

    /// Do what stands there.
    pub(crate) fn enter(&self) {
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

    /// What the browser itself said about the page since it was last asked.
    pub(crate) fn console(&self) -> Vec<String> {
        let said = self.post("/se/log", &json!({"type": "browser"}));
        let line = |entry: &Value| format!("{} {}", entry["level"], entry["message"]);
        said.as_array().expect("a list").iter().map(line).collect()
    }

    /// Look at the page in another way.
    pub(crate) fn look(&self, look: Look) {
        let Look { dark, width, height } = look;
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

    /// The whole page as a picture, kept for whoever wants to look at it.
    pub(crate) fn picture(&self, name: &str) {
        let whole = json!({"format": "png", "captureBeyondViewport": true});
        let taken = self.devtools("Page.captureScreenshot", &whole);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let bytes = BASE64_STANDARD.decode(taken["data"].as_str().expect("a picture")).expect("Base64");
        assert!(bytes.starts_with(b"\x89PNG"), "no picture");
        std::fs::write(folder.join(format!("{name}.png")), bytes).expect("the picture can be kept");
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }
}

impl Drop for Chrome {
    fn drop(&mut self) {
        let end = self.client.delete(&self.session).timeout(Duration::from_secs(5));
        let _ = self.runtime.block_on(async { end.send().await });
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
