//! Prompts: lines typed with or without echo.

use std::io::{self, BufRead, IsTerminal, Read, Stdin};

use rustix::process::{Signal, getpid, kill_process};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

/// The longest line.
const MAX_LINE_BYTES: u64 = 8192;

/// The byte of Ctrl-C in a terminal without signals.
const CTRL_C: u8 = 3;

pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// Prompt with `question` through `print`. The trimmed line; empty for Enter alone. Fails at the end of the input.
pub(super) fn prompt_line(question: &str, print: impl Fn(&str)) -> io::Result<String> {
    print(question);
    let typed = read_until(b"\n");
    if !is_interactive() {
        print("\n"); // piped input has no echo of Enter
    }
    trimmed_text(typed?)
}

/// Like `prompt_line`, without echo.
pub(super) fn prompt_secret(question: &str, print: impl Fn(&str)) -> io::Result<String> {
    // Before the question, so that early keystrokes have no echo either.
    let echo_off = EchoOff::begin();
    print(question);
    let typed = read_until(if echo_off.is_some() { &[b'\n', CTRL_C] } else { b"\n" });
    print("\n");
    let is_terminal = echo_off.is_some();
    drop(echo_off);
    let typed = typed?;
    if is_terminal && typed.ends_with(&[CTRL_C]) {
        kill_process(getpid(), Signal::INT)?;
    }
    trimmed_text(typed)
}

/// The input up to and including the first of `ends`.
fn read_until(ends: &[u8]) -> io::Result<Vec<u8>> {
    let mut typed = Vec::new();
    let mut stdin = io::stdin().lock().take(MAX_LINE_BYTES);
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

fn trimmed_text(typed: Vec<u8>) -> io::Result<String> {
    let typed = String::from_utf8(typed).map_err(|_| io::Error::other("the input is not UTF-8"))?;
    Ok(typed.trim().to_owned())
}

/// Terminal echo is off until this is dropped. Ctrl-C ends the line instead of the program, which would leave echo off.
struct EchoOff {
    stdin: Stdin,
    before: Termios,
}

impl EchoOff {
    /// None without a terminal.
    fn begin() -> Option<Self> {
        let stdin = io::stdin();
        let before = tcgetattr(&stdin).ok()?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        modes.special_codes[SpecialCodeIndex::VEOL] = CTRL_C;
        tcsetattr(&stdin, OptionalActions::Now, &modes).ok()?;
        Some(Self { stdin, before })
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // A closed terminal needs no reset.
        let _ = tcsetattr(&self.stdin, OptionalActions::Now, &self.before);
    }
}
