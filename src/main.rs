//! Parse the command line and hand over; everything else lives in the library.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use operator::cli::{self, args::Cli};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let wanted = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // Nothing to be done if the screen is gone.
            let _ = error.print();
            return ExitCode::from(if wanted { 0 } else { 64 });
        }
    };
    cli::run(&cli).unwrap_or_else(|failure| failure.end())
}
