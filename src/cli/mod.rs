//! The command line: one file per command. Results go to stdout, everything else to stderr.

pub mod args;
mod check;
mod connect;
mod control;
mod dashboard;
pub mod demo;
mod login_item;
pub mod output;
mod queries;
pub mod render;
mod run;
mod setup;
mod terminal;

use std::process::ExitCode;

use jiff::Timestamp;

use self::args::{Cli, Command as Subcommand, Connectable};
use self::output::Palette;
use self::render::Renderer;
use crate::app::exit;
use crate::app::load::{AppContext, LogTarget, environment};

type Outcome = Result<ExitCode, exit::Error>;

/// Run the command. The error knows its exit code.
pub fn run(cli: &Cli) -> Outcome {
    match &cli.command {
        None if cli.run.status => queries::status(cli),
        None if cli.run.once => run::once(cli),
        None => run::resident(cli),
        Some(Subcommand::Demo { serve }) => demo::run(cli.verbose, *serve),
        Some(Subcommand::Dashboard { print }) => dashboard::run(cli, *print),
        Some(Subcommand::Setup) => setup::run(cli.config.as_deref(), environment),
        Some(Subcommand::Check) => check::run(&open(cli, LogTarget::Quiet)?, cli.json),
        Some(Subcommand::Alerts { all }) => queries::alerts(cli, *all),
        Some(Subcommand::Why { key }) => queries::why(cli, key),
        Some(Subcommand::Journal { since }) => queries::journal(cli, *since),
        Some(Subcommand::RunNow) => run::now(cli),
        Some(Subcommand::TestAlert { channel }) => control::test_alert(cli, *channel),
        Some(Subcommand::Connect { source: Connectable::Oura }) => {
            connect::connect(&open(cli, LogTarget::Quiet)?, cli.json)
        }
        Some(Subcommand::Disconnect { source: Connectable::Oura }) => {
            connect::disconnect(&open(cli, LogTarget::Quiet)?, cli.json)
        }
        Some(Subcommand::LoginItem { change }) => login_item::run(cli, *change),
        Some(change) => control::change(cli, change),
    }
}

fn open(cli: &Cli, logs: LogTarget) -> Result<AppContext, exit::Error> {
    AppContext::load(cli.config.as_deref(), environment, cli.verbose, logs)
}

fn renderer(context: &AppContext) -> Renderer {
    Renderer { palette: Palette::for_stdout(), zone: context.time_zone(), now: Timestamp::now() }
}
