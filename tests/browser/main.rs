//! The dashboard in a real browser: what a person sees, clicks and reads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod chrome;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/home.rs"]
mod home;
mod house;

use serde_json::{Value, json};

use chrome::{Chrome, DESK, Look, NIGHT, PHONE};
use house::AppContext;

/// Serious faults that axe finds in the page as it stands: what a screen reader, a keyboard or weak eyes stumble over.
fn barriers(chrome: &Chrome) -> Vec<String> {
    let axe = include_str!("axe.min.js");
    let script = format!(
        "{axe}; const done = arguments[arguments.length - 1];
         axe.run(document).then(result => done(result.violations), error => done([{{impact: 'serious', id: String(error), nodes: []}}]));"
    );
    let found = chrome.run_until_called(&script);
    let found = found.as_array().expect("a list").iter();
    let serious = found.filter(|fault| fault["impact"] == "serious" || fault["impact"] == "critical");
    serious.map(|fault| format!("{}: {:#}", fault["id"], fault["nodes"])).collect()
}

#[test]
fn the_page_loads_without_a_complaint_of_the_browser() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&[]));
    chrome.open(&house.link());
    chrome.until("the page stands", "return document.querySelector('main h2') !== null && location.pathname === '/'");
    assert_eq!(chrome.console(), Vec::<String>::new());
    let outside = "return performance.getEntriesByType('resource').map(it => it.name).filter(it => !it.startsWith(location.origin))";
    assert_eq!(chrome.run(outside), json!([]), "everything comes from here");
}

#[test]
fn every_point_of_a_chart_is_a_day_of_the_history() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&[]));
    chrome.open(&house.link());
    for days in [30, 90] {
        chrome.open(&house.address(&format!("/?days={days}")));
        let shown = chrome.run(
            "return [...document.querySelectorAll('[data-chart=readiness] [data-value]')]
               .map(point => [point.dataset.date, Number(point.dataset.value)]).sort()",
        );
        let known = house.get(&format!("/api/health-days?days={days}"));
        let known = known.as_array().unwrap().iter().filter(|day| !day["readiness"].is_null());
        let known: Vec<Value> = known.map(|day| json!([day["date"], day["readiness"].as_f64().unwrap()])).collect();
        assert!(known.len() > 20, "the made-up person wears their ring");
        assert_eq!(rounded(&shown), rounded(&json!(known)), "{days} days");
    }
}

/// Numbers as JSON writes them differ in nothing but the form.
fn rounded(points: &Value) -> Vec<(String, i64)> {
    let point =
        |point: &Value| (point[0].as_str().unwrap().to_owned(), (point[1].as_f64().unwrap() * 10.0).round() as i64);
    points.as_array().unwrap().iter().map(point).collect()
}

#[test]
fn an_alert_is_acknowledged_without_a_reload() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&[]));
    chrome.open(&house.link());
    chrome.until("the page stands", "return document.querySelector('[data-key] form[action=\"/api/ack\"]') !== null");
    chrome.run("window.sameDocument = true");
    let key = chrome.run("return document.querySelector('[data-key]:has(form[action=\"/api/ack\"])').dataset.key");
    let key = key.as_str().unwrap();
    chrome.click(&format!("[data-key='{key}'] form[action='/api/ack'] button"));
    chrome.until(
        "it says so",
        &format!("return /acknowledged/i.test(document.querySelector('[data-key=\"{key}\"]').textContent)"),
    );
    assert_eq!(chrome.run("return window.sameDocument"), json!(true));
    assert_eq!(house.incident(key)["acknowledged"], json!(true));
    assert_eq!(chrome.console(), Vec::<String>::new());
}

#[test]
fn what_changes_elsewhere_appears_by_itself_and_nothing_else_moves() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&[]));
    chrome.open(&house.link());
    let key = chrome.until(
        "the page stands",
        "return document.querySelector('[data-key]:has(form[action=\"/api/ack\"])')?.dataset.key",
    );
    let key = key.as_str().unwrap();
    chrome.run("window.sameDocument = true; window.scrollTo(0, 300);
                window.charts = document.querySelector('[data-chart=readiness]');
                document.querySelector('[name=text]').value = 'half a wo'; document.querySelector('[name=text]').focus();");
    house.operator(&["ack", key]);
    chrome.until(
        "it says so",
        &format!("return /acknowledged/i.test(document.querySelector('[data-key=\"{key}\"]').textContent)"),
    );
    let rest = chrome.run(
        "return [window.sameDocument, document.activeElement.name, document.activeElement.value,
                           window.charts.isConnected]",
    );
    assert_eq!(rest, json!([true, "text", "half a wo", true]));
}

#[test]
fn the_page_can_be_read_by_everybody() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&[]));
    chrome.open(&house.link());
    for (name, look) in
        [("desk", DESK), ("night", NIGHT), ("phone", PHONE), ("phone-night", Look { dark: true, ..PHONE })]
    {
        chrome.look(look);
        chrome.until("it fits", "return document.documentElement.scrollWidth <= window.innerWidth");
        chrome.run("document.querySelectorAll('details').forEach(it => it.open = false)");
        chrome.picture(&format!("dashboard-{name}"));
        chrome.run("document.querySelectorAll('details').forEach(it => it.open = true)");
        assert_eq!(barriers(&chrome), Vec::<String>::new(), "{name}");
    }
    assert_eq!(chrome.console(), Vec::<String>::new());
}

#[test]
fn the_keyboard_is_enough() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&[]));
    chrome.open(&house.link());
    let key = chrome.until(
        "the page stands",
        "return document.querySelector('[data-key]:has(form[action=\"/api/ack\"])')?.dataset.key",
    );
    let key = key.as_str().unwrap();
    let reached = format!(
        "return document.activeElement?.closest('[data-key]')?.dataset.key === '{key}'
           && document.activeElement.closest('form')?.getAttribute('action') === '/api/ack'"
    );
    let tabs = (0..100).find(|_| {
        chrome.tab();
        chrome.run(&reached) == json!(true)
    });
    assert!(tabs.is_some(), "Tab leads to it");
    let outline =
        chrome.run("const it = getComputedStyle(document.activeElement); return it.outlineStyle + it.boxShadow");
    assert_ne!(outline, json!("nonenone"), "one sees where one is");
    chrome.enter();
    chrome.until(
        "it says so",
        &format!("return /acknowledged/i.test(document.querySelector('[data-key=\"{key}\"]').textContent)"),
    );
    let focused = chrome.run("return document.activeElement !== document.body");
    assert_eq!(focused, json!(true), "one is not thrown back to the top");
}

#[test]
fn without_scripts_the_forms_do_the_same() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&["--blink-settings=scriptEnabled=false"]));
    chrome.open(&house.link());
    let action = "form[action='/api/pause'] button";
    chrome.open(&house.address("/"));
    chrome.click(action);
    home::eventually("it is paused", || (house.get("/api/status")["paused"] == json!(true)).then_some(()));
}

#[test]
fn who_is_not_let_in_learns_how() {
    let (house, chrome) = (AppContext::with_a_week(), Chrome::start(&[]));
    chrome.open(&house.address("/"));
    let text = chrome.run("return document.body.innerText");
    assert!(text.as_str().unwrap().contains("operator dashboard"), "{text}");
}
