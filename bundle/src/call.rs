//! A command of the system as a value, and the one place that runs it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// A program with its arguments and what it needs in its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
}

/// Runs calls: for real, or for a test to see what would be run.
pub type Runner<'a> = dyn FnMut(&Call) -> Result<(), Failure> + 'a;

impl Call {
    /// The program alone.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self { program: program.as_ref().to_owned(), args: Vec::new(), env: Vec::new() }
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// More arguments, written as one text.
    #[must_use]
    pub fn words(self, words: &str) -> Self {
        words.split_whitespace().fold(self, Self::arg)
    }

    /// A variable in its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Run it to its end. What it says goes to stderr: stdout carries results only.
    ///
    /// # Errors
    /// When it cannot be started or fails.
    pub fn run(&self) -> Result<(), Failure> {
        let status = self.command().stdout(io::stderr()).status().map_err(|error| self.unstarted(&error))?;
        if status.success() { Ok(()) } else { Err(self.failed(status.to_string())) }
    }

    /// Run it to its end and give what it wrote to stdout, without the white space around it.
    ///
    /// # Errors
    /// When it cannot be started, fails, or writes something else than text.
    pub fn answer(&self) -> Result<String, Failure> {
        let output = self.command().stderr(Stdio::inherit()).output().map_err(|error| self.unstarted(&error))?;
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

    fn unstarted(&self, error: &io::Error) -> Failure {
        let name = self.program.display();
        self.failed(match error.kind() {
            io::ErrorKind::NotFound => {
                format!("{name} is not installed: Apple's tools come with `xcode-select --install`, Rust's with rustup")
            }
            _ => format!("cannot be started: {error}"),
        })
    }

    fn failed(&self, why: String) -> Failure {
        Failure::Command { command: self.to_string(), why }
    }
}

/// As one would type it, with quotes where there is need of them.
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
    fn a_call_reads_as_one_would_type_it() {
        let call =
            Call::new("codesign").words("--force --sign").arg("Developer ID Application: A. Person (X)").arg("it's");
        assert_eq!(call.to_string(), r"codesign --force --sign 'Developer ID Application: A. Person (X)' 'it'\''s'");
        assert_eq!(Call::new("x").env("FLOOR", "13.0").arg("").to_string(), "FLOOR=13.0 x ''");
    }

    #[test]
    fn a_program_that_is_missing_or_fails_says_so() {
        let missing = Call::new("operator-no-such-program").run().unwrap_err().to_string();
        assert!(missing.contains("operator-no-such-program is not installed"), "{missing}");
        let failed = Call::new("false").arg("x").run().unwrap_err().to_string();
        assert!(failed.starts_with("false x\n") && failed.contains('1'), "{failed}");
        assert_eq!(Call::new("echo").arg(" yes ").answer().unwrap(), "yes");
    }
}
