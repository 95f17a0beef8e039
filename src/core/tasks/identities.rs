//! What open alerts about tasks go by, so that a task that was told of keeps its name.

use std::collections::{BTreeMap, BTreeSet};

use super::{MatchKey, MergedTask};

/// The rows that a name stands for, by source and id, where they are more than the one whose id it is. Those that are away are
/// among them: they may come back.
pub type Aliases = BTreeMap<String, BTreeSet<(String, String)>>;

/// The names that alerts about tasks are open under.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TaskIdentities {
    /// Each with the title and date that it was last told of with.
    names: BTreeMap<String, Option<MatchKey>>,
    aliases: Aliases,
    /// The aliases the other way round: by source and id.
    rows: BTreeMap<String, BTreeMap<String, String>>,
}

impl TaskIdentities {
    /// `open`: what alerts are open under, and what they say; `aliases`: as `after` gave them, older ones among them.
    #[must_use]
    pub fn new(open: impl IntoIterator<Item = (String, Option<MatchKey>)>, mut aliases: Aliases) -> Self {
        let names: BTreeMap<_, _> = open.into_iter().collect();
        aliases.retain(|name, _| names.contains_key(name));
        let mut rows: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (name, bond) in &aliases {
            for (source, id) in bond {
                rows.entry(source.clone()).or_default().insert(id.clone(), name.clone());
            }
        }
        Self { names, aliases, rows }
    }

    /// The name that a row was told of under.
    pub(super) fn name_of(&self, source: &str, id: &str) -> Option<&str> {
        if let Some(name) = self.rows.get(source).and_then(|rows| rows.get(id)) {
            return Some(name);
        }
        let (name, _) = self.names.get_key_value(id)?;
        (!self.aliases.contains_key(id)).then_some(name)
    }

    /// The names that stand for a row of this source whose id is such.
    pub(in crate::core) fn names_where<'a>(
        &'a self,
        source: &'a str,
        is_such: impl Fn(&str) -> bool + 'a,
    ) -> impl Iterator<Item = String> + 'a {
        let stands_for = move |name: &&String| match self.aliases.get(*name) {
            Some(rows) => rows.iter().any(|(of, id)| of == source && is_such(id)),
            None => is_such(name),
        };
        self.names.keys().filter(stands_for).cloned()
    }

    /// Whether this is what a name was last told of with.
    pub(super) fn is_home(&self, name: &str, likeness: &MatchKey) -> bool {
        self.names.get(name).is_some_and(|home| home.as_ref() == Some(likeness))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// What is to be remembered when these tasks have been judged, and alerts were found about those that `fires` names.
    #[must_use]
    pub fn after(&self, tasks: &[MergedTask<'_>], fires: impl Fn(&str) -> bool) -> Aliases {
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
