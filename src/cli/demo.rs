//! `operator demo`: a made-up person's week, checked for real in a folder of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, ZonedDateTime};

use super::print::{Paint, emit};
use super::show::Look;
use crate::app::daemon;
use crate::app::exit::Failure;
use crate::app::load::{AppContext, LogTarget, runtime};
use crate::config::schema::HttpConfig;
use crate::core::policy::decision::Decision;
use crate::core::status::HttpState;
use crate::demo::{body, desk};
use crate::engine::clock::Clock;
use crate::engine::report::CheckReport;
use crate::http;

/// Make the person up, live through their week, and show what Operator says; with `serve`, go on from there with the dashboard.
///
/// # Errors
/// When the folder cannot be made or written.
pub fn run(verbose: bool, serve: bool) -> Result<ExitCode, Failure> {
    let home = make_home()?;
    let config = home.join("config.yaml");
    write(&config, &configuration(&home, serve.then(free_port).flatten()))?;
    // Nothing of the user's environment reaches the demo: it must not touch their data.
    let context = AppContext::open(Some(&config), |_| None, verbose, LogTarget::Quiet)?;
    let morning = latest_morning(&context);
    emit(&introduction(&home, &morning));
    let report = live_the_week(&context, &home, &morning)?;
    let look = Look { paint: Paint::for_stdout(), zone: context.zone(), now: morning.timestamp() };
    emit(&look.report(&report));
    emit(&what_next(&config, &report));
    if serve { go_on(&context, &config, &morning) } else { Ok(ExitCode::SUCCESS) }
}

/// Watch on, from that morning, until Ctrl-C.
fn go_on(context: &AppContext, config: &Path, morning: &ZonedDateTime) -> Result<ExitCode, Failure> {
    let clock = Clock::fixed(morning.timestamp()).going();
    daemon::run_headless_at(context, clock, |page| emit(&invitation(context, config, page)))
}

fn invitation(context: &AppContext, config: &Path, page: &HttpState) -> String {
    let link = page.address.as_ref().ok_or_else(|| page.error.clone().unwrap_or_default());
    match link.and_then(|address| http::one_time_link(&context.state_dir, address)) {
        Ok(link) => format!(
            "\nThe demo goes on until Ctrl-C. Its dashboard, good once within ten minutes:\n  {link}\n\
             For another link:\n  {} --config {} dashboard\n",
            program(),
            config.display()
        ),
        Err(trouble) => format!("\nThe demo goes on until Ctrl-C, without its dashboard: {trouble}\n"),
    }
}

/// The usual port, or whichever is free.
fn free_port() -> Option<u16> {
    let usual = HttpConfig::default().port;
    let listener = [usual, 0].into_iter().find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())?;
    listener.local_addr().ok().map(|address| address.port())
}

/// Before it is installed, the program is not on the path.
fn program() -> String {
    std::env::current_exe().map_or_else(|_| "operator".into(), |path| path.display().to_string())
}

fn make_home() -> Result<PathBuf, Failure> {
    let name = format!("operator-demo-{}-{}", Timestamp::now().strftime("%Y%m%d-%H%M%S"), std::process::id());
    let home = std::env::temp_dir().join(name);
    let failed = |error| Failure::Other(format!("{}: {error}", home.display()));
    crate::config::paths::private_dir(&home).map_err(failed)?;
    Ok(home)
}

/// With a port: for going on, with the dashboard and without banners on the real desktop.
fn configuration(home: &Path, port: Option<u16>) -> String {
    let page = match port {
        Some(port) => format!("http: {{port: {port}}}\nalerters: {{notification: {{enabled: false}}}}\n"),
        None => "http: {enabled: false}\n".into(),
    };
    let path = |name: &str| serde_json::Value::from(home.join(name).display().to_string());
    format!(
        "# The made-up person of `operator demo`.\n\
         sources:\n  oura: {{cache_dir: {}}}\n  state_store: {{path: {}}}\n  focus_file: {{path: {}}}\n\
         paths: {{state_dir: {}, log_dir: {}}}\n{page}",
        path("oura-health.db"),
        path("state.db"),
        path("focus.md"),
        path("state"),
        path("logs"),
    )
}

/// The last time it was five past nine: late enough for the morning's reminders, whenever the demo is run.
fn latest_morning(context: &AppContext) -> ZonedDateTime {
    let now = Timestamp::now().to_zoned_datetime(context.zone());
    let at = |date: Date| date.at(9, 5, 0, 0).to_zoned_datetime(context.zone()).unwrap_or_else(|_| now.clone());
    let today = at(now.date());
    if today <= now { today } else { at(now.date().saturating_sub(1.day())) }
}

/// The evenings of a week, each with a look at the tasks, a night in quiet hours, and the morning.
fn live_the_week(context: &AppContext, home: &Path, morning: &ZonedDateTime) -> Result<CheckReport, Failure> {
    let today = morning.date();
    let (cache, state) = (home.join("oura-health.db"), home.join("state.db"));
    write(&home.join("focus.md"), "# This quarter: ship the new onboarding\n")?;
    desk::write(&state, today).map_err(|error| failed(&state, &error))?;
    for days_ago in [6, 4, 2] {
        let day = today.saturating_sub(days_ago.days());
        body::write(&cache, day, 60).map_err(|error| failed(&cache, &error))?;
        let report = check(context, day, 17)?;
        desk::put_off(&state, day, today).map_err(|error| failed(&state, &error))?;
        emit(&summary(&report, "then the quarterly report is put off again"));
    }
    let yesterday = today.saturating_sub(1.day());
    body::write(&cache, yesterday, 60).map_err(|error| failed(&cache, &error))?;
    let night = check(context, yesterday, 23)?;
    emit(&summary(&night, "quiet hours: only what is critical is told"));
    emit("\n");
    body::write(&cache, today, 60).map_err(|error| failed(&cache, &error))?;
    check(context, today, 9)
}

/// One real check, with the clock at five past this hour.
fn check(context: &AppContext, day: Date, hour: i8) -> Result<CheckReport, Failure> {
    let unknown = |error: jiff::Error| Failure::Other(format!("{day} {hour}:05: {error}"));
    let at = day.at(hour, 5, 0, 0).to_zoned_datetime(context.zone()).map_err(unknown)?.timestamp();
    let _lock = context.lock()?;
    let (store, warnings) = context.writable(at)?;
    let mut engine = context.engine(store, Clock::fixed(at), false, warnings)?;
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
    let program = program();
    let key = report.alerts.first().map_or("health:readiness_low", |alert| alert.key.as_str());
    let mut text = String::from("What you can do now:\n");
    let steps = [
        (format!("{program} --config {config} why {key}"), "the story of the first alert"),
        (format!("{program} --config {config} alerts"), "what is open"),
        (format!("{program} --config {config} journal"), "every decision of the week"),
        (format!("{program} check"), "try your own sources; it says what to connect"),
        (format!("{program} demo --serve"), "the same with the dashboard"),
        (format!("{program} --headless"), "let it watch"),
    ];
    for (command, purpose) in steps {
        let _ = writeln!(text, "  {command}\n      {purpose}");
    }
    text
}
