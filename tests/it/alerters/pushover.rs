//! Pushover against a fake server with the API's checks, and against broken servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use operator::alerters::{ActionButton, Alerter, Failure, FailureKind, Inbound, UserAction};
use operator::core::alert::Priority;
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageItem, MessageKind};
use proptest::prelude::*;
use rstest::rstest;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::http::{Answer, Request, Server};
use crate::support::messages::{alerter, any_text, at, item, new_message, update};
use crate::support::pushover::{EmergencyState, Pushover, SentFields, TOKEN, USER, keys, refusal};

const RETRYABLE: FailureKind = FailureKind::Retryable { retry_after: None };

fn pushover(server: &Pushover) -> Arc<dyn Alerter> {
    alerter(Channel::Pushover, &server.keys())
}

fn pushover_at(url: &str) -> Arc<dyn Alerter> {
    alerter(Channel::Pushover, &keys(url))
}

fn clean(failure: Failure) -> Failure {
    let all = format!("{failure:?} {failure}");
    for secret in [TOKEN, USER, "s3cret", "http://"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    failure
}

async fn failure_of(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Failure {
    let server = Server::start(answer);
    clean(pushover_at(&server.url).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err())
}

async fn sent(message: &Message) -> SentFields {
    let server = Pushover::start();
    pushover(&server).send(message).await.unwrap();
    server.messages().pop().unwrap()
}

fn critical(title: &str, state: AlertState) -> MessageItem {
    MessageItem { priority: Priority::Critical, state, ..item(title, "Now.") }
}

fn emergency() -> Message {
    Message { priority: Priority::Critical, ..new_message(vec![critical("Low", AlertState::Open)]) }
}

// === Content ===

#[tokio::test]
async fn alert_has_title_text_priority_and_time() {
    let sent = sent(&new_message(vec![item("Readiness is low: 48", "Rest today.\nSleep early.")])).await;
    let sent_at = at("07:06").timestamp().as_second().to_string();
    let expected = [
        ("message", "Rest today.\nSleep early.\n\nOura · 07:05"),
        ("priority", "1"),
        ("timestamp", &sent_at),
        ("title", "Readiness is low: 48"),
        ("token", TOKEN),
        ("user", USER),
    ];
    assert_eq!(sent, expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
}

#[rstest]
#[case(MessageKind::New, Priority::Low, "-1")]
#[case(MessageKind::New, Priority::Medium, "0")]
#[case(MessageKind::New, Priority::High, "1")]
#[case(MessageKind::New, Priority::Critical, "2")]
#[case(MessageKind::Test, Priority::High, "1")]
#[tokio::test]
async fn urgency_sets_the_priority(#[case] kind: MessageKind, #[case] priority: Priority, #[case] expected: &str) {
    let sent = sent(&Message { kind, priority, ..new_message(vec![item("Low", "Rest.")]) }).await;
    assert_eq!(sent["priority"], expected);
    assert_eq!(sent.get("retry").map(String::as_str), (expected == "2").then_some("60"));
    assert_eq!(sent.get("expire").map(String::as_str), (expected == "2").then_some("3600"));
}

#[tokio::test]
async fn configured_device_is_sent() {
    let server = Pushover::start();
    let on = |device: &str| alerter(Channel::Pushover, &format!("{}, device: {device}", server.keys()));
    on("pixel").send(&new_message(vec![item("Low", "Rest.")])).await.unwrap();
    assert_eq!(server.messages()[0]["device"], "pixel");
    let failure = clean(on("toaster").send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("alerters.pushover.device"), "{failure}");
}

#[tokio::test]
async fn digest_lists_what_fits_and_counts_the_rest() {
    let items: Vec<MessageItem> = (0..50).map(|n| item(&format!("{n} title"), &"so & so ".repeat(200))).collect();
    let sent = sent(&Message { omitted: 9_950, ..new_message(items) }).await;
    let listed = sent["message"].matches("High – ").count();
    assert!(listed >= 2 && sent["title"] == "10000 alerts", "{sent:?}");
    assert!(sent["message"].contains(&format!("… and {} more: operator alerts", 10_000 - listed)), "{sent:?}");
}

// === Foreign text ===

#[rstest]
#[case::tags("<b>Fake</b> <a href='x'>y</a>")]
#[case::form("a=b&c=d;e%20f+g \u{fe0f}")]
#[case::quotes(r#""double" 'single' `back` \ % {}"#)]
#[case::lines("one\ntwo\n\n\nthree")]
#[case::emoji("👩‍👩‍👧‍👦 🏳️‍🌈 é")]
#[case::right_to_left("שלום \u{202e}gnihton\u{202c} مرحبا")]
#[tokio::test]
async fn text_is_shown_unchanged(#[case] text: &str) {
    let sent = sent(&new_message(vec![item(text, text)])).await;
    assert_eq!(sent["message"], format!("{text}\n\nOura · 07:05"));
    assert_eq!(sent["title"], text.replace('\n', " "));
    assert!(!sent.contains_key("html"), "no markup");
}

#[rstest]
#[case::one_word("x".repeat(10_000))]
#[case::emoji("😀".repeat(10_000))]
#[case::controls("\u{7}x".repeat(5_000))]
#[tokio::test]
async fn long_text_is_cut_and_counted(#[case] text: String) {
    let sent = sent(&new_message(vec![item(&text, &text)])).await;
    let shown = sent["message"].strip_suffix("\n\nOura · 07:05").expect("the footer is never cut");
    let whole = text.replace('\u{7}', " ");
    let (kept, rest) = shown.rsplit_once("… (").unwrap();
    let missing: usize = rest.strip_suffix(" more characters)").unwrap().parse().unwrap();
    assert!(whole.trim().starts_with(kept));
    assert_eq!(kept.chars().count() + missing, whole.trim().chars().count());
}

#[test]
fn any_text_is_accepted_and_updates_are_silent() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Pushover::start();
    let alert = (any_text(), any_text(), any_text(), 0..4_usize);
    let config = ProptestConfig { cases: 48, fork: false, timeout: 0, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let priority = prop_oneof![Just(Priority::Low), Just(Priority::High), Just(Priority::Critical)];
    let notices = (prop::collection::vec(alert, 1..6), 0..9_999_usize, priority, any::<bool>());
    let result = runner.run(&notices, |(alerts, omitted, priority, is_update)| {
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
        let (messages, ringing) = (server.messages().len(), server.emergencies().len());
        let sent = runtime.block_on(pushover(&server).send(&message));
        prop_assert!(sent.is_ok(), "{:?}", sent);
        if is_update {
            prop_assert_eq!(server.emergencies().len(), ringing);
            prop_assert!(server.messages()[messages..].iter().all(|message| message["priority"] == "-1"));
        } else {
            prop_assert_eq!(server.messages().len(), messages + 1);
        }
        Ok(())
    });
    result.unwrap();
}

// === Emergencies and updates ===

#[rstest]
#[case::acknowledged(AlertState::Acknowledged, 0)]
#[case::snoozed(AlertState::Snoozed { until: at("10:30") }, 0)]
#[case::resolved(AlertState::Resolved, 1)]
#[tokio::test]
async fn answered_emergency_stops_ringing(#[case] state: AlertState, #[case] posts: usize) {
    let server = Pushover::start();
    let receipt = pushover(&server).send(&emergency()).await.unwrap().unwrap();
    assert_eq!(server.emergencies()[&receipt], EmergencyState::Ringing);
    let change = update(vec![critical("Low", state)], &receipt);
    assert_eq!(pushover(&server).send(&change).await, Ok(None), "the receipt stays the id");
    assert_eq!(server.emergencies()[&receipt], EmergencyState::Cancelled);
    let quiet: Vec<SentFields> = server.messages().into_iter().skip(1).collect();
    assert_eq!(quiet.len(), posts, "the user knows about an answer: {quiet:?}");
    assert!(quiet.iter().all(|message| message["priority"] == "-1" && message["title"] == "Resolved: Low"));
    assert_eq!(pushover(&server).send(&change).await, Ok(None), "a repeat changes nothing");
}

#[tokio::test]
async fn emergency_rings_while_an_alert_is_open() {
    let server = Pushover::start();
    let receipt = pushover(&server).send(&emergency()).await.unwrap().unwrap();
    let change = update(vec![critical("Low", AlertState::Open), critical("Late", AlertState::Resolved)], &receipt);
    pushover(&server).send(&change).await.unwrap();
    assert_eq!(server.emergencies()[&receipt], EmergencyState::Ringing);
}

#[tokio::test]
async fn repeated_emergency_rings_once() {
    let server = Pushover::start();
    let first = pushover(&server).send(&emergency()).await.unwrap();
    let again = Message { id: "1f2e3d4c-30".into(), replaces: first.clone(), ..emergency() };
    let second = pushover(&server).send(&again).await.unwrap().unwrap();
    assert_eq!(
        (server.emergencies()[&first.unwrap()], server.emergencies()[&second]),
        (EmergencyState::Cancelled, EmergencyState::Ringing)
    );
}

#[tokio::test]
async fn failed_cancel_is_retried() {
    let down = AtomicBool::new(true);
    let server = Pushover::with(move |request| {
        (request.collection == "cancel.json" && down.swap(false, Ordering::SeqCst)).then(|| refusal(500, "", "down"))
    });
    let receipt = pushover(&server).send(&emergency()).await.unwrap().unwrap();
    let over = update(vec![critical("Low", AlertState::Resolved)], &receipt);
    assert_eq!(clean(pushover(&server).send(&over).await.unwrap_err()).kind, RETRYABLE);
    assert_eq!(pushover(&server).send(&over).await, Ok(None));
    assert_eq!((server.emergencies()[&receipt], server.messages().len()), (EmergencyState::Cancelled, 2));
}

#[rstest]
#[case("500")]
#[case("../messages")]
#[case("")]
#[tokio::test]
async fn invalid_receipt_is_not_requested(#[case] name: &str) {
    let server = Pushover::start();
    let over = update(vec![critical("Low", AlertState::Resolved)], name);
    assert_eq!(pushover(&server).send(&over).await, Ok(None));
    let paths: Vec<String> = server.server.requests().into_iter().map(|request| request.path).collect();
    assert!(paths.iter().all(|path| path == "/1/messages.json" || path == "/1/receipts/500/cancel.json"), "{paths:?}");
}

// === Listening ===

/// The next event, answered like the engine does.
async fn next(inbound: &mut mpsc::Receiver<Inbound>) -> (Option<UserAction>, String) {
    let event = timeout(Duration::from_secs(25), inbound.recv()).await.expect("no event").unwrap();
    assert_eq!(event.channel, Channel::Pushover);
    event.reply.send("Done.".into()).unwrap();
    (event.action, event.cursor.unwrap())
}

/// Advances the clock by one poll interval.
async fn half_a_minute() {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
}

fn acknowledged(message_id: &str) -> Option<UserAction> {
    Some(UserAction { message_id: message_id.into(), button: ActionButton::Acknowledge })
}

#[tokio::test]
async fn phone_acknowledgement_is_delivered_once() {
    let (server, (engine, mut inbound)) = (Pushover::start(), mpsc::channel(1));
    let pushover = pushover(&server);
    let listener = tokio::spawn(Arc::clone(&pushover).listen(None, engine));
    let receipt = pushover.send(&emergency()).await.unwrap().unwrap();
    assert_eq!(next(&mut inbound).await, (None, format!("{receipt}=1f2e3d4c-17")), "the receipt is saved");
    server.set_state(&receipt, EmergencyState::Acknowledged);
    half_a_minute().await;
    assert_eq!(next(&mut inbound).await, (acknowledged("1f2e3d4c-17"), String::new()));
    half_a_minute().await;
    pushover.send(&Message { id: "1f2e3d4c-18".into(), ..emergency() }).await.unwrap();
    assert!(next(&mut inbound).await.1.ends_with("=1f2e3d4c-18"));
    let polls = server.server.requests().iter().filter(|r| r.collection == format!("{receipt}.json")).count();
    assert_eq!(polls, 1, "the receipt is not polled again");
    listener.abort();
}

#[tokio::test]
async fn open_receipt_is_polled_twice_a_minute() {
    let (server, (engine, mut inbound)) = (Pushover::start(), mpsc::channel(1));
    let pushover = pushover(&server);
    let listener = tokio::spawn(Arc::clone(&pushover).listen(None, engine));
    let receipt = pushover.send(&emergency()).await.unwrap().unwrap();
    next(&mut inbound).await;
    let file = format!("{receipt}.json");
    for times in 1..=3 {
        half_a_minute().await;
        while server.server.times(&file) < times {
            tokio::task::yield_now().await;
        }
        // Receive the response before the clock advances.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.server.times(&file), times);
    }
    listener.abort();
}

#[tokio::test]
async fn receipts_from_cursor_are_polled_immediately() {
    let (server, (engine, mut inbound)) = (Pushover::start(), mpsc::channel(1));
    let receipt = pushover(&server).send(&emergency()).await.unwrap().unwrap();
    let other = pushover(&server).send(&emergency()).await.unwrap().unwrap();
    server.set_state(&receipt, EmergencyState::Expired);
    server.set_state(&other, EmergencyState::Acknowledged);
    let cursor = format!("{receipt}=1f2e3d4c-17 {other}=1f2e3d4c-18 gone=1f2e3d4c-19");
    let listener = tokio::spawn(pushover(&server).listen(Some(cursor), engine));
    let events = [next(&mut inbound).await, next(&mut inbound).await, next(&mut inbound).await];
    let actions: Vec<&Option<UserAction>> = events.iter().map(|(action, _)| action).collect();
    assert_eq!(actions.iter().filter(|action| action.is_some()).count(), 1, "{events:?}");
    assert!(actions.contains(&&acknowledged("1f2e3d4c-18")));
    assert_eq!(events[2].1, "", "no receipt is open");
    listener.abort();
}

#[tokio::test]
async fn polling_recovers_after_a_failure() {
    let fails = AtomicBool::new(true);
    let server = Pushover::with(move |request| {
        (request.method == "GET" && fails.swap(false, Ordering::SeqCst)).then_some(Answer::Close)
    });
    let (engine, mut inbound) = mpsc::channel(1);
    let receipt = pushover(&server).send(&emergency()).await.unwrap().unwrap();
    server.set_state(&receipt, EmergencyState::Acknowledged);
    let listener = tokio::spawn(pushover(&server).listen(Some(format!("{receipt}=1f2e3d4c-17")), engine));
    let file = format!("{receipt}.json");
    while server.server.times(&file) < 1 {
        tokio::task::yield_now().await;
    }
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    half_a_minute().await;
    assert_eq!(next(&mut inbound).await, (acknowledged("1f2e3d4c-17"), String::new()));
    listener.abort();
}

// === Responses ===

#[rstest]
#[case::no_json(Answer::json("<html>ok</html>"))]
#[case::cut(Answer::Cut(r#"{"status":1,"receipt":"r1"}"#.repeat(9)))]
#[case::large(Answer::json("x".repeat(10_000_000)))]
#[case::no_receipt(Answer::json(r#"{"status":1,"receipt":"../x"}"#))]
#[tokio::test]
async fn success_is_delivered_whatever_the_body(#[case] answer: Answer) {
    let answer = std::sync::Mutex::new(Some(answer));
    let server = Server::start(move |_| answer.lock().unwrap().take().expect("one request"));
    assert_eq!(pushover_at(&server.url).send(&emergency()).await, Ok(None));
}

fn retry(seconds: i64) -> FailureKind {
    FailureKind::Retryable { retry_after: Some(SignedDuration::from_secs(seconds)) }
}

#[rstest]
#[case::retry_after(Answer::Whole(429, "Retry-After: 41\r\n", String::new()), retry(41), "429 Too Many Requests")]
#[case::reset_in_the_past(Answer::Whole(429, "X-Limit-App-Reset: 1393653600\r\n", r#"{"status":0,"errors":["over quota"]}"#.into()), retry(0), "429 over quota")]
#[case::no_delay(Answer::status(429), RETRYABLE, "429")]
#[case::api_error(refusal(500, "", "internal error"), RETRYABLE, "500 internal error")]
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

#[tokio::test]
async fn exhausted_quota_waits_for_the_reset() {
    let back = Timestamp::now().as_second() + 900;
    let header: &'static str = Box::leak(format!("X-Limit-App-Reset: {back}\r\n").into_boxed_str());
    let failure = failure_of(move |_| Answer::Whole(429, header, String::new())).await;
    let FailureKind::Retryable { retry_after: Some(pause) } = failure.kind else { panic!("{failure:?}") };
    assert!((800..=900).contains(&pause.as_secs()), "{pause:?}");
}

#[rstest]
#[case(400, "token", "check alerters.pushover.token")]
#[case(400, "user", "check alerters.pushover.user")]
#[case(400, "device", "check alerters.pushover.device")]
#[case(400, "priority", "please report")]
#[case(200, "token", "check alerters.pushover.token")]
#[case(404, "", "check alerters.pushover.api_url")]
#[case(301, "", "set alerters.pushover.api_url")]
#[tokio::test]
async fn permanent_failure_has_a_hint(#[case] status: u16, #[case] key: &'static str, #[case] advice: &str) {
    let failure = failure_of(move |_| refusal(status, key, "this is invalid")).await;
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains(advice), "{failure}");
    assert!(failure.message.contains(&format!("{status} this is invalid")), "{failure}");
}

#[tokio::test]
async fn echoed_secret_is_redacted() {
    let failure = failure_of(|request| refusal(400, "", &String::from_utf8_lossy(&request.body)));
    assert_eq!(failure.await.kind, FailureKind::Permanent);
}

#[tokio::test]
async fn request_times_out() {
    let server = Server::start(|_| Answer::Hang);
    let hanging = pushover_at(&server.url);
    let sending = tokio::spawn(async move { hanging.send(&new_message(vec![item("Low", "Rest.")])).await });
    while server.requests().is_empty() {
        tokio::task::yield_now().await;
    }
    half_a_minute().await;
    let failure = clean(sending.await.unwrap().unwrap_err());
    assert!(failure.kind == FailureKind::Unconfirmed && failure.message.contains("no answer within 20 s"), "{failure}");
}

#[tokio::test]
async fn refused_connection_is_retryable() {
    let refused = clean(pushover_at("http://127.0.0.1:1").send(&emergency()).await.unwrap_err());
    assert!(refused.kind == RETRYABLE && refused.message.contains("refused"), "{refused}");
}

#[tokio::test]
async fn invalid_key_is_not_sent() {
    let server = Pushover::start();
    let wrong =
        alerter(Channel::Pushover, &format!("token: {TOKEN}, user: ada@s3cret.com, api_url: '{}'", server.server.url));
    let failure = clean(wrong.send(&emergency()).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("alerters.pushover.user"), "{failure}");
    assert_eq!(server.server.requests().len(), 0);
}

// === Secret files and probe ===

#[tokio::test]
async fn key_files_are_read_at_every_use() {
    let (folder, server) = (tempfile::tempdir().unwrap(), Pushover::start());
    let place = |name: &str| folder.path().join(name).display().to_string();
    let keys = format!("token_file: '{}', user_file: '{}', api_url: '{}'", place("t"), place("u"), server.server.url);
    let pushover = alerter(Channel::Pushover, &keys);
    std::fs::write(place("t"), format!("{TOKEN}\n")).unwrap();
    std::fs::write(place("u"), "s3cretOld\n").unwrap();
    let old = pushover.config_hash();
    assert_eq!(clean(pushover.send(&emergency()).await.unwrap_err()).kind, FailureKind::Permanent);
    std::fs::write(place("u"), format!("{USER}\n")).unwrap();
    assert!(pushover.send(&emergency()).await.is_ok());
    assert_ne!(pushover.config_hash(), old, "a new key changes the hash");
}

#[tokio::test]
async fn probe_names_devices_and_sends_nothing() {
    let server = Pushover::start();
    let probe = pushover(&server).probe().await;
    assert_eq!(probe, Ok("Pushover reaches pixel, ipad; 7496 of 10000 messages are left this month".into()));
    assert!(server.messages().is_empty());
    let page = Server::start(|_| Answer::json("<html>Welcome</html>"));
    let failure = clean(pushover_at(&page.url).probe().await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("alerters.pushover.api_url"), "{failure}");
}
