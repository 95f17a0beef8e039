//! A server that records posted messages: a webhook, and the sending part of the Bot API.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) path: String,
    /// Names are lower case.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// A server, or an address that is reserved for it.
pub(crate) struct Inbox {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Inbox {
    /// Nothing listens yet.
    pub(crate) fn closed() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        Self { address, posts: Arc::default() }
    }

    /// Accepts every message.
    pub(crate) fn open() -> Self {
        let inbox = Self::closed();
        inbox.listen(|_| 200);
        inbox
    }

    /// Starts the server, which runs until the test process ends. `status` gives the status for the nth message.
    pub(crate) fn listen(&self, status: impl Fn(usize) -> u16 + Send + Sync + 'static) {
        let listener = TcpListener::bind(self.address).expect("the port is still free");
        let (posts, status) = (Arc::clone(&self.posts), Arc::new(status));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (posts, status) = (Arc::clone(&posts), Arc::clone(&status));
                thread::spawn(move || record(stream, &posts, &*status));
            }
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The posts to paths with this ending.
    pub(crate) fn posts(&self, path: &str) -> Vec<Post> {
        self.posts.lock().unwrap().iter().filter(|post| post.path.ends_with(path)).cloned().collect()
    }
}

fn record(mut stream: TcpStream, posts: &Mutex<Vec<Post>>, status: &dyn Fn(usize) -> u16) {
    let Some(post) = read(&stream) else { return };
    if post.path.ends_with("/getUpdates") {
        // No updates: the poll lasts until the client disconnects.
        let _ = stream.read(&mut [0]);
        return;
    }
    let number = {
        let mut posts = posts.lock().unwrap();
        posts.push(post);
        posts.len()
    };
    let answer = format!(r#"{{"ok":true,"result":{{"message_id":{number}}}}}"#);
    let head = format!("HTTP/1.1 {} X\r\ncontent-type: application/json\r\nconnection: close", status(number - 1));
    // The client may close the connection first.
    let _ = stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).as_bytes());
}

fn read(stream: &TcpStream) -> Option<Post> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let heads = lines.take_while(|line| !line.is_empty());
    let headers: BTreeMap<String, String> = heads
        .filter_map(|line| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())))
        .collect();
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Post { path, headers, body: serde_json::from_slice(&body).ok()? })
}
