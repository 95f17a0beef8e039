//! Operator watches a user's health data, tasks and habits and notifies rarely, at the right moment, with the reason.
//!
//! # The path of one alert
//!
//! ```text
//!  schedule ──► check ──► monitors ──► sources            due monitors fetch their sources
//!                 │                       │
//!                 ▼                       ▼
//!             evaluate ◄─────────────  readings            facts, joined with the stored ones
//!                 │
//!                 ├──► core::rules ──► alerts              facts and `now` go in, alerts come out
//!                 ├──► core::policy ─► policy decisions    each with a reason
//!                 ▼
//!               store   one transaction: journal, incidents, outbox, history
//!                 │
//!                 ▼
//!            dispatcher ──► channel worker ──► alerter ──► the user
//!                 ▲                               │
//!                 └── commands ◄── user action ◄──┘
//!
//!  engine ──► snapshot ──► tray, http, cli                commands go in, snapshots come out
//! ```
//!
//! # Modules
//!
//! Dependencies point one way: `cli` → `app` → `tray`, `http` → `engine` → `monitors`, `alerters`, `store` → `sources` → `net`,
//! `sys`, `core`. The test `architecture` enforces this.
//!
//! - [`cli`]: arguments, one file per command, output and prompts; sample data of the demo
//! - [`app`]: loads the configuration, builds the components, runs the resident program, exit codes
//! - [`config`]: the schema of `config.yaml`; loading, validation, editing and paths
//! - [`core`]: everything that decides; no I/O, no async, no clock
//! - [`engine`]: event loop, checks, evaluation, delivery, health, commands, snapshots
//! - [`monitors`]: which sources a monitor fetches, and which rules it runs on them
//! - [`sources`]: one file or folder per source of data
//! - [`alerters`]: one file or folder per channel
//! - [`store`]: our SQLite database; typed queries, no policy
//! - [`net`]: HTTP client, error texts, retry times, redaction, TLS
//! - [`sys`]: processes, files, locks, keychain, start at login
//! - [`http`]: the local server: API, metrics, dashboard
//! - [`tray`]: the menu bar or tray item
//! - [`telemetry`]: logs and metrics
//!
//! # Glossary
//!
//! Facts and decisions:
//! - **source**: where data comes from: Oura, a task list, a calendar, a file, an exec plugin
//! - **fetch**: one attempt to read a source; **reading**: what it returned
//! - **circuit**: the circuit breaker of a source; **permit**: its permission for one request
//! - **facts**: readings and stored history in the form that rules take
//! - **monitor**: a set of rules with an interval: health, tasks, patterns, one exec plugin
//! - **check**: one run of the due monitors, from fetch to commit
//! - **rule**: a function from facts to alerts; **evaluation**: the result of a monitor's rules
//! - **alert**: one finding for the user, with key, priority, title and message
//! - **incident**: the state of one alert key over time, from the first alert until it resolves
//! - **occasion**: what an alert is sent once for: a night, a reminder, a week
//! - **policy decision**: deliver, coalesce, hold, suppress or resolve, with the reason
//! - **audit**: compares alerts, decisions and messages and counts those unaccounted for
//!
//! Delivery:
//! - **channel**: a way to the user, such as Telegram; **alerter**: the code that sends on it
//! - **outbox**: the messages to send, in the database; **batch**: the outbox rows of one message
//! - **message**: what an alerter renders and sends; **digest**: one message for many alerts; **update**: an edit of a sent one
//! - **dispatcher**: claims batches and records results; **channel worker**: one channel's messages in flight
//! - **backoff**: the delay before a channel's next attempt, which grows with failures
//! - **send window**: which alerts may be sent now: all, only critical ones, or none
//! - **unconfirmed**: a send without a clear result; it is repeated with the same message id
//! - **probe**: a trial of a channel without sending; **test alert**: a message that tries a channel for real
//! - **inbound**: a user action that arrives on a channel, such as Acknowledge
//!
//! The program:
//! - **event loop**: the engine's loop; **tick**: one pass through everything that is due
//! - **components**: sources, alerters and heartbeat, built from one configuration
//! - **command**: a request to the engine; **snapshot**: its published [`Status`](core::status::Status)
//! - **control socket**: the Unix socket over which the command line reaches a running engine
//! - **heartbeat**: a request that reports to an external watcher that the engine is healthy
//! - **dry run**: decides and reports, but writes and sends nothing
//! - **quiet hours**, **meeting**, **pause**: times in which alerts are held
//!
//! # Invariants
//!
//! - Invariant: `core` is pure. Time and randomness are arguments.
//! - Invariant: a check commits in one transaction. An alert is journaled and queued, or neither.
//! - Invariant: one process writes the database, guarded by the instance lock.
//! - Invariant: state is changed only by the type that owns it.
//! - Invariant: unknown is not zero. A failed or skipped monitor resolves nothing.
//! - Invariant: every decision has a reason, and every front end shows the same one.
//! - Invariant: delivery is at least once, and a retry repeats the message id.
//! - Invariant: a resolved alert is updated on every channel that shows it.
//! - Invariant: a dry run writes and sends nothing.
//! - Invariant: secrets reach no log, error, snapshot or page.

pub mod alerters;
pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod engine;
pub mod http;
pub mod monitors;
pub mod net;
pub mod sources;
pub mod store;
pub mod sys;
pub mod telemetry;
pub mod tray;
