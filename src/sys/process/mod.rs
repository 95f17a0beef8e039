//! Runs other programs: without a shell, in a clean environment, with limits on time and output, and never longer than asked.
//!
//! Invariant: when `Program::run` returns or its future is dropped, the whole process group of the program is dead.

mod resolve;

use std::fmt;
use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

pub use self::resolve::{Error, ErrorKind, PATH};
use crate::core::text::truncate;

/// Inherited besides `PATH`. Every other variable is withheld, because it may hold a secret.
pub const INHERITED_ENV: [&str; 7] = ["HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// Between SIGTERM and SIGKILL, and again for the kernel to report the death.
const TERM_GRACE: Duration = Duration::from_secs(1);

/// How long the output is read after the program has ended. A process that left the group may hold the pipes open for longer.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(250);

const DEFAULT_MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// `Output::first_line` is cut to this length (characters).
const MAX_LINE_CHARS: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program, as an absolute path or a name on `PATH`, and its arguments.
    pub command: Vec<String>,
    /// Standard input; `None` is `/dev/null`.
    pub input: Option<Vec<u8>>,
    /// Added to `PATH` and `INHERITED_ENV`.
    pub env: Vec<(&'static str, String)>,
    pub timeout: Duration,
    /// Limit for each of stdout and stderr. The program may write more; the rest is discarded.
    pub max_output_bytes: usize,
}

/// A finished run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub outcome: ExitOutcome,
    pub stdout: Output,
    pub stderr: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitOutcome {
    Code(i32),
    /// Ended by a signal that Operator did not send.
    Signal(i32),
    /// Killed by Operator after this time.
    TimedOut(Duration),
}

impl fmt::Display for ExitOutcome {
    /// `ended with code 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut(limit) => write!(f, "did not end within {} s", limit.as_secs_f64()),
        }
    }
}

impl From<ExitStatus> for ExitOutcome {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.signal().unwrap_or_default()),
        }
    }
}

impl Program {
    #[must_use]
    pub fn new(command: Vec<String>, timeout: Duration) -> Self {
        Self { command, input: None, env: Vec::new(), timeout, max_output_bytes: DEFAULT_MAX_OUTPUT_BYTES }
    }

    /// The file that `run` would start.
    pub fn resolve(&self) -> Result<PathBuf, Error> {
        resolve::resolve(&self.command)
    }

    pub async fn run(&self) -> Result<Run, Error> {
        let mut child = self.spawn()?;
        let mut group = ProcessGroup::led_by(&child);
        let (mut stdout, mut stderr) = (Output::default(), Output::default());
        let (stdin_pipe, stdout_pipe, stderr_pipe) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let exit = {
            let transfer = async {
                tokio::join!(
                    write_input(stdin_pipe, self.input.as_deref()),
                    stdout.fill(stdout_pipe, self.max_output_bytes),
                    stderr.fill(stderr_pipe, self.max_output_bytes)
                )
            };
            let mut transfer = pin!(transfer.map(drop).fuse());
            let exit = run_alongside(&mut transfer, timeout(self.timeout, child.wait())).await;
            if exit.is_err() {
                group.signal(Signal::TERM);
                let _ = run_alongside(&mut transfer, timeout(TERM_GRACE, child.wait())).await;
            }
            group.kill();
            if exit.is_err() {
                let _ = timeout(TERM_GRACE, child.wait()).await;
            }
            if !transfer.is_terminated() {
                let _ = timeout(DRAIN_TIMEOUT, transfer).await;
            }
            exit
        };
        let outcome = match exit {
            Ok(status) => status.map_err(|error| Error::wait_failed(&error))?.into(),
            Err(_) => ExitOutcome::TimedOut(self.timeout),
        };
        Ok(Run { outcome, stdout, stderr })
    }

    fn spawn(&self) -> Result<Child, Error> {
        let path = self.resolve()?;
        let inherited = INHERITED_ENV.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let stdin = if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut command = Command::new(&path);
        command.args(self.command.iter().skip(1));
        command.env_clear().env("PATH", PATH).envs(inherited).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir("/").process_group(0);
        command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| Error::spawn_failed(&path, &error))
    }
}

/// Wait for `other` while `transfer` goes on.
async fn run_alongside<T>(transfer: &mut (impl FusedFuture<Output = ()> + Unpin), other: impl Future<Output = T>) -> T {
    let mut other = pin!(other);
    loop {
        tokio::select! {
            biased;
            result = &mut other => return result,
            () = &mut *transfer, if !transfer.is_terminated() => {}
        }
    }
}

async fn write_input(pipe: Option<ChildStdin>, input: Option<&[u8]>) {
    if let (Some(mut pipe), Some(input)) = (pipe, input) {
        // A program need not read its input.
        let _ = pipe.write_all(input).await;
    }
}

/// The process group that a child leads. It is killed on drop.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn led_by(leader: &Child) -> Self {
        Self(leader.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)))
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // The group may be empty already.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Only once: the system may reuse the number of a dead group.
    fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.0 = None;
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The beginning of a program's output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub bytes: Vec<u8>,
    /// Whether the program wrote more than was kept.
    pub is_truncated: bool,
}

impl Output {
    /// Reads to the end and keeps `max_bytes`: a program must not block on a full pipe.
    async fn fill(&mut self, pipe: Option<impl AsyncRead + Unpin>, max_bytes: usize) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
            let read = buffer.get(..length).unwrap_or_default();
            let kept = max_bytes.saturating_sub(self.bytes.len()).min(length);
            self.bytes.extend_from_slice(read.get(..kept).unwrap_or_default());
            self.is_truncated |= kept < length;
        }
    }

    /// Invalid UTF-8 becomes `�`.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The first line that is not blank, or an empty text.
    #[must_use]
    pub fn first_line(&self) -> String {
        let text = self.text();
        truncate(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default(), MAX_LINE_CHARS)
    }
}
