//! The engine with a Telegram chat: messages, buttons, and the output of the commands.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::bot::{Bot, CHAT, Sent, TOKEN, pressed, refusal};
use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::http::{Answer, Request};

const READINESS: &str = "health:readiness_low";
const LOW: &str = "Readiness is low";

/// One alert, low readiness, on Telegram only.
fn home(bot: &Bot) -> Home {
    let home = Home::new();
    home.only_readiness();
    home.set(json!({
        "alerters": {"notification": {"enabled": false}, "telegram": bot.section()},
    }));
    home
}

fn wait_for(bot: &Bot, words: &str) -> (i64, Sent) {
    eventually(words, || bot.message_with(words))
}

fn data(sent: &Sent, label: &str) -> String {
    sent.buttons.iter().find(|(known, _)| known == label).expect("the button").1.clone()
}

fn incident(home: &Home) -> Value {
    let all = home.run(&["alerts", "--all", "--json"]).ok().json();
    all.as_array().unwrap().iter().find(|one| one["alert"]["key"] == READINESS).expect("known").clone()
}

fn answer_to(bot: &Bot, query: &str) -> String {
    eventually("the answer", || bot.answered().into_iter().find(|(id, _)| id == query)).1
}

/// The newest delivery of the alert: its state and all fields.
fn newest_delivery(home: &Home) -> (String, Value) {
    let story = home.run(&["why", READINESS, "--json"]).ok().json();
    let message = story["deliveries"][0].clone();
    assert_eq!(message["channel"], "telegram", "{story:#}");
    (message["state"].as_str().unwrap().to_owned(), message)
}

#[rstest]
#[case("Acknowledge", "Acknowledged: Readiness is low", "👌 Acknowledged: ", "acknowledged")]
#[case("Snooze 1 h", "Snoozed: Readiness is low", "💤 Snoozed until ", "snoozed until")]
fn button_answers_the_alert(#[case] label: &str, #[case] reply: &str, #[case] sign: &str, #[case] shown: &str) {
    let bot = Bot::start();
    let home = home(&bot);
    let mut engine = Running::start(&home);
    let (number, sent) = wait_for(&bot, LOW);
    bot.press(500, CHAT, &data(&sent, label));
    assert!(answer_to(&bot, "q500").starts_with(reply), "{:?}", bot.answered());
    let edited = eventually("the edit", || bot.messages().get(&number).filter(|sent| sent.edits > 0).cloned());
    assert!(edited.shown.text.starts_with(sign) && edited.buttons.is_empty(), "{edited:?}");
    assert!(home.run(&["alerts"]).ok().out.contains(shown));
    eventually("the next question", || bot.offsets().contains(&Some(501)).then_some(()));
    assert_eq!(engine.stop("TERM"), Some(0));
    // After a restart the update is not requested again.
    let polls = bot.offsets().len();
    let _engine = Running::start(&home);
    assert_eq!(eventually("a question", || bot.offsets().get(polls).copied()), Some(501));
    assert_eq!(bot.messages().len(), 1, "no repeat");
}

#[test]
fn repeated_press_after_kill_is_a_noop() {
    let repeats = Arc::new(AtomicBool::new(false));
    let again = Arc::clone(&repeats);
    let pressed_before = Arc::new(std::sync::Mutex::new(Value::Null));
    let update = Arc::clone(&pressed_before);
    let bot = Bot::with(move |request| {
        let again = request.collection == "getUpdates" && again.swap(false, Ordering::SeqCst);
        again.then(|| Answer::json(json!({"ok": true, "result": [*update.lock().unwrap()]}).to_string()))
    });
    let home = home(&bot);
    let mut engine = Running::start(&home);
    let (_, sent) = wait_for(&bot, LOW);
    let press = pressed(500, CHAT, &data(&sent, "Snooze 1 h"));
    *pressed_before.lock().unwrap() = press.clone();
    bot.add_update(press);
    answer_to(&bot, "q500");
    assert_eq!(engine.stop("KILL"), None);
    let before = incident(&home);
    repeats.store(true, Ordering::SeqCst);
    let _engine = Running::start(&home);
    bot.press(501, CHAT, "acknowledge:00000000-1");
    assert_eq!(answer_to(&bot, "q501"), "None of these alerts is open any more.", "not a message of this database");
    assert_eq!(incident(&home)["snoozed_until"], before["snoozed_until"]);
    assert_eq!(bot.answered().len(), 2, "{:?}", bot.answered());
}

#[test]
fn unknown_chats_are_ignored_and_logged_once() {
    let bot = Bot::start();
    let home = home(&bot);
    let engine = Running::start(&home);
    let (_, sent) = wait_for(&bot, LOW);
    let ours = data(&sent, "Acknowledge");
    for number in 500..510 {
        bot.press(number, 666, &ours);
        bot.add_update(
            json!({"update_id": number + 100, "message": {"chat": {"id": -CHAT}, "text": ours, "from": {"id": CHAT}}}),
        );
    }
    bot.add_update(json!({"update_id": 700, "callback_query": {"id": "q700", "data": ours}}));
    bot.add_update(json!({"update_id": 701, "callback_query": 5}));
    bot.press(702, CHAT, "nonsense");
    answer_to(&bot, "q702");
    assert_eq!(bot.answered().len(), 1, "an unknown chat gets no answer");
    assert_eq!(incident(&home)["acknowledged"], false);
    for chat in ["chat=666\n", "chat=-4711\n"] {
        assert_eq!(engine.stderr_text().matches(chat).count(), 1, "{}", engine.stderr_text());
    }
    bot.press(703, CHAT, &ours);
    assert!(answer_to(&bot, "q703").starts_with("Acknowledged"));
}

#[test]
fn resolved_message_is_edited() {
    let bot = Bot::start();
    let home = home(&bot);
    let _engine = Running::start(&home);
    let (number, sent) = wait_for(&bot, LOW);
    home.readiness(90);
    home.run(&["run-now"]).ok();
    let edited = eventually("the edit", || bot.messages().get(&number).filter(|sent| sent.edits > 0).cloned());
    assert!(edited.shown.text.starts_with("✅ Resolved: Readiness is low") && edited.buttons.is_empty(), "{edited:?}");
    assert_eq!(bot.messages().len(), 1, "no second message");
    bot.press(500, CHAT, &data(&sent, "Acknowledge"));
    assert_eq!(answer_to(&bot, "q500"), "None of these alerts is open any more.");
}

#[test]
fn digest_buttons_answer_remaining_alerts() {
    let bot = Bot::start();
    let home = Home::new();
    home.set(json!({
        "deduplication": {"max_alerts_per_run": 1},
        "monitors": {"tasks": {"enabled": false}, "patterns": {"enabled": false}},
        "alerters": {"notification": {"enabled": false}, "telegram": bot.section()},
    }));
    let _engine = Running::start(&home);
    let (number, digest) = wait_for(&bot, LOW);
    let listed = digest.shown.bold.len() - 1;
    assert!(listed > 1 && digest.shown.bold[0] == format!("{listed} alerts"), "{digest:?}");
    home.readiness(90);
    home.run(&["run-now"]).ok();
    let edited = eventually("the edit", || bot.messages().get(&number).filter(|sent| sent.edits > 0).cloned());
    assert_eq!(edited.shown.bold[0], format!("{} of {listed} alerts still hold", listed - 1));
    assert!(edited.shown.text.contains("✅ Resolved: Readiness is low"), "{edited:?}");
    bot.press(500, CHAT, &data(&edited, "Acknowledge"));
    assert!(answer_to(&bot, "q500").starts_with("Acknowledged: "), "{:?}", bot.answered());
    let last =
        eventually("the last edit", || bot.messages().get(&number).filter(|sent| sent.buttons.is_empty()).cloned());
    assert!(last.shown.text.contains("👌 Acknowledged: "), "{last:?}");
    assert_eq!(bot.messages().len(), 1);
}

#[test]
fn deleted_message_is_updated_once() {
    let bot = Bot::start();
    let home = home(&bot);
    let _engine = Running::start(&home);
    let (number, _) = wait_for(&bot, LOW);
    eventually("it is settled", || (newest_delivery(&home).0 == "delivered").then_some(()));
    bot.delete(number);
    home.readiness(90);
    home.run(&["run-now"]).ok();
    let message = eventually("it is settled", || {
        Some(newest_delivery(&home))
            .filter(|(state, message)| state == "delivered" && message["kind"] == "resolve")
            .map(|f| f.1)
    });
    assert_eq!(message["attempts"], 1);
    assert_eq!((bot.server.times("editMessageText"), bot.messages().len()), (1, 0));
}

#[test]
fn chat_gets_one_message_a_second() {
    let bot = Bot::start();
    let home = Home::new();
    home.set(json!({
        "deduplication": {"max_alerts_per_run": 50},
        "alerters": {"notification": {"enabled": false}, "telegram": bot.section()},
    }));
    home.set(json!({"alerters": {"telegram": {"min_priority": "low"}}}));
    let _engine = Running::start(&home);
    let messages = eventually("four messages", || Some(bot.messages()).filter(|messages| messages.len() >= 4));
    let times: Vec<_> = messages.values().map(|sent| sent.at).collect();
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(900), "{times:?}");
    }
}

/// Answers the first messages with a failure.
fn failing(times: usize, answer: impl Fn() -> Answer + Send + Sync + 'static) -> Bot {
    let failures = AtomicUsize::new(times);
    let fails = move |request: &Request| {
        let take = |left: usize| left.checked_sub(1);
        request.collection == "sendMessage" && failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok()
    };
    Bot::with(move |request| fails(request).then(&answer))
}

#[test]
fn retry_after_is_honoured() {
    let body = r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 8","parameters":{"retry_after":8}}"#;
    let bot = failing(1, move || Answer::Whole(429, "", body.into()));
    let home = home(&bot);
    let engine = Running::start(&home);
    let state = eventually("the failure is known", || {
        Some(engine.status()).filter(|status| status["channel_states"]["telegram"]["state"] == "failing")
    });
    assert_eq!(state["outbox"]["telegram"], json!({"pending": 1, "failed": 0}));
    let telegram = &state["channel_states"]["telegram"];
    assert!(telegram["reason"].as_str().unwrap().contains("429 Too Many Requests: retry after 8"), "{telegram}");
    let (waits, message) = newest_delivery(&home);
    let next: Timestamp = message["next_attempt_at"].as_str().unwrap().parse().unwrap();
    let known: Timestamp = telegram["next_try"].as_str().unwrap().parse().unwrap();
    assert_eq!((waits.as_str(), &message["attempts"], next), ("pending", &json!(1), known));
    let words = home.run(&["why", READINESS]).ok().out;
    assert!(words.contains("pending after 1 attempt") && words.contains("next try 20"), "{words}");
    wait_for(&bot, LOW);
    let tries: Vec<_> =
        bot.server.requests().into_iter().filter(|r| r.collection == "sendMessage").map(|r| r.at).collect();
    assert!(tries[1] - tries[0] >= Duration::from_millis(7_900), "{tries:?}");
    eventually("all is well again", || (engine.status()["channel_states"]["telegram"]["state"] == "ok").then_some(()));
    assert_eq!(bot.messages().len(), 1);
}

#[test]
fn refusal_is_parked_with_a_hint() {
    let bot = failing(99, || refusal(403, "Forbidden: bot was blocked by the user"));
    let home = home(&bot);
    let engine = Running::start(&home);
    eventually("the failure is known", || (engine.status()["outbox"]["telegram"]["failed"] == 1).then_some(()));
    let message = newest_delivery(&home).1;
    assert!(message["reason"].as_str().unwrap().contains("unblock it"), "{message}");
    let status = engine.status();
    assert_eq!(status["outbox"]["telegram"], json!({"pending": 0, "failed": 1}));
    assert!(status["channel_states"]["telegram"]["reason"].as_str().unwrap().contains("unblock it"), "{status:#}");
    assert!(home.run(&["--status"]).ok().out.contains("0 pending, 1 failed"));
    home.run(&["run-now"]).ok();
    assert_eq!(bot.server.times("sendMessage"), 1, "not tried again");
}

#[test]
fn cut_response_does_not_send_twice() {
    let bot = failing(1, || Answer::Cut(json!({"ok": true, "result": {"message_id": 7}}).to_string()));
    let home = home(&bot);
    let engine = Running::start(&home);
    eventually("it is settled", || {
        engine.status()["channel_states"]["telegram"]["last_delivered"].is_string().then_some(())
    });
    assert_eq!(newest_delivery(&home).0, "delivered");
    home.readiness(90);
    home.run(&["run-now"]).ok();
    // The id of the first message is unknown: it cannot be edited.
    let (_, sent) = wait_for(&bot, "Resolved: Readiness is low");
    assert!(sent.silent && sent.buttons.is_empty(), "{sent:?}");
    assert_eq!(bot.server.times("sendMessage"), 2);
}

#[rstest]
#[case::without_an_engine(false)]
#[case::with_one(true)]
fn test_alert_reaches_the_chat(#[case] resident: bool) {
    let bot = Bot::start();
    let home = home(&bot);
    home.readiness(90); // no alert
    let _engine = resident.then(|| Running::start(&home));
    let outcomes = home.run(&["test-alert", "--json"]).ok().json();
    let journal = json!({"channel": "journal", "ok": true, "about": "it can be written"});
    assert_eq!(outcomes, json!([journal, {"channel": "telegram", "ok": true, "about": "sent"}]));
    let (_, sent) = bot.message_with("Test from Operator").expect("a message");
    assert!(sent.buttons.is_empty() && bot.messages().len() == 1, "{sent:?}");
    let words = home.run(&["test-alert", "telegram"]).ok().out;
    assert!(words.starts_with("telegram") && words.contains("ok"), "{words}");
    let off = home.run(&["test-alert", "webhook"]).failed(1);
    assert!(off.err.contains("webhook is off: set alerters.webhook.enabled to true"), "{}", off.err);
    assert!(home.run(&["test-alert", "pigeon"]).failed(64).err.contains("pigeon"));
    assert_eq!(bot.messages().len(), 2);
}

#[rstest]
#[case::without_an_engine(false)]
#[case::with_one(true)]
fn failing_test_alert_shows_the_reason(#[case] resident: bool) {
    let bot = failing(99, || refusal(400, "Bad Request: chat not found"));
    let home = home(&bot);
    home.readiness(90);
    let _engine = resident.then(|| Running::start(&home));
    let run = home.run(&["test-alert", "telegram"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("failed") && run.out.contains("check alerters.telegram.chat_id"), "{run:?}");
    assert_eq!(bot.server.times("sendMessage"), 1);
}

#[test]
fn check_sends_no_message() {
    let bot = Bot::start();
    let home = home(&bot);
    let run = home.run(&["check"]);
    assert!(run.out.contains("from high priority: @op_bot may write to Ada"), "{run:?}");
    home.set(json!({"alerters": {"telegram": {"token": "123456:an0ther"}}}));
    let run = home.run(&["check"]);
    assert!(run.code == 1 && run.out.contains("check alerters.telegram.token"), "{run:?}");
    assert!(!run.out.contains("an0ther") && !run.out.contains(TOKEN), "{run:?}");
    home.set(json!({"alerters": {"telegram": {"token": TOKEN, "chat_id": 4712}}}));
    let run = home.run(&["check"]);
    assert!(run.code == 1 && run.out.contains("check alerters.telegram.chat_id"), "{run:?}");
    assert!(bot.messages().is_empty() && bot.server.times("sendMessage") == 0);
}
