//! Kills the program at random moments of its work and looks whether its memory still tells one true story.
//!
//! `cargo test --test kill` kills 60 times (40 while it sends); `OPERATOR_KILLS=1000` says how often instead, `OPERATOR_KILL_SEED` repeats a run.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod delivery;
mod evidence;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../support/home.rs"]
mod home;
mod ledger;
mod life;
mod post_office;

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant, SystemTime};

use jiff::civil::date;
use serde_json::json;

use home::{Home, eventually};
use ledger::Ledger;
use life::{Dice, Life};

/// How often a test kills.
fn kills() -> u32 {
    std::env::var("OPERATOR_KILLS").map_or(60, |text| text.parse().expect("OPERATOR_KILLS is a number"))
}

fn dice() -> Dice {
    let known = std::env::var("OPERATOR_KILL_SEED").ok();
    let fresh = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").subsec_nanos().into();
    let seed = known.map_or_else(fresh, |text| text.parse().expect("OPERATOR_KILL_SEED is a number"));
    eprintln!("OPERATOR_KILL_SEED={seed}");
    Dice::new(seed)
}

/// What the kills hit.
#[derive(Debug, Default)]
struct Hits {
    before_anything_was_written: u32,
    while_writing: u32,
    after_the_commit: u32,
    too_late: u32,
}

impl Hits {
    fn count(&mut self, killed: bool, wrote: bool, recorded: bool) {
        let hit = match (killed, wrote, recorded) {
            (false, _, _) => &mut self.too_late,
            (true, _, true) => &mut self.after_the_commit,
            (true, true, false) => &mut self.while_writing,
            (true, false, false) => &mut self.before_anything_was_written,
        };
        *hit += 1;
    }
}

/// How the write-ahead log looks: another look means that something was written to it. An empty one is as good as none.
fn log_of(home: &Home) -> Option<(u64, SystemTime)> {
    let meta = fs::metadata(home.path("state/operator.db-wal")).ok().filter(|meta| meta.len() > 0)?;
    Some((meta.len(), meta.modified().ok()?))
}

/// Waits without leaving the processor: a sleep would round the moment.
fn wait(delay: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < delay {
        std::hint::spin_loop();
    }
}

/// When to kill: a while after the start, or a while after the first word was written to the log.
enum Moment {
    AfterStart(Duration),
    AfterFirstWrite(Duration),
}

impl Moment {
    fn chance(dice: &mut Dice, usual: Duration) -> Self {
        if dice.below(2) == 0 {
            Self::AfterStart(usual.mul_f64(1.2 * dice.fraction()))
        } else {
            Self::AfterFirstWrite(Duration::from_micros(dice.below(1_000)))
        }
    }

    /// Wait for it, no longer than the process lives.
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

/// Whether the signal found it alive.
fn kill(mut child: Child) -> bool {
    let _ = child.kill();
    child.wait().expect("its end").code().is_none()
}

fn usual_duration(life: &mut Life) -> Duration {
    let run = |life: &mut Life| {
        let at = life.next_moment();
        let begin = Instant::now();
        life.home.check(&at);
        begin.elapsed()
    };
    let mut times: Vec<Duration> = (0..5).map(|_| run(life)).collect();
    times.sort();
    times[2]
}

#[test]
fn killed_check_is_atomic() {
    let mut life = Life::new(Home::on(date(2026, 11, 2), "UTC"), dice());
    let usual = usual_duration(&mut life);
    let mut hits = Hits::default();
    let mut ledger = Ledger::left_behind(&life.home);
    for round in 0..kills() {
        life.change();
        let at = life.next_moment();
        let log = log_of(&life.home);
        let moment = Moment::chance(&mut life.dice, usual);
        let mut child = start(&life.home, &["--once", "--at", &at]);
        moment.wait(&life.home, log, &mut child);
        let killed = kill(child);
        let wrote = log_of(&life.home) != log;
        let after = Ledger::left_behind(&life.home);
        after.tells_a_true_story(&format!("round {round}, {at}"));
        let recorded = after.runs > ledger.runs;
        if recorded {
            assert_eq!(after.runs, ledger.runs + 1, "round {round}");
            assert_eq!(after.open_overdue(), life.overdue(), "round {round}: all of the check, or nothing");
        } else {
            assert!(killed, "round {round}: it ended by itself and recorded nothing");
            assert!(after.same_as(&ledger), "round {round}: half a check");
        }
        hits.count(killed, wrote, recorded);
        ledger = after;
    }
    life.change();
    let at = life.next_noon();
    life.home.check(&at);
    let last = Ledger::left_behind(&life.home);
    last.tells_a_true_story("the end");
    assert_eq!(last.open_overdue(), life.overdue(), "what still holds is open, and nothing else");
    assert!(last.nothing_is_held(), "by day all of it has been told");
    eprintln!("{hits:?}, usual duration {usual:?}, {} checks, {} decisions", last.runs, last.entries.len());
    let few = kills() < 60;
    assert!(few || hits.before_anything_was_written > 0 && hits.after_the_commit + hits.while_writing > 0, "{hits:?}");
}

/// Asks the running engine for a check without waiting for the answer.
fn ask_to_run(home: &Home) -> Option<UnixStream> {
    let mut stream = UnixStream::connect(home.path("state/operator.sock")).ok()?;
    stream.write_all(b"{\"command\": \"run_now\"}\n").ok()?;
    Some(stream)
}

#[test]
fn killed_engine_continues_from_whole_checks() {
    let home = Home::new();
    home.set(json!({"quiet_hours": {"enabled": false}}));
    let mut life = Life::new(home, dice());
    let mut hits = Hits::default();
    let mut ledger = Ledger::left_behind(&life.home);
    for round in 0..kills().div_ceil(4) {
        life.change();
        let engine = start(&life.home, &["--headless"]);
        let first = eventually("the check at its start", || {
            let now = Ledger::at_work(&life.home);
            (now.runs > ledger.runs).then_some(now)
        });
        assert_eq!(first.open_overdue(), life.overdue(), "round {round}: the check at its start");
        life.change();
        let log = log_of(&life.home);
        let asked = eventually("the socket", || ask_to_run(&life.home));
        wait(Duration::from_micros(life.dice.below(25_000)));
        let killed = kill(engine);
        drop(asked);
        let wrote = log_of(&life.home) != log;
        let after = Ledger::left_behind(&life.home);
        after.tells_a_true_story(&format!("round {round}"));
        let recorded = after.runs > first.runs;
        if recorded {
            assert_eq!(after.open_overdue(), life.overdue(), "round {round}: the check that was asked for");
        } else {
            assert!(after.same_as(&first), "round {round}: half a check");
        }
        hits.count(killed, wrote, recorded);
        ledger = after;
    }
    eprintln!("{hits:?}, {} checks, {} decisions", ledger.runs, ledger.entries.len());
}
