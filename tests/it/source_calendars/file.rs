//! Calendars in files.

use std::fs;

use operator::sources::calendars::Place;
use operator::sources::error::Fault;

use super::{at, calendar, failed, meeting, tasks, text};

#[tokio::test]
async fn a_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.ics");
    let calendar = calendar(Place::File(path.clone()));
    failed(calendar.read(&at(0)).await, Fault::Outage, "there is no file");
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
    failed(calendar.read(&at(1)).await, Fault::Outage, "there is no file");
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
        let error = failed(calendar(Place::File(path.clone())).read(&at(0)).await, Fault::NeedsUser, "no iCalendar");
        assert!(error.advice.contains(".ics"));
    }
    failed(calendar(Place::File(folder.path().into())).read(&at(0)).await, Fault::NeedsUser, "is not a file");
    failed(calendar(Place::File("/dev/zero".into())).read(&at(0)).await, Fault::NeedsUser, "is not a file");
    let long = fs::File::create(&path).unwrap();
    long.set_len(40_000_000).unwrap();
    failed(calendar(Place::File(path)).read(&at(0)).await, Fault::NeedsUser, "over 32 MB");
}
