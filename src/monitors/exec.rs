//! A program of the person's own: run it, and understand what it says. `docs/exec-plugins.md` describes what it may say.

mod json;
mod plugin;

use std::path::Path;

use jiff::{Timestamp, ZonedDateTime};

use super::MonitorOutcome;
use crate::core::alert::Priority;
use crate::core::name::Name;
use crate::core::rules::exec::{self, Complaint};
use crate::sources;
use crate::sys::process::{ErrorKind, ExitOutcome, Program, Run};

/// The most that it may print (bytes): a thousand alerts with long messages.
pub const CAP: usize = 1024 * 1024;

/// The word that its failures begin with.
const SOURCE: &str = "program";

/// A program, and how it is to be understood.
#[derive(Debug, Clone)]
pub struct Exec {
    /// What the person calls it.
    pub name: Name,
    /// How it is run.
    pub program: Program,
    /// How urgent a check plugin's WARNING is.
    pub warning: Priority,
    /// How urgent its CRITICAL is.
    pub critical: Priority,
}

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// What is wrong.
    pub complaints: Vec<Complaint>,
    /// The line of a check plugin, which it prints when all is well too.
    pub line: String,
    /// When it was asked.
    pub as_of: Timestamp,
}

impl Exec {
    /// Run it as of `now`.
    ///
    /// # Errors
    /// When it does not start, does not end as it should, or says what cannot be understood.
    pub async fn read(&self, now: &ZonedDateTime) -> Result<Reading, sources::Error> {
        let mut program = self.program.clone();
        program.env.extend([
            ("OPERATOR_MONITOR", self.name.to_string()),
            ("OPERATOR_AT", now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()),
        ]);
        let run = program.run().await.map_err(|error| match error.kind {
            ErrorKind::NotFound | ErrorKind::Unusable => {
                sources::Error::action_required(SOURCE, error.message, error.advice)
            }
            ErrorKind::Busy => sources::Error::transient(SOURCE, error.message),
        })?;
        let (complaints, line) = self.understood(&run)?;
        Ok(Reading { complaints, line, as_of: now.timestamp() })
    }

    /// What it found, and its line if it is a check plugin.
    fn understood(&self, run: &Run) -> Result<(Vec<Complaint>, String), sources::Error> {
        let text = run.stdout.text();
        if json::is_meant(&text) {
            return match run.outcome {
                ExitOutcome::Code(0) => Ok((json::complaints(&run.stdout).map_err(unclear)?, String::new())),
                _ => Err(broken(run)),
            };
        }
        let line = plugin::line(&text);
        match (run.outcome, line.is_empty()) {
            // What it found would be taken for the figures of a plugin that is well.
            (ExitOutcome::Code(plugin::OK), _) if json::is_late(&text) => {
                Err(unclear("printed text before its JSON".into()))
            }
            (ExitOutcome::Code(plugin::OK), _) => Ok((Vec::new(), line)),
            (ExitOutcome::Code(plugin::WARNING), false) => Ok((vec![plugin::warning(self, &line)], line)),
            (ExitOutcome::Code(plugin::CRITICAL), false) => Ok((vec![plugin::critical(self, &line)], line)),
            (ExitOutcome::Code(plugin::UNKNOWN), false) => {
                Err(sources::Error::transient(SOURCE, format!("does not know: {line}")))
            }
            _ => Err(broken(run)),
        }
    }
}

/// It did not end as one that has done its work.
fn broken(run: &Run) -> sources::Error {
    let said = run.stderr.first_line();
    sources::Error::transient(
        SOURCE,
        if said.is_empty() { run.outcome.to_string() } else { format!("{}: {said}", run.outcome) },
    )
}

/// It has done its work, but not as agreed.
fn unclear(what: String) -> sources::Error {
    sources::Error::action_required(SOURCE, what, "correct what it prints: docs/exec-plugins.md describes it")
}

/// Judge what it said. A program that failed says nothing of what is wrong, nor that it is over.
#[must_use]
pub fn judge(plugin: &Exec, answer: &Result<Reading, sources::Error>, now: &ZonedDateTime) -> MonitorOutcome {
    match answer {
        Err(error) => MonitorOutcome::Failed { reason: error.message.clone() },
        Ok(reading) => MonitorOutcome::Evaluated {
            evaluation: exec::judge(plugin.name, &reading.complaints, now),
            source: program_name(&plugin.program).to_owned(),
            note: None,
        },
    }
}

/// Its file's name, without the folders.
fn program_name(program: &Program) -> &str {
    let path = program.command.first().map(Path::new).unwrap_or(Path::new(""));
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::sys::process::Output;

    fn said(bytes: &[u8]) -> Output {
        Output { bytes: bytes.to_owned(), ..Output::default() }
    }

    proptest! {
        /// Whatever comes: nobody falls over, and what becomes of it is fit to be told.
        #[test]
        fn anything_may_be_said(
            printed in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "[\\[\\]{}\",:a-z0-9 \n]{0,80}".prop_map(String::into_bytes),
                ("\\PC{0,100}", "\\PC{1,100}").prop_map(|(key, title)| serde_json::json!({"key": key, "title": title}).to_string().into_bytes()),
            ],
            code in -1..5,
        ) {
            let plugin = Exec {
                name: "disk".parse().unwrap(),
                program: Program::new(Vec::new(), Duration::from_secs(1)),
                warning: Priority::Medium,
                critical: Priority::High,
            };
            let end = if code < 0 { ExitOutcome::Signal(9) } else { ExitOutcome::Code(code) };
            let answer = plugin.understood(&Run { outcome: end, stdout: said(&printed), stderr: said(b"") });
            let now: ZonedDateTime = "2026-11-20T09:05:00[America/Chicago]".parse().unwrap();
            if let Ok((complaints, _)) = answer {
                for alert in exec::judge(plugin.name, &complaints, &now).alerts {
                    prop_assert_eq!(alert.key.as_str().parse(), Ok(alert.key.clone()));
                    prop_assert!((1..=60).contains(&alert.title.chars().count()), "{:?}", alert);
                    prop_assert!(!alert.message.contains('\n') && alert.message.chars().count() <= 1_000);
                }
            } else {
                let text = String::from_utf8_lossy(&printed);
                prop_assert!(!matches!(end, ExitOutcome::Code(0)) || json::is_meant(&text) || json::is_late(&text));
            }
        }
    }
}
