//! `operator dashboard`: open the running engine's dashboard by a one-time link.

use std::process::ExitCode;

use serde_json::json;

use super::args::Cli;
use super::output::{emit, emit_json};
use super::{Outcome, control, open};
use crate::app::exit;
use crate::app::load::LogTarget;
use crate::core::status::Status;
use crate::engine::commands::Command;
use crate::http;
use crate::tray;

pub(super) fn run(cli: &Cli, print_only: bool) -> Outcome {
    let context = open(cli, LogTarget::Quiet)?;
    let failed = |message: &str| exit::Error::Other(message.into());
    let reply = control::request(&context, &Command::Status)?
        .ok_or_else(|| failed("no Operator runs: start it, then open its dashboard"))?;
    let server = control::body::<Status>(reply, "status")?.http;
    let address = server.address.ok_or_else(|| match server.error {
        Some(error) => exit::Error::Other(format!("the dashboard is not served: {error}")),
        None => failed("the dashboard is disabled: set http.enabled to true and start Operator again"),
    })?;
    let link = http::one_time_link(&context.state_dir, &address).map_err(exit::Error::Other)?;
    if cli.json {
        emit_json(&json!({ "link": link }));
    } else {
        emit(&format!("{link}\n"));
    }
    if !print_only && let Err(error) = tray::open_in_browser(&link) {
        tracing::warn!(%error, "browser not opened: follow the link yourself; it works once, within ten minutes");
    }
    Ok(ExitCode::SUCCESS)
}
