//! Where things live: the configuration, our state, our logs, other programs' files.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::error::ConfigError;
use super::interpolate::Env;
use super::schema::Config;

const MACOS: bool = cfg!(target_os = "macos");

/// `~/Library/Application Support/Operator/config.yaml` on macOS, else `$XDG_CONFIG_HOME/operator/config.yaml` or
/// `~/.config/operator/config.yaml`.
///
/// # Errors
/// When `$HOME` is needed and not set.
pub fn default_config(env: &Env) -> Result<PathBuf, ConfigError> {
    config_on(MACOS, env)
}

fn config_on(macos: bool, env: &Env) -> Result<PathBuf, ConfigError> {
    let folder = if macos { support(env) } else { xdg("XDG_CONFIG_HOME", ".config", env) };
    Ok(folder.ok_or_else(|| homeless("--config"))?.join("config.yaml"))
}

/// Database, lock, socket and `operator_state.json`: `paths.state_dir`, else `~/Library/Application Support/Operator` on macOS,
/// else `$XDG_STATE_HOME/operator` or `~/.local/state/operator`.
///
/// # Errors
/// When `$HOME` is needed and not set.
pub fn state_dir(config: &Config, env: &Env) -> Result<PathBuf, ConfigError> {
    state_on(MACOS, config, env)
}

fn state_on(macos: bool, config: &Config, env: &Env) -> Result<PathBuf, ConfigError> {
    let usual = || if macos { support(env) } else { xdg("XDG_STATE_HOME", ".local/state", env) };
    config.paths.state_dir.clone().or_else(usual).ok_or_else(|| homeless("paths.state_dir"))
}

/// Log files: `paths.log_dir`, else `~/Library/Logs/Operator` on macOS, else the state directory.
///
/// # Errors
/// When `$HOME` is needed and not set.
pub fn log_dir(config: &Config, env: &Env) -> Result<PathBuf, ConfigError> {
    logs_on(MACOS, config, env)
}

fn logs_on(macos: bool, config: &Config, env: &Env) -> Result<PathBuf, ConfigError> {
    match &config.paths.log_dir {
        Some(folder) => Ok(folder.clone()),
        None if macos => {
            home(env).map(|home| home.join("Library/Logs/Operator")).ok_or_else(|| homeless("paths.log_dir"))
        }
        None => state_on(macos, config, env),
    }
}

/// The Oura cache's folder or file: `sources.oura.cache_dir`, else `$OURA_CACHE_DIR`, else `~/.oura-cache`.
#[must_use]
pub fn oura_cache(config: &Config, env: &Env) -> Option<PathBuf> {
    let configured = config.sources.oura.cache_dir.clone();
    let from_env = || set("OURA_CACHE_DIR", env).map(|folder| expand(Path::new(&folder), home(env).as_deref()));
    configured.or_else(|| from_env()?).or_else(|| Some(home(env)?.join(".oura-cache")))
}

/// The WorkOS database: `sources.workos.url`, else `$WORKOS_DATABASE_URL`; none when `url_file` says it.
#[must_use]
pub fn workos_url(config: &Config, env: &Env) -> Option<SecretString> {
    let workos = &config.sources.workos;
    let from_env = || set("WORKOS_DATABASE_URL", env).filter(|_| workos.url_file.is_none()).map(SecretString::from);
    workos.url.clone().or_else(from_env)
}

/// Taskwarrior's own configuration: `$TASKRC`, else where it looks for it: `~/.taskrc`, `$XDG_CONFIG_HOME/task/taskrc`.
#[must_use]
pub fn taskrc(env: &Env) -> Option<PathBuf> {
    let usual = || Some(home(env)?.join(".taskrc")).filter(|file| file.exists());
    let xdg = || Some(xdg_base("XDG_CONFIG_HOME", ".config", env)?.join("task/taskrc"));
    set("TASKRC", env).map(PathBuf::from).or_else(usual).or_else(xdg)
}

/// Where Taskwarrior's data are, if not where its own configuration says: `sources.taskwarrior.data_dir`, else `$TASKDATA`.
#[must_use]
pub fn taskdata(config: &Config, env: &Env) -> Option<PathBuf> {
    config.sources.taskwarrior.data_dir.clone().or_else(|| set("TASKDATA", env).map(PathBuf::from))
}

/// Where this system keeps what starts with a session: `~/Library` on macOS, else `$XDG_CONFIG_HOME` or `~/.config`; none
/// when `$HOME` is needed and not set.
#[must_use]
pub fn session_root(env: &Env) -> Option<PathBuf> {
    session_root_on(MACOS, env)
}

fn session_root_on(macos: bool, env: &Env) -> Option<PathBuf> {
    if macos { home(env).map(|home| home.join("Library")) } else { xdg_base("XDG_CONFIG_HOME", ".config", env) }
}

/// Make a folder that only its owner may enter, and those above it that are missing. One that exists is left as it is.
///
/// # Errors
/// Whatever the system says.
pub fn private_dir(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Every path that the configuration holds, with its key.
pub(super) fn all(config: &mut Config) -> Vec<(String, &mut Option<PathBuf>)> {
    let own = [
        ("http.heartbeat_url_file", &mut config.http.heartbeat_url_file),
        ("paths.state_dir", &mut config.paths.state_dir),
        ("paths.log_dir", &mut config.paths.log_dir),
    ];
    let sources = config.sources.all_mut().into_iter().flat_map(|section| {
        let source = section.name();
        section.files().into_iter().map(move |(key, file)| (format!("sources.{source}.{key}"), file))
    });
    let channels = config.alerters.all_mut().into_iter().flat_map(|section| {
        let channel = section.channel();
        section.files().into_iter().map(move |(key, file)| (format!("alerters.{channel}.{key}"), file))
    });
    own.into_iter().map(|(key, path)| (key.to_owned(), path)).chain(sources).chain(channels).collect()
}

/// The paths of the calendars, with their keys.
pub(super) fn calendars(config: &mut Config) -> Vec<(String, &mut Option<PathBuf>)> {
    let calendars = config.sources.calendars.iter_mut().enumerate();
    let files = calendars.flat_map(|(index, calendar)| calendar.files().map(|(key, file)| (index, key, file)));
    files.map(|(index, key, file)| (format!("sources.calendars[{index}].{key}"), file)).collect()
}

/// The first words of the commands that the configuration holds, with their keys. One with a `/` in it is a path.
pub(super) fn programs(config: &mut Config) -> Vec<(String, &mut String)> {
    let monitors = config.monitors.exec.iter_mut().enumerate();
    let monitors = monitors.map(|(index, program)| (format!("monitors.exec[{index}].command"), &mut program.command));
    let alerter = ("alerters.exec.command".to_owned(), &mut config.alerters.exec.command);
    let mut firsts = Vec::new();
    for (key, command) in monitors.chain([alerter]) {
        firsts.extend(command.first_mut().filter(|word| word.contains('/')).map(|word| (key, word)));
    }
    firsts
}

/// `~` and `~/…` are the home folder's; none if that is not known.
pub(super) fn expand(path: &Path, home: Option<&Path>) -> Option<PathBuf> {
    match path.strip_prefix("~") {
        Ok(rest) if rest.as_os_str().is_empty() => home.map(Path::to_path_buf),
        Ok(rest) => home.map(|home| home.join(rest)),
        Err(_) => Some(path.to_path_buf()),
    }
}

/// `$HOME`.
pub(super) fn home(env: &Env) -> Option<PathBuf> {
    set("HOME", env).map(PathBuf::from)
}

fn support(env: &Env) -> Option<PathBuf> {
    home(env).map(|home| home.join("Library/Application Support/Operator"))
}

/// The XDG rules: a variable that does not hold an absolute path counts as not set.
fn xdg_base(variable: &str, fallback: &str, env: &Env) -> Option<PathBuf> {
    let given = set(variable, env).map(PathBuf::from).filter(|path| path.is_absolute());
    given.or_else(|| home(env).map(|home| home.join(fallback)))
}

fn xdg(variable: &str, fallback: &str, env: &Env) -> Option<PathBuf> {
    xdg_base(variable, fallback, env).map(|base| base.join(OsStr::new("operator")))
}

fn set(variable: &str, env: &Env) -> Option<String> {
    env(variable).filter(|value| !value.is_empty())
}

fn homeless(instead: &str) -> ConfigError {
    ConfigError::whole(format!("$HOME is not set, so there is no usual place: set it, or give {instead}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "HOME" => Some("/home/ada".into()),
            "XDG_STATE_HOME" => Some("/var/ada".into()),
            "XDG_CONFIG_HOME" => Some("relative/is/ignored".into()),
            _ => None,
        }
    }

    #[test]
    fn macos_keeps_everything_in_its_library() {
        let config = Config::default();
        let support = "/home/ada/Library/Application Support/Operator";
        assert_eq!(config_on(true, &env).unwrap(), Path::new(support).join("config.yaml"));
        assert_eq!(state_on(true, &config, &env).unwrap(), Path::new(support));
        assert_eq!(logs_on(true, &config, &env).unwrap(), Path::new("/home/ada/Library/Logs/Operator"));
        assert_eq!(session_root_on(true, &env).unwrap(), Path::new("/home/ada/Library"));
    }

    #[test]
    fn elsewhere_the_xdg_folders_are_used() {
        let config = Config::default();
        assert_eq!(config_on(false, &env).unwrap(), Path::new("/home/ada/.config/operator/config.yaml"));
        assert_eq!(state_on(false, &config, &env).unwrap(), Path::new("/var/ada/operator"));
        assert_eq!(logs_on(false, &config, &env).unwrap(), Path::new("/var/ada/operator"));
        assert_eq!(session_root_on(false, &env).unwrap(), Path::new("/home/ada/.config"));
    }

    #[test]
    fn the_tilde_is_the_home_folder_only_at_the_front_and_alone() {
        let home = Some(Path::new("/home/ada"));
        assert_eq!(expand(Path::new("~"), home).unwrap(), Path::new("/home/ada"));
        assert_eq!(expand(Path::new("~/x/y"), home).unwrap(), Path::new("/home/ada/x/y"));
        assert_eq!(expand(Path::new("~bob/x"), home).unwrap(), Path::new("~bob/x"));
        assert_eq!(expand(Path::new("/a/~/x"), home).unwrap(), Path::new("/a/~/x"));
        assert_eq!(expand(Path::new("~/x"), None), None);
    }
}
