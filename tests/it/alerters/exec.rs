//! The exec channel: the payload that the program reads, and the meaning of its exit code.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use operator::alerters::{Alerter, Failure, FailureKind};
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, MessageKind};
use rstest::rstest;
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::support::messages::{alerter, item, item_in_state, new_message, update};
use crate::support::scripts::{script, sh};

const RETRYABLE: FailureKind = FailureKind::Retryable { retry_after: None };

fn exec(path: &Path) -> Arc<dyn Alerter> {
    alerter(Channel::Exec, &format!("command: ['{}', 'an argument'], timeout_seconds: 1", path.display()))
}

async fn sent_to(body: &str) -> Result<Option<String>, Failure> {
    let folder = tempdir().unwrap();
    exec(&sh(folder.path(), "tell", body)).send(&new_message(vec![item("Readiness is low: 48", "Rest.")])).await
}

/// A program that keeps what it reads.
fn keeper() -> (TempDir, Arc<dyn Alerter>) {
    let folder = tempdir().unwrap();
    let place = folder.path().display();
    let alerter =
        exec(&sh(folder.path(), "tell", &format!("cat >{place}/read; printf '%s' \"$*\" >{place}/arguments")));
    (folder, alerter)
}

fn read(folder: &TempDir) -> Value {
    serde_json::from_slice(&fs::read(folder.path().join("read")).unwrap()).unwrap()
}

#[tokio::test]
async fn program_reads_the_webhook_payload() {
    let (folder, alerter) = keeper();
    let id = alerter.send(&new_message(vec![item("Readiness is low: 48", "Rest today.")])).await.unwrap();
    assert_eq!(id.as_deref(), Some("1f2e3d4c-17"), "updates refer to it");
    let expected = json!({
        "id": "1f2e3d4c-17", "kind": "new", "at": "2026-11-20T07:06:00-06:00", "priority": "high",
        "title": "Readiness is low: 48", "text": "Rest today.",
        "alerts": [{
            "key": "health:readiness_low", "priority": "high", "state": "open", "snoozed_until": null,
            "title": "Readiness is low: 48", "message": "Rest today.", "source": "Oura",
            "at": "2026-11-20T07:05:00-06:00",
        }],
        "omitted": 0, "replaces": null,
    });
    assert_eq!(read(&folder), expected);
    assert_eq!(fs::read_to_string(folder.path().join("arguments")).unwrap(), "an argument");
}

#[tokio::test]
async fn update_names_the_replaced_message() {
    let (folder, alerter) = keeper();
    alerter.send(&update(vec![item_in_state("Low", AlertState::Resolved)], "1f2e3d4c-3")).await.unwrap();
    let read = read(&folder);
    assert_eq!((&read["kind"], &read["replaces"]), (&json!("update"), &json!("1f2e3d4c-3")));
    assert_eq!(read["alerts"][0]["state"], "resolved");
    assert_eq!(serde_json::to_value(MessageKind::Update).unwrap(), read["kind"]);
}

#[rstest]
#[case::later("echo 'no network' >&2; exit 75", RETRYABLE, "the program ended with code 75: no network")]
#[case::a_script_that_broke("echo 'no route' >&2; exit 1", RETRYABLE, "the program ended with code 1: no route")]
#[case::without_a_word("echo ignored; exit 2", RETRYABLE, "the program ended with code 2")]
#[case::the_code_of_another("exit 255", RETRYABLE, "the program ended with code 255")]
#[case::refused(
    "echo 'who are you?' >&2; exit 77",
    FailureKind::Permanent,
    "the program ended with code 77: who are you?"
)]
#[case::refused_without_a_word("echo ignored; exit 64", FailureKind::Permanent, "the program ended with code 64")]
#[case::no_command("exit 127", FailureKind::Permanent, "the program ended with code 127")]
#[case::crashed("kill -SEGV $$", FailureKind::Unconfirmed, "the program was ended by signal 11")]
#[case::hangs("exec sleep 600", FailureKind::Unconfirmed, "the program did not end within 1 s")]
#[tokio::test]
async fn exit_code_decides_the_outcome(#[case] body: &str, #[case] kind: FailureKind, #[case] what: &str) {
    let failure = sent_to(body).await.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (kind, what));
    assert_eq!(failure.hint.is_empty(), kind != FailureKind::Permanent, "{failure:?}");
}

#[tokio::test]
async fn plugin_may_ignore_stdin_and_print() {
    assert!(sent_to("exit 0").await.is_ok());
    assert!(sent_to("exec <&-; head -c 10000000 /dev/zero; head -c 10000000 /dev/zero >&2").await.is_ok());
}

#[tokio::test]
async fn missing_program_is_retried() {
    let folder = tempdir().unwrap();
    let absent = exec(&folder.path().join("absent"));
    let plain = folder.path().join("plain");
    fs::write(&plain, "#!/bin/sh\n").unwrap();
    for (alerter, what) in [(absent, "there is no "), (exec(&plain), "is not executable")] {
        let failure = alerter.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::NoTransport);
        assert!(failure.message.contains(what) && !failure.hint.is_empty(), "{failure:?}");
    }
    assert_eq!(exec(&folder.path().join("absent")).probe().await.unwrap_err().kind, FailureKind::NoTransport);
}

#[tokio::test]
async fn probe_runs_nothing() {
    let folder = tempdir().unwrap();
    let path = sh(folder.path(), "tell", &format!("touch {}/was-run", folder.path().display()));
    let found = exec(&path).probe().await.unwrap();
    assert_eq!(found, format!("{} exists; it was not run", path.display()));
    assert!(!folder.path().join("was-run").exists());
}

#[test]
fn changed_command_changes_the_config_hash() {
    let folder = tempdir().unwrap();
    let path = sh(folder.path(), "tell", "exit 1");
    let before = exec(&path).config_hash();
    assert_eq!(exec(&path).config_hash(), before);
    let other = alerter(Channel::Exec, &format!("command: ['{}', other]", path.display()));
    assert_ne!(other.config_hash(), before);
    script(folder.path(), "tell", "#!/bin/sh\n# fixed\nexit 0\n");
    assert_ne!(exec(&path).config_hash(), before, "a changed script may accept a refused message");
    assert!(exec(&path).is_local());
}
