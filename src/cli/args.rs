//! Flags and subcommands, with the help that is all the manual there is.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::build;
use crate::core::alert::AlertKey;
use crate::core::channel::Channel;
use crate::core::duration;

/// Watches your health data, tasks and promises, and speaks up rarely, at the right moment, with the reason.
#[derive(Debug, Parser)]
#[command(
    name = "operator",
    version,
    after_help = "\
Without a command Operator runs until it is stopped, checking every few minutes.

  operator demo                     see it work on a made-up person
  operator setup                    connect what you have, question by question
  operator connect oura             connect your Oura ring
  operator check                    try the configuration, every source and every channel
  operator test-alert               send yourself a test
  operator --once --dry-run         one check, nothing sent or written
  operator --headless               run without a screen
  operator login-item install       start with your session from now on

Exit codes: 0 done; 1 failed at run time; 2 no tray for --tray; 64 wrong usage or configuration; 75 another one runs."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// How to run when no command is given.
    #[command(flatten)]
    pub run: RunArgs,

    /// Configuration file [default: the system's usual place, written with comments if it is not there]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Print JSON, for scripts
    #[arg(long, global = true)]
    pub json: bool,

    /// Log how things are done, not only what
    #[arg(long, short, global = true)]
    pub verbose: bool,
}

/// Flags that make sense without a command.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Run without a screen
    #[arg(long, conflicts_with = "tray")]
    pub headless: bool,

    /// Run in the tray, or exit with 2 if there is none
    #[arg(long)]
    pub tray: bool,

    /// Make one check of everything and exit
    #[arg(long, conflicts_with_all = ["headless", "tray"])]
    pub once: bool,

    /// Decide and report, send and write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Show the state of the running Operator, or the last one's
    #[arg(long, conflicts_with_all = ["once", "headless", "tray"])]
    pub status: bool,

    /// With --once: check as if it were this moment, e.g. 2026-11-20T09:05:00-06:00
    #[arg(long, value_name = "TIME", requires = "once")]
    pub at: Option<jiff::Timestamp>,
}

/// What can be asked of Operator.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a person up, check their data for real, and show what Operator says and why
    Demo {
        /// Go on running, with the dashboard, until Ctrl-C
        #[arg(long)]
        serve: bool,
    },
    /// Open the dashboard of the running Operator in the browser
    Dashboard {
        /// Only print the link: it is good once, for ten minutes
        #[arg(long)]
        print: bool,
    },
    /// Say what you have: sources, channels, quiet hours; each answer is tried, and config.yaml is written at the end
    Setup,
    /// Connect a source that asks you first
    #[command(after_help = "\
oura: your ring. Oura wants an application of your own: make one at https://cloud.ouraring.com/oauth/applications with the
redirect address http://localhost:8917/callback, and let it read daily, stress, heartrate and personal. Its client id and secret
are asked for here, or read from sources.oura in config.yaml. Your browser opens, you say yes, and the last 60 days are fetched.")]
    Connect {
        /// Which one
        source: Connectable,
    },
    /// Give the access back, and forget it
    Disconnect {
        /// Which one
        source: Connectable,
    },
    /// Try the configuration, every source and channel; says what to do about what fails
    Check,
    /// List what is open
    Alerts {
        /// What has resolved too
        #[arg(long)]
        all: bool,
    },
    /// Explain an alert: each decision with its reason, and what became of it on each channel
    Why {
        /// Its key, as `operator alerts` lists it
        key: AlertKey,
    },
    /// Acknowledge an alert: silent until it resolves
    Ack {
        /// Its key, as `operator alerts` lists it
        key: AlertKey,
    },
    /// Be told of an alert again later
    Snooze {
        /// Its key, as `operator alerts` lists it
        key: AlertKey,
        /// In how long: 30m, 1h, 2d
        #[arg(value_parser = duration::parse)]
        time: jiff::Span,
    },
    /// Hold all alerts; they come as one digest afterwards
    Pause {
        /// For how long: 30m, 1h, 2d [default: until `operator resume`]
        #[arg(value_parser = duration::parse)]
        time: Option<jiff::Span>,
    },
    /// End a pause
    Resume,
    /// Begin or end quiet hours now, until the clock next passes one of their ends
    Quiet {
        /// on or off
        #[arg(value_parser = ["on", "off"])]
        state: String,
    },
    /// Check everything now
    RunNow,
    /// List what was decided, the newest first
    Journal {
        /// How far back: 12h, 7d, 4w
        #[arg(long, default_value = "7d", value_parser = duration::parse)]
        since: jiff::Span,
    },
    /// Send a test on one channel or on all that are on, and say what became of it
    TestAlert {
        /// Its name in the configuration, such as telegram [default: all that are on]
        channel: Option<Channel>,
    },
    /// Start with your session, or no more
    LoginItem {
        /// What to do about it
        #[command(subcommand)]
        change: LoginItemCommand,
    },
    /// Ask a source again at once, whatever its failures
    ResetCircuit {
        /// The source's name
        #[arg(value_parser = circuit, help = format!("The source's name: {}", circuits()))]
        name: String,
    },
}

/// What can be connected by saying yes in a browser.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Connectable {
    /// The ring.
    Oura,
}

/// What can be done about starting with the session.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum LoginItemCommand {
    /// Start with every session: in the menu bar or tray, or with --headless as a service
    Install {
        /// As a service without a screen, from now on, started again after a crash
        #[arg(long)]
        headless: bool,
    },
    /// Start no more by itself; removes whatever install has put there
    Uninstall,
    /// Show what is installed, and whether it starts this program
    Status,
}

/// A name that a circuit could have; which programs there are, only the database knows.
fn circuit(name: &str) -> Result<String, String> {
    if build::is_circuit_name(name) { Ok(name.to_owned()) } else { Err(format!("there are {}", circuits())) }
}

fn circuits() -> String {
    format!("{}, exec:NAME of a program of yours, or calendar:NAME", build::circuit_names().join(", "))
}
