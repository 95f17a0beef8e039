//! One server for both channels: it takes webhooks and the calls of the Bot API, keeps all messages, and kills the sender at a
//! moment that the test chose.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::wait;

#[derive(Debug, Clone)]
pub(crate) struct ReceivedMessage {
    pub(crate) channel: &'static str,
    /// The process that sent it.
    pub(crate) run: u32,
    /// The id that its sender gave it: the Idempotency-Key, or the callback data of its buttons.
    pub(crate) id: String,
    pub(crate) is_new: bool,
    /// The shown message that this one is or replaces.
    pub(crate) place: String,
    /// By key, whether it is shown as open.
    pub(crate) items: BTreeMap<String, bool>,
    pub(crate) received: Instant,
    pub(crate) answered: Option<Instant>,
}

/// A kill at the arrival of a message, or at its response.
pub(crate) struct KillTrigger {
    pub(crate) channel: &'static str,
    /// How many messages of the channel are let through first.
    pub(crate) skip: u64,
    pub(crate) after_response: bool,
    pub(crate) delay: Duration,
    pub(crate) process: Arc<Mutex<Child>>,
}

#[derive(Default)]
pub(crate) struct ServerState {
    pub(crate) messages: Vec<ReceivedMessage>,
    pub(crate) run: u32,
    pub(crate) trigger: Option<KillTrigger>,
    pub(crate) killed: Option<Instant>,
    pub(crate) response_delay: Duration,
}

/// A running server; it runs as long as the test process.
pub(crate) struct FakeServers {
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
    servers: Arc<Mutex<ServerState>>,
    /// Accepted connections that are still open.
    open: Arc<AtomicUsize>,
}

impl FakeServers {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let servers = Arc::new(Mutex::new(ServerState::default()));
        let open = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (Arc::clone(&servers), Arc::clone(&open));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (servers, open) = (Arc::clone(&shared), Arc::clone(&count));
                open.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(stream, &servers);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { url, servers, open }
    }

    /// Waits until everything that a dead process sent is read. Connections are accepted in order, so nothing is left once our own
    /// connection was accepted and all are closed.
    pub(crate) fn wait_until_idle(&self) {
        let mut last = TcpStream::connect(self.url.trim_start_matches("http://")).expect("a connection");
        last.write_all(b"GET /end HTTP/1.1\r\n\r\n").expect("a question");
        let _ = last.read(&mut [0]);
        while self.open.load(Ordering::SeqCst) > 0 {
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    pub(crate) fn servers(&self) -> MutexGuard<'_, ServerState> {
        self.servers.lock().expect("the servers")
    }
}

fn serve(mut stream: TcpStream, servers: &Arc<Mutex<ServerState>>) {
    let Some((path, headers, body)) = read(&stream) else { return };
    if path.ends_with("/getUpdates") {
        // No user presses a button; the poll ends with its sender.
        let _ = stream.read(&mut [0]);
        return;
    }
    let (place, response_delay) = {
        let mut servers = servers.lock().expect("the servers");
        let number = servers.messages.len();
        let message =
            if path == "/hook" { parse_webhook(&headers, &body) } else { parse_telegram(&path, &body, number) };
        let run = servers.run;
        servers.messages.push(ReceivedMessage { run, ..message });
        fire_trigger(&mut servers, number, false);
        (number, servers.response_delay)
    };
    wait(response_delay);
    let answer = json!({"ok": true, "result": {"message_id": place}}).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    if stream.write_all(format!("{head} {}\r\n\r\n{answer}", answer.len()).as_bytes()).is_ok() {
        let mut servers = servers.lock().expect("the servers");
        servers.messages[place].answered = Some(Instant::now());
        fire_trigger(&mut servers, place, true);
    }
}

/// Kills the process if the trigger waits for this message.
fn fire_trigger(servers: &mut ServerState, number: usize, answered: bool) {
    let channel = servers.messages[number].channel;
    let Some(trigger) =
        servers.trigger.as_mut().filter(|trigger| trigger.channel == channel && trigger.after_response == answered)
    else {
        return;
    };
    if trigger.skip > 0 {
        trigger.skip -= 1;
        return;
    }
    let Some(KillTrigger { delay, process, .. }) = servers.trigger.take() else { return };
    if delay.is_zero() {
        servers.killed = Some(Instant::now());
        let _ = process.lock().expect("the process").kill();
    } else {
        // In a thread, so that the response is not delayed.
        thread::spawn(move || {
            wait(delay);
            let _ = process.lock().expect("the process").kill();
        });
        servers.killed = Some(Instant::now() + delay);
    }
}

fn read(stream: &TcpStream) -> Option<(String, BTreeMap<String, String>, Value)> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let heads = lines.take_while(|line| !line.is_empty());
    let headers: BTreeMap<String, String> = heads
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
        .collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some((path, headers, serde_json::from_slice(&body).expect("JSON")))
}

fn received(
    channel: &'static str,
    id: String,
    is_new: bool,
    place: String,
    items: BTreeMap<String, bool>,
) -> ReceivedMessage {
    ReceivedMessage { channel, run: 0, id, is_new, place, items, received: Instant::now(), answered: None }
}

fn parse_webhook(headers: &BTreeMap<String, String>, body: &Value) -> ReceivedMessage {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let id = text(&body["id"]).expect("an id");
    assert_eq!(headers.get("idempotency-key"), Some(&id));
    let items = body["alerts"].as_array().expect("alerts").iter();
    let items = items.map(|alert| (text(&alert["key"]).expect("a key"), alert["state"] == "open")).collect();
    let is_new = body["kind"] == "new";
    let place = text(&body["replaces"]).filter(|_| !is_new).unwrap_or_else(|| id.clone());
    received("webhook", id, is_new, place, items)
}

/// A call of the Bot API. A message with a resolved alert is an update, also when it is sent as a new one.
fn parse_telegram(path: &str, body: &Value, number: usize) -> ReceivedMessage {
    let edits = path.ends_with("/editMessageText");
    assert!(edits || path.ends_with("/sendMessage"), "{path}");
    let text = body["text"].as_str().expect("a text");
    let bold = text.split("<b>").skip(1).filter_map(|rest| Some(rest.split_once("</b>")?.0));
    let items: BTreeMap<String, bool> = bold.filter_map(item).collect();
    let handle = body["reply_markup"]["inline_keyboard"][0][0]["callback_data"].as_str().unwrap_or_default();
    let id = handle.split_once(':').map_or("", |(_, id)| id).to_owned();
    let place = if edits { body["message_id"].to_string() } else { number.to_string() };
    let is_new = !edits && items.values().all(|open| *open);
    received("telegram", id, is_new, place, items)
}

/// The key of a title, and whether the alert is open.
fn item(title: &str) -> Option<(String, bool)> {
    let number: String = title.split_once("Task t")?.1.chars().take_while(char::is_ascii_digit).collect();
    Some((format!("task:deadline_overdue:t{number}"), !title.contains("Resolved: ")))
}
