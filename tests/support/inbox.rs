//! A server on this machine that takes messages and keeps them: a webhook, and as much of the Bot API as sends.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

/// A message that came in.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) path: String,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// A place where a server stands, or will stand.
pub(crate) struct Inbox {
    address: SocketAddr,
    posts: Arc<Mutex<Vec<Post>>>,
}

impl Inbox {
    /// An address at which nobody listens yet.
    pub(crate) fn closed() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        Self { address, posts: Arc::default() }
    }

    /// One that takes everything.
    pub(crate) fn open() -> Self {
        let inbox = Self::closed();
        inbox.listen(|_| 200);
        inbox
    }

    /// From now on, and as long as the test's process lives, the nth message is answered with this status.
    pub(crate) fn listen(&self, status: impl Fn(usize) -> u16 + Send + Sync + 'static) {
        let listener = TcpListener::bind(self.address).expect("the port is still free");
        let (posts, status) = (Arc::clone(&self.posts), Arc::new(status));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (posts, status) = (Arc::clone(&posts), Arc::clone(&status));
                thread::spawn(move || take(stream, &posts, &*status));
            }
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What came in at paths that end so.
    pub(crate) fn posts(&self, path: &str) -> Vec<Post> {
        self.posts.lock().unwrap().iter().filter(|post| post.path.ends_with(path)).cloned().collect()
    }
}

fn take(mut stream: TcpStream, posts: &Mutex<Vec<Post>>, status: &dyn Fn(usize) -> u16) {
    let Some(post) = read(&stream) else { return };
    if post.path.ends_with("/getUpdates") {
        // Nobody presses a button; the poll ends with its sender.
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
    // A client that has had enough may close first.
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
