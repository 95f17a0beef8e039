//! Taskwarrior: what `task export` prints. It is asked to change nothing, not even to tidy up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{ToSpan, ZonedDateTime};

use super::error::SourceError;
use super::tasks::{Reading, TaskSource};
use crate::core::facts::TaskReading;
use crate::core::text::clip;
use crate::sources::blocking::run_blocking;
use crate::sources::task_builder;
use crate::sys::process::{Cause, End, NotStarted, Program, Run};

mod export;

const SOURCE: &str = "taskwarrior";

/// A longer answer (bytes) is refused whole: some 50,000 tasks.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;

/// No hooks, no housekeeping, no new instances of what recurs: what is read stays as it is. A context is what the person looks
/// at now, not all that they have to do.
const SETTINGS: [&str; 9] = [
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

/// What a folder of its data holds, in version 2 and from version 3 on.
const DATA_FILES: [&str; 2] = ["pending.data", "taskchampion.sqlite3"];

/// Taskwarrior as it is set up on this machine.
#[derive(Debug, Clone)]
pub struct Taskwarrior {
    /// Whether it is to be asked.
    pub enabled: bool,
    /// The program: its name, or its whole path.
    pub program: String,
    /// Its data, where that is not what its own configuration says.
    pub data_dir: Option<PathBuf>,
    /// Its own configuration, where there is one.
    pub taskrc: Option<PathBuf>,
    /// The longest that it may take.
    pub timeout: Duration,
}

impl TaskSource for Taskwarrior {
    fn name(&self) -> &'static str {
        SOURCE
    }

    fn is_set_up(&self) -> bool {
        self.enabled
    }

    fn is_local(&self) -> bool {
        false // a program is started
    }

    fn read<'a>(&'a self, now: &'a ZonedDateTime) -> Reading<'a> {
        Box::pin(async {
            if !self.enabled {
                let advice = "set sources.taskwarrior.enabled to true if you use it";
                return Err(SourceError::not_set_up(SOURCE, "it is not asked", advice));
            }
            let env = self.environment().await?;
            let run = self.export(env, now).run().await.map_err(not_started)?;
            reading_of(&run, now)
        })
    }
}

impl Taskwarrior {
    fn export(&self, env: Vec<(&'static str, String)>, now: &ZonedDateTime) -> Program {
        // What is to be done, and what came in or got done in the last week.
        let since = now.date().saturating_sub(8.days());
        let filter = format!("status:pending or status:waiting or entry.after:{since} or end.after:{since} export");
        let arguments = SETTINGS.into_iter().chain(filter.split(' ')).map(str::to_owned);
        let command = [self.program.clone()].into_iter().chain(arguments).collect();
        Program { env, cap: LONGEST_ANSWER, ..Program::new(command, self.timeout) }
    }

    /// Where its data and its configuration are. Without either it would make new ones, so it is not started then.
    async fn environment(&self) -> Result<Vec<(&'static str, String)>, SourceError> {
        let (data, taskrc) = (self.data_dir.clone(), self.taskrc.clone());
        run_blocking(SOURCE, move || {
            let taskrc = match taskrc.filter(|file| file.exists()) {
                Some(file) => shown(&file),
                None if data.is_some() => "/dev/null".into(),
                None => {
                    let advice = "Run 'task' once in a terminal, or set sources.taskwarrior.data_dir.";
                    return Err(SourceError::needs_user(SOURCE, "it has no configuration file (.taskrc)", advice));
                }
            };
            let mut env = vec![("TASKRC", taskrc)];
            if let Some(data) = data {
                is_its_data(&data)?;
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

fn is_its_data(folder: &Path) -> Result<(), SourceError> {
    folder.read_dir().map_err(|error| SourceError::unreadable(SOURCE, folder, &error))?;
    if DATA_FILES.iter().any(|file| folder.join(file).exists()) {
        return Ok(());
    }
    let what = format!("{} holds no data of Taskwarrior", folder.display());
    let advice = "Set sources.taskwarrior.data_dir to the folder that 'task show data.location' names.";
    Err(SourceError::needs_user(SOURCE, what, advice))
}

fn not_started(error: NotStarted) -> SourceError {
    let advice = match error.cause {
        Cause::Busy => return SourceError::outage(SOURCE, error.what),
        Cause::Missing => "Install Taskwarrior, or set sources.taskwarrior.program.".into(),
        Cause::Unusable => format!("Check sources.taskwarrior.program: {}.", error.advice),
    };
    SourceError::needs_user(SOURCE, error.what, advice)
}

fn reading_of(run: &Run, now: &ZonedDateTime) -> Result<TaskReading, SourceError> {
    let outage = |what: String| Err(SourceError::outage(SOURCE, what));
    if run.end != End::Code(0) {
        // Before what went wrong it says which of its settings were set.
        let complaint = run.stderr.text();
        let complaint =
            complaint.lines().rfind(|line| !line.trim().is_empty()).map_or(String::new(), |line| clip(line, 200));
        let why = if complaint.is_empty() { String::new() } else { format!(": {complaint}") };
        return outage(format!("task {}{why}", run.end));
    }
    if run.stdout.is_cut {
        return outage(format!("its answer is over {} MiB", LONGEST_ANSWER / (1024 * 1024)));
    }
    let mut reading = task_builder::reading(SOURCE, now.timestamp());
    match export::read(&String::from_utf8_lossy(&run.stdout.bytes), now, &TimeZone::system(), &mut reading) {
        Ok(()) => Ok(reading),
        Err(()) => outage("task printed something else than its tasks".into()),
    }
}
