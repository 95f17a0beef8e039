//! `monitors.exec` and `alerters.exec`: keys, errors and summary.

use operator::config::parse;
use operator::config::schema::Config;
use operator::core::alert::{Monitor, Priority};
use rstest::rstest;
use serde_json::json;

fn env(name: &str) -> Option<String> {
    match name {
        "HOME" => Some("/home/ada".into()),
        "LEVEL" => Some("10%".into()),
        _ => None,
    }
}

fn config(text: &str) -> (Config, Vec<String>) {
    parse(text, "/etc/operator/c.yaml", &env).unwrap()
}

fn error_of(text: &str) -> String {
    parse(text, "c.yaml", &env).unwrap_err().to_string()
}

const DISK: &str =
    "monitors:\n  exec:\n    - name: disk\n      command: [check_disk, -w, '${LEVEL}', '', '$$HOME', 5]\n";

#[test]
fn plugin_has_name_command_and_defaults() {
    let (config, warnings) = config(DISK);
    assert_eq!(warnings, [""; 0]);
    let [disk] = &config.monitors.exec[..] else { panic!("expected one plugin") };
    assert_eq!(disk.command, ["check_disk", "-w", "10%", "", "$HOME", "5"]);
    assert_eq!((disk.interval_seconds, disk.timeout_seconds), (300, 10));
    assert_eq!((disk.warning, disk.critical), (Priority::Medium, Priority::High));
    let all: Vec<String> = config.enabled_monitors().iter().map(Monitor::to_string).collect();
    assert_eq!(all, ["health", "tasks", "patterns", "exec:disk"]);
}

#[test]
fn plugin_keys_are_parsed() {
    let (config, _) = config(
        "monitors: {exec: [{name: a_b-1, command: [/x], enabled: no, interval_seconds: 60, timeout_seconds: 300, \
         warning: low, critical: critical}]}\n",
    );
    let [plugin] = &config.monitors.exec[..] else { panic!("expected one plugin") };
    assert_eq!(plugin.name.unwrap().as_str(), "a_b-1");
    assert_eq!((plugin.enabled, plugin.interval_seconds, plugin.timeout_seconds), (false, 60, 300));
    assert_eq!((plugin.warning, plugin.critical), (Priority::Low, Priority::Critical));
    assert_eq!(config.exec_plugins().count(), 0, "disabled");
}

#[rstest]
#[case("check_disk", "check_disk")]
#[case("/usr/bin/true", "/usr/bin/true")]
#[case("~/bin/mine", "/home/ada/bin/mine")]
#[case("./mine", "/etc/operator/./mine")]
#[case("checks/mine", "/etc/operator/checks/mine")]
fn program_path_is_resolved(#[case] given: &str, #[case] meant: &str) {
    let (config, _) = config(&format!(
        "monitors: {{exec: [{{name: a, command: ['{given}', ~/x]}}]}}\nalerters: {{exec: {{command: ['{given}']}}}}\n"
    ));
    assert_eq!(config.monitors.exec[0].command, [meant, "~/x"], "arguments stay as written");
    assert_eq!(config.alerters.exec.command, [meant]);
}

#[rstest]
#[case("[{name: Disk, command: [x]}]", "2:11: monitors.exec[0].name: a name is 1 to 32 lower-case letters")]
#[case("[{name: 'a:b', command: [x]}]", "2:11: monitors.exec[0].name: a name is")]
#[case("[{command: [x]}]", "2:10: monitors.exec[0]: an exec plugin cannot run without a name")]
#[case("[{name: a}]", "2:10: monitors.exec[0]: an exec plugin cannot run without a command")]
#[case("[{name: a, command: []}]", "2:10: monitors.exec[0]: an exec plugin cannot run without a command")]
#[case("[{name: a, command: ['']}]", "2:10: monitors.exec[0]: an exec plugin cannot run without a command")]
#[case("[{name: a, command: x -w 1}]", "2:20: monitors.exec[0].command: expected a list")]
#[case("[{name: a, command: [x], comand: 1}]", "2:34: unknown key 'comand': did you mean 'command'?")]
#[case(
    "[{name: a, command: [x], interval_seconds: 5}]",
    "2:34: monitors.exec[0].interval_seconds: '5' is lower than 10"
)]
#[case("[{name: a, command: [x], timeout_seconds: 301}]", "2:34: monitors.exec[0].timeout_seconds: '301' is greater")]
#[case("[{name: a, command: [x], warning: loud}]", "2:34: monitors.exec[0].warning: 'loud' is not allowed")]
#[case(
    "[{name: a, command: [x]}, {name: b, command: [x]}, {name: a, command: [y]}]",
    "2:61: monitors.exec[2].name: monitors.exec[0] has the same name"
)]
#[case("[x]", "2:3: monitors.exec[0]: expected a section with keys, found a single value")]
#[case("{name: a}", "2:3: monitors.exec: expected a list")]
#[case("[{name: a, command: [x, '${OPEN']}]", "2:20: monitors.exec[0].command: '${' begins a variable")]
fn error_names_position_in_list(#[case] plugins: &str, #[case] expected: &str) {
    let error = error_of(&format!("monitors:\n  exec: {plugins}\n"));
    assert!(error.starts_with(&format!("c.yaml:{expected}")), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn plugins_are_limited_to_a_hundred() {
    let plugins = |count| (0..count).map(|number| format!("{{name: n{number}, command: [x]}},")).collect::<String>();
    let text = |count| format!("monitors: {{exec: [{}]}}\n", plugins(count));
    assert_eq!(config(&text(100)).0.exec_plugins().count(), 100);
    assert!(error_of(&text(101)).contains("monitors.exec: the list is too long: give at most 100"));
}

#[test]
fn plugin_with_unset_variable_is_disabled() {
    let (config, warnings) = config(
        "monitors: {exec: [{name: a, command: [x, '${NOWHERE}']}, {name: b, command: [y]}]}\n\
         alerters: {exec: {enabled: true, command: [z, '${NOWHERE}']}}\n",
    );
    assert_eq!(config.exec_plugins().map(|(name, _)| name.to_string()).collect::<Vec<_>>(), ["b"]);
    assert!(!config.alerters.exec.enabled);
    let warnings = warnings.join("\n");
    assert!(
        warnings.contains("${NOWHERE} is not set: monitors.exec[0].command and alerters.exec.command"),
        "{warnings}"
    );
    assert!(warnings.contains("monitors.exec[0] stays off: it has no command"), "{warnings}");
    assert!(warnings.contains("The exec plugin stays off: it has no command"), "{warnings}");
}

#[test]
fn channel_without_command_is_refused() {
    let error = error_of("alerters: {exec: {enabled: true}}\n");
    assert!(error.contains("alerters.exec.enabled: The exec plugin cannot be on without command"), "{error}");
    let error = error_of("alerters: {exec: {timeout_seconds: 61}}\n");
    assert!(error.contains("alerters.exec.timeout_seconds: '61' is greater than 60"), "{error}");
}

#[test]
fn summary_hides_arguments() {
    let (config, _) = config(
        "monitors: {exec: [{name: db, command: [check_mysql, -p, s3cret]}]}\n\
         alerters: {exec: {enabled: true, command: [tell, --token, s3cret]}}\n",
    );
    let shown = config.summary();
    assert_eq!(shown["programs"]["exec:db"]["program"], "check_mysql");
    assert_eq!(shown["alerters"]["exec"], json!({"enabled": true, "min_priority": "medium", "program": "tell"}));
    assert!(!shown.to_string().contains("s3cret"));
}
