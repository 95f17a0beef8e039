//! Tasks that change from check to check, reproducible by a seed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use operator::cli::demo::health;
use rusqlite::Connection;
use serde_json::json;

use crate::home::Home;

/// Pseudo-random numbers (xorshift64*, Marsaglia 2003, Vigna 2016).
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 to `end`, exclusive.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    /// From 0 to 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TaskState {
    Done,
    Later,
    Overdue,
    OverdueMilestone,
}

/// Forty tasks, some of which change between two checks; a day has a check every twenty minutes.
pub(crate) struct TaskHistory {
    pub(crate) home: Home,
    pub(crate) rng: Rng,
    tasks: BTreeMap<String, TaskState>,
    day: i64,
    minute: i64,
    health_date: Option<Date>,
}

impl TaskHistory {
    pub(crate) fn new(home: Home, rng: Rng) -> Self {
        home.tasks("DELETE FROM tasks; DELETE FROM commitments;");
        home.set(json!({"deduplication": {"max_alerts_per_run": 6}}));
        let mut history = Self { home, rng, tasks: BTreeMap::new(), day: 0, minute: 6 * 60, health_date: None };
        for number in 0..40 {
            history.tasks.insert(format!("t{number}"), TaskState::Later);
        }
        history.change_tasks();
        history
    }

    /// Changes about one task in five.
    pub(crate) fn change_tasks(&mut self) {
        let db = Connection::open(self.home.path("foreign/state.db")).expect("the state store");
        db.execute_batch("PRAGMA synchronous = OFF; BEGIN").expect("a transaction");
        for (name, task_state) in &mut self.tasks {
            if self.rng.below(5) == 0 {
                *task_state = match self.rng.below(6) {
                    0 => TaskState::Done,
                    1 | 2 => TaskState::Later,
                    3 | 4 => TaskState::Overdue,
                    _ => TaskState::OverdueMilestone,
                };
                write(&db, name, *task_state);
            }
        }
        db.execute_batch("COMMIT").expect("the commit");
    }

    /// The keys that are overdue according to the tasks.
    pub(crate) fn overdue(&self) -> BTreeSet<String> {
        let is_overdue =
            |task_state: &TaskState| matches!(task_state, TaskState::Overdue | TaskState::OverdueMilestone);
        let tasks = self.tasks.iter().filter(|(_, task_state)| is_overdue(task_state));
        tasks.map(|(name, _)| format!("task:deadline_overdue:{name}")).collect()
    }

    pub(crate) fn next_check(&mut self) -> String {
        self.minute += 20;
        if self.minute >= 24 * 60 {
            (self.day, self.minute) = (self.day + 1, self.minute - 24 * 60);
        }
        self.check_time()
    }

    pub(crate) fn next_noon(&mut self) -> String {
        (self.day, self.minute) = (self.day + 1, 12 * 60);
        self.check_time()
    }

    fn check_time(&mut self) -> String {
        let today = self.home.today.saturating_add(self.day.days());
        if self.health_date != Some(today) {
            health::write(&self.home.path("foreign/oura-health.db"), today, 60).expect("the cache");
            self.health_date = Some(today);
        }
        self.home.day_at(self.day, &format!("{:02}:{:02}", self.minute / 60, self.minute % 60))
    }
}

fn write(db: &Connection, name: &str, task_state: TaskState) {
    let (status, due, metadata) = match task_state {
        TaskState::Done => ("done", "2026-01-01", None),
        TaskState::Later => ("active", "2099-01-01", None),
        TaskState::Overdue => ("active", "2026-01-01", None),
        TaskState::OverdueMilestone => ("active", "2026-01-01", Some(r#"{"value_tier": "milestone"}"#)),
    };
    db.execute(
        "INSERT OR REPLACE INTO tasks (id, title, status, due_date, metadata, domain, source)
         VALUES (?1, 'Task ' || ?1, ?2, ?3, ?4, 'work', 'manual')",
        (name, status, due, metadata),
    )
    .expect("a task");
}
