//! `operator demo`: a made-up person's week, checked for real in a folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::print::{Paint, emit};
use super::show::Look;
use crate::app::exit::Failure;
use crate::app::house::{House, Logs, runtime};
use crate::core::policy::verdict::Decision;
use crate::demo::{body, desk};
use crate::engine::clock::Clock;
use crate::engine::report::CheckReport;

/// Make the person up, live through their week, and show what Operator says.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn run(verbose: bool) -> Result<ExitCode, Failure> {
    let home = make_home()?;
    let config = home.join("config.yaml");
    write(&config, &configuration(&home))?;
    // Nothing of the user's environment reaches the demo: it must not touch their data.
    let house = House::open(Some(&config), |_| None, verbose, Logs::Quiet)?;
    let morning = latest_morning(&house);
    emit(&introduction(&home, &morning));
    let report = live_the_week(&house, &home, &morning)?;
    let look = Look { paint: Paint::for_stdout(), zone: house.zone(), now: morning.timestamp() };
    emit(&look.report(&report));
    emit(&what_next(&config, &report));
    Ok(ExitCode::SUCCESS)
}

fn make_home() -> Result<PathBuf, Failure> {
    let name = format!("operator-demo-{}-{}", Timestamp::now().strftime("%Y%m%d-%H%M%S"), std::process::id());
    let home = std::env::temp_dir().join(name);
    let failed = |error| Failure::Other(format!("{}: {error}", home.display()));
    crate::config::paths::private_dir(&home).map_err(failed)?;
    Ok(home)
}

fn configuration(home: &Path) -> String {
    let path = |name: &str| serde_json::Value::from(home.join(name).display().to_string());
    format!(
        "# The made-up person of `operator demo`.\n\
         sources:\n  oura: {{cache_dir: {}}}\n  state_store: {{path: {}}}\n  focus_file: {{path: {}}}\n\
         paths: {{state_dir: {}, log_dir: {}}}\n",
        path("oura-health.db"),
        path("state.db"),
        path("focus.md"),
        path("state"),
        path("logs"),
    )
}

/// The last time it was five past nine: late enough for the morning's reminders, whenever the demo is run.
fn latest_morning(house: &House) -> ZonedDateTime {
    let now = Timestamp::now().to_zoned_datetime(house.zone());
    let at = |date: Date| date.at(9, 5, 0, 0).to_zoned_datetime(house.zone()).unwrap_or_else(|_| now.clone());
    let today = at(now.date());
    if today <= now { today } else { at(now.date().saturating_sub(1.day())) }
}

/// The evenings of a week, each with a look at the tasks, a night in quiet hours, and the morning.
fn live_the_week(house: &House, home: &Path, morning: &ZonedDateTime) -> Result<CheckReport, Failure> {
    let today = morning.date();
    let (cache, state) = (home.join("oura-health.db"), home.join("state.db"));
    write(&home.join("focus.md"), "# This quarter: ship the new onboarding\n")?;
    desk::write(&state, today).map_err(|error| failed(&state, &error))?;
    for days_ago in [6, 4, 2] {
        let day = today.saturating_sub(days_ago.days());
        body::write(&cache, day, 60).map_err(|error| failed(&cache, &error))?;
        let report = check(house, day, 17)?;
        desk::put_off(&state, day, today).map_err(|error| failed(&state, &error))?;
        emit(&summary(&report, "then the quarterly report is put off again"));
    }
    let yesterday = today.saturating_sub(1.day());
    body::write(&cache, yesterday, 60).map_err(|error| failed(&cache, &error))?;
    let night = check(house, yesterday, 23)?;
    emit(&summary(&night, "quiet hours: only what is critical is told"));
    emit("\n");
    body::write(&cache, today, 60).map_err(|error| failed(&cache, &error))?;
    check(house, today, 9)
}

/// One real check, with the clock at five past this hour.
fn check(house: &House, day: Date, hour: i8) -> Result<CheckReport, Failure> {
    let unknown = |error: jiff::Error| Failure::Other(format!("{day} {hour}:05: {error}"));
    let at = day.at(hour, 5, 0, 0).to_zoned_datetime(house.zone()).map_err(unknown)?.timestamp();
    let _lock = house.lock()?;
    let (store, warnings) = house.writable(at)?;
    let mut engine = house.engine(store, Clock::fixed(at), false, warnings)?;
    Ok(runtime()?.block_on(engine.check_once())?)
}

fn failed(path: &Path, error: &rusqlite::Error) -> Failure {
    Failure::Other(format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::Other(format!("{}: {error}", path.display())))
}

fn introduction(home: &Path, morning: &ZonedDateTime) -> String {
    format!(
        "A made-up person: 60 days of ring data with naps and gaps, tasks, promises, and one task that is put off.\n\
         Everything lives in {}; nothing of yours is touched.\n\n\
         The week before {}:\n",
        home.display(),
        morning.strftime("%A %Y-%m-%d")
    )
}

fn summary(report: &CheckReport, remark: &str) -> String {
    let count = |wanted: Decision| report.alerts.iter().filter(|alert| alert.decision == wanted).count();
    let parts = [
        (Decision::Deliver, "told"),
        (Decision::Coalesce, "in a digest"),
        (Decision::Hold, "held"),
        (Decision::Suppress, "suppressed"),
        (Decision::Resolve, "resolved"),
    ];
    let counts: Vec<String> = parts
        .into_iter()
        .map(|(decision, word)| (count(decision), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let at = report.at.get(..16).unwrap_or(&report.at).replace('T', " ");
    format!("  {at}  {} – {remark}\n", counts.join(", "))
}

fn what_next(config: &Path, report: &CheckReport) -> String {
    let config = config.display();
    // Before it is installed, the program is not on the path.
    let program = std::env::current_exe().map_or_else(|_| "operator".into(), |path| path.display().to_string());
    let key = report.alerts.first().map_or("health:readiness_low", |alert| alert.key.as_str());
    let mut text = String::from("What you can do now:\n");
    let steps = [
        (format!("{program} --config {config} why {key}"), "the story of the first alert"),
        (format!("{program} --config {config} alerts"), "what is open"),
        (format!("{program} --config {config} journal"), "every decision of the week"),
        (format!("{program} check"), "try your own sources; it says what to connect"),
        (format!("{program} --headless"), "let it watch"),
    ];
    for (command, purpose) in steps {
        let _ = writeln!(text, "  {command}\n      {purpose}");
    }
    text
}
