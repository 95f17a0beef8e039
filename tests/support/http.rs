//! A scripted HTTP server, which may also break the protocol.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::Value;

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// The last segment of the path.
    pub(crate) collection: String,
    pub(crate) query: HashMap<String, String>,
    /// Names are lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) enum Answer {
    /// Status, further header lines, body.
    Whole(u16, &'static str, String),
    /// A valid head and half of the body, then closes the connection.
    Cut(String),
    /// These bytes, then closes the connection.
    Raw(String),
    /// These bytes, then hangs.
    Stall(String),
    Hang,
    /// Closes the connection without a response.
    Close,
}

impl Answer {
    pub(crate) fn json(body: impl Into<String>) -> Self {
        Self::Whole(200, "", body.into())
    }

    pub(crate) fn status(status: u16) -> Self {
        Self::Whole(status, "", r#"{"detail":"no"}"#.into())
    }

    /// The last page of an Oura collection.
    pub(crate) fn page(documents: &str) -> Self {
        Self::json(format!(r#"{{"data":[{documents}],"next_token":null}}"#))
    }
}

/// Runs until the test process ends.
pub(crate) struct Server {
    /// `http://127.0.0.1:port`.
    pub(crate) url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(crate) fn start(script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), script)
    }

    pub(crate) fn on(listener: TcpListener, script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let record = requests.clone();
        let script = Arc::new(script);
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                // Dropping the stream would close a hanging connection.
                open.push(stream.try_clone().unwrap());
                let (record, script) = (record.clone(), script.clone());
                thread::spawn(move || answer(&stream, &record, &*script));
            }
        });
        Self { url, requests }
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// The number of requests for a collection.
    pub(crate) fn times(&self, collection: &str) -> usize {
        self.requests().iter().filter(|request| request.collection == collection).count()
    }
}

fn answer(mut stream: &TcpStream, record: &Mutex<Vec<Request>>, script: &dyn Fn(&Request) -> Answer) {
    let Some(request) = read(stream) else { return };
    record.lock().unwrap().push(request.clone());
    let head = |status: u16, more: &str, length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n"
        )
    };
    // The client may close the connection first.
    let _ = match script(&request) {
        Answer::Whole(status, more, body) => stream.write_all((head(status, more, body.len()) + &body).as_bytes()),
        Answer::Cut(body) => {
            let half = body.len() / 2;
            stream.write_all((head(200, "", body.len()) + &body[..half]).as_bytes())
        }
        Answer::Raw(bytes) => stream.write_all(bytes.as_bytes()),
        Answer::Stall(bytes) => return drop(stream.write_all(bytes.as_bytes())),
        Answer::Hang => return,
        Answer::Close => Ok(()),
    };
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = reader.by_ref().lines().map_while(Result::ok);
    let first = lines.next()?;
    let (method, target) = (first.split(' ').next()?.to_owned(), first.split(' ').nth(1)?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let headers: HashMap<String, String> = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| Some((line.split_once(':')?.0.to_lowercase(), line.split_once(':')?.1.trim().to_owned())))
        .collect();
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request {
        method,
        path: path.to_owned(),
        collection: path.rsplit('/').next()?.to_owned(),
        query: pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        headers,
        body,
        at: Instant::now(),
    })
}
