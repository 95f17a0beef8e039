//! ntfy against a fake server with the API's checks, and against broken servers.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use operator::alerters::{Alerter, Failure, FailureKind};
use operator::core::alert::Priority;
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::http::{Answer, Request, Server};
use crate::support::messages::{alerter, any_text, at, item, item_in_state, new_message, update};
use crate::support::ntfy::{Ntfy, TOKEN, TOPIC, keys, refusal};

const RETRYABLE: FailureKind = FailureKind::Retryable { retry_after: None };

fn ntfy(server: &Ntfy) -> Arc<dyn Alerter> {
    alerter(Channel::Ntfy, &server.keys())
}

fn ntfy_at(url: &str) -> Arc<dyn Alerter> {
    alerter(Channel::Ntfy, &keys(url))
}

fn clean(failure: Failure) -> Failure {
    let all = format!("{failure:?} {failure}");
    for secret in [TOPIC, TOKEN, "s3cret", "http://"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    failure
}

async fn failure_of(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Failure {
    let server = Server::start(answer);
    clean(ntfy_at(&server.url).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err())
}

async fn sent(message: &Message) -> Value {
    let server = Ntfy::start();
    let sequence = ntfy(&server).send(message).await.unwrap().unwrap();
    server.phone().shown[&sequence].clone()
}

// === Content ===

#[tokio::test]
async fn alert_has_title_text_tag_and_priority() {
    let server = Ntfy::start();
    ntfy(&server).send(&new_message(vec![item("Readiness is low: 48", "Rest today.\nSleep early.")])).await.unwrap();
    let [request] = &server.server.requests()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"), "the topic is not in the URL");
    let expected = json!({
        "topic": TOPIC, "sequence_id": "1f2e3d4c-17", "title": "Readiness is low: 48",
        "message": "Rest today.\nSleep early.\n\nOura · 07:05", "priority": 4, "tags": ["red_circle"],
    });
    assert_eq!(request.json(), expected, "no buttons");
}

#[rstest]
#[case(MessageKind::New, Priority::Low, 2)]
#[case(MessageKind::New, Priority::Medium, 3)]
#[case(MessageKind::New, Priority::High, 4)]
#[case(MessageKind::New, Priority::Critical, 5)]
#[case(MessageKind::Test, Priority::High, 4)]
#[case(MessageKind::Update, Priority::Critical, 2)]
#[tokio::test]
async fn urgency_sets_the_priority(#[case] kind: MessageKind, #[case] priority: Priority, #[case] expected: u8) {
    let sent = sent(&Message { kind, priority, ..new_message(vec![item("Low", "Rest.")]) }).await;
    assert_eq!(sent["priority"], expected);
}

#[tokio::test]
async fn digest_lists_what_fits_and_counts_the_rest() {
    let items: Vec<MessageItem> =
        (0..50).map(|n| item(&format!("{n} {}", "x \"y\" ".repeat(60)), &"so \\ so\n".repeat(2_000))).collect();
    let sent = sent(&Message { omitted: 9_950, ..new_message(items) }).await;
    let text = sent["message"].as_str().unwrap();
    let listed = text.matches("High – ").count();
    assert!(listed >= 5, "{listed}");
    assert_eq!(sent["title"], "10000 alerts");
    assert!(text.contains(&format!("… and {} more: operator alerts", 10_000 - listed)), "{text}");
}

// === Updates ===

#[rstest]
#[case(AlertState::Resolved, "Resolved: Low", "white_check_mark")]
#[case(AlertState::Acknowledged, "Acknowledged: Low", "ok_hand")]
#[case(AlertState::Snoozed { until: at("10:30") }, "Snoozed until 10:30: Low", "zzz")]
#[tokio::test]
async fn update_replaces_the_first_message(#[case] state: AlertState, #[case] title: &str, #[case] sign: &str) {
    let server = Ntfy::start();
    let first = ntfy(&server).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    let change = Message { id: "1f2e3d4c-18".into(), ..update(vec![item_in_state("Low", state)], &first) };
    assert_eq!(ntfy(&server).send(&change).await, Ok(Some(first.clone())), "the next update replaces it too");
    let phone = server.phone();
    assert_eq!((phone.shown.len(), phone.rings), (1, 1));
    assert_eq!((&phone.shown[&first]["title"], &phone.shown[&first]["tags"][0]), (&json!(title), &json!(sign)));
}

#[tokio::test]
async fn old_server_shows_update_as_second_message() {
    let server = Ntfy::old();
    let first = ntfy(&server).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    ntfy(&server).send(&update(vec![item_in_state("Low", AlertState::Resolved)], &first)).await.unwrap();
    let phone = server.phone();
    assert_eq!((phone.shown.len(), phone.rings), (2, 1));
}

/// In place of the earlier message it would make no sound.
#[tokio::test]
async fn repeat_is_a_new_message() {
    let server = Ntfy::start();
    let first = ntfy(&server).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap();
    let again = Message { id: "1f2e3d4c-30".into(), replaces: first, ..new_message(vec![item("Low", "Rest.")]) };
    assert_eq!(ntfy(&server).send(&again).await, Ok(Some("1f2e3d4c-30".into())));
    assert_eq!((server.phone().shown.len(), server.phone().rings), (2, 2));
}

#[tokio::test]
async fn retry_is_shown_once() {
    let server = Ntfy::start();
    let message = new_message(vec![item("Low", "Rest.")]);
    ntfy(&server).send(&message).await.unwrap();
    ntfy(&server).send(&message).await.unwrap();
    assert_eq!(server.phone().shown.len(), 1);
}

#[test]
fn any_text_is_accepted_and_updates_are_silent() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Ntfy::start();
    let alert = (any_text(), any_text(), any_text(), 0..4_usize);
    let config = ProptestConfig { cases: 64, fork: false, timeout: 0, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::High), Just(Priority::Critical)];
    let messages = (prop::collection::vec(alert, 1..6), 0..9_999_usize, priority, any::<bool>());
    let result = runner.run(&messages, |(alerts, omitted, priority, is_update)| {
        let states = [
            AlertState::Open,
            AlertState::Acknowledged,
            AlertState::Resolved,
            AlertState::Snoozed { until: at("08:05") },
        ];
        let items = alerts.into_iter().map(|(title, message, source, state)| MessageItem {
            source: Some(source),
            state: states[state].clone(),
            ..item(&title, &message)
        });
        let kind = if is_update { MessageKind::Update } else { MessageKind::New };
        let message = Message { omitted, priority, kind, ..new_message(items.collect()) };
        let before = server.phone().rings;
        let sent = runtime.block_on(ntfy(&server).send(&message));
        prop_assert!(sent.is_ok(), "{:?}", sent);
        let rings = server.phone().rings - before;
        prop_assert_eq!(rings, usize::from(!is_update && priority > Priority::Low));
        Ok(())
    });
    result.unwrap();
}

// === Foreign text ===

#[rstest]
#[case::tags("<b>Fake</b> <a href='x'>y</a> **bold** [a](b)")]
#[case::entities("AT&T &amp; &lt;b&gt; & &")]
#[case::quotes(r#""double" 'single' `back` \ % {{.title}}"#)]
#[case::lines("one\ntwo\n\n\nthree")]
#[case::emoji("👩‍👩‍👧‍👦 🏳️‍🌈 é")]
#[case::right_to_left("שלום \u{202e}gnihton\u{202c} مرحبا")]
#[tokio::test]
async fn text_is_shown_unchanged(#[case] text: &str) {
    let sent = sent(&new_message(vec![item(text, text)])).await;
    assert_eq!(sent["message"], format!("{text}\n\nOura · 07:05"));
    assert_eq!(sent["title"], text.replace('\n', " "));
}

#[tokio::test]
async fn control_characters_become_spaces() {
    let sent = sent(&new_message(vec![item("a\u{7}b\nc", "a\0b\u{1b}[31m\r\nc\u{85}d")])).await;
    assert_eq!((&sent["message"], &sent["title"]), (&json!("a b [31m\nc d\n\nOura · 07:05"), &json!("a b c")));
}

#[rstest]
#[case::one_word("x".repeat(10_000))]
#[case::quotes("\"".repeat(10_000))]
#[case::lines("\n x".repeat(5_000).trim().to_owned())]
#[case::emoji("😀".repeat(10_000))]
#[tokio::test]
async fn long_text_is_cut_and_counted(#[case] text: String) {
    let sent = sent(&new_message(vec![item(&text, &text)])).await;
    let shown = sent["message"].as_str().unwrap().strip_suffix("\n\nOura · 07:05").expect("the footer is never cut");
    let (kept, rest) = shown.rsplit_once("… (").unwrap();
    let missing: usize = rest.strip_suffix(" more characters)").unwrap().parse().unwrap();
    assert!(text.starts_with(kept) && kept.len() > 3_000, "{}", kept.len());
    assert_eq!(kept.chars().count() + missing, text.chars().count());
}

// === Responses ===

#[rstest]
#[case::no_json(Answer::json("<html>ok</html>"))]
#[case::cut(Answer::Cut("a long body that is cut".into()))]
#[case::large(Answer::json("x".repeat(10_000_000)))]
#[tokio::test]
async fn success_is_delivered_whatever_the_body(#[case] answer: Answer) {
    let answer = std::sync::Mutex::new(Some(answer));
    let server = Server::start(move |_| answer.lock().unwrap().take().expect("one request"));
    let sent = ntfy_at(&server.url).send(&new_message(vec![item("Low", "Rest.")])).await;
    assert_eq!(sent, Ok(Some("1f2e3d4c-17".into())));
}

fn retry(seconds: i64) -> FailureKind {
    FailureKind::Retryable { retry_after: Some(SignedDuration::from_secs(seconds)) }
}

#[rstest]
#[case::quota(
    refusal(429, 42_908, "limit reached: daily message quota reached"),
    RETRYABLE,
    "429 limit reached: daily message quota"
)]
#[case::by_a_proxy(Answer::Whole(429, "Retry-After: 41\r\n", "<html>".into()), retry(41), "429 Too Many Requests")]
#[case::down(Answer::Whole(503, "Retry-After: 120\r\n", String::new()), retry(120), "503")]
#[case::full(refusal(507, 50_701, "cannot publish to UnifiedPush topic"), RETRYABLE, "507 cannot publish")]
#[case::api_error(refusal(500, 50_001, "internal server error"), RETRYABLE, "500 internal server error")]
#[case::gateway_error(Answer::Whole(502, "", "<html>".into()), FailureKind::Unconfirmed, "502 Bad Gateway")]
#[case::closes(Answer::Close, FailureKind::Unconfirmed, "")]
#[case::no_http(Answer::Raw("220 mail.example.com ESMTP\r\n".into()), FailureKind::Unconfirmed, "")]
#[tokio::test]
async fn transient_failure_is_retryable(#[case] answer: Answer, #[case] kind: FailureKind, #[case] text: &str) {
    let answer = std::sync::Mutex::new(Some(answer));
    let failure = failure_of(move |_| answer.lock().unwrap().take().unwrap_or(Answer::Close)).await;
    assert_eq!((failure.kind, failure.hint.as_str()), (kind, ""), "{failure}");
    assert!(failure.message.contains(text) && failure.message.contains("127.0.0.1:"), "{failure}");
}

#[rstest]
#[case(401, "check alerters.ntfy.token: the server does not know it")]
#[case(403, "check alerters.ntfy.topic and token")]
#[case(404, "check alerters.ntfy.url")]
#[case(405, "check alerters.ntfy.url")]
#[case(413, "message-size-limit")]
#[case(400, "please report")]
#[case(301, "set alerters.ntfy.url")]
#[tokio::test]
async fn permanent_failure_has_a_hint(#[case] status: u16, #[case] advice: &str) {
    let failure = failure_of(move |_| refusal(status, 40_000, "no")).await;
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
    assert!(failure.message.contains(&format!("{status} no")), "{failure}");
}

#[tokio::test]
async fn missing_token_has_a_hint() {
    let server = Ntfy::start();
    let open = alerter(Channel::Ntfy, &format!("topic: {TOPIC}, url: '{}'", server.server.url));
    let failure = clean(open.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("set alerters.ntfy.token"), "{failure}");
}

#[tokio::test]
async fn echoed_secret_is_redacted() {
    let failure = failure_of(|request| {
        let echo = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        refusal(400, 40_000, &echo)
    });
    assert_eq!(failure.await.kind, FailureKind::Permanent);
}

#[tokio::test]
async fn request_times_out() {
    let server = Server::start(|_| Answer::Hang);
    let hanging = ntfy_at(&server.url);
    let sending = tokio::spawn(async move { hanging.send(&new_message(vec![item("Low", "Rest.")])).await });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(20)).await;
    let failure = clean(sending.await.unwrap().unwrap_err());
    assert!(failure.kind == FailureKind::Unconfirmed && failure.message.contains("no answer within 20 s"), "{failure}");
}

#[tokio::test]
async fn refused_connection_is_retryable() {
    let message = new_message(vec![item("Low", "Rest.")]);
    let refused = clean(ntfy_at("http://127.0.0.1:1").send(&message).await.unwrap_err());
    assert!(refused.kind == RETRYABLE && refused.message.contains("refused"), "{refused}");
    let unknown = clean(ntfy_at("https://no.such.host.invalid").send(&message).await.unwrap_err());
    assert!([RETRYABLE, FailureKind::Offline].contains(&unknown.kind), "{unknown}");
}

#[rstest]
#[case::a_path("topic: 's3cret/x'", "the topic is not valid")]
#[case::too_long(
    "topic: 's3cretxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
    "the topic is not valid"
)]
#[case::a_header("topic: x, token: \"s3cret\\r\\nx: y\"", "invalid characters")]
#[tokio::test]
async fn invalid_secret_is_not_sent(#[case] keys: &str, #[case] text: &str) {
    let server = Server::start(|_| Answer::json("{}"));
    let wrong = alerter(Channel::Ntfy, &format!("{keys}, url: '{}'", server.url));
    let failure = clean(wrong.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.message.contains(text), "{failure}");
    assert_eq!(server.requests().len(), 0);
}

// === Secret files and probe ===

#[tokio::test]
async fn secret_files_are_read_at_every_use() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Ntfy::start());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let keys =
        format!("topic_file: '{}', token_file: '{}', url: '{}'", place("topic"), place("token"), server.server.url);
    let ntfy = alerter(Channel::Ntfy, &keys);
    std::fs::write(place("topic"), format!("{TOPIC}\n")).unwrap();
    std::fs::write(place("token"), "tk_s3cret_old\n").unwrap();
    let old = ntfy.config_hash();
    assert_eq!(
        clean(ntfy.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err()).kind,
        FailureKind::Permanent
    );
    std::fs::write(place("token"), format!("{TOKEN}\n")).unwrap();
    assert!(ntfy.send(&new_message(vec![item("Low", "Rest.")])).await.is_ok());
    assert_ne!(ntfy.config_hash(), old, "a new token changes the hash");
}

#[tokio::test]
async fn probe_publishes_nothing() {
    let server = Ntfy::start();
    let probe = ntfy(&server).probe().await.unwrap();
    assert!(probe.ends_with("is an ntfy server and knows the token"), "{probe}");
    assert!(server.phone().shown.is_empty());
    let page = Server::start(|_| Answer::json("<html>Welcome</html>"));
    let failure = clean(ntfy_at(&page.url).probe().await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("alerters.ntfy.url"), "{failure}");
}
