//! The `operator` program: parses the command line and runs the command.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use operator::cli::{self, args::Cli};

/// The exit code of a usage error (`EX_USAGE` of sysexits.h).
const USAGE_ERROR: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let is_request = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Without a terminal there is nowhere to report a failure.
            let _ = error.print();
            return ExitCode::from(if is_request { 0 } else { USAGE_ERROR });
        }
    };
    cli::run(&cli).unwrap_or_else(|failure| failure.end())
}
