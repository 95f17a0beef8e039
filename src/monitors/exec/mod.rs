//! Exec plugins: run the user's program and parse its output. `docs/exec-plugins.md` describes the formats.

mod check_plugin;
mod json;

use std::path::Path;

use jiff::{Timestamp, ZonedDateTime};

use super::outcome::MonitorOutcome;
use crate::core::alert::Priority;
use crate::core::name::Name;
use crate::core::rules::exec::{self as rules, ExecAlert};
use crate::sources;
use crate::sys::process::{ErrorKind, ExitOutcome, Program, Run};

/// The limit of a plugin's output: a thousand alerts with long messages.
pub const MAX_OUTPUT_BYTES: usize = 1024 * 1024;

/// The source of its errors.
const SOURCE: &str = "exec";

#[derive(Debug, Clone)]
pub struct ExecPlugin {
    pub name: Name,
    pub program: Program,
    /// The priority of a check plugin's WARNING.
    pub warning: Priority,
    /// The priority of a check plugin's CRITICAL.
    pub critical: Priority,
}

/// The parsed output of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecReading {
    pub alerts: Vec<ExecAlert>,
    /// The status line of a check plugin, also printed when it is OK. Empty for JSON.
    pub status_line: String,
    pub as_of: Timestamp,
}

impl ExecPlugin {
    pub async fn run(&self, now: &ZonedDateTime) -> Result<ExecReading, sources::Error> {
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
        let (alerts, status_line) = self.parse(&run)?;
        Ok(ExecReading { alerts, status_line, as_of: now.timestamp() })
    }

    /// The alerts, and the status line of a check plugin.
    fn parse(&self, run: &Run) -> Result<(Vec<ExecAlert>, String), sources::Error> {
        let text = run.stdout.text();
        if json::is_json(&text) {
            return match run.outcome {
                ExitOutcome::Code(0) => Ok((json::parse(&run.stdout).map_err(invalid_output)?, String::new())),
                _ => Err(failed(run)),
            };
        }
        let line = check_plugin::status_line(&text);
        match (run.outcome, line.is_empty()) {
            // Otherwise the alerts would pass as the performance data of a plugin that is OK.
            (ExitOutcome::Code(check_plugin::OK), _) if json::has_json_after_text(&text) => {
                Err(invalid_output("printed text before its JSON".into()))
            }
            (ExitOutcome::Code(check_plugin::OK), _) => Ok((Vec::new(), line)),
            (ExitOutcome::Code(check_plugin::WARNING), false) => {
                Ok((vec![check_plugin::alert(self.name, self.warning, "warning", &line)], line))
            }
            (ExitOutcome::Code(check_plugin::CRITICAL), false) => {
                Ok((vec![check_plugin::alert(self.name, self.critical, "critical", &line)], line))
            }
            (ExitOutcome::Code(check_plugin::UNKNOWN), false) => {
                Err(sources::Error::transient(SOURCE, format!("reported UNKNOWN: {line}")))
            }
            _ => Err(failed(run)),
        }
    }

    /// The program's file name.
    fn file_name(&self) -> &str {
        let path = self.program.command.first().map(Path::new).unwrap_or(Path::new(""));
        path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

fn failed(run: &Run) -> sources::Error {
    let stderr = run.stderr.first_line();
    let outcome = run.outcome.to_string();
    sources::Error::transient(SOURCE, if stderr.is_empty() { outcome } else { format!("{outcome}: {stderr}") })
}

fn invalid_output(message: String) -> sources::Error {
    sources::Error::action_required(SOURCE, message, "correct the plugin's output: see docs/exec-plugins.md")
}

/// A failed plugin raises and resolves nothing.
pub fn evaluate(
    plugin: &ExecPlugin,
    reading: &Result<ExecReading, sources::Error>,
    now: &ZonedDateTime,
) -> MonitorOutcome {
    match reading {
        Err(error) => MonitorOutcome::Failed { reason: error.message.clone() },
        Ok(reading) => MonitorOutcome::Evaluated {
            evaluation: rules::evaluate(plugin.name, &reading.alerts, now),
            source: plugin.file_name().to_owned(),
            note: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::sys::process::Output;

    fn output(bytes: &[u8]) -> Output {
        Output { bytes: bytes.to_owned(), ..Output::default() }
    }

    proptest! {
        #[test]
        fn any_output_gives_valid_alerts_or_an_error(
            printed in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..200),
                "[\\[\\]{}\",:a-z0-9 \n]{0,80}".prop_map(String::into_bytes),
                ("\\PC{0,100}", "\\PC{1,100}").prop_map(|(key, title)| serde_json::json!({"key": key, "title": title}).to_string().into_bytes()),
            ],
            code in -1..5,
        ) {
            let plugin = ExecPlugin {
                name: "disk".parse().unwrap(),
                program: Program::new(Vec::new(), Duration::from_secs(1)),
                warning: Priority::Medium,
                critical: Priority::High,
            };
            let outcome = if code < 0 { ExitOutcome::Signal(9) } else { ExitOutcome::Code(code) };
            let parsed = plugin.parse(&Run { outcome, stdout: output(&printed), stderr: output(b"") });
            let now: ZonedDateTime = "2026-11-20T09:05:00[America/Chicago]".parse().unwrap();
            if let Ok((alerts, _)) = parsed {
                for alert in rules::evaluate(plugin.name, &alerts, &now).alerts {
                    prop_assert_eq!(alert.key.as_str().parse(), Ok(alert.key.clone()));
                    prop_assert!((1..=60).contains(&alert.title.chars().count()), "{:?}", alert);
                    prop_assert!(!alert.message.contains('\n') && alert.message.chars().count() <= 1_000);
                }
            } else {
                let text = String::from_utf8_lossy(&printed);
                let is_json = json::is_json(&text) || json::has_json_after_text(&text);
                prop_assert!(!matches!(outcome, ExitOutcome::Code(0)) || is_json);
            }
        }
    }
}
