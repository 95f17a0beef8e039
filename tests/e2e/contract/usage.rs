//! The names of commands, flags and arguments, and the exit codes.

use std::fs;

use serde_json::{Value, json};

use super::fixture::Fixture;
use super::golden::{compare, object};
use crate::support::engine::Running;
use crate::support::home::Home;

#[test]
fn help_keeps_every_command_and_flag() {
    let home = Home::new();
    let mut commands = Vec::new();
    collect(&home, &[], &mut commands);
    assert!(commands.len() > 15, "{commands:?}");
    compare("help.json", &object(commands));
}

/// The names that a command's help lists, and those of its subcommands.
fn collect(home: &Home, path: &[&str], commands: &mut Vec<(String, Value)>) {
    let help = home.run(&[path, &["-h"]].concat()).ok().out;
    let subcommands = names(&help, "Commands:");
    let usage = help.lines().find_map(|line| line.strip_prefix("Usage: ")).expect("usage");
    commands.push((
        ["operator"].iter().chain(path).copied().collect::<Vec<_>>().join(" "),
        json!({
            "usage": usage, "commands": subcommands, "options": names(&help, "Options:"),
            "arguments": names(&help, "Arguments:"), "values": bracketed(&help),
        }),
    ));
    for name in subcommands.iter().filter(|name| *name != "help") {
        collect(home, &[path, &[name]].concat(), commands);
    }
}

/// The first column of a section.
fn names(help: &str, title: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != title).skip(1).take_while(|line| !line.is_empty());
    let first = lines.map(|line| line.trim_start().split("  ").next().unwrap_or_default().to_owned());
    first.collect()
}

/// Default and possible values.
fn bracketed(help: &str) -> Vec<&str> {
    let parts = ["[possible values: ", "[default: "].into_iter().flat_map(|start| help.split(start).skip(1));
    let values = parts.filter_map(|part| part.split(']').next());
    // A default that is explained in a sentence is no value.
    values.filter(|values| values.contains(", ") || !values.contains(' ')).collect()
}

#[test]
fn exit_codes_keep_their_meaning() {
    let fixture = Fixture::new();
    let home = &fixture.home;
    home.run(&["alerts"]).ok();
    home.run(&["why", "health:nothing_such"]).failed(1);
    home.run(&["--tray"]).failed(2);
    home.run(&["--nonsense"]).failed(64);
    home.run(&["snooze", "exec:disk", "soon"]).failed(64);
    let _engine = Running::start(home);
    home.run(&["--once"]).failed(75);
    home.run(&["--headless"]).failed(75);
    fs::write(home.path("config.yaml"), "intervals: {health_check: 1}").unwrap();
    home.run(&["--status"]).failed(64);
}
