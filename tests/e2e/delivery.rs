//! Messages of the built program as servers receive them.

use std::collections::BTreeMap;

use rstest::rstest;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::support::engine::Running;
use crate::support::home::{Home, eventually};
use crate::support::inbox::{Inbox, Post};

/// Task alerts only, on a webhook and in a Telegram chat.
fn home(inbox: &Inbox) -> Home {
    let home = Home::new();
    home.tasks("DELETE FROM tasks; DELETE FROM commitments;");
    home.set(json!({
        "monitors": {"health": {"enabled": false}, "patterns": {"enabled": false}},
        "alerters": {
            "notification": {"enabled": false},
            "webhook": {"enabled": true, "min_priority": "low", "url": format!("{}/hook", inbox.url())},
            "telegram": {"enabled": true, "min_priority": "low", "token": "1:a", "chat_id": "7", "api_url": inbox.url()},
        },
    }));
    home
}

fn overdue(home: &Home, tasks: u32, critical: bool) {
    let mut db = Connection::open(home.path("foreign/state.db")).expect("the state store");
    let all = db.transaction().expect("a transaction");
    for number in 0..tasks {
        all.execute(
            "INSERT INTO tasks (id, title, status, due_date, metadata, domain, source)
             VALUES (?1, 'Task ' || ?1, 'backlog', '2026-01-01', ?2, 'work', 'manual')",
            (format!("t{number}"), critical.then_some(r#"{"value_tier": "milestone"}"#)),
        )
        .expect("a task");
    }
    all.commit().expect("the tasks");
}

/// The number of distinct messages for each alert key.
fn messages_per_key(posts: &[Post]) -> BTreeMap<String, usize> {
    let mut by_number: BTreeMap<&str, &Post> = BTreeMap::new();
    by_number.extend(posts.iter().map(|post| (post.headers["idempotency-key"].as_str(), post)));
    let mut counts = BTreeMap::new();
    for alert in by_number.values().flat_map(|post| post.body["alerts"].as_array().expect("alerts")) {
        *counts.entry(alert["key"].as_str().expect("a key").to_owned()).or_default() += 1;
    }
    counts
}

fn channel(home: &Home, name: &str) -> Value {
    home.run(&["--status", "--json"]).ok().json()["channel_states"][name].clone()
}

#[rstest]
#[case::unreachable(|_| 200)]
#[case::unreachable_then_failing(|number| if number == 0 { 500 } else { 200 })]
fn recovered_server_gets_each_alert_once(#[case] status: fn(usize) -> u16) {
    let inbox = Inbox::closed();
    let home = home(&inbox);
    home.set(json!({"alerters": {"telegram": {"enabled": false}}}));
    overdue(&home, 3, false);
    let mut engine = Running::start(&home);
    eventually("the channel is down", || (channel(&home, "webhook")["state"] == "failing").then_some(()));
    inbox.listen(status);
    eventually("the channel is up", || (channel(&home, "webhook")["state"] == "ok").then_some(()));
    let expected: BTreeMap<String, usize> = (0..3).map(|n| (format!("task:deadline_overdue:t{n}"), 1)).collect();
    eventually("all of it", || (messages_per_key(&inbox.posts("/hook")).len() == 3).then_some(()));
    home.run(&["run-now"]).ok();
    assert_eq!(engine.stop("TERM"), Some(0));
    assert_eq!(messages_per_key(&inbox.posts("/hook")), expected);
    let waits = "SELECT count(*) FROM outbox WHERE state <> 'delivered'";
    assert_eq!(home.database().query_row(waits, [], |row| row.get(0)), Ok(0));
}

/// The alerts in a chat message, including the omitted ones.
fn alerts_in(post: &Post) -> usize {
    let text = post.body["text"].as_str().expect("a text");
    let more = text.split_once("… and ").and_then(|(_, rest)| rest.split_once(' ')).map(|(number, _)| number);
    let more: usize = more.map_or(0, |number| number.parse().expect("a number"));
    text.matches("Task t").count() / 2 + more
}

#[rstest]
#[case::high(false)]
#[case::critical(true)]
fn alert_storm_sends_three_messages_a_channel(#[case] critical: bool) {
    let inbox = Inbox::open();
    let home = home(&inbox);
    overdue(&home, 10_000, critical);
    let report = home.run(&["--once", "--json"]).ok().json();
    let alerts = report["alerts"].as_array().expect("alerts");
    assert_eq!(alerts.len(), 10_000);
    for alert in alerts {
        assert!(alert["decision"] == "deliver" || alert["decision"] == "coalesce", "{alert}");
    }
    let hooks = inbox.posts("/hook");
    let all: usize = hooks
        .iter()
        .map(|post| {
            let omitted = post.body["omitted"].as_u64().expect("a number") as usize;
            post.body["alerts"].as_array().expect("alerts").len() + omitted
        })
        .sum();
    assert_eq!((all, messages_per_key(&hooks).into_values().max()), (10_000, Some(1)));
    let chat = inbox.posts("/sendMessage");
    assert_eq!(chat.iter().map(alerts_in).sum::<usize>(), 10_000, "{chat:?}");
    assert!(hooks.len() <= 3 && chat.len() <= 3, "{} and {}", hooks.len(), chat.len());
    for number in [0, 4_711, 9_999] {
        let why = home.run(&["why", &format!("task:deadline_overdue:t{number}"), "--json"]).ok().json();
        for name in ["webhook", "telegram"] {
            let sent = why["deliveries"].as_array().expect("messages").iter().filter(|sent| sent["channel"] == name);
            let states: Vec<_> = sent.map(|sent| &sent["state"]).collect();
            assert!(!states.is_empty() && states.iter().all(|state| *state == "delivered"), "{why:#}");
        }
    }
    home.tasks("UPDATE tasks SET status = 'done'");
    home.run(&["--once"]).ok();
    let hooks = inbox.posts("/hook");
    let updates: Vec<&Post> = hooks.iter().filter(|post| post.body["kind"] == "update").collect();
    assert_eq!(updates.len() * 2, hooks.len(), "one update per message");
    assert_eq!(inbox.posts("/editMessageText").len(), chat.len());
    let depth = "SELECT count(*) FROM outbox WHERE state = 'pending'";
    assert_eq!(home.database().query_row(depth, [], |row| row.get(0)), Ok(0));
}
