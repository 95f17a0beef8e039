//! Calendars in files.

use std::fs;
use std::sync::Arc;

use operator::sources::ErrorKind;
use operator::sources::TaskSource;
use operator::sources::calendar::{Calendar, CalendarTasks, Place};

use super::{at, calendar, failed, meeting, tasks, text};

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    let calendar = calendar(Place::File(path.clone()));
    failed(calendar.read(&at(0)).await, ErrorKind::Transient, "there is no file");
    fs::write(&path, text()).unwrap();
    let reading = calendar.read(&at(1)).await.unwrap();
    assert_eq!((meeting(&reading), tasks(&reading), reading.today), (Some(60), vec!["Tax"], 1));
    // Somebody replaces it, as editors do.
    fs::write(folder.path().join("new"), text().replace("PT1H", "PT2H")).unwrap();
    fs::rename(folder.path().join("new"), &path).unwrap();
    assert_eq!(meeting(&calendar.read(&at(2)).await.unwrap()), Some(120));
}

#[tokio::test]
async fn the_same_moment_is_read_once_and_another_day_is_another_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    fs::write(&path, text()).unwrap();
    let calendar = calendar(Place::File(path.clone()));
    let first = calendar.read(&at(0)).await.unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(calendar.read(&at(0)).await.unwrap(), first, "whoever asks for this moment hears the same");
    failed(calendar.read(&at(1)).await, ErrorKind::Transient, "there is no file");
    fs::write(&path, text()).unwrap();
    assert_eq!(calendar.read(&at(24 * 60)).await.unwrap().today, 0);
    assert_eq!(calendar.read(&at(0)).await.unwrap().today, 1, "and a clock that is set back");
}

#[tokio::test]
async fn what_is_no_calendar_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    for text in ["", "<html>Log in</html>", "BEGIN:VCARD\nEND:VCARD\n"] {
        fs::write(&path, text).unwrap();
        let error =
            failed(calendar(Place::File(path.clone())).read(&at(0)).await, ErrorKind::ActionRequired, "no iCalendar");
        assert!(error.advice.contains(".ics"));
    }
    failed(calendar(Place::File(folder.path().into())).read(&at(0)).await, ErrorKind::ActionRequired, "is not a file");
    failed(calendar(Place::File("/dev/zero".into())).read(&at(0)).await, ErrorKind::ActionRequired, "is not a file");
    let long = fs::File::create(&path).unwrap();
    long.set_len(40_000_000).unwrap();
    failed(calendar(Place::File(path)).read(&at(0)).await, ErrorKind::ActionRequired, "over 32 MB");
}

#[tokio::test]
async fn one_that_is_cut_off_resolves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    let calendar = calendar(Place::File(path.clone()));
    for part in ["BEGIN:VTODO", "DUE", "END:VTODO", "END:VCALENDAR"] {
        fs::write(&path, text().split(part).next().unwrap()).unwrap();
        failed(calendar.read(&at(0)).await, ErrorKind::Transient, "cut off");
        failed(calendar.read(&at(1)).await, ErrorKind::Transient, "cut off");
    }
    fs::write(&path, text()).unwrap();
    assert_eq!(tasks(&calendar.read(&at(2)).await.unwrap()), ["Tax"]);
}

#[tokio::test]
async fn a_to_do_that_cannot_be_read_is_named_and_does_not_count_where_none_are_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    fs::write(&path, text().replace("20261122", "20261322")).unwrap();
    let reading = calendar(Place::File(path.clone())).read(&at(0)).await.unwrap();
    assert_eq!((tasks(&reading).len(), reading.unreadable.as_slice()), (0, ["t".to_owned()].as_slice()));
    let source = CalendarTasks::of(&[Arc::new(calendar(Place::File(path.clone())))]);
    assert!(source.fetch(&at(0)).await.unwrap().is_unreadable("t"));
    fs::write(&path, text().replace("UID:t\r\n", "").replace("END:VTODO\r\n", "")).unwrap();
    failed(
        calendar(Place::File(path.clone())).read(&at(0)).await,
        ErrorKind::ActionRequired,
        "nor which ones they are",
    );
    let busy = Calendar { tasks: false, ..calendar(Place::File(path)) };
    assert_eq!(meeting(&busy.read(&at(0)).await.unwrap()), Some(60));
}

#[tokio::test]
async fn a_zone_without_lasting_rules_changes_with_the_season() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    let zone = "BEGIN:VTIMEZONE\r\nTZID:Office\r\n\
        BEGIN:STANDARD\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nDTSTART:20261025T030000\r\nEND:STANDARD\r\n\
        BEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nDTSTART:20261122T020000\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n";
    let daily = "DTSTART;TZID=Office:20261101T140000\r\nRRULE:FREQ=DAILY";
    let text =
        text().replace("DTSTART:20261120T130000Z", daily).replace("BEGIN:VEVENT", &format!("{zone}BEGIN:VEVENT"));
    fs::write(&path, text).unwrap();
    let calendar = calendar(Place::File(path));
    let is_on = async |minutes: i64| {
        let now = at(minutes);
        let reading = calendar.read(&now).await.unwrap();
        reading.agenda.in_meeting_until((&now + jiff::SignedDuration::from_mins(70)).timestamp()).is_some()
    };
    assert!(!is_on(0).await, "in winter it is at 14:00");
    assert!(is_on(3 * 24 * 60).await, "in summer at 13:00 of our winter's clock");
}
