//! The headless service on macOS, with a fake `launchctl` on any system.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use operator::sys::autostart::{Error, LoginItem, Mode};
use rstest::rstest;
use tempfile::TempDir;

use crate::support::tool::{LAUNCHCTL, Tool};

struct Mac {
    folder: TempDir,
    launchctl: Tool,
}

impl Mac {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("Library/LaunchAgents")).unwrap();
        let launchctl = Tool::new(&folder.path().join("bin"), "launchctl", LAUNCHCTL);
        Self { folder, launchctl }
    }

    fn item(&self, program: &str, config: Option<&str>) -> LoginItem {
        LoginItem {
            macos: true,
            root: self.folder.path().join("Library"),
            program: program.into(),
            config: config.map(PathBuf::from),
            tool: self.launchctl.path().to_path_buf(),
        }
    }

    fn plist(&self) -> PathBuf {
        self.folder.path().join("Library/LaunchAgents/com.thanos.operator.plist")
    }

    fn domain(&self) -> String {
        format!("gui/{}", fs::metadata(self.folder.path()).unwrap().uid())
    }

    /// The calls of `launchctl` besides `print`.
    fn changes(&self) -> Vec<String> {
        self.launchctl.calls().into_iter().filter(|call| !call.starts_with("print")).collect()
    }
}

const PROGRAM: &str = "/opt/R&D/operator";

#[test]
fn plist_is_written_and_loaded_once() {
    let mac = Mac::new();
    let item = mac.item(PROGRAM, Some("/etc/my operator.yaml"));
    let said = item.install(Mode::Headless).unwrap();
    assert!(said.contains("com.thanos.operator.plist"), "{said}");
    assert_eq!(mac.changes(), [format!("bootstrap {} {}", mac.domain(), mac.plist().display())]);
    let written = fs::read_to_string(mac.plist()).unwrap();
    assert!(written.contains("<string>/opt/R&amp;D/operator</string>"), "{written}");
    assert_eq!(item.install(Mode::Headless).unwrap(), said, "once more changes nothing");
    assert_eq!(mac.changes(), [""; 0]);
    let state = item.status().headless;
    assert_eq!((state.installed, state.enabled, state.current, state.note), (Some(true), true, Some(true), None));
    assert_eq!(state.command.unwrap(), [PROGRAM, "--headless", "--config", "/etc/my operator.yaml"]);
}

#[test]
fn changed_plist_waits_for_bootout() {
    let mac = Mac::new();
    mac.item(PROGRAM, None).install(Mode::Headless).unwrap();
    mac.changes();
    let moved = mac.item("/new/operator", None);
    let state = moved.status().headless;
    assert!(state.current == Some(false) && state.note.unwrap().contains(PROGRAM), "it points at the old one");
    moved.install(Mode::Headless).unwrap();
    let load = format!("bootstrap {} {}", mac.domain(), mac.plist().display());
    assert_eq!(mac.changes(), [format!("bootout {}/com.thanos.operator", mac.domain()), load]);
    assert_eq!(moved.status().headless.current, Some(true));
}

#[test]
fn uninstall_removes_everything() {
    let mac = Mac::new();
    let item = mac.item(PROGRAM, None);
    item.install(Mode::Headless).unwrap();
    mac.changes();
    item.uninstall().unwrap();
    assert_eq!(mac.changes(), [format!("bootout {}/com.thanos.operator", mac.domain())]);
    let left: Vec<_> = fs::read_dir(mac.plist().parent().unwrap()).unwrap().collect();
    assert!(left.is_empty(), "macOS's own folder stays, empty: {left:?}");
    assert!(item.uninstall().unwrap().contains("nothing"));
    assert_eq!(mac.changes(), [""; 0]);
}

#[test]
fn launchd_error_names_the_command() {
    let mac = Mac::new();
    mac.launchctl.fail();
    let said = mac.item(PROGRAM, None).install(Mode::Headless).unwrap_err().to_string();
    for part in ["Input/output error", "launchctl bootstrap gui/", "com.thanos.operator.plist"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(mac.plist().exists());
}

#[test]
fn foreign_plist_is_left_alone() {
    let mac = Mac::new();
    let item = mac.item(PROGRAM, None);
    let seed = "<plist><dict><key>Label</key><string>com.thanos.operator</string><key>ProgramArguments</key>\
                <array><string>/usr/bin/python3</string><string>daemon.py</string></array></dict></plist>";
    for text in [seed, "bplist00", ""] {
        fs::write(mac.plist(), text).unwrap();
        let error = item.install(Mode::Headless).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
        assert!(item.uninstall().unwrap().contains("nothing"));
        assert!(item.status().headless.note.unwrap().contains("not Operator's"));
        assert_eq!(fs::read_to_string(mac.plist()).unwrap(), text);
    }
    assert_eq!(mac.launchctl.calls(), [""; 0]);
}

#[rstest]
#[case::bare("/usr/local/bin/operator", None, "--headless")]
#[case::configured("/Applications/Operator.app/Contents/MacOS/operator", Some("/a/c.yaml"), "/a/c.yaml")]
#[case::passing("/private/var/AppTranslocation/1/Operator.app/Contents/MacOS/operator", None, "Applications folder")]
fn app_mode_needs_a_startable_app(#[case] program: &str, #[case] config: Option<&str>, #[case] advice: &str) {
    let mac = Mac::new();
    let said = mac.item(program, config).install(Mode::App).unwrap_err().to_string();
    assert!(said.contains(advice), "{said}");
}

#[test]
fn bare_program_cannot_know_the_app() {
    let mac = Mac::new();
    let item = mac.item(PROGRAM, None);
    assert_eq!((item.status().app.installed, item.status().starts_at_login()), (None, None));
    item.install(Mode::Headless).unwrap();
    assert_eq!(item.status().starts_at_login(), Some(true));
    assert!(Path::new(&item.status().headless.file.unwrap()).exists());
}
