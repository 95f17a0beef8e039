//! Parses the open tasks in the text of a note.

use std::collections::HashMap;

use jiff::civil::Date;

use super::line::{BoxState, Line};
use super::markers::Markers;
use crate::core::alert::Priority;
use crate::core::facts::Due;
use crate::core::text::slug;
use crate::sources::markdown_text::{prefix, strip_markup};
use crate::sources::task_builder;

/// An open task.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    /// Unique in its note: the slug of the title, numbered from the second on.
    pub(crate) name: Box<str>,
    pub(crate) title: String,
    pub(crate) priority: Option<Priority>,
    pub(crate) due: Option<Due>,
    pub(crate) start: Option<Date>,
    pub(crate) is_started: bool,
    /// Why the task is unreadable.
    pub(crate) problem: Option<&'static str>,
}

/// A longer line is no task that a user wrote, and parsing takes quadratic time.
const MAX_TASK_BYTES: usize = 10 * 1024;

/// The open tasks. Closed ones count in the numbering of equal names, so that open ones keep their numbers.
pub(crate) fn parse_items(text: &str) -> Vec<Item> {
    let mut name_counts: HashMap<String, u32> = HashMap::new();
    let (mut fence, mut in_comment) = (None, false);
    let mut items = Vec::new();
    for line in text.trim_start_matches('\u{feff}').lines() {
        let line = Line::new(line);
        if !in_comment && line.is_code(&mut fence) {
            continue;
        }
        let visible = line.without_comments(&mut in_comment);
        let Some((state, text)) = Line::new(&visible).checkbox() else { continue };
        let markers = Markers::parse(prefix(text, MAX_TASK_BYTES));
        let problem = match text.len() > MAX_TASK_BYTES {
            true => Some("is too long"),
            false => markers.has_invalid_due.then_some("has an invalid due date"),
        };
        let title = task_builder::title(&strip_markup(&markers.text));
        let name = numbered(item_name(&title, &markers), &mut name_counts);
        if state != BoxState::Closed {
            items.push(Item {
                name: name.into(),
                title,
                priority: markers.priority,
                due: markers.due,
                start: markers.start,
                is_started: state == BoxState::Started,
                problem,
            });
        }
    }
    items
}

fn item_name(title: &str, markers: &Markers) -> String {
    let slug = slug(title);
    let name = if slug.is_empty() { "task" } else { &slug };
    if markers.is_recurring { task_builder::occurrence_id(name, markers.due) } else { name.to_owned() }
}

fn numbered(name: String, counts: &mut HashMap<String, u32>) -> String {
    let count = counts.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
    if *count == 1 { name } else { format!("{name}-{count}") }
}
