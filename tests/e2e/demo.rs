//! `operator demo`: a story in a folder of its own.

use std::fs;

use crate::support::home::{Home, finish};

#[test]
fn demo_touches_no_user_data() {
    let home = Home::new();
    let before = home.everything();
    let mut program = home.program();
    // What it must not take for its own.
    program.env("WORKOS_DATABASE_URL", "postgres://ada:geheim@127.0.0.1:1/tasks");
    program.env("OURA_CACHE_DIR", home.path("foreign")).arg("demo");
    let run = finish(program).ok();
    for word in ["deliver (first)", "coalesce (digest)", "suppress (duplicate)", "held", "Readiness is low: 48"] {
        assert!(run.out.contains(word), "{word}: {}", run.out);
    }
    for word in ["pattern:procrastination", "Renew the passport", "journal", "Next steps", "why "] {
        assert!(run.out.contains(word), "{word}: {}", run.out);
    }
    assert!(!run.out.contains("workos"), "{}", run.out);
    assert_eq!(run.err, "");
    let mut after = home.everything();
    let made = home.path("tmp");
    after.retain(|path, _| !path.starts_with(&made) || *path == made);
    assert!(before == after, "outside its folder nothing changes");
    let folders: Vec<_> = fs::read_dir(&made).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(folders.len(), 1, "{folders:?}");
    assert!(run.out.contains(folders[0].to_str().unwrap()), "it says where: {}", run.out);
}

#[test]
fn demo_next_steps_work() {
    let home = Home::new();
    let mut program = home.program();
    program.arg("demo");
    let out = finish(program).ok().out;
    let steps: Vec<&str> = out.lines().map(str::trim).filter(|line| line.contains(" --config ")).collect();
    assert!(steps.len() >= 3, "{out}");
    for step in steps {
        let mut shell = std::process::Command::new("sh");
        home.clean(&mut shell);
        shell.args(["-c", step]);
        let run = finish(shell).ok();
        assert!(run.out.lines().count() >= 1 && run.err.is_empty(), "{step}: {run:?}");
    }
}
