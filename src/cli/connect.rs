//! `operator connect oura` and `operator disconnect oura`: the browser asks the person, and what Oura gives out for it is kept.

mod callback;
mod door;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use self::callback::{Answer, State};
use self::door::{Door, Visitor};
use super::print::{emit, emit_json};
use super::terminal;
use crate::app::build;
use crate::app::exit::Failure;
use crate::app::load::{AppContext, runtime};
use crate::config::paths;
use crate::config::schema::OuraConfig;
use crate::engine::commands::Command;
use crate::sources;
use crate::sources::oura::oauth::Account;
use crate::sources::oura::oauth::issuer::Endpoints;
use crate::sources::oura::oauth::requests::{self, ClientCredentials};
use crate::sources::oura::oauth::tokens::Tokens;
use crate::tray;

/// The person has so long to say yes.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Where a person sees who may read their data.
const THEIR_ACCOUNT: &str = "https://cloud.ouraring.com";

/// Connect Oura.
///
/// # Errors
/// When it did not come about; then nothing has changed.
pub(super) fn connect(context: &AppContext, json: bool) -> Result<ExitCode, Failure> {
    let account = account(context)?;
    let runtime = runtime()?;
    // A code is good once: what follows from it must not be lost.
    runtime.block_on(account.check_store()).map_err(told)?;
    let application = match runtime.block_on(account.credentials()).map_err(told)? {
        Some(application) => {
            if context.config.sources.oura.client_id.is_none() {
                let id = &application.id;
                say(&format!(
                    "Using the application {id} of the last connection; `operator disconnect oura` first to use another.\n"
                ));
            }
            application
        }
        None => ask(context)?,
    };
    let connected = runtime.block_on(through_the_browser(context, &account, application));
    runtime.shutdown_timeout(Duration::from_millis(100));
    connected?;
    let when = match super::ask(context, &Command::OuraConnected) {
        Ok(Some(_)) => "the last 60 days are being fetched",
        _ => "the last 60 days are fetched when Operator next starts",
    };
    let mut message = format!("Oura is connected: {when}.");
    if context.config.sources.oura.has_token() {
        message.push_str(" But sources.oura.token goes before it: take it out of the configuration.");
    }
    done(json, "connected", &message);
    Ok(ExitCode::SUCCESS)
}

/// Disconnect Oura.
///
/// # Errors
/// When the tokens cannot be removed, or when they are and Oura could not be told.
pub(super) fn disconnect(context: &AppContext, json: bool) -> Result<ExitCode, Failure> {
    let account = account(context)?;
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        // A token that is over ends nothing. If there is no other to be had, the end itself says what is wrong.
        let _ = account.access_token(true, Timestamp::now()).await;
        account.disconnect().await
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    let ended = ended.map_err(told)?;
    if ended.is_some() {
        // Without an engine there is nothing to look at anew.
        let _ = super::ask(context, &Command::ResetCircuit { name: "oura".into() });
    }
    let message = match ended {
        None if context.config.sources.oura.has_token() => {
            "Oura is read by sources.oura.token: take it out of the configuration to end that."
        }
        None => "Oura was not connected.",
        Some(Ok(())) => "Oura is disconnected: the access was given back and is forgotten here.",
        Some(Err(error)) => {
            let what = format!(
                "Oura is forgotten here, but could not be told ({}): end Operator's access in your account, {THEIR_ACCOUNT}",
                error.message
            );
            return Err(Failure::Other(what));
        }
    };
    done(json, "disconnected", message);
    Ok(ExitCode::SUCCESS)
}

fn account(context: &AppContext) -> Result<Arc<Account>, Failure> {
    let failed = |error: std::io::Error| Failure::Other(format!("{}: {error}", context.state_dir.display()));
    paths::private_dir(&context.state_dir).map_err(failed)?;
    Ok(Arc::new(build::oura_account(&context.config.sources.oura, &context.state_dir)))
}

fn done(json: bool, what: &str, message: &str) {
    if json { emit_json(&json!({ what: true, "message": message })) } else { emit(&format!("{message}\n")) }
}

/// What a person has to do once at Oura, and what for.
fn help(oura: &OuraConfig) -> String {
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

/// The application, typed in.
fn ask(context: &AppContext) -> Result<ClientCredentials, Failure> {
    let oura = &context.config.sources.oura;
    if !terminal::somebody_is_there() {
        return Err(Failure::Other(format!(
            "Oura is not connected yet.\n\n{}5. Set sources.oura.client_id and sources.oura.client_secret in config.yaml (Edit Configuration in \
             the menu) and choose Connect Oura… again, or run `operator connect oura` in a terminal, which asks for them.",
            help(oura)
        )));
    }
    let failed = |error: std::io::Error| Failure::Other(format!("Oura is not connected: {error}"));
    say(&help(oura));
    let id = match &oura.client_id {
        Some(id) => id.clone(),
        None => something(terminal::line("\nClient id: ", say)).map_err(failed)?,
    };
    let secret = something(terminal::secret("Client secret (it is not shown): ", say)).map_err(failed)?;
    let secret = SecretString::from(secret);
    Ok(ClientCredentials { id, secret })
}

fn something(typed: std::io::Result<String>) -> std::io::Result<String> {
    typed.and_then(|typed| if typed.is_empty() { Err(std::io::Error::other("nothing was typed")) } else { Ok(typed) })
}

async fn through_the_browser(
    context: &AppContext,
    account: &Account,
    application: ClientCredentials,
) -> Result<(), Failure> {
    let oura = &context.config.sources.oura;
    let door = Door::open(oura.redirect_port).await.map_err(Failure::Other)?;
    if let Some(taken) = door.taken {
        say(&format!("Another program listens on {taken}: if the browser ends there, end it and try again.\n"));
    }
    let state = State::new().map_err(|error| Failure::Other(error.to_string()))?;
    let address = question(oura, &application.id, &state.text)?;
    say(&format!("Say yes to Operator in the browser, within 5 minutes:\n{address}\n"));
    if let Err(error) = tray::browse(address.as_str()) {
        say(&format!("The browser cannot be opened ({error}): open the address yourself, on this machine.\n"));
    }
    let nobody = |_| Failure::Other("nobody answered within 5 minutes: nothing has changed".into());
    let visitor = tokio::time::timeout(PATIENCE, door.answer(state)).await.map_err(nobody)?;
    let made = make(account, oura, &application, &visitor.answer).await;
    let words = match &made {
        Ok(()) => "Oura is connected. You can close this window.".into(),
        Err(failure) => format!("Oura is not connected: {failure}."),
    };
    Visitor::show(visitor, made.is_ok(), &words).await;
    made.map_err(|failure| Failure::Other(format!("Oura is not connected: {failure}")))
}

/// The connection that follows from the answer, kept.
async fn make(
    account: &Account,
    oura: &OuraConfig,
    application: &ClientCredentials,
    answer: &Answer,
) -> Result<(), String> {
    let (code, issuer) = match answer {
        Answer::Code { code, issuer } => (code, issuer.as_deref()),
        Answer::No(word) if word == "access_denied" => return Err("you said no".into()),
        Answer::No(word) => return Err(format!("Oura answered {word}; see the application's page at Oura")),
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
        refresh_token: response.refresh_token.ok_or("Oura gave no token to renew the connection with")?,
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

/// Where the person is asked.
fn question(oura: &OuraConfig, id: &str, state: &str) -> Result<Url, Failure> {
    let mut url = address(&oura.authorize_url).map_err(Failure::Other)?;
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
        .map_err(|_| "an address under sources.oura is none: see authorize_url, token_url and revoke_url".into())
}

fn told(error: sources::Error) -> Failure {
    Failure::Other(sentence(&error))
}

fn sentence(error: &sources::Error) -> String {
    if error.advice.is_empty() {
        error.message.clone()
    } else {
        format!("{} – {}", error.message, error.advice.trim_end_matches('.'))
    }
}

/// What a person reads meanwhile: not a result.
fn say(text: &str) {
    let mut screen = std::io::stderr().lock();
    // A screen that has gone away is no failure.
    let _ = screen.write_all(text.as_bytes()).and_then(|()| screen.flush());
}
