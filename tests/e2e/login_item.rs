//! Starting with the session on Linux: files, what systemd is asked, and that nothing stays behind.
#![cfg(not(target_os = "macos"))]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::home::{Home, Run, finish};
use crate::support::tool::{SYSTEMCTL, Tool};

const DESKTOP: &str = "home/.config/autostart/operator.desktop";
const UNIT: &str = "home/.config/systemd/user/operator.service";
const RELOAD: &str = "--user daemon-reload";
const ENABLE: &str = "--user enable --now operator.service";
const DISABLE: &str = "--user disable --now operator.service";

/// A home with the folder that every desktop makes, a program in it, and a systemctl of ours.
struct Session {
    home: Home,
    program: PathBuf,
    systemctl: Tool,
}

impl Session {
    fn new() -> Self {
        let home = Home::new();
        fs::create_dir(home.path("home/.config")).unwrap();
        let systemctl = Tool::new(&home.path("bin"), "systemctl", SYSTEMCTL);
        let session = Self { program: home.path("home/operator"), home, systemctl };
        place(&session.program);
        session
    }

    fn with(&self, arguments: &[&str], change: impl FnOnce(&mut Command)) -> Run {
        let mut program = Command::new(&self.program);
        self.home.clean(&mut program);
        let tools = self.systemctl.path().parent().unwrap().display().to_string();
        program.env("PATH", format!("{tools}:/usr/bin:/bin")).arg("login-item").args(arguments);
        change(&mut program);
        finish(program)
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.with(arguments, |_| {})
    }

    fn status(&self) -> Value {
        self.run(&["status", "--json"]).ok().json()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.home.path(name)).unwrap()
    }

    /// Everything in the home; what the stand-in remembers is not.
    fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let tools = self.systemctl.path().parent().unwrap();
        self.home
            .everything()
            .into_iter()
            .filter(|(path, _)| !path.starts_with(tools) && *path != self.program)
            .collect()
    }
}

/// The built program at another place.
fn place(path: &Path) {
    let built = env!("CARGO_BIN_EXE_operator");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::hard_link(built, path).or_else(|_| fs::copy(built, path).map(drop)).unwrap();
}

#[test]
fn app_starts_at_login_until_uninstalled() {
    let session = Session::new();
    let before = session.everything();
    let said = session.run(&["install"]).ok();
    assert!(said.out.contains("next login") && said.out.contains("operator.desktop"), "{said:?}");
    let written = session.read(DESKTOP);
    assert!(written.contains(&format!("\nExec={}\n", session.program.display())), "{written}");
    let mode = fs::metadata(session.home.path(DESKTOP)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & 0o600, 0o600, "{mode:o}");
    let app = session.status()["app"].clone();
    assert_eq!((&app["installed"], &app["enabled"], &app["current"]), (&json!(true), &json!(true), &json!(true)));
    let once = session.everything();
    assert_eq!(session.run(&["install"]).ok().out, said.out, "twice is the same");
    assert_eq!(session.everything(), once);
    assert_eq!(once.len(), before.len() + 2, "the file and its folder");
    assert!(session.run(&["uninstall"]).ok().out.contains("operator.desktop"));
    assert_eq!(session.everything(), before);
    assert_eq!(session.systemctl.calls(), [""; 0], "systemd has nothing to do with it");
}

#[test]
fn service_runs_until_uninstalled() {
    let session = Session::new();
    let before = session.everything();
    let said = session.run(&["install", "--headless"]).ok();
    assert!(said.out.contains("operator.service"), "{said:?}");
    assert_eq!(session.systemctl.calls(), [RELOAD, ENABLE]);
    let written = session.read(UNIT);
    for line in [
        format!("ExecStart={} --headless", session.program.display()).as_str(),
        "Restart=on-failure",
        "RestartSec=60",
        "RestartPreventExitStatus=64 75",
        "WantedBy=default.target",
    ] {
        assert!(written.lines().any(|found| found == line), "{line}: {written}");
    }
    let once = session.everything();
    assert_eq!(session.run(&["install", "--headless"]).ok().out, said.out, "twice is the same");
    assert_eq!(session.everything(), once);
    assert_eq!(session.systemctl.calls(), [RELOAD, ENABLE], "what runs goes on running");
    let headless = session.status()["headless"].clone();
    assert_eq!(
        (&headless["installed"], &headless["enabled"], &headless["note"]),
        (&json!(true), &json!(true), &json!(null))
    );
    session.run(&["uninstall"]).ok();
    assert_eq!(session.systemctl.calls(), [DISABLE, RELOAD]);
    assert_eq!(session.everything(), before);
}

#[test]
fn uninstall_without_item_succeeds() {
    let session = Session::new();
    let before = session.everything();
    for _ in 0..2 {
        assert!(session.run(&["uninstall"]).ok().out.contains("nothing to remove"));
    }
    assert_eq!(session.run(&["status"]).ok().out, "app       not installed  \nheadless  not installed  \n");
    assert_eq!((session.everything(), session.systemctl.calls()), (before, Vec::new()));
}

#[test]
fn app_and_service_replace_each_other() {
    let session = Session::new();
    session.run(&["install"]).ok();
    assert!(session.run(&["install", "--headless"]).ok().out.contains("replaces the app"));
    assert!(!session.home.path(DESKTOP).exists() && session.home.path(UNIT).exists());
    session.systemctl.calls();
    assert!(session.run(&["install"]).ok().out.contains("replaces the headless service"));
    assert!(session.home.path(DESKTOP).exists() && !session.home.path("home/.config/systemd").exists());
    assert_eq!(session.systemctl.calls(), [DISABLE, RELOAD]);
}

#[rstest]
#[case::no_session(true, "No medium found")]
#[case::no_systemctl(false, "systemctl is not installed")]
fn missing_systemd_prints_the_command(#[case] there: bool, #[case] reason: &str) {
    let session = Session::new();
    session.run(&["install"]).ok();
    let before = session.everything();
    session.systemctl.fail();
    let run = |arguments: &[&str]| {
        session.with(arguments, |program| {
            if !there {
                program.env("PATH", session.home.path("tmp"));
            }
        })
    };
    let said = run(&["install", "--headless"]).failed(1).err;
    for part in [reason, "operator.service is written", "systemctl --user enable --now operator.service"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(session.home.path(DESKTOP).exists(), "what worked is not taken away for what does not");
    let headless = session.status()["headless"].clone();
    assert_eq!((&headless["installed"], &headless["enabled"]), (&json!(true), &json!(false)));
    let wanted = session.home.path("home/.config/systemd/user/default.target.wants/operator.service");
    fs::create_dir_all(wanted.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(session.home.path(UNIT), &wanted).unwrap();
    let said = run(&["uninstall"]).ok().out;
    assert!(said.contains(reason) && said.contains("systemctl --user stop"), "{said}");
    let mut left = session.everything();
    left.insert(session.home.path(DESKTOP), before[&session.home.path(DESKTOP)].clone());
    left.insert(session.home.path("home/.config/autostart"), Vec::new());
    assert_eq!(left, before, "the link goes, too");
}

#[test]
fn named_config_is_kept_at_login() {
    let session = Session::new();
    for (given, folder) in [("../config.yaml", "home"), ("config.yaml", ".")] {
        session
            .with(&["install", "--config", given], |program| {
                program.current_dir(session.home.path(folder));
            })
            .ok();
        let command = session.status()["app"]["command"].clone();
        assert_eq!((&command[1], Path::new(command[2].as_str().unwrap()).is_absolute()), (&json!("--config"), true));
        assert!(Path::new(command[2].as_str().unwrap()).exists(), "{command}");
    }
    let usual = session.home.path("home/.config/operator/config.yaml");
    fs::create_dir(usual.parent().unwrap()).unwrap();
    fs::write(&usual, "{}").unwrap();
    session.run(&["install", "--config", usual.to_str().unwrap()]).ok();
    assert_eq!(session.status()["app"]["command"].as_array().unwrap().len(), 1, "the usual one is found anyway");
}

#[rstest]
#[case::blanks("my programs", "my files")]
#[case::per_cent("plain", "50% of %f %h and %%")]
#[case::dollar("$HOME ${HOME} $$", "$$ $HOME ${HOME}")]
#[case::shell("a `b` ;c&d#~*? ü", "a `b` ;c&d#~*? ü")]
#[case::quotes("plain", "say \"hi\" and 'ho'")]
#[case::more("plain", r"a\b\\c=d\n")]
fn unusual_paths_can_be_started(#[case] place_of_program: &str, #[case] place_of_config: &str) {
    let mut session = Session::new();
    session.program = session.home.path(place_of_program).join("operator");
    place(&session.program);
    let config = session.home.path(place_of_config).join("config.yaml");
    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "{}").unwrap();
    let (program, config) = (session.program.to_str().unwrap(), config.to_str().unwrap());
    session.run(&["install", "--config", config]).ok();
    assert_eq!(session.status()["app"]["command"], json!([program, "--config", config]));
    assert_eq!(session.status()["app"]["current"], true);
    accepts("desktop-file-validate", &[], &session.home.path(DESKTOP));
    session.run(&["install", "--headless", "--config", config]).ok();
    assert_eq!(session.status()["headless"]["command"], json!([program, "--headless", "--config", config]));
    accepts("systemd-analyze", &["--user", "verify"], &session.home.path(UNIT));
}

/// Asks the real tool, where there is one.
fn accepts(tool: &str, arguments: &[&str], file: &Path) {
    // It wants a folder of the session to be named, and looks only whether it is.
    let asked = Command::new(tool).args(arguments).arg(file).env("XDG_RUNTIME_DIR", file.parent().unwrap()).output();
    if let Ok(asked) = asked {
        let said = String::from_utf8_lossy(&asked.stdout).into_owned() + &String::from_utf8_lossy(&asked.stderr);
        assert!(asked.status.success(), "{tool}: {said}\n{}", fs::read_to_string(file).unwrap());
    }
}

#[rstest]
#[case::control("two\nlines", &["install"], "plain text")]
#[case::control_headless("two\nlines", &["install", "--headless"], "plain text")]
#[case::equals("a=b", &["install"], "plainer")]
#[case::per_cent("a%b", &["install"], "plainer")]
#[case::quote("a\"b", &["install", "--headless"], "plainer")]
#[case::apostrophe("a'b", &["install", "--headless"], "plainer")]
#[case::backslash("a\\b", &["install", "--headless"], "plainer")]
fn unstartable_program_is_refused(#[case] name: &str, #[case] install: &[&str], #[case] said: &str) {
    let mut session = Session::new();
    session.program = session.home.path(name).join("operator");
    place(&session.program);
    let before = session.everything();
    assert!(session.run(install).failed(1).err.contains(said));
    assert_eq!((session.everything(), session.systemctl.calls()), (before, Vec::new()));
}

#[rstest]
#[case::app(&["install"], "app")]
#[case::headless(&["install", "--headless"], "headless")]
fn moved_program_is_reported(#[case] install: &[&str], #[case] mode: &str) {
    let mut session = Session::new();
    session.run(install).ok();
    session.systemctl.calls();
    let old = session.program.clone();
    session.program = session.home.path("elsewhere/operator");
    place(&session.program);
    let state = session.status()[mode].clone();
    assert!(state["current"] == false && state["note"].as_str().unwrap().contains("another program"), "{state}");
    fs::remove_file(&old).unwrap();
    let words = session.run(&["status"]).ok().out;
    assert!(words.contains(old.to_str().unwrap()) && words.contains("does not exist"), "{words}");
    session.run(install).ok();
    let state = session.status()[mode].clone();
    assert_eq!((&state["current"], &state["note"]), (&json!(true), &json!(null)));
    let restart = "--user try-restart operator.service";
    assert_eq!(session.systemctl.calls().contains(&restart.to_owned()), mode == "headless");
}

#[rstest]
#[case::gnome("X-GNOME-Autostart-enabled=true", "X-GNOME-Autostart-enabled=false")]
#[case::others("Terminal=false", "Hidden=true")]
fn disabled_desktop_entry_is_off(#[case] line: &str, #[case] instead: &str) {
    let session = Session::new();
    session.run(&["install"]).ok();
    let text = session.read(DESKTOP).replace(line, instead);
    fs::write(session.home.path(DESKTOP), text).unwrap();
    let app = session.status()["app"].clone();
    assert_eq!((&app["installed"], &app["enabled"]), (&json!(true), &json!(false)));
    assert!(session.run(&["status"]).ok().out.contains("disabled"));
    session.run(&["install"]).ok();
    assert_eq!(session.status()["app"]["enabled"], true);
}

#[rstest]
#[case::app(DESKTOP, "[Desktop Entry]\nExec=/usr/bin/phone --operator\n", &["install"])]
#[case::unit(UNIT, "[Service]\nExecStart=/usr/bin/kubectl operate\n", &["install", "--headless"])]
#[case::unreadable(UNIT, "", &["install", "--headless"])]
fn foreign_file_is_left_alone(#[case] name: &str, #[case] text: &str, #[case] install: &[&str]) {
    let session = Session::new();
    let file = session.home.path(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    let before = session.everything();
    assert!(session.run(install).failed(1).err.contains("left alone"));
    assert!(session.run(&["uninstall"]).ok().out.contains("nothing to remove"));
    assert!(session.run(&["status"]).ok().out.contains("not Operator's"));
    assert_eq!((session.everything(), session.systemctl.calls()), (before, Vec::new()));
}

#[test]
fn service_path_with_percent_is_escaped() {
    let mut session = Session::new();
    session.program = session.home.path("50% %h/operator");
    place(&session.program);
    session.run(&["install", "--headless"]).ok();
    assert_eq!(session.status()["headless"]["current"], true);
    accepts("systemd-analyze", &["--user", "verify"], &session.home.path(UNIT));
}

#[test]
fn wrong_config_blocks_install_only() {
    let session = Session::new();
    session.run(&["install"]).ok();
    let usual = session.home.path("home/.config/operator/config.yaml");
    fs::create_dir(usual.parent().unwrap()).unwrap();
    fs::write(&usual, "interval: {}").unwrap();
    assert!(session.run(&["install", "--headless"]).failed(64).err.contains("config.yaml:1:"));
    assert!(!session.home.path(UNIT).exists());
    assert_eq!(session.status()["app"]["installed"], true);
    session.run(&["uninstall"]).ok();
    assert!(!session.home.path(DESKTOP).exists());
}

#[test]
fn xdg_config_home_is_respected() {
    let session = Session::new();
    let elsewhere = session.home.path("my config");
    let run = |arguments: &[&str]| {
        session.with(arguments, |program| {
            program.env("XDG_CONFIG_HOME", &elsewhere);
        })
    };
    let report = run(&["install", "--json"]).ok().json();
    assert_eq!(report["ok"], true, "{report}");
    assert!(elsewhere.join("autostart/operator.desktop").exists());
    run(&["install", "--headless"]).ok();
    assert!(elsewhere.join("systemd/user/operator.service").exists());
    run(&["uninstall"]).ok();
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn missing_home_is_an_error() {
    let session = Session::new();
    // Installing reads the configuration first, and that has no place either.
    for (command, code) in [("install", 64), ("uninstall", 1), ("status", 1)] {
        let run = session.with(&[command], |program| {
            program.env_remove("HOME");
        });
        assert!(run.failed(code).err.contains("$HOME"));
    }
}

#[test]
fn unwritable_folder_is_named() {
    let session = Session::new();
    fs::write(session.home.path("home/.config/autostart"), "a file").unwrap();
    assert!(session.run(&["install"]).failed(1).err.contains("autostart/operator.desktop"));
    assert_eq!(session.read("home/.config/autostart"), "a file");
}

#[test]
fn login_item_starts_no_engine() {
    let session = Session::new();
    let config = session.home.path("config.yaml");
    session.run(&["install", "--config", config.to_str().unwrap()]).ok();
    for arguments in [&["install", "--headless"][..], &["status"], &["uninstall"]] {
        session.run(arguments).ok();
    }
    assert!(!session.home.path("state").exists() && !session.home.path("logs").exists());
}
