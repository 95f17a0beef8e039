//! The exec channel: a program of the user that reads messages as JSON on standard input. `docs/exec-plugins.md` describes it.

use std::time::Duration;

use super::payload::Payload;
use super::{Alerter, BoxFuture, Failure, FailureKind, hash_of};
use crate::config::schema::ExecAlerterConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::Message;
use crate::sys::process::{self, ErrorKind, ExitOutcome, Program, Run};

/// `EX_TEMPFAIL` of `sysexits.h`.
const EXIT_RETRY: i32 = 75;

/// Exit codes of a permanent refusal: the other codes of `sysexits.h`, and those of a shell that cannot run the program. Other
/// codes may stem from a network failure: Python exits with 1 after any exception.
const fn is_permanent(code: i32) -> bool {
    matches!(code, 64..=78 | 126 | 127) && code != EXIT_RETRY
}

#[derive(Debug)]
pub(super) struct Exec(Program);

impl Exec {
    pub(super) fn new(config: &ExecAlerterConfig) -> Self {
        Self(Program::new(config.command.clone(), Duration::from_secs(config.timeout_seconds.into())))
    }
}

impl Alerter for Exec {
    fn channel(&self) -> Channel {
        Channel::Exec
    }

    fn is_local(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async {
            let program = Program { input: Some(Payload::new(message).to_json()?), ..self.0.clone() };
            let run = program.run().await.map_err(spawn_failure)?;
            exit_failure(&run).map_or_else(|| Ok(Some(message.id.clone())), Err)
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let path = self.0.resolve().map_err(spawn_failure)?;
            Ok(format!("{} exists; it was not run", path.display()))
        })
    }

    /// Includes size and time of the program: a changed program may accept what it refused before.
    fn config_hash(&self) -> u64 {
        let file = self.0.resolve().ok().and_then(|path| path.metadata().ok());
        hash_of((&self.0.command, file.map(|file| (file.len(), file.modified().ok()))))
    }
}

/// A missing or broken program is retried: the user may fix it without a change of the configuration.
fn spawn_failure(error: process::Error) -> Failure {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::Unusable => Failure::no_transport(error.message, error.advice),
        ErrorKind::Busy => Failure::retryable(error.message),
    }
}

/// `None` if the program accepted the message.
fn exit_failure(run: &Run) -> Option<Failure> {
    let line = run.stderr.first_line();
    let what = match line.is_empty() {
        true => format!("the program {}", run.outcome),
        false => format!("the program {}: {line}", run.outcome),
    };
    match run.outcome {
        ExitOutcome::Code(0) => None,
        ExitOutcome::Code(code) if is_permanent(code) => {
            Some(Failure::permanent(what, "fix the program; exit with code 75 for what may work later"))
        }
        ExitOutcome::Code(_) => Some(Failure::retryable(what)),
        ExitOutcome::Signal(_) | ExitOutcome::TimedOut(_) => Some(Failure::new(FailureKind::Unconfirmed, what)),
    }
}
