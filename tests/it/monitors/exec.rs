//! Programs that watch something: what they may say, and what is made of it.

use std::path::Path;
use std::time::Duration;

use jiff::ZonedDateTime;
use operator::core::alert::{Alert, Monitor, Priority};
use operator::monitors::MonitorOutcome;
use operator::monitors::exec::{ExecPlugin, MAX_OUTPUT_BYTES, evaluate};
use operator::sources::ErrorKind;
use operator::sys::process::Program;
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::support::scripts::{script, sh};

fn now() -> ZonedDateTime {
    "2026-11-20T09:05:00[America/Chicago]".parse().unwrap()
}

fn disk(command: Vec<String>, timeout: Duration) -> ExecPlugin {
    ExecPlugin {
        name: "disk".parse().unwrap(),
        program: Program { max_output_bytes: MAX_OUTPUT_BYTES, ..Program::new(command, timeout) },
        warning: Priority::Medium,
        critical: Priority::High,
    }
}

async fn found_by(exec: ExecPlugin) -> MonitorOutcome {
    evaluate(&exec, &exec.run(&now()).await, &now())
}

async fn found_in(path: &Path) -> MonitorOutcome {
    found_by(disk(vec![path.display().to_string()], Duration::from_secs(30))).await
}

/// What is found when a script of the shell says this.
async fn found(body: &str) -> MonitorOutcome {
    let folder = tempdir().unwrap();
    found_in(&sh(folder.path(), "watch", body)).await
}

/// The same of a program that prints this text and ends well.
async fn printed(text: &str) -> MonitorOutcome {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("text"), text).unwrap();
    found_in(&sh(folder.path(), "watch", &format!("cat {}/text", folder.path().display()))).await
}

fn alerts(finding: MonitorOutcome) -> Vec<Alert> {
    match finding {
        MonitorOutcome::Evaluated { evaluation, .. } => {
            assert!(evaluation.evaluated.contains("exec:disk"), "what is not found is over");
            evaluation.alerts
        }
        other => panic!("nothing was evaluated: {other:?}"),
    }
}

fn failure(finding: MonitorOutcome) -> String {
    match finding {
        MonitorOutcome::Failed { reason } => reason,
        other => panic!("it did not fail: {other:?}"),
    }
}

// === Check plugins ===

#[rstest]
#[case("echo 'DISK OK - free space: / 5 GB | /=5GB'", None)]
#[case("echo 'DISK WARNING - free space: / 5 GB (8%);| /=5GB;10'; exit 1", Some((Priority::Medium, "Disk: warning")))]
#[case("echo 'DISK CRITICAL - free space: / 1 GB'; echo long output; exit 2", Some((Priority::High, "Disk: critical")))]
#[case("exit 0", None)]
#[case("echo; echo '[OK] all is well'", None)]
#[case("echo '[WARNING] not so well'; exit 1", Some((Priority::Medium, "Disk: warning")))]
#[tokio::test]
async fn check_plugin_reports_by_exit_code(#[case] body: &str, #[case] expected: Option<(Priority, &str)>) {
    let alerts = alerts(found(body).await);
    assert_eq!(alerts.first().map(|alert| (alert.priority, alert.title.as_str())), expected);
    for alert in &alerts {
        assert_eq!((alert.key.as_str(), alert.monitor.to_string()), ("exec:disk", "exec:disk".into()));
        assert!(!alert.message.contains(['|', ';']) && !alert.message.contains("long output"), "{}", alert.message);
        assert_eq!(alert.at, now().timestamp());
    }
}

#[tokio::test]
async fn message_omits_performance_data() {
    let alerts = alerts(found(r"printf '  \n\tDISK WARNING\a - caf\303\251 \377 5%%| /=5GB|x\n'; exit 1").await);
    assert_eq!(alerts[0].message, "DISK WARNING - café \u{fffd} 5%");
    assert_eq!(alerts[0].facts["source"], "disk");
    assert_eq!(alerts[0].facts["as_of"], now().timestamp().to_string());
}

#[tokio::test]
async fn warning_priority_is_configurable() {
    let folder = tempdir().unwrap();
    let path = sh(folder.path(), "watch", "echo X; exit $1");
    for (code, priority) in [("1", Priority::Low), ("2", Priority::Critical)] {
        let command = vec![path.display().to_string(), code.into()];
        let exec = disk(command, Duration::from_secs(30));
        let exec = ExecPlugin { warning: Priority::Low, critical: Priority::Critical, ..exec };
        assert_eq!(alerts(found_by(exec).await)[0].priority, priority);
    }
}

/// The real ones, as the distribution has them.
#[rstest]
#[case(&["check_dummy", "0", "fine"], None)]
#[case(&["check_dummy", "1", "so so"], Some((Priority::Medium, "WARNING: so so")))]
#[case(&["check_dummy", "2", "bad"], Some((Priority::High, "CRITICAL: bad")))]
#[case(&["check_disk", "-w", "0%", "-c", "0%", "-p", "/"], None)]
#[case(&["check_disk", "-w", "100%", "-c", "100%", "-p", "/"], Some((Priority::High, "DISK CRITICAL")))]
#[case(&["check_procs", "-w", "1:", "-c", "1:"], None)]
#[case(&["check_procs", "-w", "0:0"], Some((Priority::Medium, "PROCS WARNING")))]
#[tokio::test]
async fn real_plugins_are_understood(#[case] command: &[&str], #[case] expected: Option<(Priority, &str)>) {
    let command = command.iter().map(|word| (*word).to_owned()).collect();
    let alerts = alerts(found_by(disk(command, Duration::from_secs(30))).await);
    assert_eq!(alerts.len(), usize::from(expected.is_some()), "{alerts:?}");
    if let (Some(alert), Some((priority, words))) = (alerts.first(), expected) {
        assert_eq!(alert.priority, priority);
        assert!(alert.message.contains(words) && !alert.message.contains('|'), "{}", alert.message);
    }
}

#[tokio::test]
async fn unknown_plugin_status_is_a_failure() {
    let command = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let unknown = disk(command(&["check_dummy", "3", "no idea"]), Duration::from_secs(30));
    assert_eq!(failure(found_by(unknown).await), "reported UNKNOWN: UNKNOWN: no idea");
    let wrong = disk(command(&["check_load", "-w", "5"]), Duration::from_secs(30));
    assert!(failure(found_by(wrong).await).starts_with("reported UNKNOWN: Parameter inconsistency"));
}

// === JSON ===

#[tokio::test]
async fn single_object_is_one_alert() {
    let [alert] = &alerts(printed(r#"{"title": "Backup is old"}"#).await)[..] else { panic!("one alert") };
    assert_eq!((alert.key.as_str(), alert.priority), ("exec:disk", Priority::Medium));
    assert_eq!((alert.title.as_str(), alert.message.as_str(), &alert.occasion), ("Backup is old", "", &None));
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let one = json!({
        "key": "backup:laptop", "priority": "critical", "title": "Backup\nis old", "message": "Last one 9 days ago.",
        "occasion": "2026-11-20T09", "icon": {"of": ["somebody", "else"]}, "facts": 1,
    });
    let [alert] = &alerts(printed(&one.to_string()).await)[..] else { panic!("one alert") };
    assert_eq!((alert.key.as_str(), alert.key.entity()), ("exec:disk:backup:laptop", Some("backup:laptop")));
    assert_eq!((alert.priority, alert.title.as_str()), (Priority::Critical, "Backup is old"));
    assert_eq!((alert.message.as_str(), alert.occasion.as_deref()), ("Last one 9 days ago.", Some("2026-11-20T09")));
}

#[rstest]
#[case::nothing("", &[])]
#[case::white_space(" \n\n", &[])]
#[case::an_empty_list("[]\n", &[])]
#[case::an_empty_list_with_space(" [ ]", &[])]
#[case::a_list(r#"[{"key": "a", "title": "A"}, {"key": "b", "title": "B"}]"#, &["exec:disk:a", "exec:disk:b"])]
#[case::a_line_each("{\"key\": \"a\", \"title\": \"A\"}\n{\"key\": \"b\", \"title\": \"B\"}\n", &["exec:disk:a", "exec:disk:b"])]
#[case::a_mark_before_it("\u{feff}{\"key\": \"a\", \"title\": \"A\"}", &["exec:disk:a"])]
#[case::without_a_key(r#"{"key": null, "title": "A"}"#, &["exec:disk"])]
#[case::an_empty_key(r#"{"key": "", "title": "A"}"#, &["exec:disk"])]
#[case::a_strange_key("{\"key\": \"a\\nb\\u0000\", \"title\": \"A\"}", &["exec:disk:a_b_"])]
#[tokio::test]
async fn printed_alerts_are_reported(#[case] text: &str, #[case] keys: &[&str]) {
    let alerts = alerts(printed(text).await);
    assert_eq!(alerts.iter().map(|alert| alert.key.as_str()).collect::<Vec<_>>(), keys);
}

#[tokio::test]
async fn long_texts_are_cut() {
    let text = json!({"title": "word ".repeat(100), "message": "word ".repeat(10_000)}).to_string();
    let alert = &alerts(printed(&text).await)[0];
    assert!(alert.title.chars().count() <= 60 && alert.message.chars().count() <= 1_000, "{alert:?}");
}

#[rstest]
#[case(r#"{"title": "A""#, "printed invalid JSON: EOF while parsing")]
#[case("{}", "alert 1: missing field `title`")]
#[case(r#"[{"title": "A"}, {"title": "B", "priority": "urgent"}]"#, "alert 2: unknown variant `urgent`")]
#[case(r#"[{"title": "A"}, 5]"#, "alert 2: invalid type")]
#[case(r#"{"title": " \n"}"#, "alert 1: its title is empty")]
#[case(r#"{"title": 5}"#, "alert 1: invalid type: integer `5`")]
#[case(r#"{"title": "A", "key": 5}"#, "alert 1: invalid type: integer `5`")]
#[case("{\"title\": \"A\"} and more", "printed invalid JSON")]
#[case(r#"[{"title": "A", "key": "x"}, {"title": "B"}, {"title": "C", "key": "x"}]"#, "alert 3 has the key of alert 1")]
#[case(r#"[{"title": "A"}, {"title": "B", "key": ""}]"#, "alert 2 has no key, and neither has alert 1")]
#[case("Looking…\n{\"title\": \"A\"}", "printed text before its JSON")]
#[case("Looking…\n [ {\"title\": \"A\"}]\n", "printed text before its JSON")]
#[tokio::test]
async fn unparseable_output_is_a_failure(#[case] text: &str, #[case] why: &str) {
    let said = failure(printed(text).await);
    assert!(said.starts_with(why), "{said}");
}

#[tokio::test]
async fn oversized_or_binary_output_is_refused() {
    let said = failure(found(r#"printf '{"title": "\377"}'"#).await);
    assert!(said.starts_with("printed invalid JSON"), "{said}");
    let long = json!([{"title": "A", "key": "x".repeat(201)}]);
    assert_eq!(failure(printed(&long.to_string()).await), "alert 1: its key has more than 200 characters");
    let ten_megabytes = json!({"title": "A", "message": "x".repeat(10_000_000)});
    assert_eq!(failure(printed(&ten_megabytes.to_string()).await), "printed more than 1024 KiB");
    let many =
        |count: usize| Value::from_iter((0..count).map(|n| json!({"key": n.to_string(), "title": "A"}))).to_string();
    assert_eq!(alerts(printed(&many(1_000)).await).len(), 1_000);
    assert_eq!(failure(printed(&many(1_001)).await), "printed 1001 alerts: the limit is 1000");
}

#[tokio::test]
async fn deep_nesting_is_refused_and_harms_nobody() {
    let deep = format!(r#"{{"title": "A", "x": {}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(failure(printed(&deep).await).starts_with("printed invalid JSON: recursion limit"));
}

// === Failures ===

#[rstest]
#[case::json_and_a_failure(r#"echo '{"title": "A"}'; echo no more >&2; exit 1"#, "ended with code 1: no more")]
#[case::a_crash("echo 'Traceback: oh no' >&2; exit 1", "ended with code 1: Traceback: oh no")]
#[case::critical_without_a_word("exit 2", "ended with code 2")]
#[case::no_such_command("no-such-command", "ended with code 127")]
#[case::another_code("echo words; exit 42", "ended with code 42")]
#[case::a_signal("echo words; kill -9 $$", "was ended by signal 9")]
#[case::unknown("echo 'UNKNOWN - cannot say |x'; exit 3", "reported UNKNOWN: UNKNOWN - cannot say")]
#[tokio::test]
async fn failed_run_is_a_failure(#[case] body: &str, #[case] why: &str) {
    let said = failure(found(body).await);
    assert!(said.starts_with(why), "{said}");
}

#[tokio::test]
async fn timeout_is_a_failure() {
    let folder = tempdir().unwrap();
    let path = sh(folder.path(), "watch", "echo 'DISK OK'; exec sleep 600");
    let exec = disk(vec![path.display().to_string()], Duration::from_millis(300));
    assert_eq!(failure(found_by(exec).await), "did not end within 0.3 s");
}

#[tokio::test]
async fn whether_waiting_helps_is_known() {
    let folder = tempdir().unwrap();
    let fault = async |text: &str, name: &str| {
        let path = script(folder.path(), name, text);
        let exec = disk(vec![path.display().to_string()], Duration::from_secs(30));
        exec.run(&now()).await.unwrap_err()
    };
    assert_eq!(fault("#!/bin/sh\nexit 9\n", "fails").await.kind, ErrorKind::Transient);
    let unclear = fault("#!/bin/sh\necho '{'\n", "unclear").await;
    assert!(
        unclear.kind == ErrorKind::ActionRequired && unclear.advice.contains("docs/exec-plugins.md"),
        "{unclear:?}"
    );
    let orphan = fault("#!/no/such\n", "orphan").await;
    assert!(orphan.kind == ErrorKind::ActionRequired && orphan.advice.contains("first line"), "{orphan:?}");
}

#[tokio::test]
async fn plugin_gets_name_and_time() {
    let alert = &alerts(found(r#"echo "$OPERATOR_MONITOR at $OPERATOR_AT"; exit 1"#).await)[0];
    assert_eq!(alert.message, "disk at 2026-11-20T09:05:00-06:00");
}

#[test]
fn monitor_name_is_the_same_everywhere() {
    let exec = Monitor::Exec("disk".parse().unwrap());
    assert_eq!(serde_json::to_value(exec).unwrap(), "exec:disk");
    assert_eq!(serde_json::from_value::<Monitor>(json!("exec:disk")).unwrap(), exec);
    assert_eq!("health".parse(), Ok(Monitor::Health));
    for strange in ["exec:", "exec:Disk", "disk", "Exec:disk", ""] {
        assert!(strange.parse::<Monitor>().is_err(), "{strange}");
    }
}

// === The examples in the docs ===

/// The blocks of this language in `docs/exec-plugins.md`.
fn examples(language: &str) -> Vec<String> {
    let docs = include_str!("../../../docs/exec-plugins.md");
    let begin = format!("```{language}\n");
    let blocks = docs.split(&begin).skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn documented_script_works() {
    let [text] = &examples("sh")[..] else { panic!("one script") };
    let folder = tempdir().unwrap();
    let path = script(folder.path(), "backup-age", text).display().to_string();
    let backups = folder.path().join("backups");
    let of = |place: &Path| disk(vec![path.clone(), place.display().to_string()], Duration::from_secs(30));
    assert_eq!(
        failure(found_by(of(&backups)).await),
        format!("ended with code 1: there is no folder {}", backups.display())
    );
    std::fs::create_dir(&backups).unwrap();
    let [alert] = &alerts(found_by(of(&backups)).await)[..] else { panic!("one alert") };
    assert_eq!((alert.key.as_str(), alert.priority), ("exec:disk:backup", Priority::High));
    std::fs::write(backups.join("today"), "").unwrap();
    assert_eq!(alerts(found_by(of(&backups)).await), []);
}

#[tokio::test]
async fn documented_json_is_an_alert() {
    let [text] = &examples("json")[..] else { panic!("one object") };
    let [alert] = &alerts(printed(text).await)[..] else { panic!("one alert") };
    assert_eq!((alert.key.as_str(), alert.occasion.as_deref()), ("exec:disk:laptop", Some("2026-11-20")));
}

#[test]
fn documented_config_is_valid() {
    let blocks = examples("yaml");
    assert_eq!(blocks.len(), 2);
    let env = |name: &str| (name == "HOME").then(|| "/home/ada".to_owned());
    for block in blocks {
        operator::config::parse(&block, "c.yaml", &env).unwrap();
    }
}
