//! The control socket in the state directory: one JSON command a line, one JSON reply a line. Only its user can open it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, unix};
use tokio::sync::{mpsc, oneshot};

use super::commands::{Command, Reply, Request};

/// The socket's name in the state directory.
pub const FILE_NAME: &str = "operator.sock";

const MAX_REQUEST_BYTES: u64 = 64 * 1024;

/// How long a client may take to send its command.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client waits for the reply: longer than a check that waits for every source.
const REPLY_TIMEOUT: Duration = Duration::from_secs(330);

/// The open socket. Dropping it removes the file.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

impl ControlSocket {
    /// Open the socket. The caller holds the instance lock, so an existing file is a leftover.
    pub fn bind(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(FILE_NAME);
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { path, listener })
    }

    pub async fn serve(self, engine: mpsc::Sender<Request>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve_client(stream, engine.clone()));
                }
                // Most likely out of file descriptors: wait until some are closed.
                Err(error) => {
                    tracing::warn!(%error, "control socket cannot accept a client");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn serve_client(stream: tokio::net::UnixStream, engine: mpsc::Sender<Request>) {
    let (reader, mut writer) = stream.into_split();
    let reply = match tokio::time::timeout(REQUEST_TIMEOUT, read_command(reader)).await {
        Ok(Ok(command)) => forward(command, &engine).await,
        Ok(Err(error)) => Reply::refused(error),
        Err(_) => Reply::refused("no command arrived in time"),
    };
    if let Ok(mut line) = serde_json::to_vec(&reply) {
        line.push(b'\n');
        // Fails only if the client has gone.
        let _ = writer.write_all(&line).await;
    }
}

async fn read_command(reader: unix::OwnedReadHalf) -> Result<Command, String> {
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(reader).take(MAX_REQUEST_BYTES);
    reader.read_line(&mut line).await.map_err(|error| format!("cannot read the command: {error}"))?;
    serde_json::from_str(&line).map_err(|error| format!("not a command: {error}"))
}

async fn forward(command: Command, engine: &mpsc::Sender<Request>) -> Reply {
    let (reply, answer) = oneshot::channel();
    let stopping = || Reply::refused("the engine is stopping");
    if engine.send(Request { command, reply }).await.is_err() {
        return stopping();
    }
    answer.await.unwrap_or_else(|_| stopping())
}

/// Send a command to the running engine and wait for its reply.
pub fn request(state_dir: &Path, command: &Command) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(state_dir.join(FILE_NAME))?;
    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply)?;
    Ok(serde_json::from_str(&reply)?)
}
