//! Both ends of delivery in one: a server that takes webhooks and speaks as much of the Bot API as is needed, keeps all it was
//! told, and kills the sender at a moment that the test chose.

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

/// A message that came in.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) channel: &'static str,
    /// Which process sent it.
    pub(crate) run: u32,
    /// The number that its sender gave it: the Idempotency-Key, or what its buttons answer with.
    pub(crate) id: String,
    pub(crate) is_news: bool,
    /// The message on the screen that this one is, or that it is written over.
    pub(crate) place: String,
    /// By key, whether it is shown as open.
    pub(crate) items: BTreeMap<String, bool>,
    pub(crate) received: Instant,
    pub(crate) answered: Option<Instant>,
}

/// A kill that a message sets off.
pub(crate) struct Trap {
    pub(crate) channel: &'static str,
    /// So many of the channel's messages are let by.
    pub(crate) passes: u64,
    /// Not at its arrival: when it was answered.
    pub(crate) at_answer: bool,
    pub(crate) delay: Duration,
    pub(crate) victim: Arc<Mutex<Child>>,
}

/// What the server knows.
#[derive(Default)]
pub(crate) struct Books {
    pub(crate) letters: Vec<Letter>,
    pub(crate) run: u32,
    pub(crate) trap: Option<Trap>,
    pub(crate) killed: Option<Instant>,
    /// How long it thinks before it answers.
    pub(crate) thinks: Duration,
}

/// A running server; it lives as long as the test's process.
pub(crate) struct PostOffice {
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
    books: Arc<Mutex<Books>>,
    /// Connections that were taken and are not done with.
    open: Arc<AtomicUsize>,
}

impl PostOffice {
    pub(crate) fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let books = Arc::new(Mutex::new(Books::default()));
        let open = Arc::new(AtomicUsize::new(0));
        let (shared, count) = (Arc::clone(&books), Arc::clone(&open));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (books, open) = (Arc::clone(&shared), Arc::clone(&count));
                open.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(stream, &books);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { url, books, open }
    }

    /// Wait until all that a dead process sent has been read: connections are taken in the order in which they came, so that
    /// none of it is left when one of ours was taken and all are done with.
    pub(crate) fn read_to_the_end(&self) {
        let mut last = TcpStream::connect(self.url.trim_start_matches("http://")).expect("a connection");
        last.write_all(b"GET /end HTTP/1.1\r\n\r\n").expect("a question");
        let _ = last.read(&mut [0]);
        while self.open.load(Ordering::SeqCst) > 0 {
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("the books")
    }
}

fn serve(mut stream: TcpStream, books: &Arc<Mutex<Books>>) {
    let Some((path, headers, body)) = read(&stream) else { return };
    if path.ends_with("/getUpdates") {
        // Nobody presses anything. The poll ends with its sender.
        let _ = stream.read(&mut [0]);
        return;
    }
    let (place, thinks) = {
        let mut books = books.lock().expect("the books");
        let number = books.letters.len();
        let letter = if path == "/hook" { posted(&headers, &body) } else { written(&path, &body, number) };
        let run = books.run;
        books.letters.push(Letter { run, ..letter });
        spring(&mut books, number, false);
        (number, books.thinks)
    };
    wait(thinks);
    let answer = json!({"ok": true, "result": {"message_id": place}}).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length:";
    if stream.write_all(format!("{head} {}\r\n\r\n{answer}", answer.len()).as_bytes()).is_ok() {
        let mut books = books.lock().expect("the books");
        books.letters[place].answered = Some(Instant::now());
        spring(&mut books, place, true);
    }
}

/// Kill, if this is the message that was waited for.
fn spring(books: &mut Books, number: usize, answered: bool) {
    let channel = books.letters[number].channel;
    let Some(trap) = books.trap.as_mut().filter(|trap| trap.channel == channel && trap.at_answer == answered) else {
        return;
    };
    if trap.passes > 0 {
        trap.passes -= 1;
        return;
    }
    let Some(Trap { delay, victim, .. }) = books.trap.take() else { return };
    if delay.is_zero() {
        books.killed = Some(Instant::now());
        let _ = victim.lock().expect("the victim").kill();
    } else {
        // In a thread of its own, so that the answer goes its way.
        thread::spawn(move || {
            wait(delay);
            let _ = victim.lock().expect("the victim").kill();
        });
        books.killed = Some(Instant::now() + delay);
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

fn letter(channel: &'static str, id: String, is_news: bool, place: String, items: BTreeMap<String, bool>) -> Letter {
    Letter { channel, run: 0, id, is_news, place, items, received: Instant::now(), answered: None }
}

/// A webhook.
fn posted(headers: &BTreeMap<String, String>, body: &Value) -> Letter {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let id = text(&body["id"]).expect("an id");
    assert_eq!(headers.get("idempotency-key"), Some(&id));
    let items = body["alerts"].as_array().expect("alerts").iter();
    let items = items.map(|alert| (text(&alert["key"]).expect("a key"), alert["state"] == "open")).collect();
    let is_news = body["kind"] == "new";
    let place = text(&body["replaces"]).filter(|_| !is_news).unwrap_or_else(|| id.clone());
    letter("webhook", id, is_news, place, items)
}

/// A call of the Bot API. What is resolved makes a message one that brings up to date, though it may be sent anew.
fn written(path: &str, body: &Value, number: usize) -> Letter {
    let edits = path.ends_with("/editMessageText");
    assert!(edits || path.ends_with("/sendMessage"), "{path}");
    let text = body["text"].as_str().expect("a text");
    let bold = text.split("<b>").skip(1).filter_map(|rest| Some(rest.split_once("</b>")?.0));
    let items: BTreeMap<String, bool> = bold.filter_map(item).collect();
    let handle = body["reply_markup"]["inline_keyboard"][0][0]["callback_data"].as_str().unwrap_or_default();
    let id = handle.split_once(':').map_or("", |(_, id)| id).to_owned();
    let place = if edits { body["message_id"].to_string() } else { number.to_string() };
    let is_news = !edits && items.values().all(|open| *open);
    letter("telegram", id, is_news, place, items)
}

/// The key that a title stands for, and whether it is open.
fn item(title: &str) -> Option<(String, bool)> {
    let number: String = title.split_once("Task t")?.1.chars().take_while(char::is_ascii_digit).collect();
    Some((format!("task:deadline_overdue:t{number}"), !title.contains("Resolved: ")))
}
