//! From the configuration to the parts of an engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::heartbeat::Heartbeat;
use crate::alerters::{self, Alerter};
use crate::config::schema::{
    CalendarConfig, Config, ExecMonitor, MarkdownConfig, OuraConfig, TodoistConfig, TokenStoreKind,
};
use crate::config::{Env, paths};
use crate::core::alert::Monitor;
use crate::core::name::Name;
use crate::monitors::exec::{self, Exec};
use crate::monitors::fetch::{CALENDAR, Source};
use crate::monitors::sources::{OuraSources, Sources};
use crate::net::HttpClient;
use crate::sources::TaskSource;
use crate::sources::calendar::{self, Address, Calendar, CalendarTasks, Memory, Place};
use crate::sources::markdown::Markdown;
use crate::sources::oura::cache;
use crate::sources::oura::oauth::token_store::TokenStore;
use crate::sources::oura::oauth::{Account, Client};
use crate::sources::reminders::Reminders;
use crate::sources::state_store::StateStore;
use crate::sources::taskwarrior::Taskwarrior;
use crate::sources::todoist::{Owner, Todoist};
use crate::sources::workos::Workos;
use crate::sys::process::Program;

/// All that follows from a configuration.
#[derive(Debug)]
pub struct Wiring {
    /// The configuration itself.
    pub config: Arc<Config>,
    /// What is connected.
    pub setup: Sources,
    /// Where alerts go.
    pub alerters: Vec<Arc<dyn Alerter>>,
    /// Whom all is well is told.
    pub heartbeat: Option<Arc<Heartbeat>>,
    /// The configuration as it may be shown.
    pub shown_config: Value,
    /// What should be known about it, in sentences.
    pub warnings: Vec<String>,
}

impl Wiring {
    /// What follows from this one in this environment.
    #[must_use]
    pub fn of(config: Arc<Config>, warnings: Vec<String>, env: &Env) -> Self {
        let web = Arc::new(HttpClient::default());
        Self {
            setup: setup(&config, env),
            alerters: alerters::enabled(&config.alerters, &web, env),
            heartbeat: Heartbeat::of(&config.http, &web),
            shown_config: config.summary(),
            warnings,
            config,
        }
    }
}

/// What is connected, by the configuration and the environment's defaults.
#[must_use]
pub fn setup(config: &Config, env: &Env) -> Sources {
    let oura = &config.sources.oura;
    let calendars: Vec<Arc<Calendar>> = calendars(config);
    // Without a home folder there is no default place; a path that cannot exist says so when it is tried.
    let folder = paths::oura_cache(config, env).unwrap_or_else(|| PathBuf::from("/nonexistent/.oura-cache"));
    Sources {
        oura: OuraSources {
            cache: cache::file_in(&folder),
            cache_is_named: oura.cache_dir.is_some() || env("OURA_CACHE_DIR").is_some_and(|dir| !dir.is_empty()),
            token: oura.token.clone(),
            token_file: oura.token_file.clone(),
            account: paths::state_dir(config, env).ok().map(|state_dir| Arc::new(account(oura, &state_dir))),
            base_url: oura.base_url.clone(),
            timeout: seconds(oura.timeout_seconds),
        },
        tasks: task_sources(config, &calendars, env),
        focus_file: config.sources.focus_file.path.clone(),
        exec: config.programs().map(|(name, program)| exec(name, program)).collect(),
        calendars,
        quiet_during_events: config.quiet_hours.quiet_during_events,
    }
}

/// The person's own connection with Oura, which lives in the state directory.
#[must_use]
pub fn account(oura: &OuraConfig, state_dir: &Path) -> Account {
    let store = match oura.token_store {
        TokenStoreKind::System => TokenStore::system_default(state_dir),
        TokenStoreKind::File => TokenStore::file(state_dir),
    };
    let client = Client {
        id: oura.client_id.clone(),
        secret: oura.client_secret.clone(),
        secret_file: oura.client_secret_file.clone(),
    };
    Account::new(store, state_dir, client)
}

fn exec(name: Name, config: &ExecMonitor) -> Exec {
    let program = Program::new(config.command.clone(), seconds(config.timeout_seconds));
    Exec {
        name,
        program: Program { max_output_bytes: exec::CAP, ..program },
        warning: config.warning,
        critical: config.critical,
    }
}

/// Every source of tasks, set up or not.
fn task_sources(config: &Config, calendars: &[Arc<Calendar>], env: &Env) -> Vec<Arc<dyn TaskSource>> {
    let sources = &config.sources;
    vec![
        Arc::new(workos(config, env)),
        Arc::new(StateStore(sources.state_store.path.clone())),
        Arc::new(todoist(&sources.todoist)),
        Arc::new(taskwarrior(config, env)),
        Arc::new(markdown(&sources.markdown)),
        Arc::new(Reminders::new(sources.reminders.enabled, sources.reminders.lists.clone())),
        Arc::new(CalendarTasks::of(calendars)),
    ]
}

fn calendars(config: &Config) -> Vec<Arc<Calendar>> {
    let net = Arc::new(calendar::HttpClient::default());
    let on = config.sources.calendars.iter().filter(|calendar| calendar.enabled);
    let calendar = |config: &CalendarConfig| {
        let name = config.name?;
        let place = match (&config.file, &config.caldav.url) {
            (Some(file), _) => Place::File(file.clone()),
            (None, Some(url)) => Place::Account(calendar::Account {
                url: url.clone(),
                user: config.caldav.user.clone().unwrap_or_default(),
                password: config.caldav.password.clone(),
                password_file: config.caldav.password_file.clone(),
                only: config.caldav.calendars.clone(),
            }),
            (None, None) => Place::Address(Address { url: config.url.clone(), url_file: config.url_file.clone() }),
        };
        Some(Arc::new(Calendar {
            name,
            place,
            busy: config.busy,
            tasks: config.has_tasks(),
            email: config.email.clone(),
            timeout: seconds(config.timeout_seconds),
            net: Arc::clone(&net),
            memory: Memory::default(),
        }))
    };
    on.filter_map(calendar).collect()
}

fn workos(config: &Config, env: &Env) -> Workos {
    let workos = &config.sources.workos;
    Workos {
        url: paths::workos_url(config, env),
        url_file: workos.url_file.clone(),
        ca_file: workos.ca_file.clone(),
        timeout: seconds(workos.timeout_seconds),
    }
}

/// Whether a circuit of this name is that of a program of the person's own, or of a calendar.
#[must_use]
pub fn is_named(circuit: &str) -> bool {
    let is_calendar = circuit.strip_prefix(CALENDAR).is_some_and(|name| name.parse::<Name>().is_ok());
    is_calendar || matches!(circuit.parse(), Ok(Monitor::Exec(_)))
}

fn todoist(todoist: &TodoistConfig) -> Todoist {
    Todoist {
        token: todoist.token.clone(),
        token_file: todoist.token_file.clone(),
        projects: todoist.projects.clone(),
        base_url: todoist.base_url.clone(),
        timeout: seconds(todoist.timeout_seconds),
        owner: Owner::default(),
    }
}

fn taskwarrior(config: &Config, env: &Env) -> Taskwarrior {
    let taskwarrior = &config.sources.taskwarrior;
    Taskwarrior {
        enabled: taskwarrior.enabled,
        program: taskwarrior.program.clone(),
        data_dir: paths::taskdata(config, env),
        taskrc: paths::taskrc(env),
        timeout: seconds(taskwarrior.timeout_seconds),
    }
}

fn markdown(markdown: &MarkdownConfig) -> Markdown {
    Markdown { folder: markdown.folder.clone(), exclude: markdown.exclude.clone(), cache: Arc::default() }
}

/// The names of the circuits that everybody has.
#[must_use]
pub fn circuits() -> Vec<&'static str> {
    setup(&Config::default(), &|_| None).sources().into_iter().map(Source::as_str).collect()
}

/// Whether a server is asked in another configuration as it was in one: where it is and who asks are the same. Others than these never
/// ask to be left alone.
pub(crate) fn is_asked_as_before(source: Source, old: (&Config, &Sources), new: (&Config, &Sources)) -> bool {
    let secret = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let oura = |config: &Config| {
        let oura = &config.sources.oura;
        let place = (oura.base_url.clone(), secret(&oura.token), oura.token_file.clone());
        (place, oura.client_id.clone(), secret(&oura.client_secret), oura.client_secret_file.clone())
    };
    let todoist = |config: &Config| {
        let todoist = &config.sources.todoist;
        (todoist.base_url.clone(), secret(&todoist.token), todoist.token_file.clone())
    };
    match source {
        Source::Oura => oura(old.0) == oura(new.0),
        Source::Tasks("todoist") => todoist(old.0) == todoist(new.0),
        Source::Calendar(name) => {
            old.1.calendar(name).zip(new.1.calendar(name)).is_some_and(|(old, new)| new.is_where(old))
        }
        _ => false,
    }
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}
