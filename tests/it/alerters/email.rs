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

use crate::support::mail::{MailServer, PASSWORD, Reply, Scripted, agreeable};
use crate::support::messages::{alerter, any_text, at, item, news, standing, update};

const LATER: FailureKind = FailureKind::Retryable { retry_after: None };

/// With these keys changed.
fn email(server: &MailServer, change: Value) -> Arc<dyn Alerter> {
    let mut section = server.section();
    section.as_object_mut().unwrap().remove("enabled");
    section.as_object_mut().unwrap().extend(change.as_object().cloned().unwrap_or_default());
    let keys = section.to_string();
    alerter(Channel::Email, keys.trim_start_matches('{').trim_end_matches('}'))
}

fn email_at(server: &Scripted) -> Arc<dyn Alerter> {
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

async fn refused_by(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Failure {
    let server = Scripted::start(script);
    clean(email_at(&server).send(&news(vec![item("Low", "Rest.")])).await.unwrap_err())
}

async fn told(message: &Message) -> Value {
    let server = MailServer::start("none");
    email(&server, Value::Null).send(message).await.unwrap();
    server.mail()
}

/// The text as it was typed, with the line ends of mail.
fn lines(text: &Value) -> String {
    text.as_str().unwrap().replace("\r\n", "\n")
}

// === What arrives ===

#[rstest]
#[case("tls")]
#[case("starttls")]
#[tokio::test]
async fn a_mail_goes_encrypted_and_with_a_login(#[case] security: &'static str) {
    let server = MailServer::start(security);
    let sent =
        email(&server, Value::Null).send(&news(vec![item("Readiness is low: 48", "Rest today.\nSleep early.")])).await;
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
    assert!(!lines(&mail["html"]).contains("http"), "nothing is fetched when it is read");
}

#[tokio::test]
async fn all_readers_get_it() {
    let server = MailServer::start("none");
    let to = json!({"to": ["ada@example.org", "Bob <bob@example.org>"]});
    email(&server, to).send(&news(vec![item("Low", "Rest.")])).await.unwrap();
    assert_eq!(server.mail()["to"], json!(["ada@example.org", "bob@example.org"]));
}

#[rstest]
#[case(MessageKind::New, Priority::Critical, "[Critical] Low")]
#[case(MessageKind::New, Priority::Low, "[Low] Low")]
#[case(MessageKind::Test, Priority::High, "Low")]
#[tokio::test]
async fn the_subject_says_how_urgent(#[case] kind: MessageKind, #[case] priority: Priority, #[case] subject: &str) {
    let mail = told(&Message { kind, priority, ..news(vec![item("Low", "Rest.")]) }).await;
    assert_eq!(mail["headers"]["subject"], subject);
}

#[tokio::test]
async fn a_digest_lists_its_alerts_and_counts_the_rest() {
    let mail = told(&Message { omitted: 9_950, ..news(vec![item("Low", "Rest & go."), item("Late", "Call.")]) }).await;
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
async fn an_update_follows_the_first_mail(#[case] stands: AlertState, #[case] subject: &str) {
    let server = MailServer::start("none");
    let email = email(&server, Value::Null);
    let first = email.send(&news(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    assert_eq!(server.mail()["headers"]["message-id"], first.as_str());
    let change = Message { id: "1f2e3d4c-18".into(), ..update(vec![standing("Low", stands)], &first) };
    assert_eq!(email.send(&change).await, Ok(Some(first.clone())), "the next update follows it too");
    let headers = server.mail()["headers"].take();
    assert_eq!((&headers["in-reply-to"], &headers["references"]), (&json!(first), &json!(first)));
    assert_eq!(headers["message-id"], "<operator.1f2e3d4c-18@example.org>");
    assert_eq!(headers["subject"], subject);
}

#[tokio::test]
async fn a_second_try_has_the_same_name() {
    let server = MailServer::start("none");
    let email = email(&server, Value::Null);
    for _ in 0..2 {
        email.send(&news(vec![item("Low", "Rest.")])).await.unwrap();
    }
    assert_eq!(server.mail()["headers"]["message-id"], server.mail()["headers"]["message-id"]);
}

// === Text from outside ===

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
async fn text_is_shown_as_it_was_typed(#[case] text: &str) {
    let mail = told(&news(vec![item(text, text)])).await;
    let text = text.trim();
    let title = text.replace('\n', " ");
    assert_eq!(lines(&mail["plain"]), format!("{title}\n\n{text}\n\nOura · 07:05\n"));
    let subject = mail["headers"]["subject"].as_str().unwrap().replace('\u{200b}', "");
    assert_eq!(subject, format!("[High] {title}"));
    assert_eq!(mail["to"], json!(["ada@example.org"]));
    let html = lines(&mail["html"]);
    let shown = html.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    assert!(shown.contains(&format!("pre-wrap\">{text}</p>")), "{html}");
    assert_eq!(html.matches('<').count(), news_tags(), "nothing of it is markup: {html}");
}

/// How many tags a mail of one alert has.
fn news_tags() -> usize {
    "<!DOCTYPE><html><body><h3></h3><p></p><p><small></small></p></body></html>".matches('<').count()
}

#[tokio::test]
async fn control_characters_become_spaces() {
    let mail = told(&news(vec![item("a\u{7}b\nc", "a\0b\u{1b}[31m\r\nc\u{85}d")])).await;
    assert_eq!(lines(&mail["plain"]), "a b c\n\na b [31m\nc d\n\nOura · 07:05\n");
}

#[tokio::test]
async fn ten_thousand_characters_come_through() {
    let text = "word & 😀 ".repeat(1_111) + "end";
    let mail = told(&news(vec![item("Low", &text)])).await;
    assert_eq!(lines(&mail["plain"]), format!("Low\n\n{text}\n\nOura · 07:05\n"));
}

#[test]
fn every_text_is_taken() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = MailServer::start("none");
    let email = email(&server, Value::Null);
    let config = ProptestConfig { cases: 32, fork: false, timeout: 0, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let alert = (any_text(), any_text(), any_text());
    let tried = runner.run(&(prop::collection::vec(alert, 1..4), any::<bool>()), |(alerts, is_update)| {
        let items = alerts.into_iter().map(|(title, message, source)| {
            // The server has opinions of its own about this word.
            MessageItem { source: Some(source), ..item(&title.replace("spam", ""), &message) }
        });
        let kind = if is_update { MessageKind::Update } else { MessageKind::New };
        let sent = runtime.block_on(email.send(&Message { kind, ..news(items.collect()) }));
        prop_assert!(sent.is_ok(), "{:?}", sent);
        prop_assert_eq!(&server.mail()["headers"]["auto-submitted"], "auto-generated");
        Ok(())
    });
    tried.unwrap();
}

// === What a server may answer ===

#[tokio::test]
async fn a_greylisted_mail_is_tried_again() {
    let server = MailServer::start("starttls");
    let email = email(&server, json!({"to": ["grey@example.org"]}));
    let failure = clean(email.send(&news(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == LATER && failure.message.contains("451 4.7.1 Greylisted, come again"), "{failure}");
    assert!(email.send(&news(vec![item("Low", "Rest.")])).await.is_ok());
}

#[rstest]
#[case::reader(json!({"to": ["nobody@example.org"]}), "Low", "550 5.1.1 No such user here", "check alerters.email.to")]
#[case::text(json!({}), "spam", "554 5.7.1 This looks like spam", "see what the server says")]
#[case::password(json!({"password": "s3cret-wrong"}), "Low", "535", "check alerters.email.user and password")]
#[case::nobody(json!({"user": null, "password": null}), "Low", "530", "set alerters.email.user and password")]
#[case::from(json!({"from": "operator"}), "Low", "'operator' is not a mail address", "correct alerters.email.from")]
#[tokio::test]
async fn what_never_passes_says_what_to_do(
    #[case] change: Value,
    #[case] title: &str,
    #[case] words: &str,
    #[case] advice: &str,
) {
    let server = MailServer::start("starttls");
    let failure = clean(email(&server, change).send(&news(vec![item(title, "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
    assert!(failure.message.contains(words), "{failure}");
    assert!(server.is_empty());
}

#[rstest]
#[case::tls("tls")]
#[case::starttls("starttls")]
#[tokio::test]
async fn a_server_with_a_certificate_that_is_not_trusted_gets_no_password(#[case] security: &'static str) {
    let server = MailServer::start(security);
    for change in [json!({"ca_file": null}), json!({"server": "127.0.0.1"})] {
        let failure = clean(email(&server, change).send(&news(vec![item("Low", "Rest.")])).await.unwrap_err());
        assert!(failure.kind == LATER && failure.hint.contains("check alerters.email.server"), "{failure}");
        assert!(failure.message.contains("certificate"), "{failure}");
    }
    assert!(server.is_empty());
}

#[tokio::test]
async fn without_starttls_nothing_is_said() {
    let server = Scripted::start(agreeable);
    let keys = "server: 127.0.0.1, security: starttls, from: o@example.org, to: [a@example.org], user: ada";
    let email = alerter(Channel::Email, &format!("{keys}, password: s3cret, port: {}", server.port));
    let failure = clean(email.send(&news(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.message.contains("does not offer STARTTLS"), "{failure}");
    assert!(server.heard().iter().all(|line| line.is_empty() || line.starts_with("EHLO")), "{:?}", server.heard());
}

fn at_line(begin: &'static str, reply: fn() -> Reply) -> impl Fn(&str) -> Reply {
    move |line: &str| {
        let is_it = if begin.is_empty() { line.is_empty() } else { line.starts_with(begin) };
        if is_it { reply() } else { agreeable(line) }
    }
}

#[rstest]
#[case::full("MAIL", || Reply::say("452 4.3.1 Insufficient storage"), LATER)]
#[case::closing("", || Reply::say("421 4.3.2 Shutting down"), LATER)]
#[case::busy_login("AUTH", || Reply::say("454 4.7.0 Temporary failure"), LATER)]
#[case::later_after_the_text(".", || Reply::say("451 4.3.0 Try again"), LATER)]
#[case::gone_before("RCPT", || Reply::Close, LATER)]
#[case::gone_after(".", || Reply::Close, FailureKind::Unconfirmed)]
#[case::garbage_before("MAIL", || Reply::say("hello"), LATER)]
#[case::garbage_after(".", || Reply::say("<html>"), FailureKind::Unconfirmed)]
#[case::endless_before("", || Reply::Say("220-x\r\n".repeat(1_500_000)), LATER)]
#[case::one_long_line(".", || Reply::Say("250 ".to_owned() + &"x".repeat(10_000_000) + "\r\n"), FailureKind::Unconfirmed)]
#[case::no_text("MAIL", || Reply::Say("\u{0}\u{1}\r\n".into()), LATER)]
#[tokio::test]
async fn what_passes_is_tried_again(
    #[case] begin: &'static str,
    #[case] reply: fn() -> Reply,
    #[case] kind: FailureKind,
) {
    let failure = refused_by(at_line(begin, reply)).await;
    assert_eq!(failure.kind, kind, "{failure}");
    assert!(failure.message.contains("127.0.0.1:") && failure.message.len() < 400, "{failure}");
}

#[rstest]
#[case::no_mail_here("", || Reply::say("554 5.7.0 No mail from here"), "check alerters.email.server and port")]
#[case::not_from_you("MAIL", || Reply::say("553 5.7.1 Not your address"), "check alerters.email.from")]
#[case::no_login("EHLO", || Reply::say("250 localhost"), "check alerters.email.user")]
#[tokio::test]
async fn what_is_refused_says_what_to_do(
    #[case] begin: &'static str,
    #[case] reply: fn() -> Reply,
    #[case] advice: &str,
) {
    let failure = refused_by(at_line(begin, reply)).await;
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
}

#[rstest]
#[case::hangs(|| Reply::Hang)]
#[case::closes(|| Reply::Close)]
#[tokio::test]
async fn what_was_taken_is_delivered_however_the_goodbye_goes(#[case] reply: fn() -> Reply) {
    let server = Scripted::start(at_line("QUIT", reply));
    assert!(email_at(&server).send(&news(vec![item("Low", "Rest.")])).await.is_ok());
}

#[tokio::test]
async fn a_server_that_repeats_our_words_does_not_make_us_tell_a_secret() {
    for step in ["AUTH", "MAIL", "RCPT"] {
        let failure = refused_by(move |line| match line.starts_with(step) {
            true => Reply::say(&format!("550 what do you mean by {line} s3cret-word")),
            false => agreeable(line),
        });
        assert_eq!(failure.await.kind, FailureKind::Permanent);
    }
}

#[rstest]
#[case::before("MAIL", LATER)]
#[case::after(".", FailureKind::Unconfirmed)]
#[tokio::test]
async fn patience_ends(#[case] begin: &'static str, #[case] kind: FailureKind) {
    let server = Scripted::start(at_line(begin, || Reply::Hang));
    let hanging = email_at(&server);
    let sending = tokio::spawn(async move { hanging.send(&news(vec![item("Low", "Rest.")])).await });
    while !server.heard().iter().any(|line| line.starts_with(begin)) {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(40)).await;
    let failure = clean(sending.await.unwrap().unwrap_err());
    assert!(failure.kind == kind && failure.message.contains("no answer within 40 s"), "{failure}");
}

#[tokio::test]
async fn who_is_not_there_took_nothing() {
    let keys = |server: &str| format!("server: {server}, port: 1, from: o@example.org, to: [a@example.org]");
    let message = news(vec![item("Low", "Rest.")]);
    let refused = clean(alerter(Channel::Email, &keys("localhost")).send(&message).await.unwrap_err());
    assert!(refused.kind == LATER && refused.message.contains("refused"), "{refused}");
    let unknown = clean(alerter(Channel::Email, &keys("no.such.host.invalid")).send(&message).await.unwrap_err());
    assert!([LATER, FailureKind::Offline].contains(&unknown.kind), "{unknown}");
}

// === Files and trying out ===

#[tokio::test]
async fn a_password_in_a_file_is_read_at_every_use() {
    let (folder, server) = (tempfile::tempdir().unwrap(), MailServer::start("starttls"));
    let file = folder.path().join("password");
    let email = email(&server, json!({"password": null, "password_file": file}));
    std::fs::write(&file, "s3cret-old\n").unwrap();
    let old = email.settings();
    assert_eq!(clean(email.send(&news(vec![item("Low", "Rest.")])).await.unwrap_err()).kind, FailureKind::Permanent);
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    assert!(email.send(&news(vec![item("Low", "Rest.")])).await.is_ok());
    assert_ne!(email.settings(), old, "a new password is a reason to try again");
}

#[tokio::test]
async fn trying_it_out_logs_in_and_sends_nothing() {
    let server = MailServer::start("starttls");
    let said = email(&server, Value::Null).probe().await;
    assert_eq!(said, Ok(format!("localhost:{} takes mail and knows ada@example.org", server.port)));
    let failure = clean(email(&server, json!({"password": "s3cret-wrong"})).probe().await.unwrap_err());
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(server.is_empty());
}
