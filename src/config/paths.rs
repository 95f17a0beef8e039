//! Locations of the configuration, state, logs, and files of other programs.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::error::Error;
use super::interpolate::Env;
use super::schema::Config;

const MACOS: bool = cfg!(target_os = "macos");

/// `~/Library/Application Support/Operator/config.yaml` on macOS, else `$XDG_CONFIG_HOME/operator/config.yaml` or
/// `~/.config/operator/config.yaml`.
pub fn default_config(env: &Env) -> Result<PathBuf, Error> {
    config_path_on(MACOS, env)
}

fn config_path_on(macos: bool, env: &Env) -> Result<PathBuf, Error> {
    let folder = if macos { support(env) } else { xdg("XDG_CONFIG_HOME", ".config", env) };
    Ok(folder.ok_or_else(|| missing_home("--config"))?.join("config.yaml"))
}

/// Database, lock, socket and `operator_state.json`: `paths.state_dir`, else `~/Library/Application Support/Operator` on macOS,
/// else `$XDG_STATE_HOME/operator` or `~/.local/state/operator`.
pub fn state_dir(config: &Config, env: &Env) -> Result<PathBuf, Error> {
    state_dir_on(MACOS, config, env)
}

fn state_dir_on(macos: bool, config: &Config, env: &Env) -> Result<PathBuf, Error> {
    let default = || if macos { support(env) } else { xdg("XDG_STATE_HOME", ".local/state", env) };
    config.paths.state_dir.clone().or_else(default).ok_or_else(|| missing_home("paths.state_dir"))
}

/// Log files: `paths.log_dir`, else `~/Library/Logs/Operator` on macOS, else the state directory.
pub fn log_dir(config: &Config, env: &Env) -> Result<PathBuf, Error> {
    log_dir_on(MACOS, config, env)
}

fn log_dir_on(macos: bool, config: &Config, env: &Env) -> Result<PathBuf, Error> {
    match &config.paths.log_dir {
        Some(folder) => Ok(folder.clone()),
        None if macos => {
            home(env).map(|home| home.join("Library/Logs/Operator")).ok_or_else(|| missing_home("paths.log_dir"))
        }
        None => state_dir_on(macos, config, env),
    }
}

/// The Oura cache's folder or file: `sources.oura.cache_dir`, else `$OURA_CACHE_DIR`, else `~/.oura-cache`.
#[must_use]
pub fn oura_cache(config: &Config, env: &Env) -> Option<PathBuf> {
    let configured = config.sources.oura.cache_dir.clone();
    let from_env = || env_value("OURA_CACHE_DIR", env).map(|folder| expand(Path::new(&folder), home(env).as_deref()));
    configured.or_else(|| from_env()?).or_else(|| Some(home(env)?.join(".oura-cache")))
}

/// The WorkOS database: `sources.workos.url`, else `$WORKOS_DATABASE_URL`; none with `url_file`.
#[must_use]
pub fn workos_url(config: &Config, env: &Env) -> Option<SecretString> {
    let workos = &config.sources.workos;
    let from_env =
        || env_value("WORKOS_DATABASE_URL", env).filter(|_| workos.url_file.is_none()).map(SecretString::from);
    workos.url.clone().or_else(from_env)
}

/// Taskwarrior's configuration: `$TASKRC`, else `~/.taskrc`, else `$XDG_CONFIG_HOME/task/taskrc`.
#[must_use]
pub fn taskrc(env: &Env) -> Option<PathBuf> {
    let usual = || Some(home(env)?.join(".taskrc")).filter(|file| file.exists());
    let xdg = || Some(xdg_base("XDG_CONFIG_HOME", ".config", env)?.join("task/taskrc"));
    env_value("TASKRC", env).map(PathBuf::from).or_else(usual).or_else(xdg)
}

/// `sources.taskwarrior.data_dir`, else `$TASKDATA`; none: the folder of Taskwarrior's own configuration.
#[must_use]
pub fn taskdata(config: &Config, env: &Env) -> Option<PathBuf> {
    config.sources.taskwarrior.data_dir.clone().or_else(|| env_value("TASKDATA", env).map(PathBuf::from))
}

/// Parent of the autostart folders: `~/Library` on macOS, else `$XDG_CONFIG_HOME` or `~/.config`. None without `$HOME`.
#[must_use]
pub fn session_root(env: &Env) -> Option<PathBuf> {
    session_root_on(MACOS, env)
}

fn session_root_on(macos: bool, env: &Env) -> Option<PathBuf> {
    if macos { home(env).map(|home| home.join("Library")) } else { xdg_base("XDG_CONFIG_HOME", ".config", env) }
}

/// Create a folder and its missing parents with mode 0700. An existing folder keeps its mode.
pub fn private_dir(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Every file and folder of the configuration, by key.
pub(super) fn configured_files(config: &mut Config) -> impl Iterator<Item = (String, &mut Option<PathBuf>)> {
    let own = [
        ("http.heartbeat_url_file", &mut config.http.heartbeat_url_file),
        ("paths.state_dir", &mut config.paths.state_dir),
        ("paths.log_dir", &mut config.paths.log_dir),
    ];
    let named = own.into_iter().chain(config.alerters.files_mut()).map(|(key, path)| (key.to_owned(), path));
    named.chain(config.sources.files_mut())
}

/// The program of every command, by key, if it is a path (holds a `/`).
pub(super) fn configured_programs(config: &mut Config) -> impl Iterator<Item = (String, &mut String)> {
    let monitors = config.monitors.exec.iter_mut().enumerate();
    let monitors = monitors.map(|(index, plugin)| (format!("monitors.exec[{index}].command"), &mut plugin.command));
    let commands = monitors.chain([("alerters.exec.command".to_owned(), &mut config.alerters.exec.command)]);
    commands.filter_map(|(key, command)| Some((key, command.first_mut().filter(|word| word.contains('/'))?)))
}

/// Replace a leading `~` by the home folder; none if that is unknown.
pub(super) fn expand(path: &Path, home: Option<&Path>) -> Option<PathBuf> {
    match path.strip_prefix("~") {
        Ok(rest) if rest.as_os_str().is_empty() => home.map(Path::to_path_buf),
        Ok(rest) => home.map(|home| home.join(rest)),
        Err(_) => Some(path.to_path_buf()),
    }
}

/// `$HOME`.
pub(super) fn home(env: &Env) -> Option<PathBuf> {
    env_value("HOME", env).map(PathBuf::from)
}

fn support(env: &Env) -> Option<PathBuf> {
    home(env).map(|home| home.join("Library/Application Support/Operator"))
}

/// XDG: a relative path counts as unset.
fn xdg_base(variable: &str, fallback: &str, env: &Env) -> Option<PathBuf> {
    let given = env_value(variable, env).map(PathBuf::from).filter(|path| path.is_absolute());
    given.or_else(|| home(env).map(|home| home.join(fallback)))
}

fn xdg(variable: &str, fallback: &str, env: &Env) -> Option<PathBuf> {
    xdg_base(variable, fallback, env).map(|base| base.join(OsStr::new("operator")))
}

fn env_value(variable: &str, env: &Env) -> Option<String> {
    env(variable).filter(|value| !value.is_empty())
}

fn missing_home(instead: &str) -> Error {
    Error::file_level(format!("$HOME is not set: set it, or give {instead}"))
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
    fn macos_uses_the_library_folder() {
        let config = Config::default();
        let support = "/home/ada/Library/Application Support/Operator";
        assert_eq!(config_path_on(true, &env).unwrap(), Path::new(support).join("config.yaml"));
        assert_eq!(state_dir_on(true, &config, &env).unwrap(), Path::new(support));
        assert_eq!(log_dir_on(true, &config, &env).unwrap(), Path::new("/home/ada/Library/Logs/Operator"));
        assert_eq!(session_root_on(true, &env).unwrap(), Path::new("/home/ada/Library"));
    }

    #[test]
    fn linux_uses_the_xdg_folders() {
        let config = Config::default();
        assert_eq!(config_path_on(false, &env).unwrap(), Path::new("/home/ada/.config/operator/config.yaml"));
        assert_eq!(state_dir_on(false, &config, &env).unwrap(), Path::new("/var/ada/operator"));
        assert_eq!(log_dir_on(false, &config, &env).unwrap(), Path::new("/var/ada/operator"));
        assert_eq!(session_root_on(false, &env).unwrap(), Path::new("/home/ada/.config"));
    }

    #[test]
    fn tilde_expands_only_as_first_component() {
        let home = Some(Path::new("/home/ada"));
        assert_eq!(expand(Path::new("~"), home).unwrap(), Path::new("/home/ada"));
        assert_eq!(expand(Path::new("~/x/y"), home).unwrap(), Path::new("/home/ada/x/y"));
        assert_eq!(expand(Path::new("~bob/x"), home).unwrap(), Path::new("~bob/x"));
        assert_eq!(expand(Path::new("/a/~/x"), home).unwrap(), Path::new("/a/~/x"));
        assert_eq!(expand(Path::new("~/x"), None), None);
    }
}
