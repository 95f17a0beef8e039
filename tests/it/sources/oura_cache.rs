//! The Oura cache: documents as they come, nights as they are slept.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::{Date, date};
use operator::core::facts::{HealthDay, HealthReading, Night};
use operator::sources::ErrorKind;
use operator::sources::oura::cache::{fetch, resolve_path};
use rstest::rstest;
use rusqlite::Connection;

use crate::support::files::{insert_document, insert_document_at, oura_cache};

const TODAY: Date = date(2026, 11, 20);

/// Today from a cache that holds these sleep documents (without id and day) and a readiness of 80.
fn today(sleep: &[&str]) -> HealthDay {
    let (_folder, path, writer) = oura_cache();
    insert_document(&writer, "readiness_data", "r", "2026-11-20", r#"{"id":"r","day":"2026-11-20","score":80}"#);
    for (i, fields) in sleep.iter().enumerate() {
        let document = format!(r#"{{"id":"s{i}","day":"2026-11-20",{fields}}}"#);
        insert_document(&writer, "sleep_data", &format!("s{i}"), "2026-11-20", &document);
    }
    fetch(&path, TODAY, TODAY).unwrap().days.remove(0)
}

const NIGHT: &str = r#""type":"long_sleep","total_sleep_duration":25200,"bedtime_start":"2026-11-19T23:00:00-06:00","efficiency":88,"average_hrv":45"#;

#[test]
fn night_is_one_period_and_day_the_sum() {
    let day = today(&[NIGHT, r#""type":"late_nap","total_sleep_duration":2400,"efficiency":50,"average_hrv":99"#]);
    assert_eq!(day.slept_s, Some(27_600));
    assert_eq!(day.night, Some(Night { asleep_s: Some(25_200), efficiency: Some(88.0), hrv_ms: Some(45.0) }));
    assert_eq!(day.readiness, Some(80.0));
    assert_eq!(day.as_of, "2026-11-20T08:00:00Z".parse().ok());
}

#[test]
fn longer_long_sleep_is_the_night() {
    let shorter = r#""type":"long_sleep","total_sleep_duration":10900,"average_hrv":60"#;
    for order in [[NIGHT, shorter], [shorter, NIGHT]] {
        let day = today(&order);
        assert_eq!(day.slept_s, Some(36_100));
        assert_eq!(day.night.unwrap().hrv_ms, Some(45.0));
    }
}

#[test]
fn rest_and_deleted_periods_do_not_count() {
    let day = today(&[
        NIGHT,
        r#""type":"rest","total_sleep_duration":9000"#,
        r#""type":"deleted","total_sleep_duration":30000"#,
    ]);
    assert_eq!(day.slept_s, Some(25_200));
    assert_eq!(today(&[r#""type":"deleted","total_sleep_duration":30000"#]).night, None);
}

#[rstest]
#[case::a_nap_alone(
    r#""type":"late_nap","total_sleep_duration":2400,"bedtime_start":"2026-11-20T21:00:00-06:00""#,
    None
)]
#[case::an_afternoon_sleep(
    r#""type":"sleep","total_sleep_duration":2400,"bedtime_start":"2026-11-20T14:00:00-06:00""#,
    None
)]
#[case::without_a_beginning(r#""type":"sleep","total_sleep_duration":2400"#, None)]
#[case::a_short_night(
    r#""type":"sleep","total_sleep_duration":9000,"bedtime_start":"2026-11-20T02:10:00-06:00""#,
    Some(9000)
)]
#[case::from_eight_on(
    r#""type":"sleep","total_sleep_duration":9000,"bedtime_start":"2026-11-19T20:00:00+05:30""#,
    Some(9000)
)]
#[case::until_six(r#""type":"sleep","total_sleep_duration":9000,"bedtime_start":"2026-11-20T06:00:00-06:00""#, None)]
#[case::an_unknown_type(
    r#""type":"siesta_2","total_sleep_duration":9000,"bedtime_start":"2026-11-19T22:00:00Z""#,
    Some(9000)
)]
#[case::no_type(
    r#""type":null,"total_sleep_duration":9000,"bedtime_start":"2026-11-19T22:00:00.000-06:00""#,
    Some(9000)
)]
#[case::no_length(r#""type":"long_sleep","total_sleep_duration":null"#, None)]
#[case::negative(r#""type":"long_sleep","total_sleep_duration":-5"#, None)]
#[case::too_long(r#""type":"long_sleep","total_sleep_duration":200000"#, None)]
#[case::as_text(r#""type":"long_sleep","total_sleep_duration":"25200""#, Some(25_200))]
#[case::as_a_fraction(r#""type":"long_sleep","total_sleep_duration":25200.4"#, Some(25_200))]
#[case::a_list(r#""type":"long_sleep","total_sleep_duration":[25200]"#, None)]
#[case::not_a_number(r#""type":"long_sleep","total_sleep_duration":"NaN""#, None)]
fn total_sleep_needs_a_nightly_period(#[case] period: &str, #[case] slept_s: Option<u32>) {
    assert_eq!(today(&[period]).slept_s, slept_s);
}

#[rstest]
#[case("80", Some(80.0))]
#[case("0", Some(0.0))]
#[case("72.5", Some(72.5))]
#[case("\"64\"", Some(64.0))]
#[case("null", None)]
#[case("101", None)]
#[case("-1", None)]
#[case("1e400", None)]
#[case("true", None)]
#[case("\"good\"", None)]
#[case("{}", None)]
fn score_out_of_range_is_unknown(#[case] score: &str, #[case] expected: Option<f64>) {
    let (_folder, path, writer) = oura_cache();
    let document = format!(r#"{{"id":"r","day":"2026-11-20","score":{score}}}"#);
    insert_document(&writer, "readiness_data", "r", "2026-11-20", &document);
    let reading = fetch(&path, TODAY, TODAY).unwrap();
    assert_eq!(reading.days.first().and_then(|day| day.readiness), expected);
}

/// A cache that holds one document of readiness for today, and a good night.
fn with_document(document: &str) -> HealthReading {
    let (_folder, path, writer) = oura_cache();
    insert_document(&writer, "readiness_data", "r", "2026-11-20", document);
    insert_document(&writer, "sleep_data", "s", "2026-11-20", &format!(r#"{{"id":"s","day":"2026-11-20",{NIGHT}}}"#));
    fetch(&path, TODAY, TODAY).unwrap()
}

#[rstest]
#[case::cut(r#"{"id":"r","day":"2026-11"#, "not JSON")]
#[case::empty("", "not JSON")]
#[case::a_list("[1,2]", "not an object")]
#[case::a_number("7", "not an object")]
#[case::null("null", "not an object")]
#[case::no_day(r#"{"score":70}"#, "no day")]
#[case::a_day_that_is_a_number(r#"{"day":20261120,"score":70}"#, "no day")]
#[case::a_day_that_is_none(r#"{"day":"2026-02-30","score":70}"#, "no day")]
fn invalid_document_is_skipped(#[case] document: &str, #[case] note: &str) {
    let reading = with_document(document);
    assert_eq!(reading.days.len(), 1);
    assert_eq!((reading.days[0].readiness, reading.days[0].slept_s), (None, Some(25_200)));
    assert_eq!(reading.notes.len(), 1);
    assert!(reading.notes[0].contains(note), "{:?}", reading.notes);
}

#[test]
fn huge_or_deep_document_is_skipped() {
    let long = format!(r#"{{"day":"2026-11-20","score":70,"x":"{}"}}"#, "x".repeat(10_000_000));
    assert!(with_document(&long).notes[0].contains("over 1 MiB"));
    let deep = format!(r#"{{"day":"2026-11-20","score":{}70{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    assert!(with_document(&deep).notes[0].contains("not JSON"));
}

#[test]
fn blobs_and_numbers_in_text_columns_are_read() {
    let (_folder, path, writer) = oura_cache();
    let document = r#"{"day":"2026-11-20","score":70}"#;
    let sql = "INSERT INTO readiness_data VALUES (?1, '2026-11-20', ?2, ?3, '')";
    writer.execute(sql, ("blob", document.as_bytes(), 17)).unwrap();
    writer.execute(sql, ("bytes", [0xFFu8, 0xFE], vec![1u8])).unwrap();
    writer.execute(sql, ("number", 5, "")).unwrap();
    let reading = fetch(&path, TODAY, TODAY).unwrap();
    assert_eq!(reading.days[0].readiness, Some(70.0));
    assert_eq!(reading.days[0].as_of, None);
    assert_eq!(reading.notes.len(), 2);
}

#[test]
fn only_requested_days_are_read() {
    let (_folder, path, writer) = oura_cache();
    for (day, score) in
        [("2026-11-12", 60), ("2026-11-13", 61), ("2026-11-16", 62), ("2026-11-20", 63), ("2026-11-21", 64)]
    {
        let document = format!(r#"{{"day":"{day}","score":{score}}}"#);
        insert_document(&writer, "readiness_data", day, day, &document);
    }
    let reading = fetch(&path, date(2026, 11, 13), TODAY).unwrap();
    let found: Vec<_> = reading.days.iter().map(|day| (day.date, day.readiness.unwrap())).collect();
    assert_eq!(found, [(date(2026, 11, 13), 61.0), (date(2026, 11, 16), 62.0), (TODAY, 63.0)]);
    assert!(fetch(&path, date(2026, 12, 1), date(2026, 12, 7)).unwrap().days.is_empty(), "days, but not these");
}

#[test]
fn newest_copy_wins_unless_its_score_is_unknown() {
    let (_folder, path, writer) = oura_cache();
    let put = |id: &str, score: &str, at: &str| {
        insert_document_at(
            &writer,
            "readiness_data",
            id,
            "2026-11-20",
            &format!(r#"{{"day":"2026-11-20","score":{score}}}"#),
            at,
        );
    };
    put("new", "71", "2026-11-20T09:00:00Z");
    put("old", "60", "2026-11-20T07:00:00Z");
    put("null", "null", "2026-11-20T10:00:00Z");
    let day = fetch(&path, TODAY, TODAY).unwrap().days.remove(0);
    assert_eq!(day.readiness, Some(71.0));
    assert_eq!(day.as_of, "2026-11-20T10:00:00Z".parse().ok());
}

fn synced_at(prepare: impl Fn(&Connection)) -> Option<Timestamp> {
    let (_folder, path, writer) = oura_cache();
    let document = r#"{"day":"2026-11-20","score":70}"#;
    insert_document_at(&writer, "readiness_data", "a", "2026-11-20", document, "2026-11-20T08:00:00");
    insert_document_at(&writer, "sleep_data", "b", "2026-11-01", "{}", "2026-11-20T03:00:00-06:00");
    prepare(&writer);
    fetch(&path, TODAY, TODAY).unwrap().synced_at
}

#[rstest]
#[case::none("DELETE FROM cache_meta", "2026-11-20T09:00:00Z")]
#[case::no_table("DROP TABLE cache_meta", "2026-11-20T09:00:00Z")]
#[case::garbage("INSERT INTO cache_meta VALUES ('last_sync_time', 'just now', '')", "2026-11-20T09:00:00Z")]
#[case::utc(
    "INSERT INTO cache_meta VALUES ('last_sync_time', '2026-11-20T10:11:12.345678', '')",
    "2026-11-20T10:11:12.345678Z"
)]
#[case::zoned(
    "INSERT INTO cache_meta VALUES ('last_sync_time', '2026-11-20T04:11:12-06:00', '')",
    "2026-11-20T10:11:12Z"
)]
fn synced_at_is_last_sync_or_newest_copy(#[case] sql: &str, #[case] expected: &str) {
    assert_eq!(synced_at(|writer| writer.execute_batch(sql).unwrap()), expected.parse().ok());
}

#[test]
fn empty_cache_is_transient() {
    let (_folder, path, _writer) = oura_cache();
    let error = fetch(&path, TODAY, TODAY).unwrap_err();
    assert_eq!((error.source, error.kind), ("oura_cache", ErrorKind::Transient));
    assert!(error.message.contains("no days in the cache"));
}

#[test]
fn cache_path_is_folder_or_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cache");
    std::fs::write(&file, "").unwrap();
    assert_eq!(resolve_path(Path::new("/set")), PathBuf::from("/set/oura-health.db"));
    assert_eq!(resolve_path(Path::new("/set/my.db")), PathBuf::from("/set/my.db"));
    assert_eq!(resolve_path(&file), file);
}
