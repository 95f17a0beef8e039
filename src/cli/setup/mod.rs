//! `operator setup`: asks what a person has, tries each answer, and writes `config.yaml` at the end.

mod dialogue;
mod draft;
mod steps;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use self::dialogue::{Answer, Ended, choose, line, say, secret, yes};
use self::draft::Draft;
use self::steps::{Ask, CHANNELS, Kind, SOURCES, Step, Tried};
use super::connect;
use super::doctor::{self, Line};
use crate::alerters;
use crate::app::build;
use crate::app::exit::Failure;
use crate::app::load::{AppContext, EnvFn, LogTarget, runtime};
use crate::config::edit::Setting;
use crate::config::paths;
use crate::config::schema::Config;
use crate::core::channel::Channel;
use crate::core::name::CALENDAR_PREFIX;

/// Set Operator up.
///
/// # Errors
/// When the configuration that is there is wrong, or the new one cannot be written. Nothing is changed then.
pub fn run(named: Option<&Path>, env: EnvFn) -> Result<ExitCode, Failure> {
    let draft = Draft::open(named, env)?;
    match talk(draft) {
        Ok(outcome) => outcome,
        Err(Ended) => Err(Failure::Other("the set-up ended before its last question: nothing was changed".into())),
    }
}

/// Whether there is no configuration yet, and none was named.
#[must_use]
pub fn is_first_start(named: Option<&Path>, env: EnvFn) -> bool {
    named.is_none() && paths::default_config(&env).is_ok_and(|path| !path.exists())
}

/// Before the first start: set it up, if there is somebody at a terminal who wants to.
///
/// # Errors
/// When what was asked for could not be written.
pub fn offer(env: EnvFn) -> Result<(), Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(());
    }
    match yes("This is Operator's first start. Set it up now?", true) {
        Ok(true) => run(None, env).map(drop),
        _ => Ok(()),
    }
}

fn talk(mut draft: Draft) -> Answer<Result<ExitCode, Failure>> {
    say("Operator's set-up. Every answer is tried at once. Nothing is written before the last question: Ctrl-C leaves");
    say("everything as it is.\n");
    let connect = oura(&draft)?;
    several("Where are your tasks and events?", SOURCES, &mut draft)?;
    several("Banners come up on this machine. Where else should urgent alerts reach you?", CHANNELS, &mut draft)?;
    quiet_hours(&mut draft)?;
    if draft.changed.is_empty() && draft.exists() {
        say("\nNothing is different: config.yaml stays as it is.");
        return Ok(if connect { through_the_browser(&draft) } else { Ok(ExitCode::SUCCESS) });
    }
    say(&format!("\n{} will say:", draft.path.display()));
    draft.changed.iter().for_each(|key| say(&format!("  {key}: {}", shown(&draft, key))));
    if !yes("Write it?", true)? {
        say("Nothing was changed.");
        return Ok(Ok(ExitCode::FAILURE));
    }
    if let Err(failure) = draft.write() {
        return Ok(Err(failure));
    }
    say("Written. An Operator that runs takes it over by itself.\n");
    let connected = if connect { through_the_browser(&draft) } else { Ok(ExitCode::SUCCESS) };
    say("  operator check                 what is connected, and what to do about what is not");
    say("  operator test-alert            send yourself a test");
    say("  operator login-item install    start with your session");
    Ok(connected)
}

fn through_the_browser(draft: &Draft) -> Result<ExitCode, Failure> {
    let context = AppContext::open(Some(&draft.path), draft.env(), false, LogTarget::Quiet)?;
    connect::connect(&context, false)
}

/// The ring is no question of keys: its cache is found, or it is connected in the browser when everything else is done.
fn oura(draft: &Draft) -> Answer<bool> {
    match tried(draft, Tried::Source("oura")) {
        Some(line) if line.result == "ok" => {
            say(&format!("Oura is connected already: {}.\n", line.about));
            Ok(false)
        }
        _ => yes("Do you have an Oura ring? It is connected at the end, in the browser.", false),
    }
}

/// Ask which of these the person has, and then for each.
fn several(question: &str, steps: &[Step], draft: &mut Draft) -> Answer<()> {
    let config = draft.config().unwrap_or_default();
    let name = |step: &Step| match is_configured(&config, step, draft.env()) {
        true => format!("{} – set up", step.name),
        false => step.name.to_owned(),
    };
    let names: Vec<String> = steps.iter().map(name).collect();
    for at in choose(question, &names)? {
        let Some(step) = steps.get(at) else { continue };
        say(&format!("\n{}\n{}", step.name, step.about));
        self::step(step, draft)?;
    }
    say("");
    Ok(())
}

fn is_configured(config: &Config, step: &Step, env: EnvFn) -> bool {
    match step.tried {
        Tried::Source(name) => {
            build::sources(config, &env).tasks.iter().any(|it| it.source_name() == name && it.is_configured())
        }
        Tried::Calendar => {
            build::sources(config, &env).all().iter().any(|it| it.to_string().starts_with(CALENDAR_PREFIX))
        }
        Tried::Channel(channel) => config.alerters.routing().0.iter().any(|(known, _)| *known == channel),
    }
}

/// Ask and try until it works, or the person gives up.
fn step(step: &Step, draft: &mut Draft) -> Answer<()> {
    loop {
        let mut next = draft.clone();
        let written = answers(step, &mut next)?;
        let trouble = match written.and_then(|()| next.config().map_err(|error| error.to_string())) {
            Err(sentence) => Trouble { sentence, may_be_kept: false },
            Ok(_) => {
                say("Trying …");
                match tried(&next, step.tried) {
                    Some(line) if line.result == "ok" => {
                        say(&format!("It works: {}.", line.about));
                        *draft = next;
                        return Ok(());
                    }
                    line => Trouble { sentence: line.map_or_else(String::new, failed), may_be_kept: true },
                }
            }
        };
        say(&format!("That did not work. {}", trouble.sentence));
        let choices =
            if trouble.may_be_kept { "again, keep it all the same, or leave it out" } else { "again or leave it out" };
        match line(&format!("Try {choices}? [A/{}l]", if trouble.may_be_kept { "k/" } else { "" }))?
            .to_lowercase()
            .as_str()
        {
            "l" | "leave" => return Ok(()),
            "k" | "keep" if trouble.may_be_kept => {
                *draft = next;
                return Ok(());
            }
            _ => {}
        }
    }
}

struct Trouble {
    sentence: String,
    may_be_kept: bool,
}

fn failed(line: Line) -> String {
    if line.advice.is_empty() || line.advice == doctor::WAIT {
        line.about
    } else {
        format!("{} – {}", line.about, line.advice)
    }
}

/// Put what is typed into the draft. The inner result is why a key cannot be given its value.
fn answers(step: &Step, draft: &mut Draft) -> Answer<Result<(), String>> {
    if let Some(list) = step.entry {
        return entry(step, list, draft);
    }
    for ask in step.asks {
        let file = format!("{}_file", ask.key);
        if let Some(place) = draft.written(&file) {
            say(&format!("{} It stands in {place}, which {file} names: change it there.", ask.question));
            continue;
        }
        let before = draft.written(ask.key);
        let question = match (draft.holds(ask.key), ask.kind) {
            (None, _) => ask.question.to_owned(),
            (Some(_), Kind::Secret) => format!("{} [Enter keeps what is set]", ask.question),
            (Some(holds), _) => format!("{} [{holds}]", ask.question),
        };
        let typed = answer(ask, &question, ask.optional || before.is_some())?;
        if !typed.is_empty()
            && let Err(sentence) = draft.answer(ask, &typed)
        {
            return Ok(Err(sentence));
        }
    }
    for (key, value) in step.along {
        if draft.written(key).as_deref() != Some(*value)
            && let Err(sentence) = draft.set(key, &Setting::Bare((*value).to_owned()))
        {
            return Ok(Err(sentence));
        }
    }
    Ok(Ok(()))
}

fn answer(ask: &Ask, question: &str, may_be_empty: bool) -> Answer<String> {
    loop {
        let typed = if ask.kind == Kind::Secret { secret(question)? } else { line(question)? };
        if !typed.is_empty() || may_be_empty {
            return Ok(typed);
        }
        say("It does not work without.");
    }
}

/// The same for answers that are an entry of a list. What a person has written there is theirs.
fn entry(step: &Step, list: &str, draft: &mut Draft) -> Answer<Result<(), String>> {
    if draft.written(list).is_some() && !draft.changed.iter().any(|key| key == list) {
        return Ok(Err(format!("{list} has entries already: add this one in the file, as docs/connect.md shows")));
    }
    let mut keys = Vec::new();
    for ask in step.asks {
        let typed = answer(ask, ask.question, ask.optional)?;
        let key = match (ask.key, is_address(&typed)) {
            ("url", true) => "url",
            // An address that is not whole may be a secret, and is not repeated.
            ("url", false) if !draft.place(&typed).is_file() => {
                let sentence = "This is no address that begins with https:// or webcal://, and no file that is there.";
                return Ok(Err(sentence.into()));
            }
            ("url", false) => "file",
            (key, _) => key,
        };
        keys.push((key.to_owned(), typed));
    }
    Ok(draft.add(list, keys))
}

fn is_address(typed: &str) -> bool {
    let scheme = typed.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("https" | "http" | "webcal"))
}

/// What `check` would say of it.
fn tried(draft: &Draft, what: Tried) -> Option<Line> {
    let config = draft.config().ok()?;
    let env = draft.env();
    let runtime = runtime().ok()?;
    let line = runtime.block_on(async {
        match what {
            Tried::Source(name) => source_line(name, &config, env).await,
            Tried::Calendar => source_line(&format!("{CALENDAR_PREFIX}{}", draft.last_entry()), &config, env).await,
            Tried::Channel(channel) => Some(channel_line(channel, &config, env).await),
        }
    });
    runtime.shutdown_timeout(Duration::from_millis(100));
    line
}

async fn source_line(name: &str, config: &Config, env: EnvFn) -> Option<Line> {
    let setup = build::sources(config, &env);
    let source = setup.all().into_iter().find(|source| source.to_string() == name)?;
    Some(doctor::source(source, &setup, &config.quiet_hours.timezone.now()).await)
}

async fn channel_line(channel: Channel, config: &Config, env: EnvFn) -> Line {
    let alerters = alerters::enabled(&config.alerters, &std::sync::Arc::default(), &env);
    doctor::channel(channel, &alerters, &config.alerters.routing()).await
}

fn quiet_hours(draft: &mut Draft) -> Answer<()> {
    say("In quiet hours only critical alerts are told; the others wait.");
    for (key, question) in [("quiet_hours.start", "They begin at"), ("quiet_hours.end", "They end at")] {
        loop {
            let before = draft.holds(key).unwrap_or_default();
            let typed = line(&format!("{question} (an hour, or a time such as 22:30) [{before}]:"))?;
            if typed.is_empty() || typed == before {
                break;
            }
            let mut next = draft.clone();
            let value = match typed.bytes().all(|b| b.is_ascii_digit()) {
                true => Setting::Bare(typed),
                false => Setting::Text(typed),
            };
            match next.set(key, &value).and_then(|()| next.config().map(drop).map_err(|error| error.to_string())) {
                Ok(()) => {
                    *draft = next;
                    break;
                }
                Err(sentence) => say(&sentence),
            }
        }
    }
    Ok(())
}

/// A value for the person's eyes.
fn shown(draft: &Draft, key: &str) -> String {
    let secret =
        SOURCES.iter().chain(CHANNELS).flat_map(|step| step.asks).any(|ask| ask.key == key && ask.kind == Kind::Secret);
    if secret { "(not shown)".into() } else { draft.written(key).unwrap_or_default() }
}
