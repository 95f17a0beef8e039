//! What the program costs: CPU time, memory and wake-ups of the release binary as a whole process, beside what we aim for.
//!
//! `cargo bench` prints one table; docs/benchmarks.md says what each row means. Nothing here passes or fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

#[path = "footprint/homes.rs"]
mod homes;
#[path = "footprint/idle.rs"]
mod idle;
#[path = "footprint/latency.rs"]
mod latency;
#[path = "footprint/measure.rs"]
mod measure;
#[path = "footprint/page.rs"]
mod page;
#[path = "footprint/policy.rs"]
mod policy;
#[path = "footprint/server.rs"]
mod server;
#[path = "footprint/table.rs"]
mod table;

use std::path::Path;

use homes::{Home, Kind};
use measure::{Cost, median};
use table::{Row, print};

/// Makes its homes in a folder and measures.
type Part = fn(&Path) -> Vec<Row>;

/// Each command is measured so often; the median counts.
const RUNS: usize = 9;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // A process of its own writes the homes: a child's peak memory begins with what its parent held when it was started.
    if let [_, verb, kind, folder] = arguments.as_slice()
        && verb == "prepare"
    {
        return homes::prepare(kind.parse().unwrap(), Path::new(folder));
    }
    let folder = tempfile::tempdir().expect("a folder for the homes");
    let wanted = arguments.iter().skip(1).find(|argument| !argument.starts_with("--"));
    let parts: [(&str, Part); 7] = [
        ("demo", demo),
        ("decade", decade),
        ("storm", storm),
        ("latency", latency::rows),
        ("idle", idle::rows),
        ("policy", policy::rows),
        ("page", page::rows),
    ];
    let mut rows = vec![Row::new("an empty process (/bin/true), peak RSS", measure::floor(), "MiB", None)];
    for (name, part) in parts {
        if wanted.is_none_or(|wanted| name.contains(wanted.as_str())) {
            rows.extend(part(folder.path()));
        }
    }
    print(&rows);
}

/// A check of the made-up person of the demo.
fn demo(folder: &Path) -> Vec<Row> {
    let home = Home::make(folder, Kind::Demo);
    home.live_through_a_week();
    cost_rows("demo home, dry run", &repeated(|run| home.dry_run(run)), Some((15.0, 16.0)))
}

/// Ten years of history and 100,000 tasks, and how much of the cost is history's.
fn decade(folder: &Path) -> Vec<Row> {
    let mut rows = Vec::new();
    let costs = [Kind::Decade, Kind::TwoMonths].map(|kind| {
        let home = Home::make(folder, kind);
        home.check(0);
        (repeated(|run| home.dry_run(run)), repeated(|run| home.check(run)))
    });
    let [(long_dry, long_real), (short_dry, short_real)] = costs;
    rows.extend(cost_rows("10 years, 10,000 of 100,000 tasks open, dry run", &long_dry, Some((150.0, 48.0))));
    rows.extend(cost_rows("the same, real run, nothing changed", &long_real, Some((150.0, 48.0))));
    rows.extend(cost_rows("60 days, 10,000 of 10,000 tasks open, dry run", &short_dry, None));
    rows.extend(cost_rows("the same, real run, nothing changed", &short_real, None));
    rows.push(Row::new("10 years : 60 days, dry run", long_dry.cpu_ms / short_dry.cpu_ms, "×", None));
    rows.push(Row::new("10 years : 60 days, real run", long_real.cpu_ms / short_real.cpu_ms, "×", None));
    rows
}

/// Ten thousand alerts at once, and again when all of them are known.
fn storm(folder: &Path) -> Vec<Row> {
    let home = Home::make(folder, Kind::Storm);
    let first = repeated(|run| {
        home.forget();
        home.check(run)
    });
    let again = repeated(|run| home.check(RUNS + run));
    let mut rows = vec![Row::new("10,000 alerts, check until durable, wall", first.check_ms, "ms", Some(1000.0))];
    rows.extend(cost_rows("10,000 alerts, whole process", &first, Some((1000.0, 32.0))));
    rows.push(Row::new("10,000 duplicates, check until durable, wall", again.check_ms, "ms", Some(1000.0)));
    rows.extend(cost_rows("10,000 duplicates, whole process", &again, Some((1000.0, 32.0))));
    rows
}

fn repeated(run: impl Fn(usize) -> Cost) -> Cost {
    let costs: Vec<Cost> = (1..=RUNS).map(run).collect();
    let of = |value: fn(&Cost) -> f64| median(costs.iter().map(value));
    Cost { cpu_ms: of(|c| c.cpu_ms), peak_mib: of(|c| c.peak_mib), check_ms: of(|c| c.check_ms) }
}

/// CPU time and peak memory, with the aims for both.
fn cost_rows(what: &str, cost: &Cost, aims: Option<(f64, f64)>) -> Vec<Row> {
    vec![
        Row::new(&format!("{what}, CPU"), cost.cpu_ms, "ms", aims.map(|(cpu, _)| cpu)),
        Row::new(&format!("{what}, peak RSS"), cost.peak_mib, "MiB", aims.map(|(_, peak)| peak)),
    ]
}
