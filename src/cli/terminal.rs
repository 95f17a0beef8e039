//! Lines that a person types, shown or not.

use std::io::{self, BufRead, IsTerminal, Read, Stdin};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// Nobody types more (bytes).
const LONGEST: u64 = 8192;

/// What Ctrl-C puts into a line where it does not end the program.
const CTRL_C: u8 = 3;

/// Whether there is somebody to ask.
pub(super) fn somebody_is_there() -> bool {
    io::stdin().is_terminal()
}

/// What is typed after `question`, without the white space around it; empty for Enter alone. `say` puts the question.
///
/// # Errors
/// When nobody answers any more.
pub(super) fn line(question: &str, say: impl Fn(&str)) -> io::Result<String> {
    say(question);
    let typed = read(b"\n");
    if !somebody_is_there() {
        say("\n"); // whoever reads the output later sees no Enter
    }
    text(typed?)
}

/// The same, not shown while it is typed.
///
/// # Errors
/// As `line`.
pub(super) fn secret(question: &str, say: impl Fn(&str)) -> io::Result<String> {
    // Before the question: who types fast is not shown either.
    let unseen = Unseen::begin();
    say(question);
    let typed = read(if unseen.is_some() { &[b'\n', CTRL_C] } else { b"\n" });
    say("\n");
    let is_terminal = unseen.is_some();
    drop(unseen);
    let typed = typed?;
    if is_terminal && typed.ends_with(&[CTRL_C]) {
        kill_process(getpid(), Signal::INT)?;
    }
    text(typed)
}

/// Up to the first of `ends`, which stays in it; a terminal hands over no more than such a part at a time.
fn read(ends: &[u8]) -> io::Result<Vec<u8>> {
    let mut typed = Vec::new();
    let mut stdin = io::stdin().lock().take(LONGEST);
    while !typed.last().is_some_and(|last| ends.contains(last)) {
        let part = stdin.fill_buf()?;
        let length = part.iter().position(|byte| ends.contains(byte)).map_or(part.len(), |end| end + 1);
        typed.extend(part.iter().take(length));
        if length == 0 {
            break;
        }
        stdin.consume(length);
    }
    if typed.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(typed) }
}

fn text(typed: Vec<u8>) -> io::Result<String> {
    let typed = String::from_utf8(typed).map_err(|_| io::Error::other("what was typed is not UTF-8"))?;
    Ok(typed.trim().to_owned())
}

/// The terminal shows nothing of what is typed until this is dropped. Ctrl-C ends the line meanwhile, and not the program, which
/// would leave the terminal as it is now.
struct Unseen {
    stdin: Stdin,
    before: Termios,
}

impl Unseen {
    /// None where there is no terminal.
    fn begin() -> Option<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        unseen.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(&stdin, OptionalActions::Now, &unseen).ok()?;
        Some(Self { stdin, before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // A terminal that is gone needs nothing back.
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }
}
