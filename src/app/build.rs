//! The wiring: from a configuration to the components of an engine, and nothing else builds them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::alerters;
use crate::config::schema::{
    CalendarConfig, Config, ExecMonitorConfig, MarkdownConfig, OuraConfig, TodoistConfig, TokenStoreKind,
};
use crate::config::{Env, paths};
use crate::core::alert::Monitor;
use crate::core::name::{CALENDAR_PREFIX, Name};
use crate::engine::Components;
use crate::engine::heartbeat::Heartbeat;
use crate::monitors::exec::{self, ExecPlugin};
use crate::monitors::sources::{OuraSources, Sources};
use crate::net::HttpClient;
use crate::sources::Source;
use crate::sources::TaskSource;
use crate::sources::calendar::{self, CalDavAccount, Calendar, CalendarTasks, IcsFeed, Location, SharedCache};
use crate::sources::markdown::Markdown;
use crate::sources::oura::cache;
use crate::sources::oura::oauth::token_store::TokenStore;
use crate::sources::oura::oauth::{Account, ClientConfig};
use crate::sources::reminders::Reminders;
use crate::sources::state_store::StateStore;
use crate::sources::taskwarrior::Taskwarrior;
use crate::sources::todoist::{Todoist, TokenUser};
use crate::sources::workos::Workos;
use crate::sys::process::Program;

/// Build the components for this configuration. `env` fills in the defaults that depend on the machine.
#[must_use]
pub fn components(config: Arc<Config>, warnings: Vec<String>, env: &Env) -> Components {
    let http_client = Arc::new(HttpClient::default());
    Components {
        sources: sources(&config, env),
        alerters: alerters::enabled(&config.alerters, &http_client, env),
        heartbeat: Heartbeat::new(&config.http, &http_client),
        shown_config: config.summary(),
        warnings,
        config,
    }
}

/// Every source, configured or not.
#[must_use]
pub fn sources(config: &Config, env: &Env) -> Sources {
    let oura = &config.sources.oura;
    let calendars: Vec<Arc<Calendar>> = calendars(config);
    // Without a home folder there is no default path; this one fails with a clear error when it is read.
    let folder = paths::oura_cache(config, env).unwrap_or_else(|| PathBuf::from("/nonexistent/.oura-cache"));
    Sources {
        oura: OuraSources {
            cache: cache::resolve_path(&folder),
            cache_is_named: oura.cache_dir.is_some() || env("OURA_CACHE_DIR").is_some_and(|dir| !dir.is_empty()),
            token: oura.token.clone(),
            token_file: oura.token_file.clone(),
            account: paths::state_dir(config, env).ok().map(|state_dir| Arc::new(oura_account(oura, &state_dir))),
            base_url: oura.base_url.clone(),
            timeout: seconds(oura.timeout_seconds),
        },
        tasks: task_sources(config, &calendars, env),
        focus_file: config.sources.focus_file.path.clone(),
        exec: config.exec_plugins().map(|(name, program)| exec(name, program)).collect(),
        calendars,
        quiet_during_events: config.quiet_hours.quiet_during_events,
    }
}

/// The user's own connection with Oura. Its tokens are kept in the state directory or the system's keychain.
#[must_use]
pub fn oura_account(oura: &OuraConfig, state_dir: &Path) -> Account {
    let store = match oura.token_store {
        TokenStoreKind::System => TokenStore::system_default(state_dir),
        TokenStoreKind::File => TokenStore::file(state_dir),
    };
    let client = ClientConfig {
        id: oura.client_id.clone(),
        secret: oura.client_secret.clone(),
        secret_file: oura.client_secret_file.clone(),
    };
    Account::new(store, state_dir, client)
}

fn exec(name: Name, config: &ExecMonitorConfig) -> ExecPlugin {
    let program = Program::new(config.command.clone(), seconds(config.timeout_seconds));
    ExecPlugin {
        name,
        program: Program { max_output_bytes: exec::MAX_OUTPUT_BYTES, ..program },
        warning: config.warning,
        critical: config.critical,
    }
}

fn task_sources(config: &Config, calendars: &[Arc<Calendar>], env: &Env) -> Vec<Arc<dyn TaskSource>> {
    let sources = &config.sources;
    vec![
        Arc::new(workos(config, env)),
        Arc::new(StateStore(sources.state_store.path.clone())),
        Arc::new(todoist(&sources.todoist)),
        Arc::new(taskwarrior(config, env)),
        Arc::new(markdown(&sources.markdown)),
        Arc::new(Reminders::new(sources.reminders.enabled, sources.reminders.lists.clone())),
        Arc::new(CalendarTasks::new(calendars)),
    ]
}

fn calendars(config: &Config) -> Vec<Arc<Calendar>> {
    let http = Arc::new(calendar::HttpClient::default());
    let on = config.sources.calendars.iter().filter(|calendar| calendar.enabled);
    let calendar = |config: &CalendarConfig| {
        let name = config.name?;
        let location = match (&config.file, &config.caldav.url) {
            (Some(file), _) => Location::File(file.clone()),
            (None, Some(url)) => Location::CalDav(CalDavAccount {
                url: url.clone(),
                user: config.caldav.user.clone().unwrap_or_default(),
                password: config.caldav.password.clone(),
                password_file: config.caldav.password_file.clone(),
                calendars: config.caldav.calendars.clone(),
            }),
            (None, None) => Location::Ics(IcsFeed { url: config.url.clone(), url_file: config.url_file.clone() }),
        };
        Some(Arc::new(Calendar {
            name,
            location,
            busy: config.busy,
            tasks: config.has_tasks(),
            email: config.email.clone(),
            timeout: seconds(config.timeout_seconds),
            http: Arc::clone(&http),
            cache: SharedCache::default(),
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

fn todoist(todoist: &TodoistConfig) -> Todoist {
    Todoist {
        token: todoist.token.clone(),
        token_file: todoist.token_file.clone(),
        projects: todoist.projects.clone(),
        base_url: todoist.base_url.clone(),
        timeout: seconds(todoist.timeout_seconds),
        token_user: TokenUser::default(),
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

/// The circuits that exist in every configuration.
#[must_use]
pub fn circuit_names() -> Vec<&'static str> {
    sources(&Config::default(), &|_| None).all().into_iter().map(Source::as_str).collect()
}

/// Whether a circuit can have this name: a built-in one, `exec:NAME` or `calendar:NAME`.
#[must_use]
pub fn is_circuit_name(name: &str) -> bool {
    let is_calendar = name.strip_prefix(CALENDAR_PREFIX).is_some_and(|calendar| calendar.parse::<Name>().is_ok());
    is_calendar || matches!(name.parse(), Ok(Monitor::Exec(_))) || circuit_names().contains(&name)
}

fn seconds(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::facts::TASK_SOURCES;

    /// The summary of the stored tasks leaves out a source that is not in the list.
    #[test]
    fn task_sources_are_all_in_the_list() {
        let env: &Env = &|_| None;
        let names: Vec<&str> =
            task_sources(&Config::default(), &[], env).iter().map(|source| source.source_name()).collect();
        assert_eq!(names, TASK_SOURCES);
    }
}
