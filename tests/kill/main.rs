//! Kills the program at random moments and checks the invariants of its database.
//!
//! `cargo test --test kill` kills 60 times (40 while sending). `OPERATOR_KILLS=1000` sets the number, `OPERATOR_KILL_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod comparison;
mod database;
mod delivery;
mod fake_servers;
mod history;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/home.rs"]
mod home;

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use jiff::civil::date;
use serde_json::json;

use database::DatabaseState;
use history::{Rng, TaskHistory};
use home::{Home, eventually};

fn kills() -> u32 {
    std::env::var("OPERATOR_KILLS").map_or(60, |text| text.parse().expect("OPERATOR_KILLS is a number"))
}

fn rng() -> Rng {
    let known = std::env::var("OPERATOR_KILL_SEED").ok();
    let fresh = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").subsec_nanos().into();
    let seed = known.map_or_else(fresh, |text| text.parse().expect("OPERATOR_KILL_SEED is a number"));
    eprintln!("OPERATOR_KILL_SEED={seed}");
    Rng::new(seed)
}

/// How far a check had come at each kill.
#[derive(Debug, Default)]
struct Hits {
    before_write: u32,
    while_writing: u32,
    after_commit: u32,
    too_late: u32,
}

impl Hits {
    fn count(&mut self, killed: bool, wrote: bool, recorded: bool) {
        let hit = match (killed, wrote, recorded) {
            (false, _, _) => &mut self.too_late,
            (true, _, true) => &mut self.after_commit,
            (true, true, false) => &mut self.while_writing,
            (true, false, false) => &mut self.before_write,
        };
        *hit += 1;
    }
}

/// Length and time of the write-ahead log; an empty log counts as none.
fn log_of(home: &Home) -> Option<(u64, SystemTime)> {
    let meta = fs::metadata(home.path("state/operator.db-wal")).ok().filter(|meta| meta.len() > 0)?;
    Some((meta.len(), meta.modified().ok()?))
}

/// Spins, because a sleep would round the moment.
fn wait(delay: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < delay {
        std::hint::spin_loop();
    }
}

/// When to kill: after the start, or after the first write to the log.
enum Moment {
    AfterStart(Duration),
    AfterFirstWrite(Duration),
}

impl Moment {
    fn chance(rng: &mut Rng, usual: Duration) -> Self {
        if rng.below(2) == 0 {
            Self::AfterStart(usual.mul_f64(1.2 * rng.fraction()))
        } else {
            Self::AfterFirstWrite(Duration::from_micros(rng.below(1_000)))
        }
    }

    /// Waits for the moment, or for the end of the process.
    fn wait(&self, home: &Home, before: Option<(u64, SystemTime)>, child: &mut Child) {
        match self {
            Self::AfterStart(delay) => wait(*delay),
            Self::AfterFirstWrite(delay) => {
                while log_of(home) == before && child.try_wait().expect("its state").is_none() {
                    std::hint::spin_loop();
                }
                wait(*delay);
            }
        }
    }
}

fn start(home: &Home, arguments: &[&str]) -> Child {
    let mut program = home.program();
    program.arg("--config").arg(home.path("config.yaml")).args(arguments);
    program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Whether the signal found the process alive.
fn kill(mut child: Child) -> bool {
    let _ = child.kill();
    child.wait().expect("its end").code().is_none()
}

fn usual_duration(history: &mut TaskHistory) -> Duration {
    let run = |history: &mut TaskHistory| {
        let at = history.next_check();
        let begin = Instant::now();
        history.home.check(&at);
        begin.elapsed()
    };
    let mut times: Vec<Duration> = (0..5).map(|_| run(history)).collect();
    times.sort();
    times[2]
}

#[test]
fn killed_check_is_recorded_whole_or_not() {
    let mut history = TaskHistory::new(Home::on(date(2026, 11, 2), "UTC"), rng());
    let usual = usual_duration(&mut history);
    let mut hits = Hits::default();
    let mut state = DatabaseState::after_exit(&history.home);
    for round in 0..kills() {
        history.change_tasks();
        let at = history.next_check();
        let log = log_of(&history.home);
        let moment = Moment::chance(&mut history.rng, usual);
        let mut child = start(&history.home, &["--once", "--at", &at]);
        moment.wait(&history.home, log, &mut child);
        let killed = kill(child);
        let wrote = log_of(&history.home) != log;
        let after = DatabaseState::after_exit(&history.home);
        after.assert_consistent(&format!("round {round}, {at}"));
        let recorded = after.runs > state.runs;
        if recorded {
            assert_eq!(after.runs, state.runs + 1, "round {round}");
            assert_eq!(after.open_overdue(), history.overdue(), "round {round}: all of the check, or nothing");
        } else {
            assert!(killed, "round {round}: it ended by itself and recorded nothing");
            assert!(after.same_as(&state), "round {round}: half a check");
        }
        hits.count(killed, wrote, recorded);
        state = after;
    }
    history.change_tasks();
    let at = history.next_noon();
    history.home.check(&at);
    let last = DatabaseState::after_exit(&history.home);
    last.assert_consistent("the end");
    assert_eq!(last.open_overdue(), history.overdue(), "what still holds is open, and nothing else");
    assert!(last.nothing_held(), "by day everything was sent");
    eprintln!("{hits:?}, usual duration {usual:?}, {} checks, {} decisions", last.runs, last.entries.len());
    let few = kills() < 60;
    assert!(few || hits.before_write > 0 && hits.after_commit + hits.while_writing > 0, "{hits:?}");
}

/// Asks the running engine for a check without waiting for the reply.
fn ask_to_run(home: &Home) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(home.path("state/operator.sock")).ok()?;
    stream.write_all(b"{\"command\": \"run_now\"}\n").ok()?;
    Some(stream)
}

#[test]
fn killed_engine_leaves_whole_checks() {
    let home = Home::new();
    home.set(json!({"quiet_hours": {"enabled": false}}));
    let mut history = TaskHistory::new(home, rng());
    let mut hits = Hits::default();
    let mut state = DatabaseState::after_exit(&history.home);
    for round in 0..kills().div_ceil(4) {
        history.change_tasks();
        let engine = start(&history.home, &["--headless"]);
        let first = eventually("the check at its start", || {
            let now = DatabaseState::while_running(&history.home);
            (now.runs > state.runs).then_some(now)
        });
        assert_eq!(first.open_overdue(), history.overdue(), "round {round}: the check at its start");
        history.change_tasks();
        let log = log_of(&history.home);
        let asked = eventually("the socket", || ask_to_run(&history.home));
        wait(Duration::from_micros(history.rng.below(25_000)));
        let killed = kill(engine);
        drop(asked);
        let wrote = log_of(&history.home) != log;
        let after = DatabaseState::after_exit(&history.home);
        after.assert_consistent(&format!("round {round}"));
        let recorded = after.runs > first.runs;
        if recorded {
            assert_eq!(after.open_overdue(), history.overdue(), "round {round}: the check that was asked for");
        } else {
            assert!(after.same_as(&first), "round {round}: half a check");
        }
        hits.count(killed, wrote, recorded);
        state = after;
    }
    eprintln!("{hits:?}, {} checks, {} decisions", state.runs, state.entries.len());
}
