//! Reads the focus file.

use std::fs;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use operator::sources::ErrorKind;
use operator::sources::focus_file;

#[test]
fn name_and_modification_time_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("focus.md");
    let file = fs::File::create(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    let focus = focus_file::fetch(&path).unwrap();
    assert_eq!((focus.name.as_str(), focus.modified), ("focus.md", Timestamp::from_second(1_700_000_000).unwrap()));
}

#[test]
fn missing_file_is_transient_folder_is_not() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(focus_file::fetch(&folder.path().join("none.md")).unwrap_err().kind, ErrorKind::Transient);
    assert_eq!(focus_file::fetch(folder.path()).unwrap_err().kind, ErrorKind::ActionRequired);
}
