//! Parse the command line and hand over; everything else lives in the library.

use std::io::{self, Write as _};
use std::process::ExitCode;

use bundle::cli::{self, Cli};
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing to be done if the screen is gone.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    cli::run(&cli).map_or_else(
        |failure| {
            let _ = writeln!(io::stderr(), "bundle: {failure}");
            failure.code()
        },
        |()| ExitCode::SUCCESS,
    )
}
