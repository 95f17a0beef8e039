//! A server on loopback that takes webhooks and plays the Bot API, and says when a message had come in whole.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// As long as the Bot API keeps a poll open that asks for it.
const POLL: Duration = Duration::from_secs(50);

/// A message that came in.
pub(crate) struct Arrived {
    pub(crate) at: Instant,
    pub(crate) body: String,
}

/// A running server; it lives as long as the process.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) arrived: Receiver<Arrived>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (tell, arrived) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let tell = tell.clone();
                thread::spawn(move || serve(&stream, &tell));
            }
        });
        Self { url, arrived }
    }
}

#[expect(clippy::disallowed_methods, reason = "a long poll is answered by letting time pass")]
fn serve(mut stream: &TcpStream, tell: &Sender<Arrived>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some((path, body)) = request(&mut reader) {
        let at = Instant::now();
        let answer = if path.ends_with("/getUpdates") {
            thread::sleep(POLL);
            r#"{"ok":true,"result":[]}"#
        } else {
            let _ = tell.send(Arrived { at, body });
            r#"{"ok":true,"result":{"message_id":1}}"#
        };
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        if stream.write_all((head + answer).as_bytes()).is_err() {
            break;
        }
    }
}

/// None when the connection is over.
fn request(reader: &mut BufReader<&TcpStream>) -> Option<(String, String)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path, String::from_utf8(body).unwrap()))
}
