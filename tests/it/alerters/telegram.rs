//! Telegram against a fake server with the API's checks, and against broken servers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use operator::alerters::{ActionButton, Alerter, Failure, FailureKind, Inbound, UserAction};
use operator::core::alert::Priority;
use operator::core::channel::Channel;
use operator::core::delivery::message::{AlertState, Message, MessageKind};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::bot::{Bot, CHAT, Sent, TOKEN, pressed, refusal};
use crate::support::http::{Answer, Request, Server};
use crate::support::messages::{alerter, any_text, at, item, item_in_state, new_message, update};

const RETRYABLE: FailureKind = FailureKind::Retryable { retry_after: None };

fn telegram(bot: &Bot) -> Arc<dyn Alerter> {
    alerter(Channel::Telegram, &bot.keys())
}

fn telegram_at(url: &str) -> Arc<dyn Alerter> {
    alerter(Channel::Telegram, &format!("token: '{TOKEN}', chat_id: {CHAT}, api_url: '{url}'"))
}

fn clean(failure: Failure) -> Failure {
    let all = format!("{failure:?}");
    for secret in [TOKEN, "s3cret", "/bot", "sendMessage", "http://"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
    failure
}

async fn failure_of(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Failure {
    let server = Server::start(answer);
    clean(telegram_at(&server.url).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err())
}

async fn sent(bot: &Bot, message: &Message) -> Sent {
    let id = telegram(bot).send(message).await.unwrap().unwrap();
    bot.messages()[&id.parse().unwrap()].clone()
}

// === Content ===

#[tokio::test]
async fn alert_has_emoji_title_text_source_and_time() {
    let sent = sent(&Bot::start(), &new_message(vec![item("Readiness is low: 48", "Rest today.\nSleep early.")])).await;
    assert_eq!(sent.shown.text, "🔴 Readiness is low: 48\n\nRest today.\nSleep early.\n\nOura · 07:05");
    assert_eq!(sent.shown.bold, ["Readiness is low: 48"]);
    let buttons = [("Acknowledge", "acknowledge:1f2e3d4c-17"), ("Snooze 1 h", "snooze:1f2e3d4c-17")];
    assert_eq!(sent.buttons, buttons.map(|(label, data)| (label.to_owned(), data.to_owned())));
}

#[rstest]
#[case(MessageKind::New, Priority::Critical, false)]
#[case(MessageKind::New, Priority::High, false)]
#[case(MessageKind::New, Priority::Medium, true)]
#[case(MessageKind::Update, Priority::Critical, true)]
#[case(MessageKind::Test, Priority::High, false)]
#[tokio::test]
async fn low_priority_is_silent(#[case] kind: MessageKind, #[case] priority: Priority, #[case] silent: bool) {
    let message = Message { kind, priority, ..new_message(vec![item("Low", "Rest.")]) };
    let sent = sent(&Bot::start(), &message).await;
    assert_eq!(sent.silent, silent);
    assert_eq!(sent.buttons.is_empty(), kind == MessageKind::Test, "a test has no buttons");
}

#[tokio::test]
async fn digest_lists_what_fits_and_counts_the_rest() {
    let items = (0..50).map(|n| item(&format!("{n} {}", "<&> ".repeat(200)), &"so & so ".repeat(2_000))).collect();
    let sent = sent(&Bot::start(), &Message { omitted: 9_950, ..new_message(items) }).await;
    assert_eq!(sent.shown.bold[0], "10000 alerts");
    let listed = sent.shown.bold.len() - 1;
    assert!(listed >= 3, "{listed}");
    assert!(sent.shown.text.contains(&format!("… and {} more: operator alerts", 10_000 - listed)), "{sent:?}");
}

// === Foreign text ===

/// The kept part of a cut text, and the number of missing characters.
fn cut(shown: &str) -> Option<(&str, usize)> {
    let (kept, rest) = shown.rsplit_once("… (")?;
    Some((kept, rest.strip_suffix(" more characters)")?.parse().ok()?))
}

fn message_of(sent: &Sent) -> &str {
    sent.shown.text.split_once("\n\n").unwrap().1.rsplit_once("\n\n").unwrap().0
}

#[rstest]
#[case::tags("<b>Fake</b> <a href='x'>y</a> </i> <!-- ")]
#[case::entities("AT&T &amp; &lt;b&gt; &#60; & &")]
#[case::quotes(r#""double" 'single' `back` \ % {}"#)]
#[case::lines("one\ntwo\n\n\nthree")]
#[case::emoji("👩‍👩‍👧‍👦 🏳️‍🌈 é")]
#[case::right_to_left("שלום \u{202e}gnihton\u{202c} مرحبا")]
#[tokio::test]
async fn text_is_shown_unchanged(#[case] text: &str) {
    let sent = sent(&Bot::start(), &new_message(vec![item(text, text)])).await;
    assert_eq!(message_of(&sent), text.trim());
    assert_eq!(sent.shown.bold, [text.trim().replace('\n', " ")]);
    assert_eq!(sent.shown.italic, ["Oura · 07:05"], "no other markup");
}

#[tokio::test]
async fn control_characters_become_spaces() {
    let sent = sent(&Bot::start(), &new_message(vec![item("a\u{7}b\nc", "a\0b\u{1b}[31m\r\nc\u{85}d")])).await;
    assert_eq!((message_of(&sent), sent.shown.bold[0].as_str()), ("a b [31m\nc d", "a b c"));
}

#[rstest]
#[case::one_word("x".repeat(10_000))]
#[case::many_words("word ".repeat(2_000).trim().to_owned())]
#[case::ampersands("&".repeat(10_000))]
#[case::emoji("😀".repeat(10_000))]
#[case::lines("\n x".repeat(3_000).trim().to_owned())]
#[tokio::test]
async fn long_text_is_cut_and_counted(#[case] text: String) {
    let sent = sent(&Bot::start(), &new_message(vec![item(&text, &text)])).await;
    for (shown, whole) in [(message_of(&sent), text.clone()), (&*sent.shown.bold[0], text.replace('\n', " "))] {
        let (kept, missing) = cut(shown).unwrap_or_else(|| panic!("not cut: {shown}"));
        assert!(whole.starts_with(kept));
        assert_eq!(kept.chars().count() + missing, whole.chars().count());
    }
    assert_eq!(sent.shown.italic, ["Oura · 07:05"], "the footer is never cut");
}

#[test]
fn any_text_is_accepted() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bot = Bot::start();
    let alert = (any_text(), any_text(), any_text(), 0..4_usize);
    let config = ProptestConfig { cases: 64, fork: false, timeout: 0, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(&(prop::collection::vec(alert, 1..6), 0..99_999_usize), |(alerts, omitted)| {
        let states = [
            AlertState::Open,
            AlertState::Acknowledged,
            AlertState::Resolved,
            AlertState::Snoozed { until: at("08:05") },
        ];
        let items = alerts.into_iter().map(|(title, message, source, state)| {
            let state = states[state].clone();
            operator::core::delivery::message::MessageItem { source: Some(source), state, ..item(&title, &message) }
        });
        let message = Message { omitted, ..new_message(items.collect()) };
        let sent = runtime.block_on(sent(&bot, &message));
        let all = message.items.len() + omitted;
        if message.is_digest() {
            let listed = sent.shown.bold.len() - 1;
            let more = format!("… and {} more: operator alerts", all - listed);
            prop_assert!(listed == all || sent.shown.text.contains(&more), "{:?}", sent);
        }
        Ok(())
    });
    result.unwrap();
}

// === Responses ===

#[rstest]
#[case::whole(r#"{"ok":true,"result":{"message_id":7}}"#, Some("7"))]
#[case::no_json("<html>ok</html>", None)]
#[case::another_form(r#"{"ok":true,"result":true}"#, None)]
#[case::nothing("", None)]
#[tokio::test]
async fn success_is_delivered_whatever_the_body(#[case] body: &'static str, #[case] id: Option<&str>) {
    let server = Server::start(move |_| Answer::json(body));
    let sent = telegram_at(&server.url).send(&new_message(vec![item("Low", "Rest.")])).await;
    assert_eq!(sent, Ok(id.map(str::to_owned)));
}

#[tokio::test]
async fn success_with_cut_or_huge_body_is_delivered() {
    let long = || format!(r#"{{"ok":true,"result":{{"message_id":7}},"more":"{}"}}"#, "x".repeat(10_000_000));
    for answer in
        [|| Answer::Cut(r#"{"ok":true,"result":{"message_id":7}}"#.repeat(9)), || Answer::json("x".repeat(10_000_000))]
    {
        let server = Server::start(move |_| answer());
        assert_eq!(telegram_at(&server.url).send(&new_message(vec![item("Low", "Rest.")])).await, Ok(None));
    }
    let server = Server::start(move |_| Answer::json(long()));
    assert_eq!(telegram_at(&server.url).send(&new_message(vec![item("Low", "Rest.")])).await, Ok(None));
}

fn retry(seconds: i64) -> FailureKind {
    FailureKind::Retryable { retry_after: Some(SignedDuration::from_secs(seconds)) }
}

#[rstest]
#[case::by_telegram(429, "", r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 37","parameters":{"retry_after":37}}"#, retry(37), "retry after 37")]
#[case::by_a_header(429, "Retry-After: 41\r\n", "slow down", retry(41), "429 Too Many Requests")]
#[case::by_both(429, "Retry-After: 41\r\n", r#"{"ok":false,"parameters":{"retry_after":37}}"#, retry(37), "429")]
#[case::for_years(429, "Retry-After: 99999999\r\n", "", retry(86_400), "429")]
#[case::in_the_past(429, "Retry-After: -7\r\n", "", retry(0), "429")]
#[case::no_delay(429, "Retry-After: soon\r\n", "", RETRYABLE, "429")]
#[case::down_for_a_while(503, "Retry-After: 120\r\n", "<html>", retry(120), "503 Service Unavailable")]
#[case::api_error(
    500,
    "",
    r#"{"ok":false,"error_code":500,"description":"Internal Server Error"}"#,
    RETRYABLE,
    "500 Internal Server Error"
)]
#[case::gateway_error(500, "", "oops", FailureKind::Unconfirmed, "500 Internal Server Error")]
#[case::a_gateway(502, "", "<html>Bad Gateway</html>", FailureKind::Unconfirmed, "502 Bad Gateway")]
#[case::conflict(
    409,
    "",
    r#"{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}"#,
    RETRYABLE,
    "409 Conflict: terminated"
)]
#[case::refused_in_a_success(
    200,
    "",
    r#"{"ok":false,"error_code":429,"description":"Too Many","parameters":{"retry_after":5}}"#,
    retry(5),
    "429 Too Many"
)]
#[tokio::test]
async fn transient_failure_is_retryable(
    #[case] status: u16,
    #[case] header: &'static str,
    #[case] body: &'static str,
    #[case] kind: FailureKind,
    #[case] text: &str,
) {
    let failure = failure_of(move |_| Answer::Whole(status, header, body.into())).await;
    assert_eq!((failure.kind, failure.hint.as_str()), (kind, ""));
    assert!(failure.message.contains(text) && failure.message.starts_with("127.0.0.1:"), "{failure}");
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let back = Timestamp::now() + SignedDuration::from_secs(90);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&back).unwrap();
    let header: &'static str = Box::leak(format!("Retry-After: {date}\r\n").into_boxed_str());
    let failure = failure_of(move |_| Answer::Whole(429, header, String::new())).await;
    let FailureKind::Retryable { retry_after: Some(pause) } = failure.kind else { panic!("{failure:?}") };
    assert!((60..=90).contains(&pause.as_secs()), "{pause:?}");
}

#[rstest]
#[case::no_token(401, "Unauthorized", "check alerters.telegram.token")]
#[case::no_bot(404, "Not Found", "check alerters.telegram.token")]
#[case::blocked(403, "Forbidden: bot was blocked by the user", "open the chat with your bot, unblock it")]
#[case::no_chat(400, "Bad Request: chat not found", "check alerters.telegram.chat_id")]
#[case::our_fault(400, "Bad Request: can't parse entities", "please report this")]
#[tokio::test]
async fn permanent_failure_has_a_hint(#[case] status: u16, #[case] description: &'static str, #[case] advice: &str) {
    let failure = failure_of(move |_| refusal(status, description)).await;
    assert_eq!(failure.kind, FailureKind::Permanent);
    assert!(failure.message.contains(description) && failure.hint.contains(advice), "{failure}");
}

#[tokio::test]
async fn migrated_group_is_named_in_the_hint() {
    let body = r#"{"ok":false,"error_code":400,"description":"Bad Request: group chat was upgraded","parameters":{"migrate_to_chat_id":-1001}}"#;
    let failure = failure_of(move |_| Answer::Whole(400, "", body.into())).await;
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("chat_id to -1001"), "{failure}");
}

#[tokio::test]
async fn wrong_api_url_does_not_blame_the_token() {
    let failure = failure_of(|_| Answer::Whole(404, "", "<html>Not Found</html>".into())).await;
    assert!(
        failure.kind == FailureKind::Permanent && failure.hint.contains("check alerters.telegram.api_url"),
        "{failure}"
    );
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let other = Server::start(|_| Answer::json("{}"));
    let location: &'static str = Box::leak(format!("Location: {}/bot{TOKEN}/x\r\n", other.url).into_boxed_str());
    for status in [301, 302, 307, 308] {
        let failure = failure_of(move |_| Answer::Whole(status, location, String::new())).await;
        assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("api_url"), "{failure}");
    }
    assert_eq!(other.requests().len(), 0, "the token was not sent on");
}

#[tokio::test]
async fn echoed_token_is_redacted() {
    for echo in [TOKEN.to_owned(), TOKEN.replace(':', "%3A"), format!("\u{1b}[31m{TOKEN}{}", "x".repeat(500_000))] {
        let description = format!("no route for {echo}");
        let failure = failure_of(move |_| refusal(400, &description)).await;
        assert!(failure.message.contains("no route for") && failure.message.len() < 400, "{failure}");
        assert!(!failure.message.contains('\u{1b}'), "{failure}");
    }
}

#[rstest]
#[case::close(Answer::Close)]
#[case::close_in_the_head(Answer::Raw("HTTP/1.1 200 OK\r\ncontent-le".into()))]
#[case::no_http(Answer::Raw("220 mail.example.com ESMTP\r\n".into()))]
#[tokio::test]
async fn missing_response_is_unconfirmed(#[case] answer: Answer) {
    let answer = std::sync::Mutex::new(Some(answer));
    let failure = failure_of(move |_| answer.lock().unwrap().take().unwrap_or(Answer::Close)).await;
    assert_eq!(failure.kind, FailureKind::Unconfirmed, "{failure}");
}

#[tokio::test]
async fn request_times_out() {
    let (hangs, stalls) = (
        Server::start(|_| Answer::Hang),
        Server::start(|_| Answer::Stall("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"ok\":tr".into())),
    );
    let message = new_message(vec![item("Low", "Rest.")]);
    let (hanging, stalling) = (telegram_at(&hangs.url), telegram_at(&stalls.url));
    let (hanging, stalling) = tokio::join!(hanging.send(&message), stalling.send(&message));
    let failure = clean(hanging.unwrap_err());
    assert!(failure.kind == FailureKind::Unconfirmed && failure.message.contains("no answer within 20 s"), "{failure}");
    assert_eq!(stalling, Ok(None), "the status says that it was sent");
}

#[tokio::test]
async fn refused_connection_is_retryable() {
    let refused =
        clean(telegram_at("http://127.0.0.1:1").send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert_eq!(refused.kind, RETRYABLE, "{refused}");
    assert!(refused.message.contains("refused") && refused.message.contains("127.0.0.1:1"), "{refused}");
    let unknown = telegram_at("http://no.such.host.invalid").send(&new_message(vec![item("Low", "Rest.")])).await;
    let unknown = clean(unknown.unwrap_err());
    assert!([RETRYABLE, FailureKind::Offline].contains(&unknown.kind), "{unknown}");
}

// === Updates ===

#[tokio::test]
async fn resolve_edits_the_message_without_buttons() {
    let bot = Bot::start();
    let telegram = telegram(&bot);
    let id = telegram.send(&new_message(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    let resolved = update(vec![item_in_state("Low", AlertState::Resolved)], &id);
    assert_eq!(telegram.send(&resolved).await, Ok(Some(id.clone())));
    let messages = bot.messages();
    let sent = &messages[&id.parse().unwrap()];
    assert_eq!((messages.len(), sent.edits), (1, 1));
    assert_eq!(sent.shown.text, "✅ Resolved: Low\n\nRest.\n\nOura · 07:05 · updated 09:30");
    assert!(sent.buttons.is_empty());
    assert_eq!(telegram.send(&resolved).await, Ok(None), "the text is the same");
}

#[rstest]
#[case(AlertState::Acknowledged, "👌 Acknowledged: Low")]
#[case(AlertState::Snoozed { until: at("10:30") }, "💤 Snoozed until 10:30: Low")]
#[tokio::test]
async fn answered_alert_shows_its_state(#[case] state: AlertState, #[case] begin: &str) {
    let bot = Bot::start();
    let id = telegram(&bot).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    telegram(&bot).send(&update(vec![item_in_state("Low", state)], &id)).await.unwrap();
    let sent = bot.messages().into_values().next().unwrap();
    assert!(sent.shown.text.starts_with(begin) && sent.buttons.is_empty(), "{sent:?}");
}

#[tokio::test]
async fn edit_of_a_deleted_message_is_a_noop() {
    let bot = Bot::start();
    let id = telegram(&bot).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap().unwrap();
    bot.delete(id.parse().unwrap());
    assert_eq!(telegram(&bot).send(&update(vec![item_in_state("Low", AlertState::Resolved)], &id)).await, Ok(None));
    assert!(bot.messages().is_empty(), "it stays deleted");
}

#[rstest]
#[case("Bad Request: message can't be edited")]
#[case("Bad Request: MESSAGE_ID_INVALID")]
#[tokio::test]
async fn edit_of_an_old_message_is_a_noop(#[case] description: &'static str) {
    let server = Server::start(move |_| refusal(400, description));
    let resolved = update(vec![item_in_state("Low", AlertState::Resolved)], "7");
    assert_eq!(telegram_at(&server.url).send(&resolved).await, Ok(None));
    assert_eq!(server.times("editMessageText"), 1);
}

#[tokio::test]
async fn resolve_without_message_id_is_a_new_message() {
    let bot = Bot::start();
    let sent =
        sent(&bot, &Message { replaces: None, ..update(vec![item_in_state("Low", AlertState::Resolved)], "") }).await;
    assert!(sent.silent && sent.shown.bold == ["Resolved: Low"] && sent.buttons.is_empty(), "{sent:?}");
}

// === Probe ===

#[tokio::test]
async fn probe_names_bot_and_chat_and_sends_nothing() {
    let bot = Bot::start();
    assert_eq!(telegram(&bot).probe().await, Ok("@op_bot may write to Ada".into()));
    let methods: Vec<String> = bot.server.requests().into_iter().map(|request| request.collection).collect();
    assert_eq!(methods, ["getMe", "getChat"]);
}

#[tokio::test]
async fn web_page_is_not_a_bot_api() {
    let page = Server::start(|_| Answer::json("<html>Welcome</html>"));
    let failure = clean(telegram_at(&page.url).probe().await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.hint.contains("api_url"), "{failure}");
}

#[rstest]
#[case::characters("12 34:s3cret", "invalid characters")]
#[case::path("1/../2?s3cret", "invalid characters")]
#[tokio::test]
async fn invalid_token_is_not_sent(#[case] token: &str, #[case] text: &str) {
    let server = Server::start(|_| Answer::json("{}"));
    let keys = format!("token: '{token}', chat_id: {CHAT}, api_url: '{}'", server.url);
    let failure =
        clean(alerter(Channel::Telegram, &keys).send(&new_message(vec![item("Low", "Rest.")])).await.unwrap_err());
    assert!(failure.kind == FailureKind::Permanent && failure.message.contains(text), "{failure}");
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn token_file_is_read_at_every_use() {
    let (folder, bot) = (tempfile::tempdir().unwrap(), Bot::start());
    let file = folder.path().join("token");
    let keys = format!("token_file: '{}', chat_id: {CHAT}, api_url: '{}'", file.display(), bot.server.url);
    let telegram = alerter(Channel::Telegram, &keys);
    let mut hashes = vec![telegram.config_hash()];
    for (content, text) in [(Some(""), "is empty"), (Some("1:wrong"), "401"), (Some(TOKEN), ""), (None, "cannot read")]
    {
        match content {
            Some(content) => std::fs::write(&file, format!("{content}\n")).unwrap(),
            None => std::fs::remove_file(&file).unwrap(),
        }
        hashes.push(telegram.config_hash());
        let sent =
            telegram.send(&new_message(vec![item("Low", "Rest.")])).await.map_err(|failure| clean(failure).to_string());
        assert!(
            if text.is_empty() { sent.is_ok() } else { sent.as_ref().is_err_and(|e| e.contains(text)) },
            "{sent:?}"
        );
    }
    assert!(hashes[2] != hashes[1] && hashes[3] != hashes[2], "{hashes:?}");
}

// === Listening ===

/// Listens, replies like the engine, and returns actions and cursors of the first `count` updates.
async fn receive(bot: &Bot, cursor: Option<&str>, count: usize) -> Vec<(Option<UserAction>, String)> {
    let (engine, mut inbound) = mpsc::channel::<Inbound>(1);
    let listener = tokio::spawn(telegram(bot).listen(cursor.map(str::to_owned), engine));
    let mut all = Vec::new();
    while all.len() < count {
        let event = timeout(Duration::from_secs(20), inbound.recv()).await.expect("no event").unwrap();
        assert_eq!(event.channel, Channel::Telegram);
        all.push((event.action.clone(), event.cursor.clone().unwrap()));
        event.reply.send(if event.action.is_some() { "Done.".into() } else { String::new() }).unwrap();
    }
    // The next poll follows the answer to the last button.
    let polls = bot.offsets().len();
    let polled = timeout(Duration::from_secs(20), async {
        while bot.offsets().len() == polls
            && bot.offsets().last().copied().flatten().map(|o| o.to_string())
                != all.last().map(|(_, cursor)| cursor.clone())
        {
            tokio::task::yield_now().await;
        }
    });
    polled.await.expect("no poll");
    listener.abort();
    all
}

#[rstest]
#[case("acknowledge", ActionButton::Acknowledge)]
#[case("snooze", ActionButton::Snooze)]
#[tokio::test]
async fn press_is_delivered_and_answered(#[case] name: &str, #[case] button: ActionButton) {
    let bot = Bot::start();
    bot.press(500, CHAT, &format!("{name}:1f2e3d4c-17"));
    let events = receive(&bot, None, 1).await;
    assert_eq!(events, [(Some(UserAction { message_id: "1f2e3d4c-17".into(), button }), "501".into())]);
    assert_eq!(bot.answered(), [("q500".to_owned(), "Done.".to_owned())]);
}

#[rstest]
#[case::foreign_message(json!({"update_id": 500, "message": {"message_id": 1, "chat": {"id": 666}, "text": "/start"}}))]
#[case::foreign_press(pressed(500, 666, "acknowledge:1f2e3d4c-17"))]
#[case::user_in_another_group(pressed(500, -100_4711, "acknowledge:1f2e3d4c-17"))]
#[case::without_a_chat(json!({"update_id": 500, "callback_query": {"id": "q500", "from": {"id": CHAT}, "data": "acknowledge:1f2e3d4c-17"}}))]
#[case::inline(json!({"update_id": 500, "callback_query": {"id": "q500", "inline_message_id": "x", "data": "acknowledge:1f2e3d4c-17"}}))]
#[case::chat_id_as_text(json!({"update_id": 500, "callback_query": {"id": "q500", "message": {"chat": {"id": "4711"}}, "data": "acknowledge:1f2e3d4c-17"}}))]
#[case::unknown_kind(json!({"update_id": 500, "poll_answer": {"chat": {"id": CHAT}}}))]
#[case::empty_update(json!({"update_id": 500}))]
#[case::malformed_query(json!({"update_id": 500, "callback_query": ["acknowledge"]}))]
#[case::message_in_the_chat(json!({"update_id": 500, "message": {"chat": {"id": CHAT}, "text": "acknowledge:1f2e3d4c-17"}}))]
#[tokio::test]
async fn foreign_update_only_moves_the_cursor(#[case] update: Value) {
    let bot = Bot::start();
    bot.add_update(update);
    bot.press(501, CHAT, "acknowledge:1f2e3d4c-18");
    let events = receive(&bot, None, 2).await;
    assert_eq!(events[0], (None, "501".into()));
    assert_eq!(
        events[1].0.as_ref().map(|action| action.message_id.as_str()),
        Some("1f2e3d4c-18"),
        "the next update is handled"
    );
    assert_eq!(bot.answered(), [("q501".to_owned(), "Done.".to_owned())], "a foreign press gets no answer");
}

#[rstest]
#[case::by_number("-1004711", json!({"id": -1_004_711}), true)]
#[case::by_name("@Ops_Room", json!({"id": -1_004_711, "username": "ops_room"}), true)]
#[case::another_name("@ops_room", json!({"id": -1_004_711, "username": "ops_room2"}), false)]
#[case::no_name("@ops_room", json!({"id": -1_004_711}), false)]
#[case::a_number_as_a_name("@4711", json!({"id": 4711}), false)]
#[case::a_name_that_is_our_number("4711", json!({"id": 666, "username": "4711"}), false)]
#[tokio::test]
async fn chat_matches_by_number_or_name(#[case] configured: &str, #[case] chat: Value, #[case] matches: bool) {
    let bot = Bot::start();
    let mut update = pressed(500, 0, "acknowledge:1f2e3d4c-17");
    update["callback_query"]["message"]["chat"] = chat;
    bot.add_update(update);
    let keys = format!("token: '{TOKEN}', chat_id: '{configured}', api_url: '{}'", bot.server.url);
    let (engine, mut inbound) = mpsc::channel::<Inbound>(1);
    let listener = tokio::spawn(alerter(Channel::Telegram, &keys).listen(None, engine));
    let event = timeout(Duration::from_secs(20), inbound.recv()).await.expect("no event").unwrap();
    assert_eq!(event.action.is_some(), matches);
    listener.abort();
}

#[rstest]
#[case(json!("delete:1f2e3d4c-17"))]
#[case(json!("acknowledge"))]
#[case(json!(""))]
#[case(Value::Null)]
#[tokio::test]
async fn unknown_button_is_answered(#[case] data: Value) {
    let bot = Bot::start();
    let mut update = pressed(500, CHAT, "");
    update["callback_query"]["data"] = data;
    bot.add_update(update);
    assert_eq!(receive(&bot, None, 1).await, [(None, "501".to_owned())]);
    assert_eq!(bot.answered(), [("q500".to_owned(), "This button no longer has an effect.".to_owned())]);
}

#[rstest]
#[case::huge(json!(i64::MAX))]
#[case::beyond_all(json!(1e300))]
#[case::negative(json!(-5))]
#[case::text(json!("77"))]
#[tokio::test]
async fn invalid_update_id_does_not_block_the_rest(#[case] number: Value) {
    let bot = Bot::start();
    let mut strange = pressed(1, CHAT, "acknowledge:1f2e3d4c-17");
    strange["update_id"] = number;
    bot.add_update(strange);
    bot.press(500, CHAT, "acknowledge:1f2e3d4c-18");
    let (engine, mut inbound) = mpsc::channel::<Inbound>(1);
    let listener = tokio::spawn(telegram(&bot).listen(None, engine));
    let event = timeout(Duration::from_secs(20), inbound.recv()).await.expect("no event").unwrap();
    assert_eq!((event.action.unwrap().message_id, event.cursor), ("1f2e3d4c-18".into(), Some("501".into())));
    listener.abort();
}

#[tokio::test]
async fn polling_continues_at_the_cursor() {
    let bot = Bot::start();
    for number in 495..=501 {
        bot.press(number, CHAT, &format!("acknowledge:1f2e3d4c-{number}"));
    }
    let events = receive(&bot, Some("500"), 2).await;
    let pressed: Vec<&str> = events.iter().map(|(action, _)| action.as_ref().unwrap().message_id.as_str()).collect();
    assert_eq!(pressed, ["1f2e3d4c-500", "1f2e3d4c-501"]);
    assert_eq!(bot.offsets()[0], Some(500));
}

#[tokio::test]
async fn restarted_update_ids_are_handled_once() {
    let bot = Bot::start();
    bot.press(20, CHAT, "acknowledge:1f2e3d4c-20");
    bot.press(21, CHAT, "acknowledge:1f2e3d4c-21");
    let events = receive(&bot, Some("760546623"), 2).await;
    assert_eq!(events.iter().map(|(_, cursor)| cursor.as_str()).collect::<Vec<_>>(), ["21", "22"]);
    assert_eq!(bot.offsets().last(), Some(&Some(22)));
}

#[tokio::test]
async fn server_without_long_polling_is_polled_slowly() {
    for body in [r#"{"ok":true,"result":[]}"#, r#"{"ok":true,"result":[{"message":{}}]}"#] {
        let server = Server::start(move |_| Answer::json(body));
        let (engine, _inbound) = mpsc::channel::<Inbound>(1);
        let listening = timeout(Duration::from_secs(2), telegram_at(&server.url).listen(None, engine));
        assert!(listening.await.is_err(), "the listener ended");
        assert!(server.times("getUpdates") <= 2, "{}", server.times("getUpdates"));
    }
}

#[rstest]
#[case::a_gateway(|| Answer::status(502), 5)]
#[case::invalid_json(|| Answer::json("<html>"), 5)]
#[case::not_a_list(|| Answer::json(r#"{"ok":true,"result":{}}"#), 5)]
#[case::another_listener(|| refusal(409, "Conflict: terminated by other getUpdates request"), 5)]
#[case::retry_after(|| Answer::json(r#"{"ok":false,"error_code":429,"parameters":{"retry_after":7}}"#), 7)]
#[tokio::test]
async fn polling_recovers_after_a_failure(#[case] failure: fn() -> Answer, #[case] seconds: u64) {
    let fails = AtomicBool::new(true);
    let bot = Bot::with(move |request| {
        (request.collection == "getUpdates" && fails.swap(false, Ordering::SeqCst)).then(failure)
    });
    bot.press(500, CHAT, "acknowledge:1f2e3d4c-17");
    assert!(receive(&bot, None, 1).await[0].0.is_some());
    let polls: Vec<_> =
        bot.server.requests().into_iter().filter(|r| r.collection == "getUpdates").map(|r| r.at).collect();
    assert!(polls[1] - polls[0] >= Duration::from_millis(seconds * 1000 - 100), "{polls:?}");
}

#[tokio::test]
async fn foreign_messages_do_not_exceed_the_limit() {
    let bot = Bot::start();
    for number in 0..60 {
        let text = "\u{1}".repeat(4_096); // six bytes each
        bot.add_update(json!({"update_id": 500 + number, "message": {"chat": {"id": 666 + number}, "text": text, "reply_to_message": {"text": text}}}));
    }
    bot.press(560, CHAT, "acknowledge:1f2e3d4c-17");
    assert!(receive(&bot, None, 61).await[60].0.is_some());
}
