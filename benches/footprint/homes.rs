//! Homes to measure in: a person's cache, tasks and our own database, in the sizes that the aims speak of.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use operator::cli::demo::{health, tasks};
use operator::core::alert::{Alert, AlertKey, Category, Facts, Monitor, Priority};
use operator::core::channel::{Channel, Routing};
use operator::core::facts::{HealthDay, Night, Task, TaskReading, TaskStatus};
use operator::core::policy::decision::{Decision, PolicyDecision};
use operator::core::policy::incident_state::IncidentState;
use operator::core::policy::{PolicyContext, decide};
use operator::core::rules::Evaluation;
use operator::store::task_snapshots::SnapshotDiff;
use operator::store::{CheckCommit, RetentionPolicy, Store};
use rusqlite::{Connection, params};

use crate::measure::{Cost, operator, run};

/// Whose home it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The demo's person.
    Demo,
    /// Ten years of days, 100,000 tasks of which 10,000 are open, 400 days of journal.
    Decade,
    /// Sixty days, and the same 10,000 open tasks.
    TwoMonths,
    /// 10,000 tasks, all overdue.
    Storm,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let all = [Self::Demo, Self::Decade, Self::TwoMonths, Self::Storm];
        all.into_iter().find(|kind| format!("{kind:?}") == word).ok_or_else(|| format!("no home is called {word}"))
    }
}

/// A home on the disk.
pub(crate) struct Home {
    folder: PathBuf,
    morning: ZonedDateTime,
}

impl Home {
    /// Have a process of its own write it.
    pub(crate) fn make(folder: &Path, kind: Kind) -> Self {
        let name = format!("{kind:?}");
        let folder = folder.join(&name);
        fs::create_dir_all(&folder).unwrap();
        let written = Command::new(std::env::current_exe().unwrap()).args(["prepare", &name]).arg(&folder).status();
        assert!(written.unwrap().success(), "{name} could not be made");
        Self { folder, morning: morning() }
    }

    /// The days before: what waits, what was notified and what was put off are remembered.
    pub(crate) fn live_through_a_week(&self) {
        let state = self.folder.join("state.db");
        for hours_ago in [6 * 24, 4 * 24, 2 * 24, 10] {
            self.run(-60 * hours_ago, &[]);
            let evening = self.morning.date().saturating_sub((hours_ago / 24).days());
            tasks::postpone_report(&state, evening, self.morning.date()).unwrap();
        }
    }

    /// A check that is recorded, so many minutes after five past nine.
    pub(crate) fn check(&self, minutes: usize) -> Cost {
        self.run(minutes as i64, &[])
    }

    /// A check that leaves no trace.
    pub(crate) fn dry_run(&self, minutes: usize) -> Cost {
        self.run(minutes as i64, &["--dry-run"])
    }

    /// Nothing was ever checked.
    pub(crate) fn forget(&self) {
        let _ = fs::remove_dir_all(self.folder.join("state"));
    }

    /// Add sections to the configuration.
    pub(crate) fn configure(&self, sections: &str) {
        let path = self.path("config.yaml");
        let known = fs::read_to_string(&path).unwrap();
        fs::write(path, known + sections).unwrap();
    }

    /// Have the resident program serve its page here.
    pub(crate) fn serve(&self, port: u16) {
        let path = self.path("config.yaml");
        let known = fs::read_to_string(&path).unwrap();
        let serving = known.replace("http: {enabled: false}", &format!("http: {{enabled: true, port: {port}}}"));
        assert_ne!(serving, known, "the page was switched off");
        fs::write(path, serving).unwrap();
    }

    /// A place in this home.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Until the resident program has looked at everything once.
    #[expect(clippy::disallowed_methods, reason = "another process can only be looked at again and again")]
    pub(crate) fn wait_for_the_first_check(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        // Replaced at the end of every check.
        while !self.path("state/operator_state.json").exists() {
            assert!(Instant::now() < deadline, "the first check never ended");
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The command of the resident program.
    pub(crate) fn headless(&self) -> Command {
        let mut command = operator();
        command.arg("--config").arg(self.folder.join("config.yaml")).arg("--headless");
        command
    }

    fn run(&self, minutes: i64, more: &[&str]) -> Cost {
        let at = (&self.morning + minutes.minutes()).timestamp().to_string();
        let mut command = operator();
        command.arg("--config").arg(self.folder.join("config.yaml")).args(["--once", "--json", "--at", &at]).args(more);
        run(&mut command, &self.folder)
    }
}

/// Five past nine today: late enough for the morning's reminders.
fn morning() -> ZonedDateTime {
    let now = ZonedDateTime::now();
    now.date().at(9, 5, 0, 0).to_zoned_datetime(now.time_zone().clone()).unwrap()
}

/// Write a home into an empty folder.
pub(crate) fn prepare(kind: Kind, folder: &Path) {
    let today = morning().date();
    let path = |name: &str| folder.join(name).display().to_string();
    let config = format!(
        "sources:\n  oura: {{cache_dir: {:?}}}\n  state_store: {{path: {:?}}}\n  focus_file: {{path: {:?}}}\n\
         http: {{enabled: false}}\npaths: {{state_dir: {:?}, log_dir: {:?}}}\n",
        path("oura-health.db"),
        path("state.db"),
        path("focus.md"),
        path("state"),
        path("logs"),
    );
    fs::write(folder.join("config.yaml"), config).unwrap();
    fs::write(folder.join("focus.md"), "# This quarter: ship the new onboarding\n").unwrap();
    let (cache, tasks) = (folder.join("oura-health.db"), folder.join("state.db"));
    health::write(&cache, today, if kind == Kind::Decade { 3650 } else { 60 }).unwrap();
    match kind {
        Kind::Demo => tasks::write(&tasks, today).unwrap(),
        Kind::Decade => {
            write_tasks(&tasks, today, 10_000, 90_000, 100);
            remember_years(&folder.join("state"), today);
        }
        Kind::TwoMonths => write_tasks(&tasks, today, 10_000, 0, 100),
        Kind::Storm => write_tasks(&tasks, today, 10_000, 0, 1),
    }
}

/// Tasks, the closed ones first. Of the open ones every `overdue_each`th is overdue, a tenth is due later, the others have
/// no date; most lie in the backlog.
fn write_tasks(path: &Path, today: Date, open: u32, closed: u32, overdue_each: u32) {
    let mut db = Connection::open(path).unwrap();
    let transaction = db.transaction().unwrap();
    transaction.execute_batch(include_str!("../../tests/fixtures/schema/state_store.sql")).unwrap();
    let mut insert = transaction
        .prepare(
            "INSERT INTO tasks (id, title, status, priority, due_date, domain, source, created_at, updated_at, completed_at)
             VALUES (?1, ?2, ?3, 'medium', ?4, 'work', 'manual', ?5, ?5, ?6)",
        )
        .unwrap();
    for number in 0..closed + open {
        let is_open = number >= closed;
        let age = i64::from(number % 3000) + 10;
        let due = match number {
            _ if number % overdue_each == 0 => Some(today.saturating_sub((1 + age % 20).days())),
            _ if number % 10 == 3 => Some(today.saturating_add((2 + age).days())),
            _ => None,
        };
        let status = match number % 100 {
            _ if !is_open => "done",
            0 => "active",
            1..10 => "queued",
            _ => "backlog",
        };
        let (id, title, due) = (format!("t{number:06}"), title(number), due.map(|date| date.to_string()));
        let created = format!("{} 10:00:00", today.saturating_sub(age.days()));
        let completed = (!is_open).then(|| format!("{} 18:00:00", today.saturating_sub((age - 1).days())));
        insert.execute(params![id, title, status, due, created, completed]).unwrap();
    }
    drop(insert);
    transaction.commit().unwrap();
}

fn title(number: u32) -> String {
    format!("Call the workshop about order {number}")
}

/// Our own database after ten years: every day, 90,000 tasks long done, and 400 days of journal with ten alerts a day that
/// resolve the day after.
fn remember_years(state_dir: &Path, today: Date) {
    fs::create_dir(state_dir).unwrap();
    let mut store = Store::open(&state_dir.join("operator.db"), Timestamp::now()).unwrap().store;
    let days: Vec<HealthDay> = (1..3650).map(|ago| day(today.saturating_sub(ago.days()))).collect();
    let at = |days_ago: i64| (morning() - days_ago.days()).timestamp();
    let all = SnapshotDiff::between(None, &reading(at(401), (0..90_000).map(done).collect()));
    record(&mut store, at(401), &[], &IncidentState::default(), &days, &[all]);
    let copy = store.task_snapshot("state_store").unwrap();
    let none = SnapshotDiff::between(copy.as_ref(), &reading(at(400), Vec::new()));
    record(&mut store, at(400), &[], &IncidentState::default(), &[], &[none]);
    let routing = Routing(vec![(Channel::Notification, Priority::Medium), (Channel::Telegram, Priority::High)]);
    for days_ago in (1..400).rev() {
        let now = at(days_ago);
        let alerts = (0..10).map(|nth| overdue(now, u32::try_from(days_ago).unwrap() * 10 + nth)).collect();
        let evaluated = BTreeSet::from(["task:deadline_overdue".into()]);
        let memory = store.incident_state().unwrap();
        let min_window = SignedDuration::from_hours(1);
        let circumstances = PolicyContext {
            now,
            quiet: false,
            in_event: false,
            min_window,
            max_alerts: 20,
            disabled_monitors: &[],
            routing: &routing,
        };
        let outcomes = decide(vec![Evaluation { alerts, evaluated, ..Evaluation::default() }], &memory, &circumstances);
        record(&mut store, now, &outcomes, &memory, &[], &[]);
    }
}

fn record(
    store: &mut Store,
    at: Timestamp,
    outcomes: &[PolicyDecision],
    memory: &IncidentState,
    days: &[HealthDay],
    updates: &[SnapshotDiff],
) {
    let keep = RetentionPolicy { journal_days: 400, history_days: 3660 };
    let (circuits, monitors) = (&BTreeMap::new(), &BTreeMap::new());
    let found = &outcomes.iter().filter(|v| v.decision != Decision::Resolve).map(|v| v.alert.key.clone()).collect();
    store
        .commit(&CheckCommit {
            at,
            fired_keys: found,
            decisions: outcomes,
            incident_state: memory,
            health_days: days,
            rest_mode: None,
            snapshot_diffs: updates,
            aliases: None,
            circuits,
            monitors,
            is_final: true,
            retention: keep,
        })
        .unwrap();
}

fn day(date: Date) -> HealthDay {
    let night = Night { asleep_s: Some(26_400), efficiency: Some(88.0), hrv_ms: Some(46.0) };
    let known = HealthDay::unknown(date);
    HealthDay {
        readiness: Some(78.0),
        slept_s: Some(27_000),
        night: Some(night),
        as_of: Some(Timestamp::now()),
        ..known
    }
}

fn reading(as_of: Timestamp, tasks: Vec<Task>) -> TaskReading {
    TaskReading {
        source: "state_store",
        as_of,
        tasks,
        commitments: Some(Vec::new()),
        has_dates: true,
        goal: None,
        thoughts: None,
        activity: None,
        unreadable: Vec::new(),
        notes: Vec::new(),
    }
}

fn done(number: u32) -> Task {
    Task {
        id: format!("t{number:06}"),
        title: title(number),
        status: TaskStatus::Backlog,
        priority: Some(Priority::Medium),
        due: None,
        milestone: false,
        same_as: None,
    }
}

/// An alert as the deadlines' rule makes it.
pub(crate) fn overdue(at: Timestamp, number: u32) -> Alert {
    let facts = [("days_past", "4"), ("due", "2026-11-16"), ("source", "state_store"), ("status", "active")];
    let facts: Facts = facts.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    Alert {
        key: AlertKey::with_entity(Category::Task, "deadline_overdue", &format!("t{number:06}")),
        priority: Priority::High,
        title: format!("Overdue: {}", title(number)),
        message: format!("“{}” was due 2026-11-16, 4 days ago. State store, just read.", title(number)),
        facts,
        monitor: Monitor::Tasks,
        at,
        occasion: None,
    }
}
