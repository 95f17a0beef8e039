//! Facts that change from check to check, by dice that can be thrown again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan;
use jiff::civil::Date;
use operator::cli::demo::health;
use rusqlite::Connection;
use serde_json::json;

use crate::home::Home;

/// Numbers that look like chance and come again with the same seed (xorshift64*, Marsaglia 2003, Vigna 2016).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// 0 to `end`, without it.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    /// 0 to 1.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.below(1 << 30) as f64 / f64::from(1 << 30)
    }
}

/// How a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Done,
    Later,
    Overdue,
    OverdueMilestone,
}

/// A person with forty tasks, some of which change between two checks; a day has a check every twenty minutes.
pub(crate) struct Life {
    pub(crate) home: Home,
    pub(crate) dice: Dice,
    tasks: BTreeMap<String, Standing>,
    day: i64,
    minute: i64,
    body_of: Option<Date>,
}

impl Life {
    pub(crate) fn new(home: Home, dice: Dice) -> Self {
        home.tasks("DELETE FROM tasks; DELETE FROM commitments;");
        home.set(json!({"deduplication": {"max_alerts_per_run": 6}}));
        let mut life = Self { home, dice, tasks: BTreeMap::new(), day: 0, minute: 6 * 60, body_of: None };
        for number in 0..40 {
            life.tasks.insert(format!("t{number}"), Standing::Later);
        }
        life.change();
        life
    }

    /// Give about one task in five another standing.
    pub(crate) fn change(&mut self) {
        let db = Connection::open(self.home.path("foreign/state.db")).expect("the state store");
        db.execute_batch("PRAGMA synchronous = OFF; BEGIN").expect("a transaction");
        for (name, standing) in &mut self.tasks {
            if self.dice.below(5) == 0 {
                *standing = match self.dice.below(6) {
                    0 => Standing::Done,
                    1 | 2 => Standing::Later,
                    3 | 4 => Standing::Overdue,
                    _ => Standing::OverdueMilestone,
                };
                write(&db, name, *standing);
            }
        }
        db.execute_batch("COMMIT").expect("the commit");
    }

    /// The keys that are overdue by the facts.
    pub(crate) fn overdue(&self) -> BTreeSet<String> {
        let is_overdue = |standing: &Standing| matches!(standing, Standing::Overdue | Standing::OverdueMilestone);
        let tasks = self.tasks.iter().filter(|(_, standing)| is_overdue(standing));
        tasks.map(|(name, _)| format!("task:deadline_overdue:{name}")).collect()
    }

    /// Twenty minutes on.
    pub(crate) fn next_moment(&mut self) -> String {
        self.minute += 20;
        if self.minute >= 24 * 60 {
            (self.day, self.minute) = (self.day + 1, self.minute - 24 * 60);
        }
        self.moment()
    }

    /// Noon of the next day.
    pub(crate) fn next_noon(&mut self) -> String {
        (self.day, self.minute) = (self.day + 1, 12 * 60);
        self.moment()
    }

    fn moment(&mut self) -> String {
        let today = self.home.today.saturating_add(self.day.days());
        if self.body_of != Some(today) {
            health::write(&self.home.path("foreign/oura-health.db"), today, 60).expect("the cache");
            self.body_of = Some(today);
        }
        self.home.day_at(self.day, &format!("{:02}:{:02}", self.minute / 60, self.minute % 60))
    }
}

fn write(db: &Connection, name: &str, standing: Standing) {
    let (status, due, metadata) = match standing {
        Standing::Done => ("done", "2026-01-01", None),
        Standing::Later => ("active", "2099-01-01", None),
        Standing::Overdue => ("active", "2026-01-01", None),
        Standing::OverdueMilestone => ("active", "2026-01-01", Some(r#"{"value_tier": "milestone"}"#)),
    };
    db.execute(
        "INSERT OR REPLACE INTO tasks (id, title, status, due_date, metadata, domain, source)
         VALUES (?1, 'Task ' || ?1, ?2, ?3, ?4, 'work', 'manual')",
        (name, status, due, metadata),
    )
    .expect("a task");
}
