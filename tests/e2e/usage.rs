//! Flags, exit codes, help, and what goes to which stream.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::ptr::null_mut;

use rstest::rstest;
use serde_json::json;

use crate::support::home::{Home, Run, finish};

#[rstest]
#[case::unknown_flag(&["--nonsense"])]
#[case::unknown_command(&["nonsense"])]
#[case::missing_key(&["why"])]
#[case::at_without_once(&["--at", "2026-11-20T09:05:00-06:00"])]
#[case::not_a_moment(&["--once", "--at", "yesterday"])]
#[case::once_and_headless(&["--once", "--headless"])]
#[case::tray_and_headless(&["--tray", "--headless"])]
#[case::not_a_length(&["pause", "soon"])]
#[case::length_backwards(&["snooze", "health:readiness_low", "-1h"])]
#[case::since_what(&["journal", "--since", "ever"])]
#[case::login_item_and_what(&["login-item"])]
#[case::login_item_what(&["login-item", "remove"])]
fn wrong_usage_exits_64(#[case] arguments: &[&str]) {
    let home = Home::new();
    home.run(arguments).failed(64);
    assert!(!home.path("state").exists(), "nothing was started");
}

#[rstest]
#[case::yaml("intervals: [")]
#[case::unknown_key("interval: {health_check: 900}")]
#[case::range("intervals: {health_check: 1}")]
#[case::zone("quiet_hours: {timezone: Mars/Olympus}")]
fn wrong_config_exits_64_with_position(#[case] text: &str) {
    let home = Home::new();
    fs::write(home.path("config.yaml"), text).unwrap();
    for arguments in [&["--once"][..], &["--status"], &["alerts"], &["check"], &["--headless"]] {
        let run = home.run(arguments).failed(64);
        assert!(run.err.contains("config.yaml:1:"), "file:line:column: {run:?}");
    }
    assert!(!home.path("state").exists(), "nothing was started");
}

#[test]
fn missing_config_exits_64() {
    let home = Home::new();
    fs::remove_file(home.path("config.yaml")).unwrap();
    assert!(home.run(&["--once"]).failed(64).err.contains("config.yaml"));
}

#[test]
fn missing_tray_exits_2() {
    assert!(Home::new().run(&["--tray"]).failed(2).err.contains("--headless"));
}

#[test]
fn unset_variable_warns_on_stderr() {
    let home = Home::new();
    home.set(json!({"sources": {"oura": {"token": "${OPERATOR_UNSET_TOKEN}"}}, "logging": {"level": "warn"}}));
    let run = home.run(&["--once", "--json", "--at", &home.at("09:05")]).ok();
    run.json();
    let lines: Vec<&str> = run.err.lines().filter(|line| line.contains("OPERATOR_UNSET_TOKEN")).collect();
    assert!(lines.len() == 1 && lines[0].contains("WARNING"), "{run:?}");
}

#[test]
fn results_and_logs_are_separate() {
    let home = Home::new();
    let run = home.run(&["--once", "--json", "--verbose", "--at", &home.at("09:05")]).ok();
    run.json();
    assert!(run.err.contains(" - operator - INFO - Check cycle complete: "), "{}", run.err);
    let kept = fs::read_to_string(home.path("logs/operator.log")).unwrap();
    assert_eq!(kept, run.err, "the same lines");
}

const FLAGS: [&str; 9] =
    ["--config", "--headless", "--tray", "--once", "--dry-run", "--verbose", "--status", "--json", "--at"];
const COMMANDS: [&str; 12] = [
    "demo",
    "check",
    "alerts",
    "why",
    "ack",
    "snooze",
    "pause",
    "resume",
    "run-now",
    "journal",
    "login-item",
    "reset-circuit",
];

#[rstest]
#[case::short("-h")]
#[case::long("--help")]
fn help_lists_flags_commands_and_exit_codes(#[case] flag: &str) {
    let home = Home::new();
    let run = home.run(&[flag]).ok();
    for word in FLAGS.iter().chain(&COMMANDS).chain(&["64", "75", "operator demo"]) {
        assert!(run.out.contains(word), "{word}: {}", run.out);
    }
    assert_eq!(run.err, "");
}

#[rstest]
#[case("alerts", &["--all"])]
#[case("why", &["<KEY>"])]
#[case("ack", &["<KEY>"])]
#[case("snooze", &["<KEY>", "<TIME>", "1h"])]
#[case("pause", &["[TIME]", "1h"])]
#[case("journal", &["--since", "7d"])]
#[case("reset-circuit", &["<NAME>", "workos"])]
#[case("login-item", &["install", "uninstall", "status"])]
#[case("demo", &[])]
#[case("check", &[])]
#[case("resume", &[])]
#[case("run-now", &[])]
fn every_command_has_help(#[case] command: &str, #[case] words: &[&str]) {
    let help = Home::new().run(&[command, "--help"]).ok().out;
    for word in words.iter().chain(&["--config", "--json", "--verbose"]) {
        assert!(help.contains(word), "{word}: {help}");
    }
    assert!(help.lines().next().is_some_and(|line| line.len() > 10), "a sentence first: {help}");
}

#[test]
fn missing_config_uses_default_paths() {
    let home = Home::new();
    let (config, state) = (home.path("xdg/config"), home.path("xdg/state"));
    let run = |arguments: &[&str]| {
        let mut program = home.program();
        program.env("XDG_CONFIG_HOME", &config).env("XDG_STATE_HOME", &state).args(arguments);
        finish(program).ok()
    };
    run(&["--once", "--dry-run"]);
    assert!(!home.path("xdg").exists() && fs::read_dir(home.path("home")).unwrap().next().is_none(), "a dry run");
    if cfg!(target_os = "macos") {
        return; // the library folder instead, which a unit test shows
    }
    run(&["--once"]);
    let written = fs::read_to_string(config.join("operator/config.yaml")).unwrap();
    assert_eq!(written, operator::config::DEFAULT);
    for (place, mode) in [("operator", 0o700), ("operator/operator.db", 0o600), ("operator/operator.log", 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        let found = fs::metadata(state.join(place)).unwrap().permissions().mode() & 0o777;
        assert_eq!(found, mode, "{place}: {found:o}");
    }
}

#[rstest]
#[case::journal("journal")]
#[case::alerts("alerts --json")]
#[case::check("--once --dry-run")]
#[case::help("--help")]
fn closed_pipe_is_no_error(#[case] command: &str) {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let mut shell = Command::new("sh");
    home.clean(&mut shell);
    let operator = format!("'{}' --config '{}'", env!("CARGO_BIN_EXE_operator"), home.path("config.yaml").display());
    // The reader is gone before the first word.
    let script = format!("{{ {operator} {command}; echo \"exit $?\" >&2; }} | true");
    shell.args(["-c", &script]);
    let run = finish(shell).ok();
    assert!(run.err.ends_with("exit 0\n") && !run.err.contains("panicked"), "{run:?}");
}

/// What the program writes to a terminal.
#[expect(unsafe_code, reason = "a terminal can only be had from the system")]
fn on_a_terminal(home: &Home, arguments: &[&str], no_colour: Option<&str>) -> String {
    use std::os::fd::FromRawFd;
    let (mut ours, mut theirs) = (0, 0);
    // SAFETY: the two numbers are written by the call; the descriptors that they name belong to nobody else.
    let (mut ours, theirs) = unsafe {
        assert_eq!(libc::openpty(&raw mut ours, &raw mut theirs, null_mut(), null_mut(), null_mut()), 0);
        (fs::File::from_raw_fd(ours), fs::File::from_raw_fd(theirs))
    };
    let mut program = home.program();
    program.arg("--config").arg(home.path("config.yaml")).args(arguments);
    if let Some(value) = no_colour {
        program.env("NO_COLOR", value);
    }
    let mut child = program.stdout(theirs).stderr(Stdio::null()).spawn().unwrap();
    drop(program); // our copy of the terminal's other end
    let mut shown = Vec::new();
    // Linux tells the end of a terminal by an error.
    let _ = ours.read_to_end(&mut shown);
    assert!(child.wait().unwrap().success());
    String::from_utf8(shown).unwrap()
}

#[test]
fn colour_needs_a_terminal() {
    let home = Home::new();
    home.check(&home.at("09:05"));
    let escape = '\u{1b}';
    for arguments in [&["alerts"][..], &["journal"], &["why", "health:readiness_low"], &["--status"], &["check"]] {
        let Run { out, .. } = home.run(arguments).ok();
        assert!(!out.contains(escape), "not a terminal: {out:?}");
        let plain = on_a_terminal(&home, arguments, Some("1"));
        assert!(!plain.contains(escape) && plain.len() > 20, "NO_COLOR: {plain:?}");
        assert!(on_a_terminal(&home, arguments, None).contains(escape), "{arguments:?}");
        assert!(on_a_terminal(&home, arguments, Some("")).contains(escape), "an empty NO_COLOR is none");
    }
    let json = [&["alerts", "--json"][..], &["--status", "--json"]];
    assert!(json.iter().all(|arguments| !on_a_terminal(&home, arguments, None).contains(escape)), "JSON has no colour");
}
