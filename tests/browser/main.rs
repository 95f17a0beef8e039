//! The dashboard in a real browser: scripts, forms, keyboard and accessibility.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod chrome;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/home.rs"]
mod home;
mod server;

use serde_json::{Value, json};

use chrome::{Chrome, DARK, DESKTOP, PHONE, Viewport};
use server::TestServer;

/// Serious violations that axe finds: obstacles for screen readers, keyboards or weak eyes.
fn accessibility_violations(chrome: &Chrome) -> Vec<String> {
    let axe = include_str!("axe.min.js");
    let script = format!(
        "{axe}; const done = arguments[arguments.length - 1];
         axe.run(document).then(result => done(result.violations), error => done([{{impact: 'serious', id: String(error), nodes: []}}]));"
    );
    let violations = chrome.run_async(&script);
    let violations = violations.as_array().expect("a list").iter();
    let serious = violations.filter(|violation| violation["impact"] == "serious" || violation["impact"] == "critical");
    serious.map(|violation| format!("{}: {:#}", violation["id"], violation["nodes"])).collect()
}

#[test]
fn page_loads_without_browser_errors() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&[]));
    chrome.open(&server.link());
    chrome.wait_until(
        "the page is loaded",
        "return document.querySelector('main h2') !== null && location.pathname === '/'",
    );
    assert_eq!(chrome.console_messages(), Vec::<String>::new());
    let foreign = "return performance.getEntriesByType('resource').map(it => it.name).filter(it => !it.startsWith(location.origin))";
    assert_eq!(chrome.run(foreign), json!([]), "every resource is local");
}

#[test]
fn chart_points_match_the_api() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&[]));
    chrome.open(&server.link());
    for days in [30, 90] {
        chrome.open(&server.address(&format!("/?days={days}")));
        let shown = chrome.run(
            "return [...document.querySelectorAll('[data-chart=readiness] [data-value]')]
               .map(point => [point.dataset.date, Number(point.dataset.value)]).sort()",
        );
        let known = server.get(&format!("/api/health-days?days={days}"));
        let known = known.as_array().unwrap().iter().filter(|day| !day["readiness"].is_null());
        let known: Vec<Value> = known.map(|day| json!([day["date"], day["readiness"].as_f64().unwrap()])).collect();
        assert!(known.len() > 20, "the demo data covers most days");
        assert_eq!(rounded(&shown), rounded(&json!(known)), "{days} days");
    }
}

/// Values to one decimal, so that the number formats do not matter.
fn rounded(points: &Value) -> Vec<(String, i64)> {
    let point =
        |point: &Value| (point[0].as_str().unwrap().to_owned(), (point[1].as_f64().unwrap() * 10.0).round() as i64);
    points.as_array().unwrap().iter().map(point).collect()
}

#[test]
fn alert_is_acknowledged_without_reload() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&[]));
    chrome.open(&server.link());
    chrome.wait_until(
        "the page is loaded",
        "return document.querySelector('[data-key] form[action=\"/api/ack\"]') !== null",
    );
    chrome.run("window.sameDocument = true");
    let key = chrome.run("return document.querySelector('[data-key]:has(form[action=\"/api/ack\"])').dataset.key");
    let key = key.as_str().unwrap();
    chrome.click(&format!("[data-key='{key}'] form[action='/api/ack'] button"));
    chrome.wait_until(
        "the alert is acknowledged",
        &format!("return /acknowledged/i.test(document.querySelector('[data-key=\"{key}\"]').textContent)"),
    );
    assert_eq!(chrome.run("return window.sameDocument"), json!(true));
    assert_eq!(server.incident(key)["acknowledged"], json!(true));
    assert_eq!(chrome.console_messages(), Vec::<String>::new());
}

#[test]
fn outside_change_updates_only_its_part() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&[]));
    chrome.open(&server.link());
    let key = chrome.wait_until(
        "the page is loaded",
        "return document.querySelector('[data-key]:has(form[action=\"/api/ack\"])')?.dataset.key",
    );
    let key = key.as_str().unwrap();
    chrome.run("window.sameDocument = true; window.scrollTo(0, 300);
                window.charts = document.querySelector('[data-chart=readiness]');
                document.querySelector('[name=text]').value = 'half a wo'; document.querySelector('[name=text]').focus();");
    server.operator(&["ack", key]);
    chrome.wait_until(
        "the alert is acknowledged",
        &format!("return /acknowledged/i.test(document.querySelector('[data-key=\"{key}\"]').textContent)"),
    );
    let rest = chrome.run(
        "return [window.sameDocument, document.activeElement.name, document.activeElement.value,
                           window.charts.isConnected]",
    );
    assert_eq!(rest, json!([true, "text", "half a wo", true]));
}

#[test]
fn page_is_accessible_in_every_viewport() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&[]));
    chrome.open(&server.link());
    for (name, viewport) in
        [("desktop", DESKTOP), ("dark", DARK), ("phone", PHONE), ("phone-dark", Viewport { dark: true, ..PHONE })]
    {
        chrome.set_viewport(viewport);
        chrome.wait_until("the page fits", "return document.documentElement.scrollWidth <= window.innerWidth");
        chrome.run("document.querySelectorAll('details').forEach(it => it.open = false)");
        chrome.save_screenshot(&format!("dashboard-{name}"));
        chrome.run("document.querySelectorAll('details').forEach(it => it.open = true)");
        assert_eq!(accessibility_violations(&chrome), Vec::<String>::new(), "{name}");
    }
    assert_eq!(chrome.console_messages(), Vec::<String>::new());
}

#[test]
fn keyboard_alone_is_enough() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&[]));
    chrome.open(&server.link());
    let key = chrome.wait_until(
        "the page is loaded",
        "return document.querySelector('[data-key]:has(form[action=\"/api/ack\"])')?.dataset.key",
    );
    let key = key.as_str().unwrap();
    let reached = format!(
        "return document.activeElement?.closest('[data-key]')?.dataset.key === '{key}'
           && document.activeElement.closest('form')?.getAttribute('action') === '/api/ack'"
    );
    let tabs = (0..100).find(|_| {
        chrome.press_tab();
        chrome.run(&reached) == json!(true)
    });
    assert!(tabs.is_some(), "Tab reaches the button");
    let outline =
        chrome.run("const it = getComputedStyle(document.activeElement); return it.outlineStyle + it.boxShadow");
    assert_ne!(outline, json!("nonenone"), "the focus is visible");
    chrome.press_enter();
    chrome.wait_until(
        "the alert is acknowledged",
        &format!("return /acknowledged/i.test(document.querySelector('[data-key=\"{key}\"]').textContent)"),
    );
    let focused = chrome.run("return document.activeElement !== document.body");
    assert_eq!(focused, json!(true), "the focus stays on the page");
}

#[test]
fn forms_work_without_scripts() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&["--blink-settings=scriptEnabled=false"]));
    chrome.open(&server.link());
    let action = "form[action='/api/pause'] button";
    chrome.open(&server.address("/"));
    chrome.click(action);
    home::eventually("alerts are paused", || (server.get("/api/status")["paused"] == json!(true)).then_some(()));
}

#[test]
fn denied_page_explains_access() {
    let (server, chrome) = (TestServer::with_a_week(), Chrome::start(&[]));
    chrome.open(&server.address("/"));
    let text = chrome.run("return document.body.innerText");
    assert!(text.as_str().unwrap().contains("operator dashboard"), "{text}");
}
