//! Calendars, as the person meets them: free time in messages, alerts after the meeting, to-dos as tasks, and no word of what is private.

use serde_json::{Value, json};

use crate::support::dav::{PASSWORD, Radicale, USER};
use crate::support::home::{Home, fate};
use crate::support::http::{Answer, Server};

const DENTIST: &str = "task:deadline_today:dentist";

/// An event on the person's day, on their own clock.
fn event(home: &Home, from: &str, to: &str) -> String {
    let at = |time: &str| format!("{}T{}00", home.today.strftime("%Y%m%d"), time.replace(':', ""));
    format!(
        "BEGIN:VEVENT\r\nUID:{from}\r\nSUMMARY:hush-hush\r\nDTSTART:{}\r\nDTEND:{}\r\nEND:VEVENT\r\n",
        at(from),
        at(to)
    )
}

fn write(home: &Home, name: &str, parts: &str) -> Value {
    let path = home.path(name);
    std::fs::write(&path, format!("BEGIN:VCALENDAR\r\n{parts}END:VCALENDAR\r\n")).unwrap();
    json!({"name": name.trim_end_matches(".ics"), "file": path})
}

fn message(report: &Value, key: &str) -> String {
    let alerts = report["alerts"].as_array().unwrap();
    let alert = alerts.iter().find(|alert| alert["key"] == key).unwrap_or_else(|| panic!("{key} in {report:#}"));
    alert["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_deadline_says_how_much_time_is_free_before_it() {
    let home = Home::new();
    let plain = message(&home.check(&home.at("09:05")), DENTIST);
    assert!(plain.contains("is due today at 16:30. "), "{plain}");
    let work = write(&home, "work.ics", &event(&home, "10:00", "12:00"));
    let club = write(&home, "club.ics", &event(&home, "11:00", "13:30"));
    home.set(json!({"sources": {"calendars": [work, club]}}));
    let report = home.check(&home.at("14:05"));
    assert!(message(&report, DENTIST).contains("at 16:30, 2 h 25 free before it. "), "{report:#}");
    assert_eq!(
        (&report["circuits"]["calendar:work"], &report["circuits"]["calendar:club"]),
        (&json!("closed"), &json!("closed"))
    );
    let invoice = message(&report, "task:deadline_today:invoice");
    assert!(invoice.contains("is due today, 7 h 55 free before it. "), "until the night: {invoice}");
    // The same a minute later is no news, though less is free by then.
    assert_eq!(fate(&home.check(&home.at("14:06")), DENTIST), "suppress duplicate");
}

#[test]
fn while_a_calendar_is_unknown_nothing_is_said_of_free_time() {
    let home = Home::new();
    let work = write(&home, "work.ics", &event(&home, "10:00", "12:00"));
    let gone = json!({"name": "gone", "file": home.path("gone.ics")});
    home.set(json!({"sources": {"calendars": [work, gone]}}));
    let report = home.check(&home.at("09:05"));
    assert!(message(&report, DENTIST).contains("is due today at 16:30. "), "{report:#}");
    assert_eq!(report["monitors"]["tasks"]["status"], "ok", "the tasks are judged all the same: {report:#}");
    assert_eq!(fate(&report, DENTIST), "deliver first");
}

#[test]
fn a_meeting_holds_what_can_wait_and_ends_in_a_digest() {
    let home = Home::new();
    let work = write(&home, "work.ics", &(event(&home, "09:00", "10:00") + &event(&home, "10:00", "10:30")));
    home.set(json!({"sources": {"calendars": [work]}, "quiet_hours": {"quiet_during_events": true}}));
    let during = home.check(&home.at("09:05"));
    assert_eq!(fate(&during, "task:deadline_overdue:passport"), "hold in_event");
    assert_eq!(fate(&during, "task:deadline_overdue:launch"), "deliver first", "a milestone is critical");
    let why = home.run(&["why", "task:deadline_overdue:passport"]).ok().out;
    assert!(why.contains("it is not critical, and you were in a meeting"), "{why}");
    assert_eq!(fate(&home.check(&home.at("10:05")), "task:deadline_overdue:passport"), "hold in_event");
    let after = home.check(&home.at("10:30"));
    assert_eq!(fate(&after, "task:deadline_overdue:passport"), "coalesce digest");
    home.set(json!({"quiet_hours": {"quiet_during_events": false}}));
}

#[test]
fn without_being_asked_no_meeting_holds_anything() {
    let home = Home::new();
    let work = write(&home, "work.ics", &event(&home, "09:00", "10:00"));
    home.set(json!({"sources": {"calendars": [work]}}));
    assert_eq!(fate(&home.check(&home.at("09:05")), "task:deadline_overdue:passport"), "deliver first");
}

#[test]
fn to_dos_of_calendars_are_tasks() {
    let home = Home::new();
    let day = home.today.strftime("%Y%m%d");
    let todo = format!("BEGIN:VTODO\r\nUID:roof\r\nSUMMARY:Mend the roof\r\nDUE:{day}T170000\r\nEND:VTODO\r\n");
    let work = write(&home, "work.ics", &(todo + &event(&home, "15:00", "16:00")));
    home.set(json!({"sources": {"calendars": [work]}}));
    let report = home.check(&home.at("14:05"));
    let told = message(&report, "task:deadline_today:roof");
    assert!(
        told.contains("“Mend the roof” is due today at 17:00, 1 h 55 free before it. Calendar, just read."),
        "{told}"
    );
    // Done: over.
    std::fs::write(home.path("work.ics"), "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n").unwrap();
    assert_eq!(fate(&home.check(&home.at("14:20")), "task:deadline_today:roof"), "resolve resolved");
}

#[test]
fn check_says_how_each_calendar_does() {
    let home = Home::new();
    let server = Radicale::start();
    server.calendar(
        "home",
        "Home",
        &[format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{}END:VCALENDAR\r\n", event(&home, "12:00", "12:30"))],
    );
    let broken = Server::start(|_| Answer::status(403));
    let work = write(&home, "work.ics", &(event(&home, "09:00", "10:00") + &event(&home, "15:00", "16:00")));
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
fn what_is_private_stands_nowhere() {
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
            assert!(!run.out.contains(word) && !run.err.contains(word), "{command:?} says {word}: {run:?}");
        }
    }
    for (path, bytes) in home.everything().into_iter().filter(|(_, bytes)| *bytes != config) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("s3cret") && !text.contains("hush-hush"), "{}", path.display());
    }
}
