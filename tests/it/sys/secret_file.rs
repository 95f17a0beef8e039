//! Secrets from the configuration or from a file.

use std::fs;
use std::path::Path;

use operator::sys::secret_file;
use rstest::rstest;
use secrecy::{ExposeSecret, SecretString};

#[rstest]
#[case(Some("direct"), Some("from file\n"), Some("direct"))]
#[case(Some(" "), Some("  from file\r\n"), Some("from file"))]
#[case(None, Some("from file"), Some("from file"))]
#[case(None, Some(" \n"), None)]
#[case(Some(" direct\n"), None, Some("direct"))]
#[case(None, None, None)]
fn secret_comes_from_value_or_file(
    #[case] value: Option<&str>,
    #[case] content: Option<&str>,
    #[case] expected: Option<&str>,
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let file = content.map(|content| fs::write(&path, content).map(|()| path.as_path()).unwrap());
    let value = value.map(SecretString::from);
    let secret = secret_file::resolve(value.as_ref(), file).unwrap();
    assert_eq!(secret.as_ref().map(ExposeSecret::expose_secret), expected);
}

#[test]
fn unreadable_file_is_named_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let (long, binary) = (folder.path().join("long"), folder.path().join("binary"));
    fs::write(&long, "s3cret".repeat(20_000)).unwrap();
    fs::write(&binary, [b's', 0xFF]).unwrap();
    for path in [Path::new("/nowhere/token"), folder.path(), &long, &binary] {
        let error = secret_file::resolve(None, Some(path)).unwrap_err();
        assert!(error.message.contains(path.to_str().unwrap()), "{error}");
        assert!(!error.message.contains("s3cret"));
    }
}
