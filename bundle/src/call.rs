//! A system command as a value, and the only place that runs one.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::process::{Command, Stdio};

use crate::error::Error;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

/// Runs calls, or records them in a test.
pub type Runner<'a> = dyn FnMut(&Call) -> Result<(), Error> + 'a;

impl Call {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { program: program.as_ref().to_owned(), args: Vec::new(), env: Vec::new() }
    }

    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Add arguments separated by white space.
    #[must_use]
    pub fn words(self, words: &str) -> Self {
        words.split_whitespace().fold(self, Self::arg)
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Run to completion. All output goes to stderr, because stdout carries results only.
    pub fn run(&self) -> Result<(), Error> {
        let status = self.command().stdout(io::stderr()).status().map_err(|error| self.spawn_error(&error))?;
        if status.success() { Ok(()) } else { Err(self.failed(status.to_string())) }
    }

    /// Run to completion and return the trimmed stdout.
    pub fn stdout(&self) -> Result<String, Error> {
        let output = self.command().stderr(Stdio::inherit()).output().map_err(|error| self.spawn_error(&error))?;
        if !output.status.success() {
            return Err(self.failed(output.status.to_string()));
        }
        String::from_utf8(output.stdout)
            .map(|text| text.trim().to_owned())
            .map_err(|error| self.failed(error.to_string()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().cloned()).stdin(Stdio::null());
        command
    }

    fn spawn_error(&self, error: &io::Error) -> Error {
        let name = self.program.display();
        self.failed(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("{name} is not installed: get Apple's tools with `xcode-select --install`, Rust's with rustup")
            }
            _ => format!("cannot start: {error}"),
        })
    }

    fn failed(&self, reason: String) -> Error {
        Error::Command { command: self.to_string(), reason }
    }
}

/// As typed in a shell, quoted where needed.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.env {
            write!(f, "{}={} ", name.display(), quoted(value))?;
        }
        write!(f, "{}", quoted(&self.program))?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", quoted(arg)))
    }
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_is_shown_as_a_shell_command() {
        let call =
            Call::new("codesign").words("--force --sign").arg("Developer ID Application: A. Person (X)").arg("it's");
        assert_eq!(call.to_string(), r"codesign --force --sign 'Developer ID Application: A. Person (X)' 'it'\''s'");
        assert_eq!(Call::new("x").env("FLOOR", "13.0").arg("").to_string(), "FLOOR=13.0 x ''");
    }

    #[test]
    fn missing_or_failing_program_is_an_error() {
        let missing = Call::new("operator-no-such-program").run().unwrap_err().to_string();
        assert!(missing.contains("operator-no-such-program is not installed"), "{missing}");
        let failed = Call::new("false").arg("x").run().unwrap_err().to_string();
        assert!(failed.starts_with("false x\n") && failed.contains('1'), "{failed}");
        assert_eq!(Call::new("echo").arg(" yes ").stdout().unwrap(), "yes");
    }
}
