//! The focus file and files that hold a secret.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use operator::sources::ErrorKind;
use operator::sources::focus_file;
use operator::sources::secret_file;
use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};

#[test]
fn the_focus_file_tells_its_name_and_age() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("focus.md");
    let file = fs::File::create(&path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)).unwrap();
    let focus = focus_file::fetch(&path).unwrap();
    assert_eq!((focus.name.as_str(), focus.modified), ("focus.md", Timestamp::from_second(1_700_000_000).unwrap()));
}

#[test]
fn a_focus_file_that_is_missing_or_a_folder_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(focus_file::fetch(&folder.path().join("none.md")).unwrap_err().kind, ErrorKind::Transient);
    assert_eq!(focus_file::fetch(folder.path()).unwrap_err().kind, ErrorKind::ActionRequired);
}

#[rstest]
#[case(Some("direct"), Some("from file\n"), Some("direct"))]
#[case(Some(" "), Some("  from file\r\n"), Some("from file"))]
#[case(None, Some("from file"), Some("from file"))]
#[case(None, Some(" \n"), None)]
#[case(Some(" direct\n"), None, Some("direct"))]
#[case(None, None, None)]
fn a_secret_comes_from_its_value_or_its_file(
    #[case] value: Option<&str>,
    #[case] content: Option<&str>,
    #[case] expected: Option<&str>,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let file = content.map(|content| fs::write(&path, content).map(|()| path.as_path()).unwrap());
    let value = value.map(SecretString::from);
    let found = secret_file::resolve(value.as_ref(), file, "oura_api").unwrap();
    assert_eq!(found.as_ref().map(ExposeSecret::expose_secret), expected);
}

#[test]
fn a_secret_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (long, binary) = (folder.path().join("long"), folder.path().join("binary"));
    fs::write(&long, "s3cret".repeat(20_000)).unwrap();
    fs::write(&binary, [b's', 0xFF]).unwrap();
    for path in [Path::new("/nowhere/token"), folder.path(), &long, &binary] {
        let error = secret_file::resolve(None, Some(path), "oura_api").unwrap_err();
        assert_eq!((error.source, error.kind), ("oura_api", ErrorKind::ActionRequired));
        assert!(error.message.contains(path.to_str().unwrap()), "{error}");
        assert!(!error.message.contains("s3cret"));
    }
}
