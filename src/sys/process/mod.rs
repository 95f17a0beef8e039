//! One way to run another program: without a shell, in a clean environment, with a limit on its time and on what it says, and
//! with an end that takes its children along.

mod find;
mod group;
mod output;

use std::fmt;
use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::FusedFuture;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

pub use find::{Cause, NotStarted, PATH};
use group::Group;
pub use output::Output;

/// What a program sees of our environment besides `PATH`: who and where the person is, and how they write. Nothing else, for
/// secrets may stand there.
pub const KEPT: [&str; 7] = ["HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// A program whose time is up may clean up for so long before it is killed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What it has said is there already when it has ended. Whoever holds its pipes open any longer is no child of it any more.
const DRAIN: Duration = Duration::from_millis(250);

/// A program to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The program, as an absolute path or a name on `PATH`, and its arguments.
    pub command: Vec<String>,
    /// What it reads; without it, it reads nothing.
    pub input: Option<Vec<u8>>,
    /// What it sees besides `PATH` and `KEPT`.
    pub env: Vec<(&'static str, String)>,
    /// The longest that it may run.
    pub timeout: Duration,
    /// No more of what it prints, and no more of what it complains, is kept (bytes); the rest is read and forgotten.
    pub cap: usize,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// How it ended.
    pub end: End,
    /// What it printed.
    pub stdout: Output,
    /// What it complained of.
    pub stderr: Output,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal, which was not ours.
    Signal(i32),
    /// Killed, because it did not end within this time.
    TimedOut(Duration),
}

impl fmt::Display for End {
    /// `ended with code 2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with code {code}"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut(limit) => write!(f, "did not end within {} s", limit.as_secs_f64()),
        }
    }
}

impl Program {
    /// A program that reads nothing and may say 64 KiB.
    #[must_use]
    pub fn new(command: Vec<String>, timeout: Duration) -> Self {
        Self { command, input: None, env: Vec::new(), timeout, cap: 64 * 1024 }
    }

    /// The same, without running it: where it is.
    ///
    /// # Errors
    /// When it is not there.
    pub fn find(&self) -> Result<std::path::PathBuf, NotStarted> {
        find::find(&self.command)
    }

    /// Run it to its end. What it left behind in its process group is killed then, and so is all of it when the future is dropped.
    ///
    /// # Errors
    /// When it could not be started.
    pub async fn run(&self) -> Result<Run, NotStarted> {
        let mut child = self.spawn()?;
        let mut group = Group::of(&child);
        let (mut stdout, mut stderr) = (Output::default(), Output::default());
        let (pipe, printed, complained) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let ended = {
            let talk = async {
                tokio::join!(
                    tell(pipe, self.input.as_deref()),
                    stdout.read(printed, self.cap),
                    stderr.read(complained, self.cap)
                )
            };
            let mut talk = pin!(talk.map(drop).fuse());
            let ended = meanwhile(&mut talk, timeout(self.timeout, child.wait())).await;
            if ended.is_err() {
                group.ask_to_end();
                let _ = meanwhile(&mut talk, timeout(LAST_WORDS, child.wait())).await;
            }
            group.end();
            if ended.is_err() {
                let _ = timeout(LAST_WORDS, child.wait()).await;
            }
            if !talk.is_terminated() {
                let _ = timeout(DRAIN, talk).await;
            }
            ended
        };
        let end = match ended {
            Ok(status) => end_of(status.map_err(|error| NotStarted::lost(&error))?),
            Err(_) => End::TimedOut(self.timeout),
        };
        Ok(Run { end, stdout, stderr })
    }

    fn spawn(&self) -> Result<Child, NotStarted> {
        let path = self.find()?;
        let kept = KEPT.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
        let input = || if self.input.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut command = Command::new(&path);
        command.args(self.command.iter().skip(1));
        command.env_clear().env("PATH", PATH).envs(kept).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir("/").process_group(0);
        command.stdin(input()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| NotStarted::of(&path, &error))
    }
}

/// Wait for `other`, and go on with `talk` as long as that takes.
async fn meanwhile<T>(talk: &mut (impl FusedFuture<Output = ()> + Unpin), other: impl Future<Output = T>) -> T {
    let mut other = pin!(other);
    loop {
        tokio::select! {
            biased;
            result = &mut other => return result,
            () = &mut *talk, if !talk.is_terminated() => {}
        }
    }
}

/// A program need not read what it is told.
async fn tell(pipe: Option<ChildStdin>, input: Option<&[u8]>) {
    if let (Some(mut pipe), Some(input)) = (pipe, input) {
        let _ = pipe.write_all(input).await;
    }
}

fn end_of(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Code(code),
        (None, signal) => End::Signal(signal.unwrap_or_default()),
    }
}
