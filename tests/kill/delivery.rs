//! Kills the program while it sends, and compares the messages that two servers received with the decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jiff::ToSpan;
use jiff::civil::date;
use rusqlite::Connection;
use serde_json::json;

use crate::comparison::{CHANNELS, Comparison, MessageId};
use crate::database::open_copy;
use crate::fake_servers::{FakeServers, KillTrigger};
use crate::history::Rng;
use crate::home::{Home, eventually};
use crate::{ask_to_run, kills, rng, start};

/// How far the last message had come at each kill.
#[derive(Debug, Default)]
struct Hits {
    before_send: u32,
    in_flight: u32,
    not_recorded: u32,
    recorded: u32,
    too_late: u32,
}

impl Hits {
    fn add(&mut self, more: &Self) {
        self.before_send += more.before_send;
        self.in_flight += more.in_flight;
        self.not_recorded += more.not_recorded;
        self.recorded += more.recorded;
        self.too_late += more.too_late;
    }
}

/// Tasks that become due and are done, and two channels.
struct Sender {
    home: Home,
    servers: FakeServers,
    rng: Rng,
    /// The open tasks, and whether they are critical.
    tasks: BTreeMap<u32, bool>,
    next: u32,
    /// The unconfirmed messages after each run.
    unconfirmed: BTreeMap<u32, BTreeSet<MessageId>>,
    hits: Hits,
}

impl Sender {
    fn new(home: Home, rng: Rng) -> Self {
        let servers = FakeServers::open();
        home.tasks("DELETE FROM tasks; DELETE FROM commitments;");
        home.set(json!({
            "quiet_hours": {"enabled": false},
            "deduplication": {"max_alerts_per_run": 3},
            "monitors": {"health": {"enabled": false}, "patterns": {"enabled": false}},
            "intervals": {"task_check": 86_400},
            "alerters": {
                "notification": {"enabled": false},
                "webhook": {"enabled": true, "min_priority": "low", "url": format!("{}/hook", servers.url)},
                "telegram": {"enabled": true, "token": "1:a", "chat_id": "7", "api_url": servers.url},
            },
        }));
        Self {
            home,
            servers,
            rng,
            tasks: BTreeMap::new(),
            next: 0,
            unconfirmed: BTreeMap::new(),
            hits: Hits::default(),
        }
    }

    /// Some tasks are done, some become critical, some are new.
    fn change_tasks(&mut self) {
        let mut sql = String::from("PRAGMA synchronous = OFF; BEGIN;");
        for (task, critical) in std::mem::take(&mut self.tasks) {
            match self.rng.below(10) {
                0..2 => sql += &format!("UPDATE tasks SET status = 'done' WHERE id = 't{task}';"),
                2 => drop(self.tasks.insert(task, true)),
                _ => drop(self.tasks.insert(task, critical)),
            }
        }
        for _ in 0..=self.rng.below(2) {
            self.tasks.insert(self.next, self.rng.below(5) == 0);
            self.next += 1;
        }
        for (task, critical) in &self.tasks {
            let metadata = if *critical { r#"'{"value_tier": "milestone"}'"# } else { "NULL" };
            sql += &format!(
                "INSERT OR REPLACE INTO tasks (id, title, status, due_date, metadata, domain, source)
                 VALUES ('t{task}', 'Task t{task}', 'active', '2026-01-01', {metadata}, 'work', 'manual');"
            );
        }
        self.home.tasks(&(sql + "COMMIT"));
    }

    /// Most kills happen while messages are sent, from the arrival of one of the first messages on.
    fn set_trigger(&mut self, run: u32, child: Child) -> Arc<Mutex<Child>> {
        let process = Arc::new(Mutex::new(child));
        let channel = CHANNELS[self.rng.below(2) as usize];
        let trigger = KillTrigger {
            channel,
            skip: self.rng.below(if channel == "webhook" { 3 } else { 8 }) % 6 % 3,
            after_response: self.rng.below(3) > 0,
            delay: Duration::from_micros([0, self.rng.below(400), self.rng.below(4_000)][self.rng.below(3) as usize]),
            process: Arc::clone(&process),
        };
        let mut servers = self.servers.servers();
        servers.trigger = (!run.is_multiple_of(8)).then_some(trigger);
        process
    }

    /// All messages belong to this run from now on.
    fn begin(&mut self, run: u32) {
        let response_delay = Duration::from_micros(self.rng.below(2_000));
        let mut servers = self.servers.servers();
        (servers.run, servers.response_delay, servers.killed, servers.trigger) = (run, response_delay, None, None);
    }

    /// Waits for the end of the process, and kills it if too few messages arrived. Whether a signal ended it.
    fn wait_for_exit(&self, process: &Mutex<Child>) -> bool {
        let patience = Instant::now() + Duration::from_secs(5);
        loop {
            let mut child = process.lock().expect("the process");
            if let Some(status) = child.try_wait().expect("its state") {
                drop(child);
                self.servers.wait_until_idle();
                self.servers.servers().trigger = None;
                return status.code().is_none();
            }
            if Instant::now() > patience {
                let _ = child.kill();
            }
            drop(child);
            thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// Reads what the run left, and how far its last message had come at the kill.
    fn record_progress(&mut self, run: u32, killed: bool) {
        let left = open_copy(&self.home);
        let doubt = |db: &Connection| -> BTreeSet<MessageId> {
            let mark: String = db
                .query_row("SELECT value FROM settings WHERE name = 'database_id'", [], |row| row.get(0))
                .unwrap_or_default();
            let sql = "SELECT DISTINCT channel, batch_id FROM outbox WHERE in_flight = 1 OR unconfirmed = 1";
            let mut rows = db.prepare(sql).expect("a query");
            let numbers =
                rows.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).expect("rows");
            let known = |name: String| CHANNELS.into_iter().find(|channel| *channel == name).expect("a channel");
            let id = |batch: i64| format!("{}-{batch}", mark.trim_matches('"'));
            numbers.map(|row| row.map(|(name, batch)| (known(name), id(batch))).expect("a row")).collect()
        };
        let doubt = left.as_ref().map(doubt).unwrap_or_default();
        let servers = self.servers.servers();
        let last = servers.messages.iter().rfind(|message| message.run == run).cloned();
        let at = servers.killed.unwrap_or_else(Instant::now);
        drop(servers);
        let hit = match last {
            _ if !killed => &mut self.hits.too_late,
            None => &mut self.hits.before_send,
            Some(message) if message.received > at => &mut self.hits.before_send,
            Some(message) if message.answered.is_none_or(|answered| answered > at) => &mut self.hits.in_flight,
            Some(message) if doubt.iter().any(|(channel, id)| message.channel == *channel && message.id == *id) => {
                &mut self.hits.not_recorded
            }
            Some(_) => &mut self.hits.recorded,
        };
        *hit += 1;
        self.unconfirmed.insert(run, doubt);
    }

    /// Some runs are killed without a trigger.
    fn kill_sometimes(&mut self, run: u32, process: &Mutex<Child>) {
        if run.is_multiple_of(8) {
            crate::wait(Duration::from_micros(self.rng.below(60_000)));
            let _ = process.lock().expect("the process").kill();
        }
    }

    /// Runs without kills until nothing is pending.
    fn end(mut self, rounds: u32, check: impl Fn(&Home, u32)) -> Hits {
        let pending = "SELECT count(*) FROM outbox WHERE state = 'pending'";
        for run in rounds..rounds + 20 {
            self.begin(run);
            check(&self.home, run);
            self.unconfirmed.insert(run, BTreeSet::new());
            if self.home.database().query_row(pending, [], |row| row.get(0)) == Ok(0) {
                break;
            }
        }
        let messages = self.servers.servers().messages.clone();
        Comparison { home: &self.home, messages, unconfirmed: &self.unconfirmed }.compare();
        self.hits
    }
}

/// The kills of one history; what they leave behind is sent at its end, one message a second.
const KILLS_PER_HISTORY: u32 = 25;

fn rounds() -> u32 {
    if std::env::var_os("OPERATOR_KILLS").is_some() { kills() } else { 40 }
}

/// Runs the histories in four threads, because most of their time is waiting.
fn run_all(kills: u32, live: impl Fn(Rng, u32) -> Hits + Sync) {
    let mut rng = rng();
    let mut histories: Vec<(Rng, u32)> = Vec::new();
    for start in (0..kills).step_by(KILLS_PER_HISTORY as usize) {
        histories.push((Rng::new(rng.below(1 << 40)), KILLS_PER_HISTORY.min(kills - start)));
    }
    let (histories, hits) = (Mutex::new(histories), Mutex::new(Hits::default()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let next = || histories.lock().expect("the histories").pop();
                while let Some((rng, rounds)) = next() {
                    let more = live(rng, rounds);
                    hits.lock().expect("the hits").add(&more);
                }
            });
        }
    });
    eprintln!("{:?}", hits.into_inner().expect("the hits"));
}

#[test]
fn killed_check_loses_and_repeats_no_message() {
    run_all(rounds(), |rng, rounds| {
        let mut sender = Sender::new(Home::on(date(2026, 11, 2), "UTC"), rng);
        let morning: jiff::Timestamp = sender.home.at("06:00").parse().expect("a moment");
        let at = |run: u32| (morning + (20 * i64::from(run)).minutes()).to_string();
        for run in 0..rounds {
            sender.change_tasks();
            sender.begin(run);
            let process = start(&sender.home, &["--once", "--at", &at(run)]);
            let process = sender.set_trigger(run, process);
            sender.kill_sometimes(run, &process);
            let killed = sender.wait_for_exit(&process);
            sender.record_progress(run, killed);
        }
        sender.change_tasks();
        sender.end(rounds, |home, run| drop(home.check(&at(run))))
    });
}

#[test]
fn killed_engine_loses_and_repeats_no_message() {
    run_all(rounds().div_ceil(4), |rng, rounds| {
        let mut sender = Sender::new(Home::new(), rng);
        for run in 0..rounds {
            sender.begin(run);
            let engine = start(&sender.home, &["--headless"]);
            sender.change_tasks();
            let process = sender.set_trigger(run, engine);
            let asked = eventually("the socket", || {
                let over = process.lock().expect("the process").try_wait().expect("its state").is_some();
                if over { Some(None) } else { ask_to_run(&sender.home).map(Some) }
            });
            sender.kill_sometimes(run, &process);
            let killed = sender.wait_for_exit(&process);
            drop(asked);
            sender.record_progress(run, killed);
        }
        sender.end(rounds, |home, _| drop(home.run(&["--once"]).ok()))
    });
}
