//! `operator demo`: real checks on a week of sample data, in a temporary folder.

pub mod health;
pub mod tasks;

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use crate::app::daemon;
use crate::app::exit;
use crate::app::load::{AppContext, LogTarget};
use crate::app::runtime::Runtime;
use crate::cli::output::{Palette, emit};
use crate::cli::render::Renderer;
use crate::config::schema::HttpConfig;
use crate::core::policy::decision::Decision;
use crate::core::status::HttpState;
use crate::engine::clock::Clock;
use crate::engine::report::CheckReport;
use crate::http;

/// Write sample data, check it over a week, and print the last report. With `serve`, keep running with the dashboard.
pub fn run(verbose: bool, serve: bool) -> Result<ExitCode, exit::Error> {
    let home = make_home()?;
    let config = home.join("config.yaml");
    write(&config, &configuration(&home, serve.then(free_port).flatten()))?;
    // The demo gets an empty environment: it must not touch the user's data.
    let context = AppContext::load(Some(&config), |_| None, verbose, LogTarget::Quiet)?;
    let morning = latest_morning(&context);
    emit(&introduction(&home, &morning));
    let report = check_the_week(&context, &home, &morning)?;
    let renderer = Renderer { palette: Palette::for_stdout(), zone: context.time_zone(), now: morning.timestamp() };
    emit(&renderer.report(&report));
    emit(&next_steps(&config, &report));
    if serve { serve_dashboard(&context, &config, &morning) } else { Ok(ExitCode::SUCCESS) }
}

/// Keep running from that morning on, until Ctrl-C.
fn serve_dashboard(context: &AppContext, config: &Path, morning: &ZonedDateTime) -> Result<ExitCode, exit::Error> {
    let clock = Clock::fixed(morning.timestamp()).ticking();
    daemon::run_headless_at(context, clock, |page| emit(&dashboard_hint(context, config, page)))
}

fn dashboard_hint(context: &AppContext, config: &Path, page: &HttpState) -> String {
    let link = page.address.as_ref().ok_or_else(|| page.error.clone().unwrap_or_default());
    match link.and_then(|address| http::one_time_link(&context.state_dir, address)) {
        Ok(link) => format!(
            "\nThe demo runs until Ctrl-C. Its dashboard (the link works once, within ten minutes):\n  {link}\n\
             Another link:\n  {} --config {} dashboard\n",
            program(),
            config.display()
        ),
        Err(error) => format!("\nThe demo runs until Ctrl-C, without the dashboard: {error}\n"),
    }
}

/// The default port, else any free one.
fn free_port() -> Option<u16> {
    let default = HttpConfig::default().port;
    let listener = [default, 0].into_iter().find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())?;
    listener.local_addr().ok().map(|address| address.port())
}

/// The path of this program, which may not be installed yet.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "operator".into(), |path| path.display().to_string())
}

fn make_home() -> Result<PathBuf, exit::Error> {
    let name = format!("operator-demo-{}-{}", Timestamp::now().strftime("%Y%m%d-%H%M%S"), std::process::id());
    let home = std::env::temp_dir().join(name);
    let failed = |error| exit::Error::Other(format!("{}: {error}", home.display()));
    crate::config::paths::private_dir(&home).map_err(failed)?;
    Ok(home)
}

/// With a port: with the dashboard, and without notifications on the real desktop.
fn configuration(home: &Path, port: Option<u16>) -> String {
    let rest = match port {
        Some(port) => format!("http: {{port: {port}}}\nalerters: {{notification: {{enabled: false}}}}\n"),
        None => "http: {enabled: false}\n".into(),
    };
    let path = |name: &str| serde_json::Value::from(home.join(name).display().to_string());
    format!(
        "# Sample data of `operator demo`.\n\
         sources:\n  oura: {{cache_dir: {}}}\n  state_store: {{path: {}}}\n  focus_file: {{path: {}}}\n\
         paths: {{state_dir: {}, log_dir: {}}}\n{rest}",
        path("oura-health.db"),
        path("state.db"),
        path("focus.md"),
        path("state"),
        path("logs"),
    )
}

/// The last 09:05, which is after the first task reminders of the day.
fn latest_morning(context: &AppContext) -> ZonedDateTime {
    let now = Timestamp::now().to_zoned_datetime(context.time_zone());
    let at = |date: Date| date.at(9, 5, 0, 0).to_zoned_datetime(context.time_zone()).unwrap_or_else(|_| now.clone());
    let today = at(now.date());
    if today <= now { today } else { at(now.date().saturating_sub(1.day())) }
}

/// Checks on three evenings, once in quiet hours, and in the morning.
fn check_the_week(context: &AppContext, home: &Path, morning: &ZonedDateTime) -> Result<CheckReport, exit::Error> {
    let today = morning.date();
    let (cache, state) = (home.join("oura-health.db"), home.join("state.db"));
    write(&home.join("focus.md"), "# This quarter: ship the new onboarding\n")?;
    tasks::write(&state, today).map_err(|error| failed(&state, &error))?;
    for days_ago in [6, 4, 2] {
        let day = today.saturating_sub(days_ago.days());
        health::write(&cache, day, 60).map_err(|error| failed(&cache, &error))?;
        let report = check(context, day, 17)?;
        tasks::postpone_report(&state, day, today).map_err(|error| failed(&state, &error))?;
        emit(&summary(&report, "afterwards the quarterly report is postponed"));
    }
    let yesterday = today.saturating_sub(1.day());
    health::write(&cache, yesterday, 60).map_err(|error| failed(&cache, &error))?;
    let night = check(context, yesterday, 23)?;
    emit(&summary(&night, "quiet hours: critical alerts only"));
    emit("\n");
    health::write(&cache, today, 60).map_err(|error| failed(&cache, &error))?;
    check(context, today, 9)
}

/// One real check at five past this hour.
fn check(context: &AppContext, day: Date, hour: i8) -> Result<CheckReport, exit::Error> {
    let unknown = |error: jiff::Error| exit::Error::Other(format!("{day} {hour}:05: {error}"));
    let at = day.at(hour, 5, 0, 0).to_zoned_datetime(context.time_zone()).map_err(unknown)?.timestamp();
    let _lock = context.acquire_lock()?;
    let (store, warnings) = context.open_store(at)?;
    let mut engine = context.build_engine(store, Clock::fixed(at), false, warnings)?;
    Ok(Runtime::new()?.block_on(engine.check_once())?)
}

fn failed(path: &Path, error: &rusqlite::Error) -> exit::Error {
    exit::Error::Other(format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), exit::Error> {
    fs::write(path, text).map_err(|error| exit::Error::Other(format!("{}: {error}", path.display())))
}

fn introduction(home: &Path, morning: &ZonedDateTime) -> String {
    format!(
        "Sample data: 60 days from a ring, tasks, commitments, and one task that is postponed again and again.\n\
         Everything is in {}; your own data is not touched.\n\n\
         The week before {}:\n",
        home.display(),
        morning.strftime("%A %Y-%m-%d")
    )
}

fn summary(report: &CheckReport, remark: &str) -> String {
    let count = |wanted: Decision| report.alerts.iter().filter(|alert| alert.decision == wanted).count();
    let parts = [
        (Decision::Deliver, "sent"),
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

fn next_steps(config: &Path, report: &CheckReport) -> String {
    let config = config.display();
    let program = program();
    let key = report.alerts.first().map_or("health:readiness_low", |alert| alert.key.as_str());
    let mut text = String::from("Next steps:\n");
    let steps = [
        (format!("{program} --config {config} why {key}"), "the decisions about the first alert"),
        (format!("{program} --config {config} alerts"), "open alerts"),
        (format!("{program} --config {config} journal"), "every decision of the week"),
        (format!("{program} check"), "test your own sources"),
        (format!("{program} demo --serve"), "the demo with the dashboard"),
        (format!("{program} --headless"), "run without a screen"),
    ];
    for (command, purpose) in steps {
        let _ = writeln!(text, "  {command}\n      {purpose}");
    }
    text
}
