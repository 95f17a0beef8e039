//! Calendars in files.

use std::fs;
use std::sync::Arc;

use operator::sources::ErrorKind;
use operator::sources::TaskSource;
use operator::sources::calendar::{Calendar, CalendarTasks, Location};

use super::{assert_failed, at, calendar, ics_text, meeting_minutes, titles};

#[tokio::test]
async fn changed_file_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    let calendar = calendar(Location::File(path.clone()));
    assert_failed(calendar.fetch(&at(0)).await, ErrorKind::Transient, "there is no file");
    fs::write(&path, ics_text()).unwrap();
    let reading = calendar.fetch(&at(1)).await.unwrap();
    assert_eq!((meeting_minutes(&reading), titles(&reading), reading.events_today), (Some(60), vec!["Tax"], 1));
    // Editors replace a file.
    fs::write(folder.path().join("new"), ics_text().replace("PT1H", "PT2H")).unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    assert_eq!(meeting_minutes(&calendar.fetch(&at(2)).await.unwrap()), Some(120));
}

#[tokio::test]
async fn fetch_at_the_same_time_is_cached() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    fs::write(&path, ics_text()).unwrap();
    let calendar = calendar(Location::File(path.clone()));
    let first = calendar.fetch(&at(0)).await.unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(calendar.fetch(&at(0)).await.unwrap(), first, "the same time gives the same result");
    assert_failed(calendar.fetch(&at(1)).await, ErrorKind::Transient, "there is no file");
    fs::write(&path, ics_text()).unwrap();
    assert_eq!(calendar.fetch(&at(24 * 60)).await.unwrap().events_today, 0);
    assert_eq!(calendar.fetch(&at(0)).await.unwrap().events_today, 1, "after the clock was set back");
}

#[tokio::test]
async fn other_content_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    for text in ["", "<html>Log in</html>", "BEGIN:VCARD\nEND:VCARD\n"] {
        fs::write(&path, text).unwrap();
        let error = assert_failed(
            calendar(Location::File(path.clone())).fetch(&at(0)).await,
            ErrorKind::ActionRequired,
            "not an iCalendar",
        );
        assert!(error.advice.contains(".ics"));
    }
    assert_failed(
        calendar(Location::File(folder.path().into())).fetch(&at(0)).await,
        ErrorKind::ActionRequired,
        "is not a file",
    );
    assert_failed(
        calendar(Location::File("/dev/zero".into())).fetch(&at(0)).await,
        ErrorKind::ActionRequired,
        "is not a file",
    );
    let long = fs::File::create(&path).unwrap();
    long.set_len(40_000_000).unwrap();
    assert_failed(calendar(Location::File(path)).fetch(&at(0)).await, ErrorKind::ActionRequired, "over 32 MB");
}

#[tokio::test]
async fn truncated_file_resolves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    let calendar = calendar(Location::File(path.clone()));
    for part in ["BEGIN:VTODO", "DUE", "END:VTODO", "END:VCALENDAR"] {
        fs::write(&path, ics_text().split(part).next().unwrap()).unwrap();
        assert_failed(calendar.fetch(&at(0)).await, ErrorKind::Transient, "calendar is truncated");
        assert_failed(calendar.fetch(&at(1)).await, ErrorKind::Transient, "calendar is truncated");
    }
    fs::write(&path, ics_text()).unwrap();
    assert_eq!(titles(&calendar.fetch(&at(2)).await.unwrap()), ["Tax"]);
}

#[tokio::test]
async fn invalid_todo_matters_only_with_tasks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    fs::write(&path, ics_text().replace("20261122", "20261322")).unwrap();
    let reading = calendar(Location::File(path.clone())).fetch(&at(0)).await.unwrap();
    assert_eq!((titles(&reading).len(), reading.unreadable.as_slice()), (0, ["t".to_owned()].as_slice()));
    let source = CalendarTasks::new(&[Arc::new(calendar(Location::File(path.clone())))]);
    assert!(source.fetch(&at(0)).await.unwrap().is_unreadable("t"));
    fs::write(&path, ics_text().replace("UID:t\r\n", "").replace("END:VTODO\r\n", "")).unwrap();
    assert_failed(calendar(Location::File(path.clone())).fetch(&at(0)).await, ErrorKind::ActionRequired, "have no UID");
    let busy = Calendar { tasks: false, ..calendar(Location::File(path)) };
    assert_eq!(meeting_minutes(&busy.fetch(&at(0)).await.unwrap()), Some(60));
}

#[tokio::test]
async fn zone_without_yearly_rules_changes_offset() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Office\r\n\
        BEGIN:STANDARD\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nDTSTART:20261025T030000\r\nEND:STANDARD\r\n\
        BEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nDTSTART:20261122T020000\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n";
    let daily = "DTSTART;TZID=Office:20261101T140000\r\nRRULE:FREQ=DAILY";
    let text =
        ics_text().replace("DTSTART:20261120T130000Z", daily).replace("BEGIN:VEVENT", &format!("{zone}BEGIN:VEVENT"));
    fs::write(&path, text).unwrap();
    let calendar = calendar(Location::File(path));
    let is_in_meeting = async |minutes: i64| {
        let now = at(minutes);
        let reading = calendar.fetch(&now).await.unwrap();
        reading.busy_times.in_meeting_until((&now + jiff::SignedDuration::from_mins(70)).timestamp()).is_some()
    };
    assert!(!is_in_meeting(0).await, "14:00 in winter");
    assert!(is_in_meeting(3 * 24 * 60).await, "13:00 of Berlin's winter time in summer");
}
