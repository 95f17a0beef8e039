//! Asking on the terminal for what the configuration does not say.

use std::io::{self, BufRead, IsTerminal, Read};

use secrecy::SecretString;

use super::say;

/// Nobody types more (bytes).
const LONGEST: u64 = 4096;

/// Whether there is somebody to ask.
pub(super) fn somebody_is_there() -> bool {
    io::stdin().is_terminal()
}

/// A line that may be seen.
///
/// # Errors
/// When nothing was typed.
pub(super) fn line(question: &str) -> io::Result<String> {
    say(question);
    let mut typed = String::new();
    io::stdin().lock().take(LONGEST).read_line(&mut typed)?;
    something(typed)
}

/// A line that the screen does not show.
///
/// # Errors
/// As above.
pub(super) fn secret(question: &str) -> io::Result<SecretString> {
    say(question);
    something(rpassword::read_password()?).map(SecretString::from)
}

fn something(typed: String) -> io::Result<String> {
    let typed = typed.trim();
    if typed.is_empty() { Err(io::Error::other("nothing was typed")) } else { Ok(typed.to_owned()) }
}
