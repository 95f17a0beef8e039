//! Calendars: free time in messages, alerts held during meetings, to-dos as tasks, and no private data in any output.

use serde_json::{Value, json};

use crate::support::dav::{PASSWORD, Radicale, USER};
use crate::support::home::{Home, outcome};
use crate::support::http::{Answer, Server};

const DENTIST: &str = "task:deadline_today:dentist";

/// An event today, in the user's local time.
fn event(home: &Home, from: &str, to: &str) -> String {
    let at = |time: &str| format!("{}T{}00", home.today.strftime("%Y%m%d"), time.replace(':', ""));
    format!(
        "BEGIN:VEVENT\r\nUID:{from}\r\nSUMMARY:hush-hush\r\nDTSTART:{}\r\nDTEND:{}\r\nEND:VEVENT\r\n",
        at(from),
        at(to)
    )
}

/// Writes a calendar file and returns its configuration.
fn write_calendar(home: &Home, name: &str, components: &str) -> Value {
    let path = home.path(name);
    std::fs::write(&path, format!("BEGIN:VCALENDAR\r\n{components}END:VCALENDAR\r\n")).unwrap();
    json!({"name": name.trim_end_matches(".ics"), "file": path})
}

fn message(report: &Value, key: &str) -> String {
    let alerts = report["alerts"].as_array().unwrap();
    let alert = alerts.iter().find(|alert| alert["key"] == key).unwrap_or_else(|| panic!("{key} in {report:#}"));
    alert["message"].as_str().unwrap().to_owned()
}

#[test]
fn deadline_message_names_free_time() {
    let home = Home::new();
    let plain = message(&home.check(&home.at("09:05")), DENTIST);
    assert!(plain.contains("is due today at 16:30. "), "{plain}");
    let work = write_calendar(&home, "work.ics", &event(&home, "10:00", "12:00"));
    let club = write_calendar(&home, "club.ics", &event(&home, "11:00", "13:30"));
    home.set(json!({"sources": {"calendars": [work, club]}}));
    let report = home.check(&home.at("14:05"));
    assert!(message(&report, DENTIST).contains("at 16:30, 2 h 25 free before it. "), "{report:#}");
    assert_eq!(
        (&report["circuits"]["calendar:work"], &report["circuits"]["calendar:club"]),
        (&json!("closed"), &json!("closed"))
    );
    let invoice = message(&report, "task:deadline_today:invoice");
    assert!(invoice.contains("is due today, 7 h 55 free before it. "), "until quiet hours: {invoice}");
    // Less free time a minute later is no reason to notify again.
    assert_eq!(outcome(&home.check(&home.at("14:06")), DENTIST), "suppress duplicate");
}

#[test]
fn unavailable_calendar_hides_free_time() {
    let home = Home::new();
    let work = write_calendar(&home, "work.ics", &event(&home, "10:00", "12:00"));
    let gone = json!({"name": "gone", "file": home.path("gone.ics")});
    home.set(json!({"sources": {"calendars": [work, gone]}}));
    let report = home.check(&home.at("09:05"));
    assert!(message(&report, DENTIST).contains("is due today at 16:30. "), "{report:#}");
    assert_eq!(report["monitors"]["tasks"]["status"], "ok", "tasks are evaluated without it: {report:#}");
    assert_eq!(outcome(&report, DENTIST), "deliver first");
}

#[test]
fn meeting_holds_alerts_for_a_digest() {
    let home = Home::new();
    let work = write_calendar(&home, "work.ics", &(event(&home, "09:00", "10:00") + &event(&home, "10:00", "10:30")));
    home.set(json!({"sources": {"calendars": [work]}, "quiet_hours": {"quiet_during_events": true}}));
    let during = home.check(&home.at("09:05"));
    assert_eq!(outcome(&during, "task:deadline_overdue:passport"), "hold in_event");
    assert_eq!(outcome(&during, "task:deadline_overdue:launch"), "deliver first", "a milestone is critical");
    let explanation = home.run(&["why", "task:deadline_overdue:passport"]).ok().out;
    assert!(explanation.contains("not critical, during a meeting"), "{explanation}");
    assert_eq!(outcome(&home.check(&home.at("10:05")), "task:deadline_overdue:passport"), "hold in_event");
    let after = home.check(&home.at("10:30"));
    assert_eq!(outcome(&after, "task:deadline_overdue:passport"), "coalesce digest");
    home.set(json!({"quiet_hours": {"quiet_during_events": false}}));
}

#[test]
fn meeting_holds_nothing_by_default() {
    let home = Home::new();
    let work = write_calendar(&home, "work.ics", &event(&home, "09:00", "10:00"));
    home.set(json!({"sources": {"calendars": [work]}}));
    assert_eq!(outcome(&home.check(&home.at("09:05")), "task:deadline_overdue:passport"), "deliver first");
}

#[test]
fn todos_are_tasks() {
    let home = Home::new();
    let day = home.today.strftime("%Y%m%d");
    let todo = format!("BEGIN:VTODO\r\nUID:roof\r\nSUMMARY:Fix the roof\r\nDUE:{day}T170000\r\nEND:VTODO\r\n");
    let work = write_calendar(&home, "work.ics", &(todo + &event(&home, "15:00", "16:00")));
    home.set(json!({"sources": {"calendars": [work]}}));
    let report = home.check(&home.at("14:05"));
    let text = message(&report, "task:deadline_today:roof");
    assert!(
        text.contains("“Fix the roof” is due today at 17:00, 1 h 55 free before it. Calendar, just read."),
        "{text}"
    );
    // A deleted to-do resolves its alert.
    std::fs::write(home.path("work.ics"), "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").unwrap();
    assert_eq!(outcome(&home.check(&home.at("14:20")), "task:deadline_today:roof"), "resolve resolved");
}

#[test]
fn check_reports_each_calendar() {
    let home = Home::new();
    let server = Radicale::start();
    server.add_calendar(
        "home",
        "Home",
        &[format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{}END:VCALENDAR\r\n", event(&home, "12:00", "12:30"))],
    );
    let broken = Server::start(|_| Answer::status(403));
    let work = write_calendar(&home, "work.ics", &(event(&home, "09:00", "10:00") + &event(&home, "15:00", "16:00")));
    let dav = json!({"name": "dav", "caldav": {"url": server.url, "user": USER, "password": PASSWORD}});
    let google = json!({"name": "google", "url": format!("{}/s3cret.ics", broken.url)});
    home.set(json!({"sources": {"calendars": [work, dav, google]}}));
    let checked = home.run(&["check", "--json"]);
    assert_eq!(checked.code, 1, "{checked:?}");
    let lines = checked.json();
    let line = |name: &str| lines.as_array().unwrap().iter().find(|line| line["name"] == name).unwrap().clone();
    assert_eq!(line("calendar:work")["about"], "connected, 2 events today");
    assert_eq!(line("calendar:dav")["about"], "connected, 1 event today");
    assert_eq!(line("calendar:google")["result"], "failed");
    assert!(line("calendar:google")["about"].as_str().unwrap().contains("answered 403"));
    assert!(line("calendar:google")["advice"].as_str().unwrap().contains("sharing settings"));
    assert_eq!(line("ics")["about"], "0 open tasks");
}

#[test]
fn private_data_is_in_no_output() {
    let home = Home::new();
    let text = format!("BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n", event(&home, "09:00", "10:00"));
    let server = Server::start(move |_| Answer::Whole(200, "", text.clone()));
    let secret = json!({"name": "google", "url": format!("{}/s3cret-address/basic.ics", server.url)});
    let wrong = json!({"name": "wrong", "url": "https://127.0.0.1:1/s3cret-address/basic.ics"});
    let dav =
        json!({"name": "dav", "caldav": {"url": "http://127.0.0.1:1/", "user": "ada", "password": "s3cret-password"}});
    home.set(json!({"sources": {"calendars": [secret, wrong, dav]}, "quiet_hours": {"quiet_during_events": true}}));
    let config = std::fs::read(home.path("config.yaml")).unwrap();
    for command in
        [&["--once", "--verbose", "--at", &home.at("09:05")][..], &["check"], &["--status", "--json"], &["journal"]]
    {
        let run = home.run(command);
        for word in ["s3cret", "hush-hush"] {
            assert!(!run.out.contains(word) && !run.err.contains(word), "{command:?} prints {word}: {run:?}");
        }
    }
    for (path, bytes) in home.everything().into_iter().filter(|(_, bytes)| *bytes != config) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("s3cret") && !text.contains("hush-hush"), "{}", path.display());
    }
}
