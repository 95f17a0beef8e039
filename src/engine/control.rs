//! The Unix socket in the state directory: one JSON request a line, one JSON reply a line. Only the same user can open it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, unix};
use tokio::sync::{mpsc, oneshot};

use super::Request;
use super::command::{Command, Reply};

/// The socket's name in the state directory.
pub const FILE_NAME: &str = "operator.sock";

/// A request is a short line; whatever is longer is no request.
const LONGEST_REQUEST: u64 = 64 * 1024;

/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the command line waits for the engine: as long as a check may take that waits for every source.
const LONGEST_WAIT: Duration = Duration::from_secs(330);

/// The socket while the engine serves it; the file goes when this value does.
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
    /// Make the socket. Whoever calls holds the instance lock, so a file that is there is left over.
    ///
    /// # Errors
    /// When it cannot be made: a folder that is not writable, or a path longer than the system allows for sockets.
    pub fn bind(state_dir: &Path) -> io::Result<Self> {
        let path = state_dir.join(FILE_NAME);
        if path.exists() {
            fs::remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Self { path, listener })
    }

    /// Serve clients side by side until the engine is gone.
    pub async fn serve(self, engine: mpsc::Sender<Request>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(stream, engine.clone()));
                }
                // Out of file descriptors, most likely: others must give theirs back first.
                Err(error) => {
                    tracing::warn!("The control socket cannot take a client: {error}");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn answer(stream: tokio::net::UnixStream, engine: mpsc::Sender<Request>) {
    let (reader, mut writer) = stream.into_split();
    let reply = match tokio::time::timeout(PATIENCE, request(reader)).await {
        Ok(Ok(command)) => pass_on(command, &engine).await,
        Ok(Err(what)) => Reply::refused(what),
        Err(_) => Reply::refused("no request came"),
    };
    if let Ok(mut line) = serde_json::to_vec(&reply) {
        line.push(b'\n');
        // A client that has gone away does not want its reply.
        let _ = writer.write_all(&line).await;
    }
}

async fn request(reader: unix::OwnedReadHalf) -> Result<Command, String> {
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(reader).take(LONGEST_REQUEST);
    reader.read_line(&mut line).await.map_err(|error| format!("cannot read the request: {error}"))?;
    serde_json::from_str(&line).map_err(|error| format!("not a request: {error}"))
}

async fn pass_on(command: Command, engine: &mpsc::Sender<Request>) -> Reply {
    let (reply, answer) = oneshot::channel();
    let gone = || Reply::refused("the engine is stopping");
    if engine.send(Request { command, reply }).await.is_err() {
        return gone();
    }
    answer.await.unwrap_or_else(|_| gone())
}

/// Ask the running engine.
///
/// # Errors
/// When nobody listens, or the answer does not come.
pub fn ask(state_dir: &Path, command: &Command) -> io::Result<Reply> {
    let mut stream = UnixStream::connect(state_dir.join(FILE_NAME))?;
    stream.set_read_timeout(Some(LONGEST_WAIT))?;
    let mut line = serde_json::to_vec(command)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut reply = String::new();
    BufReader::new(stream).read_line(&mut reply)?;
    Ok(serde_json::from_str(&reply)?)
}
