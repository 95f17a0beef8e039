//! Entry point: parses the command line, runs it and maps errors to exit codes.

use std::io::{self, Write as _};
use std::process::ExitCode;

use bundle::cli::{self, Cli};
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    cli::run(&cli).map_or_else(
        |error| {
            let _ = writeln!(io::stderr(), "bundle: {error}");
            error.exit_code()
        },
        |()| ExitCode::SUCCESS,
    )
}
