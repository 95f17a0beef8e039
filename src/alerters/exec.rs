//! A program of the person's own that gets messages as JSON on its standard input. `docs/exec-plugins.md` describes what it
//! gets and how it answers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use super::message::Payload;
use super::{Alerter, BoxFuture, Failure, FailureKind};
use crate::config::schema::ExecAlerterConfig;
use crate::core::channel::Channel;
use crate::core::delivery::message::Message;
use crate::sys::process::{self, ErrorKind, ExitOutcome, Program, Run};

/// Try again later, as mail programs say it: `EX_TEMPFAIL` of `sysexits.h`.
const TRY_AGAIN: i32 = 75;

/// The codes by which a program says that it will not do: the others of `sysexits.h`, and those of a shell that cannot run it.
/// With any other it may just have met with a network that is away: Python ends with 1 whatever went wrong.
const fn is_refusal(code: i32) -> bool {
    matches!(code, 64..=78 | 126 | 127) && code != TRY_AGAIN
}

/// The alerter, if it is switched on.
#[must_use]
pub(super) fn alerter(config: &ExecAlerterConfig) -> Option<Arc<dyn Alerter>> {
    let patience = Duration::from_secs(config.timeout_seconds.into());
    let exec = || Exec(Program::new(config.command.clone(), patience));
    config.enabled.then(|| Arc::new(exec()) as Arc<dyn Alerter>)
}

#[derive(Debug)]
struct Exec(Program);

impl Alerter for Exec {
    fn channel(&self) -> Channel {
        Channel::Exec
    }

    fn is_local(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async {
            let program = Program { input: Some(Payload::of(message).json()?), ..self.0.clone() };
            let run = program.run().await.map_err(not_started)?;
            refusal(&run).map_or_else(|| Ok(Some(message.id.clone())), Err)
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        Box::pin(async {
            let path = self.0.resolve().map_err(not_started)?;
            Ok(format!("{} is there; it was not run", path.display()))
        })
    }

    /// A program that was changed may take what it refused before.
    fn settings(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.command.hash(&mut hasher);
        let file = self.0.resolve().ok().and_then(|path| path.metadata().ok());
        file.map(|file| (file.len(), file.modified().ok())).hash(&mut hasher);
        hasher.finish()
    }
}

/// What is missing may be installed, and what cannot be run may be mended, without a word to Operator.
fn not_started(error: process::Error) -> Failure {
    match error.kind {
        ErrorKind::NotFound | ErrorKind::Unusable => Failure::no_transport(error.message, error.advice),
        ErrorKind::Busy => Failure::retryable(error.message),
    }
}

/// None when the message was taken.
fn refusal(run: &Run) -> Option<Failure> {
    let line = run.stderr.first_line();
    let what = if line.is_empty() {
        format!("the program {}", run.outcome)
    } else {
        format!("the program {}: {line}", run.outcome)
    };
    match run.outcome {
        ExitOutcome::Code(0) => None,
        ExitOutcome::Code(code) if is_refusal(code) => {
            Some(Failure::permanent(what, "mend the program; it ends with code 75 for what may work later"))
        }
        ExitOutcome::Code(_) => Some(Failure::retryable(what)),
        ExitOutcome::Signal(_) | ExitOutcome::TimedOut(_) => Some(Failure::new(FailureKind::Unconfirmed, what)),
    }
}
