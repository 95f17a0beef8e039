//! The user's `config.yaml`: text → tree → variables filled in → types → validation. Every error has its line and column.
//!
//! Invariant: only `tree` and `edit` know a YAML library.

mod channels;
mod deserialize;
pub mod edit;
mod error;
mod interpolate;
mod limits;
mod load;
pub mod paths;
pub mod schema;
mod section;
mod sources;
mod summary;
mod tree;
mod validate;
mod wall_time;

use std::path::{Path, PathBuf};

use error::{Diagnostic, with_position};
use interpolate::Unset;
use schema::Config;
use tree::Node;

pub use error::Error;
pub use interpolate::Env;
pub use load::{file_text, load, replace_file};

/// The commented default file, which documents every key.
pub const DEFAULT: &str = include_str!("../../config.yaml");

/// A configuration and its origin.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// None if there is no file and the defaults apply.
    pub path: Option<PathBuf>,
    /// For the log, once logging has started.
    pub warnings: Vec<String>,
}

/// Parse `text`. `file` names it in errors, and relative paths start from its folder. Also returns warnings.
pub fn parse(text: &str, file: &str, env: &Env) -> Result<(Config, Vec<String>), Error> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut root = tree::parse(text).map_err(|diagnostic| Error::from_diagnostics(file, [diagnostic]))?;
    let filled = interpolate::fill_in(&mut root, env);
    let (mut config, mut diagnostics) = deserialize::from_tree(&root);
    diagnostics.extend(filled.diagnostics);
    validate::ranges(&config, &root, &mut diagnostics);
    diagnostics.extend(resolve_paths(&mut config, &root, file, env));
    let mut warnings = unset_warnings(&filled.unset, file);
    if diagnostics.is_empty() {
        warnings.extend(disable_incomplete_channels(&mut config, &filled.unset));
        warnings.extend(disable_incomplete_plugins(&mut config, &filled.unset));
        warnings.extend(disable_incomplete_calendars(&mut config, &filled.unset));
        diagnostics.extend(validate::conflicts(&config, &root));
    }
    if diagnostics.is_empty() { Ok((config, warnings)) } else { Err(Error::from_diagnostics(file, diagnostics)) }
}

/// Replace `~` by the home folder, and put the file's folder before relative paths.
fn resolve_paths(config: &mut Config, root: &Node, file: &str, env: &Env) -> Vec<Diagnostic> {
    let home = paths::home(env);
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut diagnostics = Vec::new();
    let mut missing_home = |key: &str| {
        let at = root.position(key).unwrap_or(root.at);
        let sentence = format!("{key}: '~' stands for $HOME, which is not set: give the whole path");
        diagnostics.push(Diagnostic::new(at, sentence));
    };
    for (key, path) in paths::configured_files(config) {
        let Some(given) = path.as_mut() else { continue };
        match paths::expand(given, home.as_deref()) {
            Some(expanded) => *given = folder.join(expanded),
            None => missing_home(&key),
        }
    }
    for (key, program) in paths::configured_programs(config) {
        match paths::expand(Path::new(program), home.as_deref()) {
            Some(expanded) => *program = folder.join(expanded).display().to_string(),
            None => missing_home(&key),
        }
    }
    diagnostics
}

/// One warning per unset variable, at the first key that names it.
fn unset_warnings(unset: &[Unset], file: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, first) in unset.iter().enumerate() {
        if unset.iter().take(index).any(|earlier| earlier.name == first.name) {
            continue;
        }
        let keys: Vec<&str> = unset.iter().filter(|it| it.name == first.name).map(|it| it.path.as_str()).collect();
        let keep = if keys.len() == 1 { "keeps its default" } else { "keep their defaults" };
        let sentence = format!("${{{}}} is not set: {} {keep}", first.name, keys.join(" and "));
        warnings.push(with_position(file, Some(first.at), &sentence));
    }
    warnings
}

/// An unset variable must not stop the start: the channel that needs it is disabled, with a warning. The same holds for an
/// optional secret: messages that should be signed are not sent unsigned.
fn disable_incomplete_channels(config: &mut Config, unset: &[Unset]) -> Vec<String> {
    let mut warnings = Vec::new();
    for channel in config.alerters.sections().into_iter().filter(|section| section.enabled) {
        let prefix = format!("alerters.{}.", channel.channel);
        let unset_keys: Vec<&str> = unset.iter().filter_map(|it| it.path.strip_prefix(&prefix)).collect();
        let secrets = &channel.section.secrets;
        let secret = secrets.iter().find(|secret| !secret.is_set && unset_keys.contains(&secret.key));
        let required = channel.missing_keys.filter(|_| !unset_keys.is_empty());
        if let Some(keys) = required.or(secret.map(|secret| secret.key)) {
            warnings.push(format!("{} stays off: it has no {keys}", channel.label));
            config.alerters.disable(channel.channel);
        }
    }
    warnings
}

/// A plugin with an incomplete command is disabled: half a command is not what the user wanted to run.
fn disable_incomplete_plugins(config: &mut Config, unset: &[Unset]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, plugin) in config.monitors.exec.iter_mut().enumerate().filter(|(_, plugin)| plugin.enabled) {
        let prefix = format!("monitors.exec[{index}].");
        if let Some(key) = plugin.missing_key().filter(|_| unset.iter().any(|it| it.path.starts_with(&prefix))) {
            warnings.push(format!("monitors.exec[{index}] stays off: it has no {key}"));
            plugin.enabled = false;
        }
    }
    warnings
}

/// A calendar without address or password is disabled. It keeps its index, which messages about the others use.
fn disable_incomplete_calendars(config: &mut Config, unset: &[Unset]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, calendar) in config.sources.calendars.iter_mut().enumerate() {
        let prefix = format!("sources.calendars[{index}].");
        if let Some(keys) = calendar.missing_keys().filter(|_| unset.iter().any(|it| it.path.starts_with(&prefix))) {
            warnings.push(format!("sources.calendars[{index}] is left out: it has no {keys}"));
            calendar.enabled = false;
        }
    }
    warnings
}
