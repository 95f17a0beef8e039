//! A machine that starts without a network and gets one later.

use std::net::TcpListener;

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::http::{Answer, Server};

/// Checks of four hours, every 15 minutes.
const TIMES: [&str; 17] = [
    "08:00", "08:15", "08:30", "08:45", "09:00", "09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45",
    "11:00", "11:15", "11:30", "11:45", "12:00",
];

/// Oura, Todoist and a calendar at one address without a server. No other source is configured.
fn home_without_network(address: &str) -> Home {
    let home = Home::new();
    home.set(json!({
        "deduplication": {"max_alerts_per_run": 5},
        "monitors": {"patterns": {"enabled": false}},
        "sources": {
            "state_store": null,
            "focus_file": null,
            "oura": {"cache_dir": home.path("no-cache"), "token": "t", "base_url": format!("http://{address}/oura")},
            "todoist": {"token": "t", "base_url": format!("http://{address}/todoist")},
            "calendars": [{"name": "work", "url": format!("http://{address}/work.ics")}],
        },
    }));
    home
}

/// A server with a low readiness, 30 overdue tasks and a calendar.
fn start_server(home: &Home, listener: TcpListener) -> Server {
    let (today, due) = (home.today.to_string(), (home.today - 1.day()).to_string());
    Server::on(listener, move |request| match request.path.as_str() {
        "/todoist/tasks" => {
            let task = |n: usize| json!({"id": n.to_string(), "content": format!("Task {n}"), "due": {"date": due}});
            Answer::json(json!({"results": (0..30).map(task).collect::<Vec<_>>(), "next_cursor": null}).to_string())
        }
        "/oura/daily_readiness" => Answer::page(&format!(
            r#"{{"id": "r", "day": "{today}", "timestamp": "{today}T07:00:00+00:00", "score": 45, "contributors": {{}}}}"#
        )),
        "/work.ics" => Answer::Whole(200, "", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n".into()),
        _ => Answer::page(""),
    })
}

fn decisions(report: &Value, decision: &str) -> usize {
    report["alerts"].as_array().unwrap().iter().filter(|alert| alert["decision"] == decision).count()
}

#[test]
fn network_return_causes_no_burst_of_messages() {
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let home = home_without_network(&address.to_string());
    for time in TIMES {
        let report = home.check(&home.at(time));
        for monitor in ["health", "tasks"] {
            assert_eq!(report["monitors"][monitor]["status"], "skipped", "{report:#}");
        }
        // After an hour, one alert about each unavailable source.
        let only_system_alerts =
            report["alerts"].as_array().unwrap().iter().all(|it| it["key"].as_str().unwrap().starts_with("system:"));
        assert!(
            only_system_alerts && decisions(&report, "deliver") + decisions(&report, "coalesce") <= 3,
            "{report:#}"
        );
    }

    let server = start_server(&home, TcpListener::bind(address).unwrap());
    let report = home.check(&home.at("12:15"));
    for monitor in ["health", "tasks"] {
        assert_eq!(report["monitors"][monitor]["status"], "ok", "{report:#}");
        assert_eq!(report["monitors"][monitor]["reason"], Value::Null, "{report:#}");
    }
    assert!(report["circuits"].as_object().unwrap().values().all(|state| state == "closed"), "{report:#}");
    assert_eq!(decisions(&report, "deliver"), 5, "the most urgent alerts separately: {report:#}");
    assert_eq!(decisions(&report, "coalesce"), 26, "the rest in one digest");
    for path in ["tasks", "work.ics", "daily_readiness"] {
        assert_eq!(server.times(path), 1, "{path}: one request per check");
    }

    let again = home.check(&home.at("12:30"));
    assert_eq!(decisions(&again, "suppress"), 31, "no message twice: {again:#}");
}
