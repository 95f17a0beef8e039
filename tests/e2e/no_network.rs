//! A machine that starts without a network, and gets one.

use std::net::TcpListener;

use jiff::ToSpan;
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::http::{Answer, Server};

/// Four hours of checks, a quarter of an hour apart.
const TIMES: [&str; 17] = [
    "08:00", "08:15", "08:30", "08:45", "09:00", "09:15", "09:30", "09:45", "10:00", "10:15", "10:30", "10:45",
    "11:00", "11:15", "11:30", "11:45", "12:00",
];

/// Oura, Todoist and a calendar, all behind one address at which nobody listens yet; nothing else is connected.
fn home(address: &str) -> Home {
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

/// What the network brings: a low readiness, 30 overdue tasks, and a calendar.
fn network(home: &Home, listener: TcpListener) -> Server {
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
fn with_the_network_everything_is_there_at_the_next_check_and_told_without_a_burst() {
    let place = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = place.local_addr().unwrap();
    drop(place);
    let home = home(&address.to_string());
    for time in TIMES {
        let report = home.check(&home.at(time));
        for monitor in ["health", "tasks"] {
            assert_eq!(report["monitors"][monitor]["status"], "skipped", "{report:#}");
        }
        // An hour without is told, once.
        let told =
            report["alerts"].as_array().unwrap().iter().all(|it| it["key"].as_str().unwrap().starts_with("system:"));
        assert!(told && decisions(&report, "deliver") + decisions(&report, "coalesce") <= 3, "{report:#}");
    }

    let server = network(&home, TcpListener::bind(address).unwrap());
    let report = home.check(&home.at("12:15"));
    for monitor in ["health", "tasks"] {
        assert_eq!(report["monitors"][monitor]["status"], "ok", "{report:#}");
        assert_eq!(report["monitors"][monitor]["reason"], Value::Null, "{report:#}");
    }
    assert!(report["circuits"].as_object().unwrap().values().all(|state| state == "closed"), "{report:#}");
    assert_eq!(decisions(&report, "deliver"), 5, "the most urgent by themselves: {report:#}");
    assert_eq!(decisions(&report, "coalesce"), 26, "and the rest in one message");
    for place in ["tasks", "work.ics", "daily_readiness"] {
        assert_eq!(server.times(place), 1, "{place}: once for a check");
    }

    let again = home.check(&home.at("12:30"));
    assert_eq!(decisions(&again, "suppress"), 31, "nothing twice: {again:#}");
}
