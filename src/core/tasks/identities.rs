//! The names under which task alerts are open.

use std::collections::{BTreeMap, BTreeSet};

use super::{MatchKey, MergedTask};

/// The rows of each name, as (source, id), unless the only row is the one whose id is the name. Includes rows that are missing
/// now, because they may return.
pub type Aliases = BTreeMap<String, BTreeSet<(String, String)>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskIdentities {
    /// The names of open alerts, with the title and date of the last notification.
    names: BTreeMap<String, Option<MatchKey>>,
    aliases: Aliases,
    /// The inverse of `aliases`: source → id → name.
    by_row: BTreeMap<String, BTreeMap<String, String>>,
}

impl TaskIdentities {
    /// `open`: the names of open alerts. `aliases`: as `aliases_after` returned them; may hold older ones.
    pub fn new(open: impl IntoIterator<Item = (String, Option<MatchKey>)>, mut aliases: Aliases) -> Self {
        let names: BTreeMap<_, _> = open.into_iter().collect();
        aliases.retain(|name, _| names.contains_key(name));
        let mut by_row: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (name, rows) in &aliases {
            for (source, id) in rows {
                by_row.entry(source.clone()).or_default().insert(id.clone(), name.clone());
            }
        }
        Self { names, aliases, by_row }
    }

    /// The open name of a row.
    pub(super) fn name_of(&self, source: &str, id: &str) -> Option<&str> {
        if let Some(name) = self.by_row.get(source).and_then(|rows| rows.get(id)) {
            return Some(name);
        }
        let (name, _) = self.names.get_key_value(id)?;
        (!self.aliases.contains_key(id)).then_some(name)
    }

    /// The open names of the rows of `source` whose id fulfils `predicate`.
    pub(in crate::core) fn names_of_rows<'a>(
        &'a self,
        source: &'a str,
        predicate: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        let matches = move |name: &&String| match self.aliases.get(*name) {
            Some(rows) => rows.iter().any(|(row_source, id)| row_source == source && predicate(id)),
            None => predicate(name),
        };
        self.names.keys().filter(matches).cloned()
    }

    /// Whether the last notification under this name had this title and date.
    pub(super) fn is_current_match(&self, name: &str, key: &MatchKey) -> bool {
        self.names.get(name).is_some_and(|last| last.as_ref() == Some(key))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// The aliases to save after these tasks were evaluated. `fires` returns whether a name has an alert now.
    pub fn aliases_after(&self, tasks: &[MergedTask<'_>], fires: impl Fn(&str) -> bool) -> Aliases {
        let rows_of = |task: &MergedTask<'_>| -> Vec<(String, String)> {
            task.rows.iter().map(|(source, id)| ((*source).to_owned(), id.clone().into_owned())).collect()
        };
        let mut aliases = self.aliases.clone();
        if !aliases.is_empty() {
            let present: BTreeSet<(String, String)> = tasks.iter().flat_map(rows_of).collect();
            aliases.values_mut().for_each(|rows| rows.retain(|row| !present.contains(row)));
        }
        for task in tasks.iter().filter(|task| fires(&task.name) || self.names.contains_key(&*task.name)) {
            aliases.entry(task.name.clone().into_owned()).or_default().extend(rows_of(task));
        }
        aliases.retain(|name, rows| rows.len() > 1 || rows.iter().any(|(_, id)| id != name));
        aliases
    }
}
