//! ntfy against a server that makes its checks, and servers that misbehave.

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
use crate::support::messages::{alerter, any_text, at, item, news, standing, update};
use crate::support::ntfy::{Ntfy, TOKEN, TOPIC, keys, refusal};

const LATER: FailureKind = FailureKind::Retryable { retry_after: None };

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

async fn refused_by(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Failure {
    let server = Server::start(answer);
    clean(ntfy_at(&server.url).send(&news(vec![item("Low", "Rest.")])).await.unwrap_err())
}

async fn told(message: &Message) -> Value {
    let server = Ntfy::start();
    let sequence = ntfy(&server).send(message).await.unwrap().unwrap();
    server.phone().shown[&sequence].clone()
}

// === What arrives ===

#[tokio::test]
async fn an_alert_has_a_title_a_text_a_sign_and_a_priority() {
    let server = Ntfy::start();
    ntfy(&server).send(&news(vec![item("Readiness is low: 48", "Rest today.\nSleep early.")])).await.unwrap();
    let [request] = &server.server.asked()[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"), "the topic is in no address");
    let expected = json!({
        "topic": TOPIC, "sequence_id": "1f2e3d4c-17", "title": "Readiness is low: 48",
        "message": "Rest today.\nSleep early.\n\nOura · 07:05", "priority": 4, "tags": ["red_circle"],
    });
    assert_eq!(request.json(), expected, "and no buttons");
}

#[rstest]
#[case(MessageKind::New, Priority::Low, 2)]
#[case(MessageKind::New, Priority::Medium, 3)]
#[case(MessageKind::New, Priority::High, 4)]
#[case(MessageKind::New, Priority::Critical, 5)]
#[case(MessageKind::Test, Priority::High, 4)]
#[case(MessageKind::Update, Priority::Critical, 2)]
#[tokio::test]
async fn urgency_becomes_priority(#[case] kind: MessageKind, #[case] priority: Priority, #[case] expected: u8) {
    let sent = told(&Message { kind, priority, ..news(vec![item("Low", "Rest.")]) }).await;
    assert_eq!(sent["priority"], expected);
}

#[tokio::test]
async fn a_digest_lists_what_fits_and_counts_the_rest() {
    let items: Vec<MessageItem> =
        (0..50).map(|n| item(&format!("{n} {}", "x \"y\" ".repeat(60)), &"so \\ so\n".repeat(2_000))).collect();
    let sent = told(&Message { omitted: 9_950, ..news(items) }).await;
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
async fn an_update_stands_in_place_of_the_first_message(
    #[case] stands: AlertState,
    #[case] title: &str,
    #[case] sign: &str,
) {
    let server = Ntfy::start();
    let first = ntfy(&server).send(&news(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    let change = Message { id: "1f2e3d4c-18".into(), ..update(vec![standing("Low", stands)], &first) };
    assert_eq!(ntfy(&server).send(&change).await, Ok(Some(first.clone())), "the next update finds it too");
    let phone = server.phone();
    assert_eq!((phone.shown.len(), phone.rings), (1, 1));
    assert_eq!((&phone.shown[&first]["title"], &phone.shown[&first]["tags"][0]), (&json!(title), &json!(sign)));
}

#[tokio::test]
async fn on_an_older_server_an_update_stands_beside_it_and_is_as_quiet() {
    let server = Ntfy::old();
    let first = ntfy(&server).send(&news(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    ntfy(&server).send(&update(vec![standing("Low", AlertState::Resolved)], &first)).await.unwrap();
    let phone = server.phone();
    assert_eq!((phone.shown.len(), phone.rings), (2, 1));
}

/// In place of the old message it would not be heard.
#[tokio::test]
async fn news_that_is_told_again_is_a_message_of_its_own() {
    let server = Ntfy::start();
    let first = ntfy(&server).send(&news(vec![item("Low", "Rest.")])).await.unwrap();
    let again = Message { id: "1f2e3d4c-30".into(), replaces: first, ..news(vec![item("Low", "Rest.")]) };
    assert_eq!(ntfy(&server).send(&again).await, Ok(Some("1f2e3d4c-30".into())));
    assert_eq!((server.phone().shown.len(), server.phone().rings), (2, 2));
}

#[tokio::test]
async fn a_second_try_is_shown_once() {
    let server = Ntfy::start();
    let message = news(vec![item("Low", "Rest.")]);
    ntfy(&server).send(&message).await.unwrap();
    ntfy(&server).send(&message).await.unwrap();
    assert_eq!(server.phone().shown.len(), 1);
}

/// Whatever stands in an alert, the server takes it; whatever an update is of, nobody hears it.
#[test]
fn every_text_is_taken_and_no_update_rings() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Ntfy::start();
    let alert = (any_text(), any_text(), any_text(), 0..4_usize);
    let config = ProptestConfig { cases: 64, fork: false, timeout: 0, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::High), Just(Priority::Critical)];
    let notices = (prop::collection::vec(alert, 1..6), 0..9_999_usize, priority, any::<bool>());
    let tried = runner.run(&notices, |(alerts, omitted, priority, is_update)| {
        let stands = [
            AlertState::Open,
            AlertState::Acknowledged,
            AlertState::Resolved,
            AlertState::Snoozed { until: at("08:05") },
        ];
        let items = alerts.into_iter().map(|(title, message, source, stand)| MessageItem {
            source: Some(source),
            state: stands[stand].clone(),
            ..item(&title, &message)
        });
        let kind = if is_update { MessageKind::Update } else { MessageKind::New };
        let message = Message { omitted, priority, kind, ..news(items.collect()) };
        let before = server.phone().rings;
        let sent = runtime.block_on(ntfy(&server).send(&message));
        prop_assert!(sent.is_ok(), "{:?}", sent);
        let rings = server.phone().rings - before;
        prop_assert_eq!(rings, usize::from(!is_update && priority > Priority::Low));
        Ok(())
    });
    tried.unwrap();
}

// === Text from outside ===

#[rstest]
#[case::tags("<b>Fake</b> <a href='x'>y</a> **bold** [a](b)")]
#[case::entities("AT&T &amp; &lt;b&gt; & &")]
#[case::quotes(r#""double" 'single' `back` \ % {{.title}}"#)]
#[case::lines("one\ntwo\n\n\nthree")]
#[case::emoji("👩‍👩‍👧‍👦 🏳️‍🌈 é")]
#[case::right_to_left("שלום \u{202e}gnihton\u{202c} مرحبا")]
#[tokio::test]
async fn text_is_shown_as_it_was_typed(#[case] text: &str) {
    let sent = told(&news(vec![item(text, text)])).await;
    assert_eq!(sent["message"], format!("{text}\n\nOura · 07:05"));
    assert_eq!(sent["title"], text.replace('\n', " "));
}

#[tokio::test]
async fn control_characters_become_spaces() {
    let sent = told(&news(vec![item("a\u{7}b\nc", "a\0b\u{1b}[31m\r\nc\u{85}d")])).await;
    assert_eq!((&sent["message"], &sent["title"]), (&json!("a b [31m\nc d\n\nOura · 07:05"), &json!("a b c")));
}

#[rstest]
#[case::one_word("x".repeat(10_000))]
#[case::quotes("\"".repeat(10_000))]
#[case::lines("\n x".repeat(5_000).trim().to_owned())]
#[case::emoji("😀".repeat(10_000))]
#[tokio::test]
async fn a_long_text_is_cut_and_what_is_missing_is_counted(#[case] text: String) {
    let sent = told(&news(vec![item(&text, &text)])).await;
    let shown = sent["message"].as_str().unwrap().strip_suffix("\n\nOura · 07:05").expect("the foot is never cut off");
    let (kept, rest) = shown.rsplit_once("… (").unwrap();
    let missing: usize = rest.strip_suffix(" more characters)").unwrap().parse().unwrap();
    assert!(text.starts_with(kept) && kept.len() > 3_000, "{}", kept.len());
    assert_eq!(kept.chars().count() + missing, text.chars().count());
}

// === What a server may answer ===

#[rstest]
#[case::no_json(Answer::json("<html>ok</html>"))]
#[case::cut(Answer::Cut("a long answer that is never told to its end".into()))]
#[case::large(Answer::json("x".repeat(10_000_000)))]
#[tokio::test]
async fn what_was_taken_is_delivered_whatever_the_body(#[case] answer: Answer) {
    let answer = std::sync::Mutex::new(Some(answer));
    let server = Server::start(move |_| answer.lock().unwrap().take().expect("asked once"));
    let sent = ntfy_at(&server.url).send(&news(vec![item("Low", "Rest.")])).await;
    assert_eq!(sent, Ok(Some("1f2e3d4c-17".into())));
}

fn retry(seconds: i64) -> FailureKind {
    FailureKind::Retryable { retry_after: Some(SignedDuration::from_secs(seconds)) }
}

#[rstest]
#[case::quota(
    refusal(429, 42_908, "limit reached: daily message quota reached"),
    LATER,
    "429 limit reached: daily message quota"
)]
#[case::by_a_proxy(Answer::Whole(429, "Retry-After: 41\r\n", "<html>".into()), retry(41), "429 Too Many Requests")]
#[case::down(Answer::Whole(503, "Retry-After: 120\r\n", String::new()), retry(120), "503")]
#[case::full(refusal(507, 50_701, "cannot publish to UnifiedPush topic"), LATER, "507 cannot publish")]
#[case::its_own_trouble(refusal(500, 50_001, "internal server error"), LATER, "500 internal server error")]
#[case::somebodys_trouble(Answer::Whole(502, "", "<html>".into()), FailureKind::Unconfirmed, "502 Bad Gateway")]
#[case::closes(Answer::Close, FailureKind::Unconfirmed, "")]
#[case::no_http(Answer::Raw("220 mail.example.com ESMTP\r\n".into()), FailureKind::Unconfirmed, "")]
#[tokio::test]
async fn what_passes_is_tried_again(#[case] answer: Answer, #[case] kind: FailureKind, #[case] words: &str) {
    let answer = std::sync::Mutex::new(Some(answer));
    let failure = refused_by(move |_| answer.lock().unwrap().take().unwrap_or(Answer::Close)).await;
    assert_eq!((failure.kind, failure.hint.as_str()), (kind, ""), "{failure}");
    assert!(failure.message.contains(words) && failure.message.contains("127.0.0.1:"), "{failure}");
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
async fn what_never_passes_says_what_to_do(#[case] status: u16, #[case] advice: &str) {
    let failure = refused_by(move |_| refusal(status, 40_000, "no")).await;
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
    assert!(failure.message.contains(&format!("{status} no")), "{failure}");
}

#[tokio::test]
async fn without_a_token_a_closed_server_asks_for_one() {
    let server = Ntfy::start();
    let open = alerter(Channel::Ntfy, &format!("topic: {TOPIC}, url: '{}'", server.server.url));
    let failure = clean(open.send(&news(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("set alerters.ntfy.token"), "{failure}");
}

#[tokio::test]
async fn a_server_that_repeats_our_question_does_not_make_us_tell_a_secret() {
    let failure = refused_by(|request| {
        let asked = format!("{:?} {}", request.headers, String::from_utf8_lossy(&request.body));
        refusal(400, 40_000, &asked)
    });
    assert_eq!(failure.await.kind, FailureKind::Permanent);
}

#[tokio::test]
async fn patience_ends() {
    let server = Server::start(|_| Answer::Hang);
    let hanging = ntfy_at(&server.url);
    let sending = tokio::spawn(async move { hanging.send(&news(vec![item("Low", "Rest.")])).await });
    while server.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(20)).await;
    let failure = clean(sending.await.unwrap().unwrap_err());
    assert!(failure.kind == FailureKind::Unconfirmed && failure.message.contains("no answer within 20 s"), "{failure}");
}

#[tokio::test]
async fn who_is_not_there_took_nothing() {
    let message = news(vec![item("Low", "Rest.")]);
    let refused = clean(ntfy_at("http://127.0.0.1:1").send(&message).await.unwrap_err());
    assert!(refused.kind == LATER && refused.message.contains("refused"), "{refused}");
    let unknown = clean(ntfy_at("https://no.such.host.invalid").send(&message).await.unwrap_err());
    assert!([LATER, FailureKind::Offline].contains(&unknown.kind), "{unknown}");
}

#[rstest]
#[case::a_path("topic: 's3cret/x'", "the topic is none")]
#[case::too_long("topic: 's3cretxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'", "the topic is none")]
#[case::a_header("topic: x, token: \"s3cret\\r\\nx: y\"", "characters that no token has")]
#[tokio::test]
async fn a_secret_that_is_none_is_not_sent(#[case] keys: &str, #[case] words: &str) {
    let server = Server::start(|_| Answer::json("{}"));
    let wrong = alerter(Channel::Ntfy, &format!("{keys}, url: '{}'", server.url));
    let failure = clean(wrong.send(&news(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.message.contains(words), "{failure}");
    assert_eq!(server.asked().len(), 0);
}

// === Files and trying out ===

#[tokio::test]
async fn topic_and_token_in_files_are_read_at_every_use() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Ntfy::start());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let keys =
        format!("topic_file: '{}', token_file: '{}', url: '{}'", place("topic"), place("token"), server.server.url);
    let ntfy = alerter(Channel::Ntfy, &keys);
    std::fs::write(place("topic"), format!("{TOPIC}\n")).unwrap();
    std::fs::write(place("token"), "tk_s3cret_old\n").unwrap();
    let old = ntfy.settings();
    assert_eq!(clean(ntfy.send(&news(vec![item("Low", "Rest.")])).await.unwrap_err()).kind, FailureKind::Permanent);
    std::fs::write(place("token"), format!("{TOKEN}\n")).unwrap();
    assert!(ntfy.send(&news(vec![item("Low", "Rest.")])).await.is_ok());
    assert_ne!(ntfy.settings(), old, "a new token is a reason to try again");
}

#[tokio::test]
async fn trying_it_out_publishes_nothing() {
    let server = Ntfy::start();
    let said = ntfy(&server).probe().await.unwrap();
    assert!(said.ends_with("is an ntfy server and knows the token"), "{said}");
    assert!(server.phone().shown.is_empty());
    let page = Server::start(|_| Answer::json("<html>Welcome</html>"));
    let failure = clean(ntfy_at(&page.url).probe().await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("alerters.ntfy.url"), "{failure}");
}
