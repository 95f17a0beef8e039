//! What the person has written in `config.yaml`: found, read, checked. Nothing outside this folder knows the YAML library.
//!
//! Text becomes a tree (`tree`), variables are filled in (`interpolate`), the tree becomes the types (`read`), and those are
//! checked (`check`). Every mistake has its line and column.

mod calendars;
mod channels;
mod check;
pub mod edit;
mod error;
mod file;
mod interpolate;
mod kept;
pub mod paths;
mod programs;
mod read;
pub mod schema;
mod sources;
mod summary;
mod tree;

use std::path::{Path, PathBuf};

use error::{Mistake, located};
use interpolate::Unset;
use schema::Config;
use tree::Node;

pub use error::ConfigError;
pub use file::{load, replace as replace_file, text as file_text};
pub use interpolate::Env;

/// The commented default, which is also the documentation of every key.
pub const DEFAULT: &str = include_str!("../../config.yaml");

/// A configuration and where it came from.
#[derive(Debug)]
pub struct Loaded {
    /// What holds.
    pub config: Config,
    /// The file; none when there is none and the defaults hold.
    pub path: Option<PathBuf>,
    /// What should be logged once logging is set up.
    pub warnings: Vec<String>,
}

/// Read a configuration from `text`. `file` is what messages call it, and its folder is what relative paths start from; `env`
/// reads the environment. Also returns warnings.
///
/// # Errors
/// When the text holds mistakes: one line for each, `file:LINE:COLUMN: sentence`.
pub fn parse(text: &str, file: &str, env: &Env) -> Result<(Config, Vec<String>), ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut root = tree::parse(text).map_err(|mistake| ConfigError::of(file, [mistake]))?;
    let filled = interpolate::fill_in(&mut root, env);
    let (mut config, mut mistakes) = read::read(&root);
    mistakes.extend(filled.mistakes);
    check::ranges(&config, &root, &mut mistakes);
    mistakes.extend(resolve_paths(&mut config, &root, file, env));
    let mut warnings = warnings(&filled.unset, file);
    if mistakes.is_empty() {
        warnings.extend(without_channels(&mut config, &filled.unset));
        warnings.extend(without_programs(&mut config, &filled.unset));
        warnings.extend(without_calendars(&mut config, &filled.unset));
        mistakes.extend(check::contradictions(&config, &root));
    }
    if mistakes.is_empty() { Ok((config, warnings)) } else { Err(ConfigError::of(file, mistakes)) }
}

/// Put the home folder for `~`, and the file's folder before relative paths.
fn resolve_paths(config: &mut Config, root: &Node, file: &str, env: &Env) -> Vec<Mistake> {
    let home = paths::home(env);
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let mut mistakes = Vec::new();
    let mut homeless = |key: &str| {
        let at = root.place(key).unwrap_or(root.at);
        mistakes.push(Mistake::new(at, format!("{key}: '~' stands for $HOME, which is not set: give the whole path")));
    };
    for all in [paths::all, paths::calendars] {
        for (key, path) in all(config) {
            let Some(given) = path.as_mut() else { continue };
            match paths::expand(given, home.as_deref()) {
                Some(expanded) => *given = folder.join(expanded),
                None => homeless(&key),
            }
        }
    }
    for (key, program) in paths::programs(config) {
        match paths::expand(Path::new(program), home.as_deref()) {
            Some(expanded) => *program = folder.join(expanded).display().to_string(),
            None => homeless(&key),
        }
    }
    mistakes
}

/// One warning for each variable that is not set, at the first key that wants it.
fn warnings(unset: &[Unset], file: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, first) in unset.iter().enumerate() {
        if unset.iter().take(index).any(|earlier| earlier.name == first.name) {
            continue;
        }
        let keys: Vec<&str> = unset.iter().filter(|one| one.name == first.name).map(|one| one.path.as_str()).collect();
        let keep = if keys.len() == 1 { "keeps its default" } else { "keep their defaults" };
        let sentence = format!("${{{}}} is not set: {} {keep}", first.name, keys.join(" and "));
        warnings.push(located(file, Some(first.at), &sentence));
    }
    warnings
}

/// What the environment does not give yet is no reason not to start: the channel that needs it stays off, and says so. So does one
/// with a secret that it could do without: messages that were meant to be signed do not go out unsigned.
fn without_channels(config: &mut Config, unset: &[Unset]) -> Vec<String> {
    let mut warnings = Vec::new();
    for section in config.alerters.all_mut().into_iter().filter(|section| section.is_on()) {
        let keys = format!("alerters.{}.", section.channel());
        let missing: Vec<&str> = unset.iter().filter_map(|one| one.path.strip_prefix(&keys)).collect();
        let secrets = section.secrets();
        let meant = secrets.iter().find(|kept| !kept.is_set() && missing.contains(&kept.key)).map(|kept| kept.key);
        let lack = section.lack().filter(|_| !missing.is_empty()).or(meant);
        if let Some(lack) = lack {
            warnings.push(format!("{} stays off: it has no {lack}", section.name()));
            section.switch_off();
        }
    }
    warnings
}

/// Likewise a program that lacks a word of its command: half of it is not what was meant to be run.
fn without_programs(config: &mut Config, unset: &[Unset]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, program) in config.monitors.exec.iter_mut().enumerate().filter(|(_, program)| program.enabled) {
        let keys = format!("monitors.exec[{index}].");
        let lack = program.lack().filter(|_| unset.iter().any(|one| one.path.starts_with(&keys)));
        if let Some(lack) = lack {
            warnings.push(format!("monitors.exec[{index}] stays off: it has no {lack}"));
            program.enabled = false;
        }
    }
    warnings
}

/// Likewise a calendar whose address or password the environment does not give yet. It keeps its place, so that the others keep
/// theirs in what is said of them.
fn without_calendars(config: &mut Config, unset: &[Unset]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, calendar) in config.sources.calendars.iter_mut().enumerate() {
        let keys = format!("sources.calendars[{index}].");
        let lack = calendar.lack().filter(|_| unset.iter().any(|one| one.path.starts_with(&keys)));
        if let Some(lack) = lack {
            warnings.push(format!("sources.calendars[{index}] is left out: it has no {lack}"));
            calendar.enabled = false;
        }
    }
    warnings
}
