//! Flags and subcommands. Their help is the manual.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::build;
use crate::core::alert::AlertKey;
use crate::core::channel::Channel;
use crate::core::duration;

/// Watches your health data, tasks and habits, and notifies you rarely, with the reason
#[derive(Debug, Parser)]
#[command(
    name = "operator",
    version,
    after_help = "\
Without a command Operator runs until it is stopped, and checks every few minutes.

  operator demo                     run a check on sample data
  operator setup                    connect sources and channels, question by question
  operator connect oura             connect your Oura ring
  operator check                    test the configuration, every source and every channel
  operator test-alert               send yourself a test notification
  operator --once --dry-run         check once; send and write nothing
  operator --headless               run without a screen
  operator login-item install       start Operator at login

Exit codes: 0 done; 1 failed at run time; 2 no tray for --tray; 64 wrong usage or configuration; 75 another one runs."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub run: RunArgs,

    /// Configuration file [default: the system's usual path, created with comments if missing]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,

    /// Enable debug logging
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// Flags without a subcommand.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run without a screen
    #[arg(long, conflicts_with = "tray")]
    pub headless: bool,

    /// Run in the tray; exit with 2 if there is none
    #[arg(long)]
    pub tray: bool,

    /// Check everything once and exit
    #[arg(long, conflicts_with_all = ["headless", "tray"])]
    pub once: bool,

    /// Decide and report; send and write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Show the state of the running Operator, or its last state
    #[arg(long, conflicts_with_all = ["once", "headless", "tray"])]
    pub status: bool,

    /// With --once: check as of this time, e.g. 2026-11-20T09:05:00-06:00
    #[arg(long, value_name = "TIME", requires = "once")]
    pub at: Option<jiff::Timestamp>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a check on sample data and explain the results
    Demo {
        /// Keep running, with the dashboard, until Ctrl-C
        #[arg(long)]
        serve: bool,
    },
    /// Open the dashboard of the running Operator in the browser
    Dashboard {
        /// Only print the link; it works once, within ten minutes
        #[arg(long)]
        print: bool,
    },
    /// Connect sources and channels and set quiet hours; every answer is tested before config.yaml is written
    Setup,
    /// Connect a source through its website
    #[command(after_help = "\
oura: your ring. Oura wants an application of your own: make one at https://cloud.ouraring.com/oauth/applications with the
redirect address http://localhost:8917/callback, and let it read daily, stress, heartrate and personal. Operator asks for its
client id and secret, or reads them from sources.oura in config.yaml. Your browser opens, you agree, and Operator fetches the
last 60 days.")]
    Connect {
        /// Source to connect
        source: Connectable,
    },
    /// Revoke the access of a source and forget it
    Disconnect {
        /// Source to disconnect
        source: Connectable,
    },
    /// Test the configuration, every source and every channel, with a hint for each failure
    Check,
    /// List open alerts
    Alerts {
        /// List resolved alerts too
        #[arg(long)]
        all: bool,
    },
    /// Explain an alert: each decision with its reason, and the outcome on each channel
    Why {
        /// Key from `operator alerts`
        key: AlertKey,
    },
    /// Acknowledge an alert: silent until it resolves
    Ack {
        /// Key from `operator alerts`
        key: AlertKey,
    },
    /// Remind me of an alert later
    Snooze {
        /// Key from `operator alerts`
        key: AlertKey,
        /// Time until the reminder: 30m, 1h, 2d
        #[arg(value_parser = duration::parse)]
        time: jiff::Span,
    },
    /// Hold all notifications; afterwards one digest is sent
    Pause {
        /// Length of the pause: 30m, 1h, 2d [default: until `operator resume`]
        #[arg(value_parser = duration::parse)]
        time: Option<jiff::Span>,
    },
    /// End a pause
    Resume,
    /// Turn quiet hours on or off until their next scheduled start or end
    Quiet {
        /// on or off
        #[arg(value_parser = ["on", "off"])]
        state: String,
    },
    /// Check everything now
    RunNow,
    /// List all decisions, newest first
    Journal {
        /// Period to list: 12h, 7d, 4w
        #[arg(long, default_value = "7d", value_parser = duration::parse)]
        since: jiff::Span,
    },
    /// Send a test notification and report the outcome
    TestAlert {
        /// Channel name as in the configuration, e.g. telegram [default: every enabled channel]
        channel: Option<Channel>,
    },
    /// Start Operator at login
    LoginItem {
        #[command(subcommand)]
        change: LoginItemCommand,
    },
    /// Close the circuit of a source, so that the next check asks it again
    ResetCircuit {
        /// Name of the source
        #[arg(value_parser = parse_circuit, help = format!("Name of the source: {}", circuit_names()))]
        name: String,
    },
}

/// Sources with an OAuth connection.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Connectable {
    /// The Oura ring
    Oura,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum LoginItemCommand {
    /// Start at every login: in the menu bar or tray, or as a service with --headless
    Install {
        /// Install a service without a screen; it starts now and restarts after a crash
        #[arg(long)]
        headless: bool,
    },
    /// Remove the login item and the service
    Uninstall,
    /// Show the installed login items, and whether they start this program
    Status,
}

/// Only the form is checked: the database knows which exec plugins and calendars exist.
fn parse_circuit(name: &str) -> Result<String, String> {
    if build::is_circuit_name(name) { Ok(name.to_owned()) } else { Err(format!("expected {}", circuit_names())) }
}

fn circuit_names() -> String {
    format!("{}, exec:NAME of an exec plugin, or calendar:NAME", build::circuit_names().join(", "))
}
