//! Documents and rows that are not what they should be: each is passed over, and what stands beside it still counts.

use rstest::rstest;
use rusqlite::Connection;

use crate::support::home::{Home, outcome, states};

#[rstest]
#[case::cut(r#"{"id": "r", "day": "#.as_bytes())]
#[case::list(b"[1, 2, 3]")]
#[case::number(b"48")]
#[case::text(b"\"48\"")]
#[case::null(b"null")]
#[case::empty(b"")]
#[case::not_utf8(b"\xff\xfe\x00")]
#[case::deep(&[b'['; 100_000])]
#[case::score_of_another_type(br#"{"score": "high", "contributors": 7}"#)]
#[case::score_out_of_range(br#"{"score": -1e308}"#)]
#[case::ten_megabytes(&[b' '; 10_000_000])]
fn broken_document_is_skipped(#[case] data: &[u8]) {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let db = Connection::open(home.path("foreign/oura-health.db")).unwrap();
    let spoil = "UPDATE readiness_data SET data = ?1 WHERE day = ?2";
    assert_eq!(db.execute(spoil, (data, home.today.to_string())), Ok(1));
    drop(db);
    let report = home.check(&home.at("09:20"));
    assert_eq!(states(&report), ["ok", "ok", "ok"], "{report:#}");
    assert_eq!(outcome(&report, "health:sleep_short"), "suppress duplicate", "the night is another document");
    assert!(home.open().contains(&"health:readiness_low".to_owned()), "unknown is not well: {report:#}");
}

#[test]
fn wrongly_typed_rows_hide_no_others() {
    let home = Home::new();
    home.check(&home.at("09:05"));
    home.tasks(
        "UPDATE tasks SET due_date = 'soon' WHERE id = 'passport';
         UPDATE tasks SET metadata = '{\"value_tier\": ' WHERE id = 'launch';
         UPDATE tasks SET title = x'fffe00', priority = 9, due_time = 'noon' WHERE id = 'invoice';
         UPDATE commitments SET person = '', due_date = 20261301 WHERE id = 'review';
         INSERT INTO tasks (id, title, status, due_date, domain, source)
           VALUES ('long', printf('%.*c', 10000000, 'x'), 'active', '2000-01-01', 'work', 'manual');",
    );
    let report = home.check(&home.at("09:20"));
    assert_eq!(states(&report), ["ok", "ok", "ok"], "{report:#}");
    assert_eq!(outcome(&report, "task:deadline_overdue:long"), "deliver first");
    assert_eq!(outcome(&report, "task:deadline_overdue:report"), "suppress duplicate");
    let open = home.open();
    for key in ["task:deadline_overdue:passport", "task:commitment_violation:review"] {
        assert!(open.iter().any(|known| known == key), "{key} cannot be judged, so it stays: {open:?}");
    }
}
