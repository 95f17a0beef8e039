//! `operator setup`: what is asked, tried, written, and left alone.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rstest::rstest;

use crate::support::bot::{Bot, CHAT, TOKEN};
use crate::support::home::{Home, Run};

/// A configuration as a user writes one, with what a test may not touch put elsewhere.
const WRITTEN: &str = "\
# Mine
quiet_hours:
  start: 21        # early
  end: 6
sources:
  oura:
    cache_dir: ../foreign/oura-health.db   # filled by another program
http:
  enabled: false
";

/// The number of the state store among the sources.
const STORE: &str = "7";

struct User {
    home: Home,
}

impl User {
    fn new() -> Self {
        Self::with(WRITTEN)
    }

    fn with(text: &str) -> Self {
        let user = Self { home: Home::new() };
        fs::create_dir(user.home.path("mine")).unwrap();
        fs::write(user.file(), text).unwrap();
        user
    }

    fn file(&self) -> PathBuf {
        self.home.path("mine/config.yaml")
    }

    fn text(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn program(&self) -> Command {
        let mut program = self.home.program();
        program.arg("--config").arg(self.file()).arg("setup");
        program
    }

    /// Answer with these lines, and then no more.
    fn answers(&self, lines: &[&str]) -> Run {
        finish(self.program(), lines)
    }
}

fn finish(mut program: Command, lines: &[&str]) -> Run {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Whoever ends early reads no more.
    let _ = child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes());
    child.wait_with_output().unwrap().into()
}

#[test]
fn setup_changes_answered_keys_only() {
    let user = User::new();
    let run = user.answers(&[STORE, "../foreign/state.db", "", "22:30", "", "y"]).ok();
    let expected = WRITTEN
        .replace("start: 21        # early", "start: \"22:30\"   # early")
        .replace("another program\n", "another program\n  state_store:\n    path: \"../foreign/state.db\"\n");
    assert_eq!(user.text(), expected);
    for said in
        ["Oura is already connected: oura_cache", "It works: ", "open task", "sources.state_store.path: ../foreign"]
    {
        assert!(run.out.contains(said), "{said}: {}", run.out);
    }
    let mode = fs::metadata(user.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it may hold secrets");
    let mut check = user.home.program();
    let shown = check.arg("--config").arg(user.file()).args(["--status", "--json"]).output().unwrap();
    assert!(String::from_utf8_lossy(&shown.stdout).contains("foreign/state.db"));
}

#[test]
fn failing_answer_is_repeated_kept_or_dropped() {
    for (lines, path) in [
        (&[STORE, "../nowhere.db", "", "../foreign/state.db", "", "", "", "y"][..], Some("../foreign/state.db")),
        (&[STORE, "../nowhere.db", "k", "", "", "", "y"][..], Some("../nowhere.db")),
        (&[STORE, "../nowhere.db", "l", "", "", ""][..], None),
    ] {
        let user = User::new();
        let run = user.answers(lines).ok();
        assert!(run.out.contains("That did not work.") && run.out.contains("there is no file"), "{}", run.out);
        match path {
            Some(path) => assert!(user.text().contains(&format!("path: \"{path}\"")), "{}", user.text()),
            None => assert_eq!(user.text(), WRITTEN),
        }
    }
}

#[rstest]
#[case::enter_for_everything(&["", "", "", ""], 0)]
#[case::no_at_the_end(&["", "", "23", "", "n"], 1)]
#[case::nobody_at_the_first_question(&[], 1)]
#[case::nobody_at_the_last(&[STORE, "../foreign/state.db", "", "23", ""], 1)]
#[case::nonsense_and_then_nobody(&["9", "two", "-1"], 1)]
fn setup_writes_nothing_before_confirmation(#[case] lines: &[&str], #[case] code: i32) {
    let user = User::new();
    let before = user.home.everything();
    let run = user.answers(lines);
    assert_eq!(run.code, code, "{run:?}");
    assert_eq!(user.home.everything(), before);
}

#[test]
fn telegram_setup_hides_the_token() {
    let bot = Bot::start();
    let user = User::with(&format!("alerters:\n  telegram:\n    api_url: {}   # ours\n", bot.section()["api_url"]));
    let chat = CHAT.to_string();
    let run = user.answers(&["n", "", "1", "123:wrong", "7", "", TOKEN, &chat, "", "", "y"]).ok();
    assert!(run.out.contains("That did not work.") && run.out.contains("It works: "), "{}", run.out);
    assert!(run.out.contains("alerters.telegram.token: (not shown)"), "{}", run.out);
    for secret in [TOKEN, "123:wrong"] {
        assert!(!run.out.contains(secret) && !run.err.contains(secret), "{run:?}");
    }
    let text = user.text();
    assert!(text.contains(&format!("token: \"{TOKEN}\"")) && text.contains("enabled: true"), "{text}");
    assert!(text.contains("# ours"), "{text}");
    assert!(bot.messages().is_empty(), "nothing is sent to try it");

    let again = user.answers(&["n", "", "1", "", "", "", ""]).ok();
    assert!(
        again.out.contains("Telegram – configured") && again.out.contains("Enter keeps what is set"),
        "{}",
        again.out
    );
    assert_eq!(user.text(), text);
}

#[test]
fn missing_file_starts_from_the_default() {
    let home = Home::new();
    let mut program = home.program();
    program.arg("setup");
    finish(program, &["n", "", "", "23", "", "y"]).ok();
    let text = fs::read_to_string(usual(&home)).unwrap();
    let changed: Vec<(&str, &str)> =
        operator::config::DEFAULT.lines().zip(text.lines()).filter(|(before, after)| before != after).collect();
    let [(before, after)] = changed[..] else { panic!("{changed:?}") };
    assert!(
        before.contains("start: 22 ") && after.contains("start: 23 ") && after.contains("# hour (0 to 23)"),
        "{after}"
    );
}

#[test]
fn linked_config_keeps_its_link() {
    let user = User::new();
    let behind = user.home.path("dotfiles.yaml");
    fs::rename(user.file(), &behind).unwrap();
    std::os::unix::fs::symlink(&behind, user.file()).unwrap();
    user.answers(&["", "", "23", "", "y"]).ok();
    assert!(fs::symlink_metadata(user.file()).unwrap().is_symlink());
    assert!(fs::read_to_string(behind).unwrap().contains("start: 23 "));
}

#[rstest]
#[case::a_mistake("quiet_hours:\n  strat: 22\n", "strat")]
#[case::no_yaml("a: [\n", "config.yaml:")]
fn wrong_config_is_not_touched(#[case] text: &str, #[case] said: &str) {
    let user = User::with(text);
    let run = user.answers(&["", "", "23", "", "y"]).failed(64);
    assert!(run.err.contains(said), "{run:?}");
    assert_eq!(user.text(), text);
}

#[test]
fn json_config_is_edited_in_place() {
    let user = User::with("{\"quiet_hours\": {\"start\": 21}}\n");
    user.answers(&["n", "", "", "23", "", "y"]).ok();
    assert_eq!(user.text(), "{\"quiet_hours\": {\"start\": 23}}\n");
}

#[test]
fn unsafe_edit_is_left_to_the_user() {
    let text = "quiet_hours:\n  start:\n    # mine\n    21\n";
    let user = User::with(text);
    let run = user.answers(&["n", "", "", "23", "", "", ""]).ok();
    assert!(run.out.contains("quiet_hours.start cannot be changed") && run.out.contains("by hand"), "{}", run.out);
    assert_eq!(user.text(), text);
}

#[test]
fn calendar_list_of_the_user_is_kept() {
    let user = User::with(&format!("{WRITTEN}# mine too\n"));
    fs::write(user.home.path("work.ics"), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\nEND:VCALENDAR\r\n")
        .unwrap();
    let run = user.answers(&["5", "../nowhere.ics", "", "../work.ics", "", "", "", "y"]).ok();
    assert!(run.out.contains("That did not work.") && run.out.contains("It works: "), "{}", run.out);
    assert!(user.text().contains("  calendars: [{name: calendar, file: \"../work.ics\"}]\n"), "{}", user.text());
    assert!(!run.out.contains("nowhere.ics"), "it might be a secret: {}", run.out);
    let before = user.text();
    let run = user.answers(&["6", "l", "", "", ""]).ok();
    assert!(run.out.contains("already has entries"), "{}", run.out);
    assert_eq!(user.text(), before);
}

#[test]
fn two_calendars_become_two_entries() {
    let user = User::new();
    fs::write(user.home.path("a.ics"), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x\r\nEND:VCALENDAR\r\n").unwrap();
    let account = ["http://127.0.0.1:9/", "ada", "s3cret", "k"];
    let answers = [&["5 6", "../a.ics"][..], &account, &["", "", "", "y"]].concat();
    let run = user.answers(&answers).ok();
    let both = "[{name: calendar, file: \"../a.ics\"}, {name: calendar2, caldav: {url: \"http://127.0.0.1:9/\", user: ada, password: s3cret}}]";
    assert!(user.text().contains(both), "{}", user.text());
    assert!(!run.out.contains("s3cret"), "{}", run.out);
}

#[rstest]
#[case("Https://calendar.invalid/private-s3cret/basic.ics", true)]
#[case("calendar.invalid/private-s3cret/basic.ics", false)]
#[case("htps://calendar.invalid/private-s3cret/basic.ics", false)]
fn secret_address_is_not_a_file(#[case] address: &str, #[case] is_one: bool) {
    let user = User::new();
    let run = user.answers(&["5", address, if is_one { "k" } else { "l" }, "", "", "", "y"]).ok();
    assert!(!run.out.contains("s3cret") && !run.err.contains("s3cret"), "{run:?}");
    assert_eq!(user.text().contains("url: \""), is_one, "{}", user.text());
    assert!(!user.text().contains("file:"), "{}", user.text());
}

#[test]
fn secret_file_is_not_replaced() {
    let user = User::with(&format!(
        "{WRITTEN}alerters:\n  telegram:\n    token_file: ../token\n    chat_id: \"7\"\n    api_url: http://127.0.0.1:9\n"
    ));
    fs::write(user.home.path("token"), TOKEN).unwrap();
    let run = user.answers(&["", "1", "", "k", "", "", "y"]).ok();
    assert!(run.out.contains("alerters.telegram.token_file names"), "{}", run.out);
    assert!(user.text().contains("token_file: ../token\n"), "{}", user.text());
}

/// Without anybody at a terminal the ring needs what the configuration says; everything else is written all the same.
#[test]
fn oura_is_connected_last() {
    let user = User::with("# Mine\n");
    let run = user.answers(&["y", "", "", "23", "", "y"]);
    assert!(
        run.out.contains("They begin at (an hour, or a time such as 22:30) [22]"),
        "what holds by default: {}",
        run.out
    );
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("Written.") && run.err.contains("cloud.ouraring.com/oauth/applications"), "{run:?}");
    assert!(user.text().contains("start: 23"), "{}", user.text());
}

/// A user at the keyboard: what is asked is read before it is answered.
struct Talk {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Talk {
    fn begin(user: &User) -> Self {
        let mut child = user.program().stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn until(&mut self, words: &str) {
        let mut line = String::new();
        while !line.contains(words) {
            line.clear();
            assert_ne!(self.out.read_line(&mut line).unwrap(), 0, "never said: {words}");
        }
    }

    fn answer(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

#[test]
fn concurrent_change_is_not_overwritten() {
    let user = User::new();
    let mut talk = Talk::begin(&user);
    for line in ["", "", "23", ""] {
        talk.answer(line);
    }
    talk.until("will contain:");
    fs::write(user.file(), "quiet_hours:\n  start: 20\n").unwrap();
    talk.answer("y");
    drop(talk.child.stdin.take());
    let mut rest = String::new();
    talk.out.read_to_string(&mut rest).unwrap();
    assert_eq!(talk.child.wait().unwrap().code(), Some(1), "{rest}");
    assert_eq!(user.text(), "quiet_hours:\n  start: 20\n");
}

/// A user at a real terminal, played by Python: `script` says `until(words)` and `types(bytes)`. Gives how the program ended
/// – the signal's number, or `exit` and its code – and all that was seen.
fn at_a_terminal(home: &Home, arguments: &[&str], script: &str) -> (String, String) {
    let prelude = "
import os, pty, signal, sys
pid, terminal = pty.fork()
signal.alarm(60)
signal.signal(signal.SIGINT, signal.SIG_DFL) # a background shell ignores it, and children inherit that
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
def until(words):
    global seen
    while words.encode() not in seen:
        part = os.read(terminal, 4096)
        if not part: sys.exit('never said: %r' % words)
        seen += part
def types(text): os.write(terminal, text.encode())
";
    let end = "
_, status = os.waitpid(pid, 0)
print(os.WTERMSIG(status) if os.WIFSIGNALED(status) else 'exit %d' % os.WEXITSTATUS(status), flush=True)
sys.stdout.buffer.write(seen)
";
    let mut python = Command::new("python3");
    home.clean(&mut python);
    let program = env!("CARGO_BIN_EXE_operator");
    let run: Run =
        python.args(["-c", &format!("{prelude}{script}{end}"), program]).args(arguments).output().unwrap().into();
    let (ended, seen) = run.out.split_once('\n').unwrap_or_else(|| panic!("{run:?}"));
    (ended.to_owned(), seen.to_owned())
}

#[test]
fn terminal_secrets_have_no_echo() {
    let bot = Bot::start();
    let user = User::with(&format!("alerters:\n  telegram:\n    api_url: {}\n", bot.section()["api_url"]));
    let before = user.home.everything();
    let script = r"
until('Oura ring?'); types('n\n')
until('Enter for none:'); types('\n')
until('4  Email'); types('1\n')
until('token (not shown):'); types('123:typed-in-secret\n')
until('chat id:'); types('\x03')
";
    let file = user.file().display().to_string();
    let (ended, seen) = at_a_terminal(&user.home, &["--config", &file, "setup"], script);
    assert_eq!(ended, "2", "by Ctrl-C: {seen}");
    assert!(seen.contains("token (not shown):") && !seen.contains("typed-in-secret"), "{seen}");
    assert_eq!(user.home.everything(), before);
}

/// Secrets are typed unseen, and the terminal is what it was afterwards.
#[test]
fn ctrl_c_restores_the_terminal() {
    let user = User::with("{}\n");
    let before = user.home.everything();
    let script = r"
import termios
shows = lambda: bool(termios.tcgetattr(terminal)[3] & termios.ECHO)
until('Oura ring?'); types('n\n')
until('Enter for none:'); types('\n')
until('4  Email'); types('1\n')
until('token (not shown):')
if shows(): sys.exit('it would be shown')
types('123:half-a-sec\x03')
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
if not shows(): sys.exit('the terminal stays unseen')
";
    let file = user.file().display().to_string();
    let (ended, seen) = at_a_terminal(&user.home, &["--config", &file, "setup"], script);
    assert_eq!(ended, "2", "by Ctrl-C: {seen}");
    assert!(!seen.contains("half-a-sec"), "{seen}");
    assert_eq!(user.home.everything(), before);
}

/// The usual place of the configuration.
fn usual(home: &Home) -> PathBuf {
    let place = if cfg!(target_os = "macos") { "Library/Application Support/Operator" } else { ".config/operator" };
    home.path("home").join(place).join("config.yaml")
}

#[test]
fn first_start_offers_setup() {
    let home = Home::new();
    let script = r"
until('first start. Set it up now?'); types('y\n')
until('Oura ring?'); types('n\n')
until('Enter for none:'); types('\n')
until('4  Email'); types('\n')
until('They begin at'); types('23\n')
until('They end at'); types('\n')
until('Write it?'); types('y\n')
until('Check cycle complete'); types('\x03')
";
    let (ended, seen) = at_a_terminal(&home, &["--headless"], script);
    assert_eq!(ended, "exit 0", "{seen}");
    assert!(fs::read_to_string(usual(&home)).unwrap().contains("start: 23 "));
}

#[test]
fn declined_setup_is_not_offered_again() {
    let home = Home::new();
    let (ended, seen) = at_a_terminal(
        &home,
        &["--headless"],
        "until('Set it up now?'); types('n\\n'); until('Check cycle complete'); types('\\x03')\n",
    );
    assert_eq!(ended, "exit 0", "{seen}");
    assert_eq!(fs::read_to_string(usual(&home)).unwrap(), operator::config::DEFAULT);
    let (ended, seen) = at_a_terminal(&home, &["--headless"], "until('Check cycle complete'); types('\\x03')\n");
    assert_eq!(ended, "exit 0", "{seen}");
    assert!(!seen.contains("Set it up now?"), "{seen}");
}
