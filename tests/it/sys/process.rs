//! Runs real programs: environment, input, output, limits and death.

use std::path::Path;
use std::time::Duration;

use operator::sys::process::{Error, ErrorKind, ExitOutcome, INHERITED_ENV, PATH, Program, Run};
use rstest::rstest;
use tempfile::tempdir;

use crate::support::scripts::{LifeLine, script, sh};

/// For programs that end by themselves.
const LONG: Duration = Duration::from_secs(30);

/// For programs that are killed.
const SHORT: Duration = Duration::from_millis(300);

fn program(path: &Path, timeout: Duration) -> Program {
    Program::new(vec![path.display().to_string()], timeout)
}

async fn shell(body: &str, timeout: Duration) -> Run {
    let folder = tempdir().unwrap();
    program(&sh(folder.path(), "it", body), timeout).run().await.unwrap()
}

#[tokio::test]
async fn output_and_exit_are_returned() {
    let run = shell("echo one; echo two >&2; exit 3", LONG).await;
    assert_eq!(
        (run.outcome, run.stdout.text(), run.stderr.text()),
        (ExitOutcome::Code(3), "one\n".into(), "two\n".into())
    );
    assert_eq!(run.outcome.to_string(), "ended with code 3");
    let run = shell("kill -SEGV $$", LONG).await;
    assert_eq!((run.outcome, run.outcome.to_string()), (ExitOutcome::Signal(11), "was ended by signal 11".into()));
}

#[tokio::test]
async fn arguments_are_passed_verbatim() {
    let nasty = ["$(id)", "`id`", "a b", "", "*", "; rm -rf /", "--", "\"'\\", "\u{1f634}"];
    let command = ["printf", "<%s>"].into_iter().chain(nasty).map(String::from).collect();
    let run = Program::new(command, LONG).run().await.unwrap();
    assert_eq!(run.stdout.text(), nasty.map(|word| format!("<{word}>")).concat());
}

#[tokio::test]
async fn environment_is_clean() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "there is a variable to withhold");
    let env = Program { env: vec![("OPERATOR_NAME", "disk".into())], ..Program::new(vec!["env".into()], LONG) };
    let seen = env.run().await.unwrap().stdout.text();
    let names: Vec<&str> = seen.lines().filter_map(|line| line.split('=').next()).collect();
    let is_expected = |name: &&str| INHERITED_ENV.contains(name) || ["PATH", "OPERATOR_NAME"].contains(name);
    assert!(names.iter().all(is_expected), "{names:?}");
    assert!(seen.lines().any(|line| line == format!("PATH={PATH}")), "{seen}");
    assert!(seen.lines().any(|line| line == "OPERATOR_NAME=disk"));
}

#[tokio::test]
async fn program_runs_in_root_without_input() {
    let run = shell("pwd; cat; echo end", LONG).await;
    assert_eq!(run.stdout.text(), "/\nend\n");
}

#[tokio::test]
async fn input_is_optional_to_read() {
    let long = vec![b'x'; 1_000_000];
    let with_input = |command: &str| {
        let command = vec!["sh".into(), "-c".into(), command.into()];
        Program { input: Some(long.clone()), ..Program::new(command, LONG) }
    };
    let run = with_input("wc -c").run().await.unwrap();
    assert_eq!(run.stdout.text().trim(), "1000000");
    assert_eq!(with_input("exit 0").run().await.unwrap().outcome, ExitOutcome::Code(0));
    let run = Program { max_output_bytes: 2_000_000, ..with_input("cat") }.run().await.unwrap();
    assert_eq!((run.stdout.bytes.len(), run.stdout.is_truncated), (1_000_000, false), "read and written side by side");
}

#[tokio::test]
async fn long_output_is_truncated() {
    let run = shell("echo first; head -c 1000000000 /dev/zero; echo >&2; exit 4", LONG).await;
    assert_eq!((run.outcome, run.stdout.bytes.len(), run.stdout.is_truncated), (ExitOutcome::Code(4), 64 * 1024, true));
    assert_eq!((run.stdout.first_line(), run.stderr.is_truncated), ("first".into(), false));
    let endless = shell("yes", SHORT).await;
    assert_eq!((endless.outcome, endless.stdout.bytes.len()), (ExitOutcome::TimedOut(SHORT), 64 * 1024));
}

#[tokio::test]
async fn binary_output_has_a_first_line() {
    let run = shell(r"printf '\n \n\377\376 caf\303\251 \033[31mred\007\tx\nsecond\n'", LONG).await;
    assert_eq!(run.stdout.first_line(), "\u{fffd}\u{fffd} café [31mred x");
    assert_eq!(shell("head -c 100000 /dev/zero | tr '\\0' x", LONG).await.stdout.first_line().chars().count(), 200);
    assert_eq!(shell("true", LONG).await.stdout.first_line(), "");
}

#[rstest]
#[case::sleeps("exec sleep 600")]
#[case::closes_its_output_and_sleeps("exec >&- 2>&-; exec sleep 600")]
#[case::ignores_signals("trap '' TERM INT HUP; while :; do sleep 600; done")]
#[case::stops_itself("kill -STOP $$; exec sleep 600")]
#[case::waits_for_a_child("sleep 600 & wait")]
#[tokio::test]
async fn timeout_kills_program_and_children(#[case] body: &str) {
    let folder = tempdir().unwrap();
    let line = LifeLine::in_folder(folder.path());
    let children =
        "for each in 1 2 3; do (trap '' TERM; (while :; do sleep 600; done) & while :; do sleep 600; done) & done";
    let body = format!("exec 9>{}\n{children}\necho said\n{body}", line.path.display());
    let run = program(&sh(folder.path(), "it", &body), SHORT).run().await.unwrap();
    assert_eq!((run.outcome, run.stdout.text()), (ExitOutcome::TimedOut(SHORT), "said\n".into()));
    assert_eq!(run.outcome.to_string(), "did not end within 0.3 s");
    line.wait_until_dead().await;
}

#[tokio::test]
async fn program_may_clean_up_after_sigterm() {
    let run = shell("trap 'echo cleaned; exit 0' TERM; echo begun; while :; do sleep 0.01; done", SHORT).await;
    assert_eq!((run.outcome, run.stdout.text()), (ExitOutcome::TimedOut(SHORT), "begun\ncleaned\n".into()));
}

#[tokio::test]
async fn children_die_when_program_ends() {
    let folder = tempdir().unwrap();
    let line = LifeLine::in_folder(folder.path());
    let body = format!("exec 9>{}\n(trap '' TERM; while :; do sleep 600; done) &\necho said", line.path.display());
    let run = program(&sh(folder.path(), "it", &body), LONG).run().await.unwrap();
    assert_eq!((run.outcome, run.stdout.text()), (ExitOutcome::Code(0), "said\n".into()));
    line.wait_until_dead().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn process_in_other_session_is_not_awaited() {
    let folder = tempdir().unwrap();
    let pid = folder.path().join("pid");
    // It holds the pipes open until the test kills it.
    let body = format!(
        "setsid sh -c 'echo $$ >{0}.new; mv {0}.new {0}; exec sleep 600' &\nwhile [ ! -e {0} ]; do sleep 0.01; done; echo said",
        pid.display()
    );
    let run = program(&sh(folder.path(), "it", &body), LONG).run().await.unwrap();
    assert_eq!((run.outcome, run.stdout.text()), (ExitOutcome::Code(0), "said\n".into()));
    let pid = std::fs::read_to_string(pid).unwrap();
    assert!(std::process::Command::new("kill").arg(pid.trim()).status().unwrap().success(), "it lives on");
}

#[tokio::test]
async fn program_dies_when_future_is_dropped() {
    let folder = tempdir().unwrap();
    let line = LifeLine::in_folder(folder.path());
    let body = format!("trap '' TERM\nexec 9>{0}\necho begun >&9\nsleep 600 & sleep 600", line.path.display());
    let program = program(&sh(folder.path(), "it", &body), LONG);
    tokio::time::timeout(SHORT, program.run()).await.unwrap_err();
    assert_eq!(line.wait_until_dead().await, "begun\n");
}

async fn start_error(program: Program) -> Error {
    program.run().await.unwrap_err()
}

#[tokio::test]
async fn start_error_says_what_to_do() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("plain"), "#!/bin/sh\n").unwrap();
    script(folder.path(), "orphan", "#!/no/such/interpreter\n");
    script(folder.path(), "empty", "\x7f no program at all\n");
    let place = |name: &str| at(name).display().to_string();
    let command = |name: &str| Program::new(vec![name.into()], LONG);
    for (program, kind, message, advice) in [
        (
            program(&at("absent"), LONG),
            ErrorKind::NotFound,
            format!("there is no {}", place("absent")),
            "check the path",
        ),
        (command("no-such-program"), ErrorKind::NotFound, "there is no program 'no-such-program'".into(), "install it"),
        (
            program(&at("plain"), LONG),
            ErrorKind::Unusable,
            format!("{} is not executable", place("plain")),
            "chmod u+x",
        ),
        (
            program(&at("plain/x"), LONG),
            ErrorKind::NotFound,
            format!("there is no {}", place("plain/x")),
            "check the path",
        ),
        (
            program(folder.path(), LONG),
            ErrorKind::Unusable,
            format!("{} is a folder", folder.path().display()),
            "in it",
        ),
        (
            program(&at("orphan"), LONG),
            ErrorKind::Unusable,
            format!("{} does not start: its interpreter is missing", place("orphan")),
            "first line",
        ),
        (program(&at("empty"), LONG), ErrorKind::Unusable, format!("{} is not a program", place("empty")), "#!/bin/sh"),
        (command("./relative"), ErrorKind::Unusable, "'./relative' is not a program".into(), "whole path"),
        (command(""), ErrorKind::Unusable, "'' is not a program".into(), "whole path"),
        (Program::new(Vec::new(), LONG), ErrorKind::Unusable, "'' is not a program".into(), "whole path"),
        (
            Program::new(vec!["true".into(), "a\0b".into()], LONG),
            ErrorKind::Unusable,
            "the command holds a NUL character".into(),
            "out",
        ),
        (
            Program::new(vec!["true".into(), "x".repeat(10_000_000)], LONG),
            ErrorKind::Unusable,
            "arguments are too long".into(),
            "shorten",
        ),
    ] {
        let error = start_error(program).await;
        assert_eq!(error.kind, kind, "{error:?}");
        assert!(error.message.contains(&message) && error.advice.contains(advice), "{error:?}");
    }
}

#[tokio::test]
async fn hundred_concurrent_programs_succeed() {
    let runs = (0..100).map(|number| async move {
        let command = ["sh", "-c", &format!("echo {number}; exit {number}")].map(String::from).to_vec();
        Program::new(command, LONG).run().await.unwrap()
    });
    for (number, run) in futures_util::future::join_all(runs).await.into_iter().enumerate() {
        assert_eq!(
            (run.outcome, run.stdout.text()),
            (ExitOutcome::Code(number.try_into().unwrap()), format!("{number}\n"))
        );
    }
}
