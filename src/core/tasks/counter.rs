//! Counting tasks over sources without holding their rows.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::civil::Date;

use super::MatchKey;

/// Counts as `merge_tasks` does, row by row, for task lists that are too long to load. Holds hashes only.
#[derive(Debug, Default)]
pub struct TaskCounter {
    /// Rows by (match key, source).
    rows: BTreeMap<(u64, u64), u32>,
    /// Tasks by match key: the highest number of rows in one source.
    tasks: BTreeMap<u64, u32>,
}

impl TaskCounter {
    /// Whether this row is a task that no earlier row of another source stands for.
    pub fn add(&mut self, source: &str, title: &str, due: Option<Date>) -> bool {
        let Some(key) = MatchKey::new(title, due) else { return true };
        let key = hash(&key);
        let rows = self.rows.entry((key, hash(source))).or_default();
        *rows += 1;
        let tasks = self.tasks.entry(key).or_default();
        let is_new = *rows > *tasks;
        *tasks = (*tasks).max(*rows);
        is_new
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counter_adds_the_most_rows_of_one_source() {
        let due: Option<Date> = "2026-11-20".parse().ok();
        let mut counter = TaskCounter::default();
        let rows =
            [("a", "Report"), ("a", "report "), ("b", "REPORT"), ("b", "Report"), ("b", "Report"), ("c", "Other")];
        let new: Vec<bool> = rows.iter().map(|(source, title)| counter.add(source, title, due)).collect();
        assert_eq!(new, [true, true, false, false, true, true]);
        assert!(
            counter.add("c", "Other", None) && counter.add("a", "Other", None),
            "a row without a date matches none"
        );
    }
}
