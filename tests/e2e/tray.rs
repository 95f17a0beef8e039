//! The tray on a Linux desktop: the built program on a real session bus, with a panel that reads its icon and clicks its menu.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::desktop::{Desktop, Service, USUAL, silent_bus};
use crate::support::engine::Running;
use crate::support::home::{Home, eventually, finish};
use crate::support::oura::{CODE, FakeOura, ID, SECRET};
use crate::support::panel::Panel;
use crate::support::raw_http::free_port;
use crate::support::tool::Tool;

const PASSPORT: &str = "task:deadline_overdue:passport";
const ALERT: &str = "High – Overdue: Renew the passport";

/// A desktop with a panel and a home with one alert: the passport is overdue.
struct TrayDesktop {
    /// Banners work: a failing channel would change the menu during a click.
    service: Service,
    _desktop: Desktop,
    panel: Panel,
    home: Home,
    opened: std::path::PathBuf,
}

impl TrayDesktop {
    fn new() -> Self {
        let desktop = Desktop::start();
        let (service, panel, home) = (desktop.serve(USUAL), Panel::on(&desktop), desktop.home());
        home.tasks("DELETE FROM tasks WHERE id <> 'passport'; DELETE FROM commitments");
        home.set(json!({"sources": {"oura": null, "focus_file": null}}));
        let opened = fake_opener(&home);
        Self { service, _desktop: desktop, panel, home, opened }
    }

    fn start(&self) -> Running {
        let running = Running::in_front(&self.home, &["--tray"]);
        self.panel.wait();
        self.panel.wait_for_tooltip("Operator – 1 alert");
        running
    }

    fn status(&self) -> Value {
        self.home.run(&["--status", "--json"]).ok().json()
    }

    /// Waits for a value in the status.
    fn status_has(&self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        eventually(&format!("{name} is {value}"), || (self.status()[name] == value).then_some(()));
    }

    fn incident(&self) -> Value {
        let alerts = self.home.run(&["alerts", "--json"]).ok().json();
        let found = alerts.as_array().unwrap().iter().find(|incident| incident["alert"]["key"] == PASSPORT).cloned();
        found.unwrap_or_default()
    }

    /// Waits until a file with this ending is opened, and returns its content.
    fn opened(&self, ending: &str) -> String {
        eventually(&format!("{ending} is opened"), || {
            let lines = fs::read_to_string(&self.opened).ok()?;
            let last = lines.lines().last()?.to_owned();
            last.ends_with(ending).then(|| fs::read_to_string(&last).unwrap_or_default())
        })
    }

    /// The whole hours until the snooze ends.
    fn hours_of_snooze(&self) -> Option<i64> {
        let until: jiff::Timestamp = self.incident()["snoozed_until"].as_str()?.parse().ok()?;
        Some(until.duration_since(jiff::Timestamp::now()).as_mins().div_euclid(60))
    }
}

/// An `xdg-open` that records its argument.
fn fake_opener(home: &Home) -> std::path::PathBuf {
    let (folder, opened) = (home.path("tmp/bin"), home.path("tmp/opened"));
    fs::create_dir(&folder).unwrap();
    let script = folder.join("xdg-open");
    fs::write(&script, format!("#!/bin/sh\necho \"$1\" >> '{}'\n", opened.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    home.variable("PATH", format!("{}:{path}", folder.display()));
    opened
}

#[test]
fn icon_and_tooltip_follow_the_state() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    let panel = &tray.panel;
    assert_eq!(panel.title().as_deref(), Some("Operator"));
    let mut icons = vec![panel.icon().expect("an icon")];
    assert_eq!(icons[0].0, 36);
    let mut see = |tooltip: &str| {
        panel.wait_for_tooltip(tooltip);
        icons.push(panel.icon().expect("an icon"));
    };
    tray.home.run(&["pause", "1h"]).ok();
    eventually("the pause is seen", || panel.tooltip()?.contains("paused until").then_some(()));
    tray.home.run(&["pause"]).ok();
    see("Operator – 1 alert, paused");
    tray.home.run(&["resume"]).ok();
    tray.home.run(&["ack", PASSPORT]).ok();
    see("Operator – all is well");
    tray.home.run(&["quiet", "on"]).ok();
    see("Operator – quiet hours");
    tray.home.run(&["quiet", "off"]).ok();
    panel.wait_for_tooltip("Operator – all is well");
    panel.click("Dry Run");
    see("Operator – dry run");
    panel.click("Dry Run");
    panel.wait_for_tooltip("Operator – all is well");
    tray.home.set(json!({
        "circuit_breaker": {"failure_threshold": 1},
        "sources": {"workos": {"url": "postgres://ada@127.0.0.1:1/t?sslmode=disable"}},
    }));
    see("Operator – WorkOS unreachable");
    icons.sort();
    icons.dedup();
    assert_eq!(icons.len(), 6, "each state has a shape of its own");
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn menu_items_run_their_commands() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    let panel = &tray.panel;

    let runs = tray.status()["run_count"].as_u64().unwrap();
    panel.click("Run Now");
    tray.status_has("run_count", runs + 1);

    panel.click("Dry Run");
    tray.status_has("dry_run", true);
    eventually("ticked", || panel.line("Dry Run")?.ticked.filter(|ticked| *ticked));
    panel.click("Dry Run");
    tray.status_has("dry_run", false);

    panel.click("Pause > For 1 hour");
    tray.status_has("paused", true);
    assert!(!tray.status()["paused_until"].is_null());
    panel.click("Pause > Until resumed");
    tray.status_has("paused_until", Value::Null);
    panel.click("Pause > Until tomorrow");
    eventually("until tomorrow", || tray.status()["paused_until"].as_str().map(drop));
    panel.click("Pause > Resume");
    tray.status_has("paused", false);

    panel.click("Quiet Hours");
    tray.status_has("is_quiet_hours", true);
    eventually("ticked", || panel.line("Quiet Hours")?.ticked.filter(|ticked| *ticked));
    panel.click("Quiet Hours");
    tray.status_has("is_quiet_hours", false);

    panel.click(&format!("{ALERT} > Why…"));
    let why = tray.opened("why.txt");
    assert!(why.contains("Renew the passport") && why.contains("deliver (first)"), "{why}");
    panel.click("Open Journal");
    assert!(tray.opened("journal.txt").contains(PASSPORT));
    panel.click("Edit Configuration");
    assert!(tray.opened("config.yaml").contains("state_store"));

    let autostart = tray.home.path("home/.config/autostart/operator.desktop");
    panel.click("Start at Login");
    // The panel shows the tick immediately; the file follows.
    let entry = eventually("installed", || fs::read_to_string(&autostart).ok().filter(|entry| !entry.is_empty()));
    assert!(entry.contains("config.yaml"), "with the configuration that was named");
    eventually("ticked", || panel.line("Start at Login")?.ticked.filter(|ticked| *ticked));
    panel.click("Start at Login");
    eventually("not ticked", || panel.line("Start at Login")?.ticked.filter(|ticked| !*ticked).map(|_| ()));
    eventually("removed", || (!autostart.exists()).then_some(()));

    panel.click(&format!("{ALERT} > Snooze 1 hour"));
    eventually("snoozed", || (tray.hours_of_snooze()? == 0).then_some(()));
    panel.wait_for_tooltip("Operator – all is well");
    eventually("it is answered", || panel.line("1 acknowledged or snoozed").filter(|_| panel.line(ALERT).is_none()));
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn alert_is_snoozed_or_acknowledged() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    tray.panel.click(&format!("{ALERT} > Snooze until tomorrow"));
    // The clock says noon, and the morning begins at seven.
    eventually("snoozed", || (17..=19).contains(&tray.hours_of_snooze()?).then_some(()));
    tray.home.tasks("UPDATE tasks SET status = 'done'");
    tray.panel.click("Run Now");
    eventually("it resolves", || tray.incident().is_null().then_some(()));
    tray.home.tasks(
        "INSERT INTO tasks (id, title, status, due_date, domain, source)
         VALUES ('keys', 'Find the keys & more', 'active', '2026-01-01', 'work', 'manual')",
    );
    tray.panel.click("Run Now");
    tray.panel.click("High – Overdue: Find the keys & more > Acknowledge");
    tray.panel.wait_for_tooltip("Operator – all is well");
    let alerts = tray.home.run(&["alerts", "--json"]).ok().json();
    assert_eq!(
        (&alerts[0]["alert"]["key"], &alerts[0]["acknowledged"]),
        (&json!("task:deadline_overdue:keys"), &json!(true))
    );
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn alert_answered_on_banner_leaves_the_menu() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    let banner = tray.service.banner("Renew the passport");
    eventually("it is in the menu", || tray.panel.line(ALERT));
    tray.service.press(&banner, "Acknowledge");
    tray.panel.wait_for_tooltip("Operator – all is well");
    eventually("it left the menu", || tray.panel.line(ALERT).is_none().then_some(()));
    assert_eq!(tray.incident()["acknowledged"], true);
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn source_is_retried_from_the_menu() {
    let tray = TrayDesktop::new();
    tray.home.set(json!({
        "circuit_breaker": {"failure_threshold": 1, "timeout_seconds": 3600},
        "sources": {"workos": {"url": "postgres://ada@127.0.0.1:1/t?sslmode=disable"}},
    }));
    let mut running = Running::in_front(&tray.home, &["--tray"]);
    tray.panel.wait();
    tray.panel.wait_for_tooltip("Operator – 1 alert, WorkOS unreachable");
    let sources = tray.panel.line("Sources").expect("sources");
    let workos = sources.lines.iter().find(|line| line.label.starts_with("WorkOS – open, next try ")).expect("WorkOS");
    assert!(workos.lines[0].label.contains("connection refused") && !workos.lines[0].enabled);
    let opened_at = tray.status()["sources"]["workos"]["next_try"].clone();
    let path = format!("Sources > {} > Reset", workos.label);
    tray.panel.click(&path);
    eventually("the source was retried", || {
        let state = tray.status()["sources"]["workos"].clone();
        (state["next_try"] != opened_at && state["circuit"] == "open").then_some(())
    });
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn oura_connects_from_the_menu() {
    let tray = TrayDesktop::new();
    let (oura, port) = (FakeOura::start(), free_port());
    fs::remove_file(tray.home.path("foreign/oura-health.db")).unwrap();
    tray.home.set(oura.config(port));
    tray.home.variable("DISPLAY", ":9");
    let mut running = tray.start();
    let panel = &tray.panel;
    let path = |item: &str| {
        let sources = panel.line("Sources")?;
        let line = sources.lines.iter().find(|line| line.label.starts_with("Oura – "))?;
        line.lines.iter().any(|line| line.label == item).then(|| format!("Sources > {} > {item}", line.label))
    };
    panel.click(&eventually("it can be connected", || path("Connect Oura…")));
    let help = tray.opened("oura.txt");
    assert!(help.contains("oauth/applications") && help.contains(&port.to_string()), "{help}");

    tray.home.set(json!({"sources": {"oura": {"client_id": ID, "client_secret": SECRET}}}));
    eventually("it is read", || (tray.status()["config"]["sources"]["oura"]["client_id_set"] == true).then_some(()));
    panel.click(&eventually("it can be connected", || path("Connect Oura…")));
    let state = eventually("the browser is opened", || {
        let opened = fs::read_to_string(&tray.opened).ok()?;
        Some(opened.lines().last()?.split_once("&state=")?.1.to_owned())
    });
    let mut browser = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    std::io::Write::write_all(
        &mut browser,
        format!("GET /callback?code={CODE}&state={state} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes(),
    )
    .unwrap();
    panel.click(&eventually("it is connected", || path("Disconnect Oura")));
    eventually("it is disconnected", || path("Connect Oura…"));
    assert!(oura.is_revoked());
    assert!(!fs::read_to_string(&tray.opened).unwrap().ends_with("oura.txt\n"), "no other help was opened");
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn config_change_and_error_show_in_the_menu() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    let runs = tray.status()["run_count"].as_u64().unwrap();
    let good = fs::read_to_string(tray.home.path("config.yaml")).unwrap();
    tray.home.set(json!({"deduplication": {"max_alerts_per_run": 7}}));
    eventually("it is read", || (tray.status()["config"]["deduplication"]["max_alerts_per_run"] == 7).then_some(()));
    assert!(tray.status()["run_count"].as_u64().unwrap() >= runs, "counters are kept");
    assert_eq!(tray.incident()["alert"]["key"], PASSPORT, "and so is what is open");

    let mistake = "Error in config.yaml: the old configuration stays in use";
    fs::write(tray.home.path("config.yaml"), "intervals: {check_interval: soon}\n").unwrap();
    eventually("the menu says it", || tray.panel.line(mistake));
    // The command line would refuse the invalid configuration.
    let status = running.status();
    assert!(status["config_error"].as_str().unwrap().contains("check_interval"), "{status}");
    assert_eq!(status["config"]["deduplication"]["max_alerts_per_run"], 7, "the old one is in force");
    assert!(running.stderr_text().contains("configuration not reloaded"), "{}", running.stderr_text());

    // Editors replace the file.
    let draft = tray.home.path("draft.yaml");
    fs::write(&draft, good).unwrap();
    fs::rename(&draft, tray.home.path("config.yaml")).unwrap();
    eventually("the menu is silent about it", || tray.panel.line(mistake).is_none().then_some(()));
    eventually("it holds", || (tray.status()["config"]["deduplication"]["max_alerts_per_run"] == 20).then_some(()));
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn quit_stops_the_engine() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    tray.panel.click("Quit Operator");
    assert_eq!(running.ended(), Some(0));
    assert!(!tray.home.path("state/operator.sock").exists());
}

#[test]
fn unchanged_menu_is_not_repainted() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    let panel = &tray.panel;
    // A new minute changes "Last check": repeat the test then.
    eventually("two checks that change nothing are not painted", || {
        let last = panel.menu()[1].label.clone();
        let painted = panel.repaints();
        let runs = tray.status()["run_count"].as_u64()?;
        for run in 1..=2 {
            running.ask(r#"{"command": "run_now"}"#)?;
            tray.status_has("run_count", runs + run);
        }
        let same = panel.menu()[1].label == last;
        (same && panel.repaints() == painted).then_some(())
    });
    let painted = panel.repaints();
    panel.click("Pause > Until resumed");
    panel.wait_for_tooltip("Operator – 1 alert, paused");
    assert!(panel.repaints() > painted);
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn second_instance_names_the_first() {
    let tray = TrayDesktop::new();
    let mut running = tray.start();
    let mut second = tray.home.program();
    second.arg("--config").arg(tray.home.path("config.yaml")).arg("--tray");
    let run = finish(second).failed(75);
    assert!(run.err.contains(&running.pid().to_string()), "{}", run.err);
    assert_eq!(tray.panel.items(), 1, "and shows nothing");
    assert_eq!(running.stop("TERM"), Some(0));
}

/// Without a tray, `--tray` exits with 2 and a start without flags runs headless.
fn no_tray(home: &Home, reason: &str) {
    let mut with_flag = home.program();
    with_flag.arg("--config").arg(home.path("config.yaml")).arg("--tray");
    let run = finish(with_flag).failed(2);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);
    assert!(run.err.contains(reason) && run.err.contains("--headless"), "{}", run.err);
    let mut running = Running::in_front(home, &[]);
    assert!(
        running.stderr_text().contains(reason) && running.stderr_text().contains("headless"),
        "{}",
        running.stderr_text()
    );
    assert_eq!(running.stop("TERM"), Some(0));
}

#[test]
fn missing_bus_runs_headless() {
    no_tray(&Home::new(), "There is no session bus");
}

#[test]
fn missing_tray_host_runs_headless() {
    let desktop = Desktop::start();
    no_tray(&desktop.home(), "There is no tray on this desktop");
}

#[test]
fn hanging_bus_does_not_block_the_start() {
    let home = Home::new();
    let (_listener, address) = silent_bus(&home);
    home.set(json!({"alerters": {"notification": {"enabled": false}}}));
    home.variable("DBUS_SESSION_BUS_ADDRESS", address);
    no_tray(&home, "The session bus does not answer");
}

#[test]
fn first_start_writes_the_default_config() {
    let desktop = Desktop::start();
    let (panel, home) = (Panel::on(&desktop), desktop.home());
    fake_opener(&home);
    // A terminal with scripted answers.
    let answers = "#!/bin/sh\nprintf 'n\\n\\n\\n23\\n\\ny\\n\\n' | \"$1\" > /dev/null\n";
    Tool::new(&home.path("tmp/bin"), "xdg-terminal-exec", answers);
    let mut program = home.program();
    let mut running = program.arg("--tray").stderr(std::process::Stdio::null()).spawn().unwrap();
    panel.wait();
    eventually("the menu says it", || panel.line("Nothing is connected yet – choose Set Up…"));
    let config = home.path("home/.config/operator/config.yaml");
    assert!(config.exists());
    panel.click("Set Up…");
    eventually("it is set up", || fs::read_to_string(&config).ok()?.contains("start: 23 ").then_some(()));
    panel.click("Quit Operator");
    let code = std::cell::RefCell::new(&mut running);
    let ended = eventually("it ends", || code.borrow_mut().try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
}
