//! Taskwarrior: runs `task export` so that it changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{ToSpan, ZonedDateTime};

use super::Error;
use super::{FetchFuture, TaskSource};
use crate::core::facts::TaskReading;
use crate::core::text::truncate;
use crate::sources::blocking::run_blocking;
use crate::sources::task_builder::empty_reading;
use crate::sys::process::{self, ErrorKind, ExitOutcome, Program, Run};

mod export;

const SOURCE: &str = "taskwarrior";

/// About 50,000 tasks. A longer output is an error.
const MAX_OUTPUT_BYTES: usize = 32 * 1024 * 1024;

/// Standard error is cut to this length.
const MAX_ERROR_CHARS: usize = 200;

/// No hooks, no garbage collection, no new recurring instances: the data stays as it is. No context, because a context hides
/// tasks.
const OVERRIDES: [&str; 9] = [
    "rc.color=off",
    "rc.confirmation=off",
    "rc.context=none",
    "rc.detection=off",
    "rc.gc=off",
    "rc.hooks=off",
    "rc.json.array=on",
    "rc.recurrence=off",
    "rc.verbose=nothing",
];

/// The data folder holds the first in version 2, the second from version 3 on.
const DATA_FILES: [&str; 2] = ["pending.data", "taskchampion.sqlite3"];

#[derive(Debug, Clone)]
pub struct Taskwarrior {
    pub enabled: bool,
    /// A name or an absolute path.
    pub program: String,
    /// Overrides `data.location` of `taskrc`.
    pub data_dir: Option<PathBuf>,
    pub taskrc: Option<PathBuf>,
    pub timeout: Duration,
}

impl TaskSource for Taskwarrior {
    fn source_name(&self) -> &'static str {
        SOURCE
    }

    fn is_configured(&self) -> bool {
        self.enabled
    }

    fn fetch<'a>(&'a self, now: &'a ZonedDateTime) -> FetchFuture<'a> {
        Box::pin(async {
            if !self.enabled {
                let advice = "set sources.taskwarrior.enabled to true if you use it";
                return Err(Error::not_configured(SOURCE, "switched off", advice));
            }
            let env = self.environment().await?;
            let run = self.export_program(env, now).run().await.map_err(explain_start)?;
            parse_run(&run, now)
        })
    }
}

impl Taskwarrior {
    fn export_program(&self, env: Vec<(&'static str, String)>, now: &ZonedDateTime) -> Program {
        // Open tasks, and those created or completed in the last week.
        let since = now.date().saturating_sub(8.days());
        let filter = format!("status:pending or status:waiting or entry.after:{since} or end.after:{since} export");
        let arguments = OVERRIDES.into_iter().chain(filter.split(' ')).map(str::to_owned);
        let command = [self.program.clone()].into_iter().chain(arguments).collect();
        Program { env, max_output_bytes: MAX_OUTPUT_BYTES, ..Program::new(command, self.timeout) }
    }

    /// Variables that locate its data and configuration. Without either, Taskwarrior would create them, so this is an error.
    async fn environment(&self) -> Result<Vec<(&'static str, String)>, Error> {
        let (data, taskrc) = (self.data_dir.clone(), self.taskrc.clone());
        run_blocking(SOURCE, move || {
            let taskrc = match taskrc.filter(|file| file.exists()) {
                Some(file) => shown(&file),
                None if data.is_some() => "/dev/null".into(),
                None => {
                    let advice = "Run `task` once in a terminal, or set sources.taskwarrior.data_dir.";
                    return Err(Error::action_required(
                        SOURCE,
                        "Taskwarrior has no configuration file (.taskrc)",
                        advice,
                    ));
                }
            };
            let mut env = vec![("TASKRC", taskrc)];
            if let Some(data) = data {
                check_data_folder(&data)?;
                env.push(("TASKDATA", shown(&data)));
            }
            Ok(env)
        })
        .await
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn check_data_folder(folder: &Path) -> Result<(), Error> {
    folder.read_dir().map_err(|error| Error::from_io(SOURCE, folder, &error))?;
    if DATA_FILES.iter().any(|file| folder.join(file).exists()) {
        return Ok(());
    }
    let message = format!("{} holds no data of Taskwarrior", folder.display());
    let advice = "Set sources.taskwarrior.data_dir to the folder that `task show data.location` prints.";
    Err(Error::action_required(SOURCE, message, advice))
}

fn explain_start(error: process::Error) -> Error {
    let advice = match error.kind {
        ErrorKind::Busy => return Error::transient(SOURCE, error.message),
        ErrorKind::NotFound => "Install Taskwarrior, or set sources.taskwarrior.program.".into(),
        ErrorKind::Unusable => format!("Check sources.taskwarrior.program: {}.", error.advice),
    };
    Error::action_required(SOURCE, error.message, advice)
}

fn parse_run(run: &Run, now: &ZonedDateTime) -> Result<TaskReading, Error> {
    let fail = |message: String| Err(Error::transient(SOURCE, message));
    if run.outcome != ExitOutcome::Code(0) {
        // The last line says what failed; those before it repeat the overrides.
        let stderr = run.stderr.text();
        let last_line = stderr.lines().rfind(|line| !line.trim().is_empty());
        let reason = last_line.map_or(String::new(), |line| format!(": {}", truncate(line, MAX_ERROR_CHARS)));
        return fail(format!("task {}{reason}", run.outcome));
    }
    if run.stdout.is_truncated {
        return fail(format!("its output is over {} MiB", MAX_OUTPUT_BYTES / (1024 * 1024)));
    }
    let mut reading = empty_reading(SOURCE, now.timestamp());
    match export::parse_into(&String::from_utf8_lossy(&run.stdout.bytes), now, &TimeZone::system(), &mut reading) {
        Ok(()) => Ok(reading),
        Err(_) => fail("task did not print a list of tasks".into()),
    }
}
