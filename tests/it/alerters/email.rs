//! Email against a real server with TLS, STARTTLS and a login, and servers that misbehave.

use std::sync::Arc;
use std::time::Duration;

use operator::alerters::{Alerter, Failure, FailureKind};
use operator::core::alert::Priority;
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::mail::{MailServer, PASSWORD, Reply, ScriptedMailServer, accept_all};
use crate::support::messages::{alerter, any_text, at, item, item_in_state, new_message, update};

const RETRYABLE: FailureKind = FailureKind::Retryable { retry_after: None };

/// `change` overrides keys of the configuration.
fn email(server: &MailServer, change: Value) -> Arc<dyn Alerter> {
    let mut section = server.section();
    section.as_object_mut().unwrap().remove("enabled");
    section.as_object_mut().unwrap().extend(change.as_object().cloned().unwrap_or_default());
    let keys = section.to_string();
    alerter(Channel::Email, keys.trim_start_matches('{').trim_end_matches('}'))
}

fn email_at(server: &ScriptedMailServer) -> Arc<dyn Alerter> {
    let keys = "server: 127.0.0.1, security: none, from: operator@example.org, to: [ada@example.org], user: ada";
    alerter(Channel::Email, &format!("{keys}, password: s3cret-word, port: {}", server.port))
}

fn clean(failure: Failure) -> Failure {
    let all = format!("{failure:?} {failure}");
    for secret in ["s3cret", PASSWORD, "AGFkYQ", "czNjcmV0"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    failure
}

async fn failure_of(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Failure {
    let server = ScriptedMailServer::start(script);
    clean(email_at(&server).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err())
}

async fn sent(message: &Message) -> Value {
    let server = MailServer::start("none");
    email(&server, Value::Null).send(message).await.unwrap();
    server.mail()
}

/// The text without the line endings of mail.
fn lines(text: &Value) -> String {
    text.as_str().unwrap().replace("\r\n", "\n")
}

// === Content ===

#[rstest]
#[case("tls")]
#[case("starttls")]
#[tokio::test]
async fn mail_is_encrypted_with_a_login(#[case] security: &'static str) {
    let server = MailServer::start(security);
    let sent = email(&server, Value::Null)
        .send(&new_message(vec![item("Readiness is low: 48", "Rest today.\nSleep early.")]))
        .await;
    assert_eq!(sent, Ok(Some("<operator.1f2e3d4c-17@example.org>".into())));
    let mail = server.mail();
    assert_eq!((&mail["encrypted"], &mail["login"]), (&json!(true), &json!(true)));
    assert_eq!((&mail["from"], &mail["to"]), (&json!("operator@example.org"), &json!(["ada@example.org"])));
    let headers = &mail["headers"];
    assert_eq!(headers["subject"], "[High] Readiness is low: 48");
    assert_eq!(headers["message-id"], "<operator.1f2e3d4c-17@example.org>");
    assert_eq!(headers["auto-submitted"], "auto-generated");
    assert_eq!(headers["date"], "Fri, 20 Nov 2026 13:06:00 +0000");
    assert_eq!(
        (&headers["from"], &headers["to"]),
        (&json!("Operator <operator@example.org>"), &json!("ada@example.org"))
    );
    assert_eq!(lines(&mail["plain"]), "Readiness is low: 48\n\nRest today.\nSleep early.\n\nOura · 07:05\n");
    assert!(!lines(&mail["html"]).contains("http"), "no remote content");
}

#[tokio::test]
async fn every_recipient_gets_the_mail() {
    let server = MailServer::start("none");
    let to = json!({"to": ["ada@example.org", "Bob <bob@example.org>"]});
    email(&server, to).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap();
    assert_eq!(server.mail()["to"], json!(["ada@example.org", "bob@example.org"]));
}

#[rstest]
#[case(MessageKind::New, Priority::Critical, "[Critical] Low")]
#[case(MessageKind::New, Priority::Low, "[Low] Low")]
#[case(MessageKind::Test, Priority::High, "Low")]
#[tokio::test]
async fn subject_names_the_priority(#[case] kind: MessageKind, #[case] priority: Priority, #[case] subject: &str) {
    let mail = sent(&Message { kind, priority, ..new_message(vec![item("Low", "Rest.")]) }).await;
    assert_eq!(mail["headers"]["subject"], subject);
}

#[tokio::test]
async fn digest_lists_alerts_and_counts_the_rest() {
    let mail =
        sent(&Message { omitted: 9_950, ..new_message(vec![item("Low", "Rest & go."), item("Late", "Call.")]) }).await;
    assert_eq!(mail["headers"]["subject"], "[High] 9952 alerts");
    let expected =
        "9952 alerts\n\nHigh – Low\nRest & go.\n\nHigh – Late\nCall.\n\n… and 9950 more: operator alerts\n\n07:06\n";
    assert_eq!(lines(&mail["plain"]), expected);
    let html = lines(&mail["html"]);
    assert!(html.contains("High – Low") && html.contains("Rest &amp; go.") && html.contains("9950 more"), "{html}");
}

// === Updates ===

#[rstest]
#[case(AlertState::Resolved, "Resolved: Low")]
#[case(AlertState::Acknowledged, "Acknowledged: Low")]
#[case(AlertState::Snoozed { until: at("10:30") }, "Snoozed until 10:30: Low")]
#[tokio::test]
async fn update_replies_to_the_first_mail(#[case] state: AlertState, #[case] subject: &str) {
    let server = MailServer::start("none");
    let email = email(&server, Value::Null);
    let first = email.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    assert_eq!(server.mail()["headers"]["message-id"], first.as_str());
    let change = Message { id: "1f2e3d4c-18".into(), ..update(vec![item_in_state("Low", state)], &first) };
    assert_eq!(email.send(&change).await, Ok(Some(first.clone())), "the next update replies to it too");
    let headers = server.mail()["headers"].take();
    assert_eq!((&headers["in-reply-to"], &headers["references"]), (&json!(first), &json!(first)));
    assert_eq!(headers["message-id"], "<operator.1f2e3d4c-18@example.org>");
    assert_eq!(headers["subject"], subject);
}

#[tokio::test]
async fn retry_has_the_same_message_id() {
    let server = MailServer::start("none");
    let email = email(&server, Value::Null);
    for _ in 0..2 {
        email.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap();
    }
    assert_eq!(server.mail()["headers"]["message-id"], server.mail()["headers"]["message-id"]);
}

// === Foreign text ===

#[rstest]
#[case::tags("<b>Fake</b> <a href='x'>y</a> </p> <!-- ")]
#[case::entities("AT&T &amp; &lt;b&gt; &#60; & &")]
#[case::quotes(r#""double" 'single' `back` \ % {} =?utf-8?q?x?="#)]
#[case::lines("one\ntwo\n\n\nthree")]
#[case::dots("one\n.\n..\n.two\nQUIT")]
#[case::headers("x\nBcc: eve@example.org\n\nFrom here")]
#[case::emoji("👩‍👩‍👧‍👦 🏳️‍🌈 é")]
#[case::right_to_left("שלום \u{202e}gnihton\u{202c} مرحبا")]
#[tokio::test]
async fn text_is_shown_unchanged(#[case] text: &str) {
    let mail = sent(&new_message(vec![item(text, text)])).await;
    let text = text.trim();
    let title = text.replace('\n', " ");
    assert_eq!(lines(&mail["plain"]), format!("{title}\n\n{text}\n\nOura · 07:05\n"));
    let subject = mail["headers"]["subject"].as_str().unwrap().replace('\u{200b}', "");
    assert_eq!(subject, format!("[High] {title}"));
    assert_eq!(mail["to"], json!(["ada@example.org"]));
    let html = lines(&mail["html"]);
    let shown = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    assert!(shown.contains(&format!("pre-wrap\">{text}</p>")), "{html}");
    assert_eq!(html.matches('<').count(), message_tags(), "no markup from the text: {html}");
}

/// The number of tags in a mail with one alert.
fn message_tags() -> usize {
    "<!DOCTYPE><html><body><h3></h3><p></p><p><small></small></p></body></html>".matches('<').count()
}

#[tokio::test]
async fn control_characters_become_spaces() {
    let mail = sent(&new_message(vec![item("a\u{7}b\nc", "a\0b\u{1b}[31m\r\nc\u{85}d")])).await;
    assert_eq!(lines(&mail["plain"]), "a b c\n\na b [31m\nc d\n\nOura · 07:05\n");
}

#[tokio::test]
async fn ten_thousand_characters_are_sent() {
    let text = "word & 😀 ".repeat(1_111) + "end";
    let mail = sent(&new_message(vec![item("Low", &text)])).await;
    assert_eq!(lines(&mail["plain"]), format!("Low\n\n{text}\n\nOura · 07:05\n"));
}

#[test]
fn any_text_is_accepted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = MailServer::start("none");
    let email = email(&server, Value::Null);
    let config = ProptestConfig { cases: 32, fork: false, timeout: 0, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let alert = (any_text(), any_text(), any_text());
    let result = runner.run(&(prop::collection::vec(alert, 1..4), any::<bool>()), |(alerts, is_update)| {
        let items = alerts.into_iter().map(|(title, message, source)| {
            // The fake server rejects this word as spam.
            MessageItem { source: Some(source), ..item(&title.replace("spam", ""), &message) }
        });
        let kind = if is_update { MessageKind::Update } else { MessageKind::New };
        let sent = runtime.block_on(email.send(&Message { kind, ..new_message(items.collect()) }));
        prop_assert!(sent.is_ok(), "{:?}", sent);
        prop_assert_eq!(&server.mail()["headers"]["auto-submitted"], "auto-generated");
        Ok(())
    });
    result.unwrap();
}

// === Responses ===

#[tokio::test]
async fn greylisting_is_retryable() {
    let server = MailServer::start("starttls");
    let email = email(&server, json!({"to": ["grey@example.org"]}));
    let failure = clean(email.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == RETRYABLE && failure.message.contains("451 4.7.1 Greylisted, come again"), "{failure}");
    assert!(email.send(&new_message(vec![item("Low", "Rest.")])).await.is_ok());
}

#[rstest]
#[case::recipient(json!({"to": ["nobody@example.org"]}), "Low", "550 5.1.1 No such user here", "check alerters.email.to")]
#[case::text(json!({}), "spam", "554 5.7.1 This looks like spam", "see the server's reply")]
#[case::password(json!({"password": "s3cret-wrong"}), "Low", "535", "check alerters.email.user and password")]
#[case::no_login(json!({"user": null, "password": null}), "Low", "530", "set alerters.email.user and password")]
#[case::from(json!({"from": "operator"}), "Low", "'operator' is not a mail address", "correct alerters.email.from")]
#[tokio::test]
async fn permanent_failure_has_a_hint(
    #[case] change: Value,
    #[case] title: &str,
    #[case] text: &str,
    #[case] advice: &str,
) {
    let server = MailServer::start("starttls");
    let failure = clean(email(&server, change).send(&new_message(vec![item(title, "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
    assert!(failure.message.contains(text), "{failure}");
    assert!(server.is_empty());
}

#[rstest]
#[case::tls("tls")]
#[case::starttls("starttls")]
#[tokio::test]
async fn untrusted_server_gets_no_password(#[case] security: &'static str) {
    let server = MailServer::start(security);
    for change in [json!({"ca_file": null}), json!({"server": "127.0.0.1"})] {
        let failure = clean(email(&server, change).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
        assert!(failure.kind == RETRYABLE && failure.hint.contains("check alerters.email.server"), "{failure}");
        assert!(failure.message.contains("certificate"), "{failure}");
    }
    assert!(server.is_empty());
}

#[tokio::test]
async fn missing_starttls_sends_no_credentials() {
    let server = ScriptedMailServer::start(accept_all);
    let keys = "server: 127.0.0.1, security: starttls, from: o@example.org, to: [a@example.org], user: ada";
    let email = alerter(Channel::Email, &format!("{keys}, password: s3cret, port: {}", server.port));
    let failure = clean(email.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.message.contains("does not offer STARTTLS"), "{failure}");
    assert!(
        server.received().iter().all(|line| line.is_empty() || line.starts_with("EHLO")),
        "{:?}",
        server.received()
    );
}

fn at_line(begin: &'static str, reply: fn() -> Reply) -> impl Fn(&str) -> Reply {
    move |line: &str| {
        let is_it = if begin.is_empty() { line.is_empty() } else { line.starts_with(begin) };
        if is_it { reply() } else { accept_all(line) }
    }
}

#[rstest]
#[case::full("MAIL", || Reply::say("452 4.3.1 Insufficient storage"), RETRYABLE)]
#[case::closing("", || Reply::say("421 4.3.2 Shutting down"), RETRYABLE)]
#[case::busy_login("AUTH", || Reply::say("454 4.7.0 Temporary failure"), RETRYABLE)]
#[case::later_after_the_text(".", || Reply::say("451 4.3.0 Try again"), RETRYABLE)]
#[case::gone_before("RCPT", || Reply::Close, RETRYABLE)]
#[case::gone_after(".", || Reply::Close, FailureKind::Unconfirmed)]
#[case::garbage_before("MAIL", || Reply::say("hello"), RETRYABLE)]
#[case::garbage_after(".", || Reply::say("<html>"), FailureKind::Unconfirmed)]
#[case::endless_before("", || Reply::Say("220-x\r\n".repeat(1_500_000)), RETRYABLE)]
#[case::one_long_line(".", || Reply::Say("250 ".to_owned() + &"x".repeat(10_000_000) + "\r\n"), FailureKind::Unconfirmed)]
#[case::no_text("MAIL", || Reply::Say("\u{0}\u{1}\r\n".into()), RETRYABLE)]
#[tokio::test]
async fn transient_failure_is_retryable(
    #[case] begin: &'static str,
    #[case] reply: fn() -> Reply,
    #[case] kind: FailureKind,
) {
    let failure = failure_of(at_line(begin, reply)).await;
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.message.contains("127.0.0.1:") && failure.message.len() < 400, "{failure}");
}

#[rstest]
#[case::no_mail_here("", || Reply::say("554 5.7.0 No mail from here"), "check alerters.email.server and port")]
#[case::not_from_you("MAIL", || Reply::say("553 5.7.1 Not your address"), "check alerters.email.from")]
#[case::no_login("EHLO", || Reply::say("250 localhost"), "check alerters.email.user")]
#[tokio::test]
async fn refusal_has_a_hint(#[case] begin: &'static str, #[case] reply: fn() -> Reply, #[case] advice: &str) {
    let failure = failure_of(at_line(begin, reply)).await;
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
}

#[rstest]
#[case::hangs(|| Reply::Hang)]
#[case::closes(|| Reply::Close)]
#[tokio::test]
async fn failing_quit_is_ignored(#[case] reply: fn() -> Reply) {
    let server = ScriptedMailServer::start(at_line("QUIT", reply));
    assert!(email_at(&server).send(&new_message(vec![item("Low", "Rest.")])).await.is_ok());
}

#[tokio::test]
async fn echoed_password_is_redacted() {
    for step in ["AUTH", "MAIL", "RCPT"] {
        let failure = failure_of(move |line| match line.starts_with(step) {
            true => Reply::say(&format!("550 what do you mean by {line} s3cret-word")),
            false => accept_all(line),
        });
        assert_eq!(failure.await.kind, FailureKind::Permanent);
    }
}

#[rstest]
#[case::before("MAIL", RETRYABLE)]
#[case::after(".", FailureKind::Unconfirmed)]
#[tokio::test]
async fn request_times_out(#[case] begin: &'static str, #[case] kind: FailureKind) {
    let server = ScriptedMailServer::start(at_line(begin, || Reply::Hang));
    let hanging = email_at(&server);
    let sending = tokio::spawn(async move { hanging.send(&new_message(vec![item("Low", "Rest.")])).await });
    while !server.received().iter().any(|line| line.starts_with(begin)) {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(40)).await;
    let failure = clean(sending.await.unwrap().unwrap_err());
    assert!(failure.kind == kind && failure.message.contains("no answer within 40 s"), "{failure}");
}

#[tokio::test]
async fn refused_connection_is_retryable() {
    let keys = |server: &str| format!("server: {server}, port: 1, from: o@example.org, to: [a@example.org]");
    let message = new_message(vec![item("Low", "Rest.")]);
    let refused = clean(alerter(Channel::Email, &keys("localhost")).send(&message).await.unwrap_err());
    assert!(refused.kind == RETRYABLE && refused.message.contains("refused"), "{refused}");
    let unknown = clean(alerter(Channel::Email, &keys("no.such.host.invalid")).send(&message).await.unwrap_err());
    assert!([RETRYABLE, FailureKind::Offline].contains(&unknown.kind), "{unknown}");
}

// === Secret files and probe ===

#[tokio::test]
async fn password_file_is_read_at_every_use() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MailServer::start("starttls"));
    let file = folder.path().join("password");
    let email = email(&server, json!({"password": null, "password_file": file}));
    std::fs::write(&file, "s3cret-old\n").unwrap();
    let old = email.config_hash();
    assert_eq!(
        clean(email.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err()).kind,
        FailureKind::Permanent
    );
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    assert!(email.send(&new_message(vec![item("Low", "Rest.")])).await.is_ok());
    assert_ne!(email.config_hash(), old, "a new password changes the hash");
}

#[tokio::test]
async fn probe_logs_in_and_sends_nothing() {
    let server = MailServer::start("starttls");
    let probe = email(&server, Value::Null).probe().await;
    assert_eq!(probe, Ok(format!("localhost:{} accepts mail and knows ada@example.org", server.port)));
    let failure = clean(email(&server, json!({"password": "s3cret-wrong"})).probe().await.unwrap_err());
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(server.is_empty());
}
