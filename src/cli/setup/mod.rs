//! `operator setup`: asks for sources and channels, tests each answer, and writes `config.yaml` at the end.

mod draft;
mod prompt;
mod steps;

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use self::draft::Draft;
use self::prompt::{InputClosed, Prompted, choose, confirm, print_line, prompt, prompt_secret};
use self::steps::{CHANNELS, InputKind, Probe, Question, SOURCES, Step};
use super::connect;
use crate::alerters;
use crate::app::build;
use crate::app::exit;
use crate::app::load::{AppContext, EnvFn, LogTarget};
use crate::app::runtime::Runtime;
use crate::cli::check::{self, CheckResult};
use crate::config::edit::Setting;
use crate::config::paths;
use crate::config::schema::Config;
use crate::core::channel::Channel;
use crate::core::name::CALENDAR_PREFIX;

pub(super) fn run(named: Option<&Path>, env: EnvFn) -> Result<ExitCode, exit::Error> {
    let draft = Draft::open(named, env)?;
    match run_steps(draft) {
        Ok(outcome) => outcome,
        Err(InputClosed) => Err(exit::Error::Other("setup ended before the last question: nothing was changed".into())),
    }
}

/// Whether no configuration exists and none was named.
#[must_use]
pub(super) fn is_first_start(named: Option<&Path>, env: EnvFn) -> bool {
    named.is_none() && paths::default_config(&env).is_ok_and(|path| !path.exists())
}

/// Offer the setup before the first start, on a terminal only.
pub(super) fn offer(env: EnvFn) -> Result<(), exit::Error> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(());
    }
    match confirm("This is Operator's first start. Set it up now?", true) {
        Ok(true) => run(None, env).map(drop),
        _ => Ok(()),
    }
}

fn run_steps(mut draft: Draft) -> Prompted<Result<ExitCode, exit::Error>> {
    print_line(
        "Operator setup. Every answer is tested at once. Nothing is written before the last question: Ctrl-C changes",
    );
    print_line("nothing.\n");
    let connect = oura(&draft)?;
    ask_group("Where are your tasks and events?", SOURCES, &mut draft)?;
    ask_group(
        "Notifications appear on this machine. Where else should urgent alerts reach you?",
        CHANNELS,
        &mut draft,
    )?;
    quiet_hours(&mut draft)?;
    if draft.changed.is_empty() && draft.exists() {
        print_line("\nNo changes: config.yaml stays as it is.");
        return Ok(if connect { connect_in_browser(&draft) } else { Ok(ExitCode::SUCCESS) });
    }
    print_line(&format!("\n{} will contain:", draft.path.display()));
    draft.changed.iter().for_each(|key| print_line(&format!("  {key}: {}", display_value(&draft, key))));
    if !confirm("Write it?", true)? {
        print_line("Nothing was changed.");
        return Ok(Ok(ExitCode::FAILURE));
    }
    if let Err(failure) = draft.write() {
        return Ok(Err(failure));
    }
    print_line("Written. A running Operator applies it at once.\n");
    let connected = if connect { connect_in_browser(&draft) } else { Ok(ExitCode::SUCCESS) };
    print_line("  operator check                 test every source and channel");
    print_line("  operator test-alert            send yourself a test");
    print_line("  operator login-item install    start Operator at login");
    Ok(connected)
}

fn connect_in_browser(draft: &Draft) -> Result<ExitCode, exit::Error> {
    let context = AppContext::load(Some(&draft.path), draft.env(), false, LogTarget::Quiet)?;
    connect::connect(&context, false)
}

/// Whether to connect the ring in the browser at the end. Its cache needs no question.
fn oura(draft: &Draft) -> Prompted<bool> {
    match probe(draft, Probe::Source("oura")) {
        Some(line) if line.result == "ok" => {
            print_line(&format!("Oura is already connected: {}.\n", line.about));
            Ok(false)
        }
        _ => confirm("Do you have an Oura ring? The browser connects it at the end.", false),
    }
}

/// Ask which of these to set up, and then the questions of each.
fn ask_group(question: &str, steps: &[Step], draft: &mut Draft) -> Prompted<()> {
    let config = draft.config().unwrap_or_default();
    let name = |step: &Step| match is_configured(&config, step, draft.env()) {
        true => format!("{} – configured", step.name),
        false => step.name.to_owned(),
    };
    let names: Vec<String> = steps.iter().map(name).collect();
    for at in choose(question, &names)? {
        let Some(step) = steps.get(at) else { continue };
        print_line(&format!("\n{}\n{}", step.name, step.help));
        set_up(step, draft)?;
    }
    print_line("");
    Ok(())
}

fn is_configured(config: &Config, step: &Step, env: EnvFn) -> bool {
    match step.probe {
        Probe::Source(name) => {
            build::sources(config, &env).tasks.iter().any(|it| it.source_name() == name && it.is_configured())
        }
        Probe::Calendar => {
            build::sources(config, &env).all().iter().any(|it| it.to_string().starts_with(CALENDAR_PREFIX))
        }
        Probe::Channel(channel) => config.alerters.routing().0.iter().any(|(known, _)| *known == channel),
    }
}

/// Ask and test until it works or the user gives up.
fn set_up(step: &Step, draft: &mut Draft) -> Prompted<()> {
    loop {
        let mut next = draft.clone();
        let written = ask_questions(step, &mut next)?;
        let problem = match written.and_then(|()| next.config().map_err(|error| error.to_string())) {
            Err(sentence) => Problem { sentence, can_keep: false },
            Ok(_) => {
                print_line("Testing …");
                match probe(&next, step.probe) {
                    Some(line) if line.result == "ok" => {
                        print_line(&format!("It works: {}.", line.about));
                        *draft = next;
                        return Ok(());
                    }
                    line => Problem { sentence: line.map_or_else(String::new, problem_sentence), can_keep: true },
                }
            }
        };
        print_line(&format!("That did not work. {}", problem.sentence));
        let choices = if problem.can_keep { "again, keep it anyway, or leave it out" } else { "again or leave it out" };
        match prompt(&format!("Try {choices}? [A/{}l]", if problem.can_keep { "k/" } else { "" }))?
            .to_lowercase()
            .as_str()
        {
            "l" | "leave" => return Ok(()),
            "k" | "keep" if problem.can_keep => {
                *draft = next;
                return Ok(());
            }
            _ => {}
        }
    }
}

struct Problem {
    sentence: String,
    can_keep: bool,
}

fn problem_sentence(line: CheckResult) -> String {
    if line.advice.is_empty() || line.advice == check::RETRY_HINT {
        line.about
    } else {
        format!("{} – {}", line.about, line.advice)
    }
}

/// Put the answers into the draft. The inner error says why a key cannot be set.
fn ask_questions(step: &Step, draft: &mut Draft) -> Prompted<Result<(), String>> {
    if let Some(list) = step.list {
        return ask_entry(step, list, draft);
    }
    for question in step.questions {
        let file = format!("{}_file", question.key);
        if let Some(path) = draft.value(&file) {
            print_line(&format!("{} {file} names {path}: change it there.", question.text));
            continue;
        }
        let before = draft.value(question.key);
        let text = match (draft.effective(question.key), question.kind) {
            (None, _) => question.text.to_owned(),
            (Some(_), InputKind::Secret) => format!("{} [Enter keeps what is set]", question.text),
            (Some(value), _) => format!("{} [{value}]", question.text),
        };
        let typed = ask_until_valid(question, &text, question.optional || before.is_some())?;
        if !typed.is_empty()
            && let Err(sentence) = draft.set_answer(question, &typed)
        {
            return Ok(Err(sentence));
        }
    }
    for (key, value) in step.also_set {
        if draft.value(key).as_deref() != Some(*value)
            && let Err(sentence) = draft.set(key, &Setting::Bare((*value).to_owned()))
        {
            return Ok(Err(sentence));
        }
    }
    Ok(Ok(()))
}

fn ask_until_valid(question: &Question, text: &str, may_be_empty: bool) -> Prompted<String> {
    loop {
        let typed = if question.kind == InputKind::Secret { prompt_secret(text)? } else { prompt(text)? };
        if !typed.is_empty() || may_be_empty {
            return Ok(typed);
        }
        print_line("This answer is required.");
    }
}

/// Ask for an entry of a list. A list that the user wrote stays as it is.
fn ask_entry(step: &Step, list: &str, draft: &mut Draft) -> Prompted<Result<(), String>> {
    if draft.value(list).is_some() && !draft.changed.iter().any(|key| key == list) {
        return Ok(Err(format!("{list} already has entries: add this one in the file, as docs/connect.md shows")));
    }
    let mut keys = Vec::new();
    for question in step.questions {
        let typed = ask_until_valid(question, question.text, question.optional)?;
        let key = match (question.key, is_address(&typed)) {
            ("url", true) => "url",
            // An incomplete address can be a secret: the error does not repeat it.
            ("url", false) if !draft.resolve_path(&typed).is_file() => {
                let sentence =
                    "This is neither an address that begins with https:// or webcal://, nor an existing file.";
                return Ok(Err(sentence.into()));
            }
            ("url", false) => "file",
            (key, _) => key,
        };
        keys.push((key.to_owned(), typed));
    }
    Ok(draft.add_entry(list, keys))
}

fn is_address(typed: &str) -> bool {
    let scheme = typed.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("https" | "http" | "webcal"))
}

/// The result of `operator check` for the draft.
fn probe(draft: &Draft, probe: Probe) -> Option<CheckResult> {
    let config = draft.config().ok()?;
    let env = draft.env();
    let runtime = Runtime::new().ok()?;
    let line = runtime.block_on(async {
        match probe {
            Probe::Source(name) => source_line(name, &config, env).await,
            Probe::Calendar => {
                source_line(&format!("{CALENDAR_PREFIX}{}", draft.last_entry_name()), &config, env).await
            }
            Probe::Channel(channel) => Some(channel_line(channel, &config, env).await),
        }
    });
    runtime.shutdown(Duration::from_millis(100));
    line
}

async fn source_line(name: &str, config: &Config, env: EnvFn) -> Option<CheckResult> {
    let setup = build::sources(config, &env);
    let source = setup.all().into_iter().find(|source| source.to_string() == name)?;
    Some(check::source(source, &setup, &config.quiet_hours.timezone.now()).await)
}

async fn channel_line(channel: Channel, config: &Config, env: EnvFn) -> CheckResult {
    let alerters = alerters::enabled(&config.alerters, &std::sync::Arc::default(), &env);
    check::channel(channel, &alerters, &config.alerters.routing()).await
}

fn quiet_hours(draft: &mut Draft) -> Prompted<()> {
    print_line("In quiet hours only critical alerts are sent; the others wait.");
    for (key, question) in [("quiet_hours.start", "They begin at"), ("quiet_hours.end", "They end at")] {
        loop {
            let before = draft.effective(key).unwrap_or_default();
            let typed = prompt(&format!("{question} (an hour, or a time such as 22:30) [{before}]:"))?;
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
                Err(sentence) => print_line(&sentence),
            }
        }
    }
    Ok(())
}

/// The value, unless it is a secret.
fn display_value(draft: &Draft, key: &str) -> String {
    let secret = SOURCES
        .iter()
        .chain(CHANNELS)
        .flat_map(|step| step.questions)
        .any(|question| question.key == key && question.kind == InputKind::Secret);
    if secret { "(not shown)".into() } else { draft.value(key).unwrap_or_default() }
}
