//! `operator connect oura` and `operator disconnect oura`: OAuth in the browser, tokens stored.

mod callback;
mod callback_server;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use self::callback::{Callback, State};
use super::terminal;
use crate::app::build;
use crate::app::exit;
use crate::app::load::AppContext;
use crate::app::runtime::Runtime;
use crate::cli::connect::callback_server::CallbackServer;
use crate::cli::output::{emit, emit_json};
use crate::config::paths;
use crate::config::schema::OuraConfig;
use crate::engine::commands::Command;
use crate::sources;
use crate::sources::oura::oauth::Account;
use crate::sources::oura::oauth::issuer::Endpoints;
use crate::sources::oura::oauth::requests::{self, ClientCredentials};
use crate::sources::oura::oauth::tokens::Tokens;
use crate::tray;

/// Time for the user to agree in the browser.
const CONSENT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The page that lists the applications with access.
const ACCOUNT_URL: &str = "https://cloud.ouraring.com";

pub(super) fn connect(context: &AppContext, json: bool) -> Result<ExitCode, exit::Error> {
    let account = account(context)?;
    let runtime = Runtime::new()?;
    // A code works once: storage of its tokens must work first.
    runtime.block_on(account.check_store()).map_err(into_failure)?;
    let application = match runtime.block_on(account.credentials()).map_err(into_failure)? {
        Some(application) => {
            if context.config.sources.oura.client_id.is_none() {
                let id = &application.id;
                print(&format!(
                    "Using the application {id} of the last connection; `operator disconnect oura` first to use another.\n"
                ));
            }
            application
        }
        None => prompt_application(context)?,
    };
    let connected = runtime.block_on(connect_in_browser(context, &account, application));
    runtime.shutdown(Duration::from_millis(100));
    connected?;
    let when = match super::control::request(context, &Command::OuraConnected) {
        Ok(Some(_)) => "the last 60 days are being fetched",
        _ => "the last 60 days are fetched when Operator next starts",
    };
    let mut message = format!("Oura is connected: {when}.");
    if context.config.sources.oura.has_token() {
        message.push_str(" But sources.oura.token takes precedence: remove it from the configuration.");
    }
    emit_outcome(json, "connected", &message);
    Ok(ExitCode::SUCCESS)
}

pub(super) fn disconnect(context: &AppContext, json: bool) -> Result<ExitCode, exit::Error> {
    let account = account(context)?;
    let runtime = Runtime::new()?;
    let ended = runtime.block_on(async {
        // An expired token revokes nothing: refresh it first. An error shows up in the revocation.
        let _ = account.access_token(true, Timestamp::now()).await;
        account.disconnect().await
    });
    runtime.shutdown(Duration::from_millis(100));
    let ended = ended.map_err(into_failure)?;
    if ended.is_some() {
        // Without a running engine there is no circuit to reset.
        let _ = super::control::request(context, &Command::ResetCircuit { name: "oura".into() });
    }
    let message = match ended {
        None if context.config.sources.oura.has_token() => {
            "Oura is read with sources.oura.token: remove it from the configuration to end that."
        }
        None => "Oura was not connected.",
        Some(Ok(())) => "Oura is disconnected: the access is revoked and the tokens are deleted.",
        Some(Err(error)) => {
            let what = format!(
                "the tokens are deleted, but Oura did not revoke the access ({}): end it in your account, {ACCOUNT_URL}",
                error.message
            );
            return Err(exit::Error::Other(what));
        }
    };
    emit_outcome(json, "disconnected", message);
    Ok(ExitCode::SUCCESS)
}

fn account(context: &AppContext) -> Result<Arc<Account>, exit::Error> {
    let failed = |error: std::io::Error| exit::Error::Other(format!("{}: {error}", context.state_dir.display()));
    paths::private_dir(&context.state_dir).map_err(failed)?;
    Ok(Arc::new(build::oura_account(&context.config.sources.oura, &context.state_dir)))
}

fn emit_outcome(json: bool, what: &str, message: &str) {
    if json { emit_json(&json!({ what: true, "message": message })) } else { emit(&format!("{message}\n")) }
}

/// The steps at Oura, done once.
fn instructions(oura: &OuraConfig) -> String {
    format!(
        "Oura lets you read your data through an application of your own:\n\
         1. Make one at https://cloud.ouraring.com/oauth/applications\n\
         2. Give it the redirect address {}\n\
         3. Let it read: {}\n\
         4. Copy its client id and client secret.\n",
        redirect(oura),
        oura.scopes
    )
}

/// Client id and secret from the terminal.
fn prompt_application(context: &AppContext) -> Result<ClientCredentials, exit::Error> {
    let oura = &context.config.sources.oura;
    if !terminal::is_interactive() {
        return Err(exit::Error::Other(format!(
            "Oura is not connected yet.\n\n{}5. Set sources.oura.client_id and sources.oura.client_secret in config.yaml (Edit Configuration in \
             the menu) and choose Connect Oura… again, or run `operator connect oura` in a terminal, which asks for them.",
            instructions(oura)
        )));
    }
    let failed = |error: std::io::Error| exit::Error::Other(format!("Oura is not connected: {error}"));
    print(&instructions(oura));
    let id = match &oura.client_id {
        Some(id) => id.clone(),
        None => non_empty(terminal::prompt_line("\nClient id: ", print)).map_err(failed)?,
    };
    let secret = non_empty(terminal::prompt_secret("Client secret (not shown): ", print)).map_err(failed)?;
    let secret = SecretString::from(secret);
    Ok(ClientCredentials { id, secret })
}

fn non_empty(typed: std::io::Result<String>) -> std::io::Result<String> {
    typed.and_then(|typed| if typed.is_empty() { Err(std::io::Error::other("the input is empty")) } else { Ok(typed) })
}

async fn connect_in_browser(
    context: &AppContext,
    account: &Account,
    application: ClientCredentials,
) -> Result<(), exit::Error> {
    let oura = &context.config.sources.oura;
    let server = CallbackServer::open(oura.redirect_port).await.map_err(exit::Error::Other)?;
    if let Some(taken) = server.taken {
        print(&format!("Another program listens on {taken}: if the browser ends there, end it and try again.\n"));
    }
    let state = State::new().map_err(|error| exit::Error::Other(error.to_string()))?;
    let address = consent_url(oura, &application.id, &state.text)?;
    print(&format!("Agree in the browser within 5 minutes:\n{address}\n"));
    if let Err(error) = tray::open_in_browser(address.as_str()) {
        print(&format!("The browser did not open ({error}): open the address yourself, on this machine.\n"));
    }
    let timed_out = |_| exit::Error::Other("no answer within 5 minutes: nothing has changed".into());
    let browser = tokio::time::timeout(CONSENT_TIMEOUT, server.wait(state)).await.map_err(timed_out)?;
    let stored = store_tokens(account, oura, &application, &browser.callback).await;
    let message = match &stored {
        Ok(()) => "Oura is connected. You can close this window.".into(),
        Err(failure) => format!("Oura is not connected: {failure}."),
    };
    browser.show(stored.is_ok(), &message).await;
    stored.map_err(|failure| exit::Error::Other(format!("Oura is not connected: {failure}")))
}

/// Exchange the code for tokens and store them.
async fn store_tokens(
    account: &Account,
    oura: &OuraConfig,
    application: &ClientCredentials,
    callback: &Callback,
) -> Result<(), String> {
    let (code, issuer) = match callback {
        Callback::Code { code, issuer } => (code, issuer.as_deref()),
        Callback::Denied(word) if word == "access_denied" => return Err("you declined".into()),
        Callback::Denied(word) => return Err(format!("Oura answered {word}; see the application's page at Oura")),
    };
    let configured = Endpoints { token: address(&oura.token_url)?, revoke: address(&oura.revoke_url)? };
    let endpoints = Endpoints::from_issuer(issuer, &address(&oura.authorize_url)?, configured)?;
    let now = Timestamp::now();
    let code = (code.expose_secret(), redirect(oura));
    let response = requests::exchange_code(&endpoints.token, application, (code.0, &code.1), now)
        .await
        .map_err(|error| sentence(&error))?;
    let is_configured = oura.client_secret.is_some() || oura.client_secret_file.is_some();
    let tokens = Tokens {
        client_id: application.id.clone(),
        client_secret: (!is_configured).then(|| application.secret.clone()),
        lifetime_seconds: response.lifetime_seconds(),
        refresh_token: response.refresh_token.ok_or("Oura sent no refresh token")?,
        access_token: response.access_token,
        obtained_at: now,
        token_url: endpoints.token.into(),
        revoke_url: endpoints.revoke.into(),
        connected_at: now,
        revoked: false,
        wait_until: None,
    };
    account.connect(&tokens).await.map_err(|error| sentence(&error))
}

fn consent_url(oura: &OuraConfig, id: &str, state: &str) -> Result<Url, exit::Error> {
    let mut url = address(&oura.authorize_url).map_err(exit::Error::Other)?;
    url.query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", id)
        .append_pair("redirect_uri", &redirect(oura))
        .append_pair("scope", &oura.scopes)
        .append_pair("state", state);
    Ok(url)
}

fn redirect(oura: &OuraConfig) -> String {
    format!("http://localhost:{}/callback", oura.redirect_port)
}

fn address(text: &str) -> Result<Url, String> {
    Url::parse(text)
        .map_err(|_| "an address under sources.oura is invalid: check authorize_url, token_url and revoke_url".into())
}

fn into_failure(error: sources::Error) -> exit::Error {
    exit::Error::Other(sentence(&error))
}

fn sentence(error: &sources::Error) -> String {
    if error.advice.is_empty() {
        error.message.clone()
    } else {
        format!("{} – {}", error.message, error.advice.trim_end_matches('.'))
    }
}

/// Print to stderr: progress is no result.
fn print(text: &str) {
    let mut stderr = std::io::stderr().lock();
    // A closed stderr is no error.
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
