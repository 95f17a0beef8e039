//! The public contract: an old database, old configuration files, commands, JSON fields, exit codes, HTTP and metrics.
//!
//! Everything here drives the built program and compares with the files in `tests/fixtures/contract/golden`.
//! `UPDATE_GOLDEN=1 cargo test --test e2e contract` rewrites those files: review the difference like code.

mod commands;
mod configuration;
mod delivery;
mod fixture;
mod golden;
mod http;
mod usage;

use golden::Kind::{self, Field, Label, Metric, Word};

/// Public names that are not released yet and may still be renamed: the name in the golden files, and the name today.
/// A rename changes the right column. When the renames are over, `UPDATE_GOLDEN=1` and equal columns end this table.
const RENAMED: [(Kind, &str, &str); 20] = [
    // The audit in `--status --json`, `/api/status` and `/health`.
    (Field, "astray", "unaccounted"),
    (Field, "astray_count", "unaccounted_count"),
    (Field, "adds_up", "is_consistent"),
    // `--status --json` and `/api/status`.
    (Field, "waiting_alerts", "unanswered_alerts"),
    (Field, "tomorrow", "next_morning"),
    (Field, "checking", "check_running"),
    (Field, "oura_link", "oura_connection"),
    // The payload of the webhook and of `alerters.exec`; `news` is the value of its `kind`.
    (Field, "standing", "state"),
    (Field, "left_out", "omitted"),
    (Field, "replaces", "replaces"),
    (Word, "news", "new"),
    // `/metrics`: names, labels, and values of labels.
    (Metric, "operator_audit_astray_keys", "operator_audit_unaccounted_keys"),
    (Metric, "operator_audit_adds_up", "operator_audit_consistent"),
    (Metric, "operator_waiting_alerts", "operator_unacknowledged_alerts"),
    (Label, "fate", "outcome"),
    (Label, "class", "rule"),
    (Word, "later", "retryable"),
    (Word, "unsure", "unconfirmed"),
    (Word, "unavailable", "no_transport"),
    (Word, "refused", "permanent"),
];
