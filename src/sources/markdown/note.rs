//! The tasks in the text of a note.

use std::collections::HashMap;

use jiff::civil::Date;

use super::line::{Line, State};
use super::signs::{self, Signs};
use crate::core::alert::Priority;
use crate::core::facts::Due;
use crate::core::text::slug;
use crate::sources::{markdown_text, task_builder};

/// An open task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// What it goes by in its note: its title as a slug, numbered where there are several.
    pub(crate) name: Box<str>,
    pub(crate) title: String,
    pub(crate) priority: Option<Priority>,
    pub(crate) due: Option<Due>,
    pub(crate) start: Option<Date>,
    /// Whether it is marked as under way.
    pub(crate) begun: bool,
    /// Why nothing is known of it but its name, if so.
    pub(crate) trouble: Option<&'static str>,
}

/// A line of more text (bytes) is no task that anybody wrote; taking it apart takes the square of it.
const LONGEST: usize = 10 * 1024;

/// The open tasks. Those that are done count where several are called the same, so that what is left keeps its number.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let mut times: HashMap<String, u32> = HashMap::new();
    let (mut fence, mut is_comment) = (None, false);
    let mut items = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = Line::of(line);
        if !is_comment && line.is_code(&mut fence) {
            continue;
        }
        let seen = line.without_comments(&mut is_comment);
        let Some((state, text)) = Line::of(&seen).checkbox() else { continue };
        let signs = signs::read(markdown_text::beginning(text, LONGEST));
        let trouble = match text.len() > LONGEST {
            true => Some("is too long"),
            false => signs.is_unclear.then_some("has a due date that cannot be read"),
        };
        let title = task_builder::title(&markdown_text::plain(&signs.text));
        let name = numbered(name(&title, &signs), &mut times);
        if state != State::Closed {
            items.push(Item {
                name: name.into(),
                title,
                priority: signs.priority,
                due: signs.due,
                start: signs.start,
                begun: state == State::Begun,
                trouble,
            });
        }
    }
    items
}

/// Of what recurs, the next line is another task: were it the same one, it would look put off.
fn name(title: &str, signs: &Signs) -> String {
    let slug = slug(title);
    let name = if slug.is_empty() { "task" } else { &slug };
    if signs.recurs { task_builder::occurrence(name, signs.due) } else { name.to_owned() }
}

fn numbered(name: String, times: &mut HashMap<String, u32>) -> String {
    let time = times.entry(name.clone()).and_modify(|time| *time += 1).or_insert(1);
    if *time == 1 { name } else { format!("{name}-{time}") }
}
