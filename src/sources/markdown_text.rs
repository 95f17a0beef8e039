//! A line of Markdown as a person reads it.

/// Of a longer text (bytes) only the beginning is looked at: looking for the ends of links takes the square of it.
const LONGEST: usize = 4 * 1024;

/// Without the marks of emphasis and code; of links, what they show.
pub(crate) fn plain(text: &str) -> String {
    let text = beginning(text, LONGEST);
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '*', '`', '~', '_']) {
        let (before, marked) = rest.split_at(at);
        plain.push_str(before);
        rest = match link(marked) {
            Some((shown, after)) => {
                plain.push_str(shown);
                after
            }
            None => unmarked(marked, &mut plain),
        };
    }
    plain.push_str(rest);
    plain
}

/// No more of it than so many bytes.
pub(crate) fn beginning(text: &str, most: usize) -> &str {
    (0..=most.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// What a link shows, and what comes after it: `[text](address)`, `[[Note]]`, `[[Note|text]]`.
fn link(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix("[[") {
        let (target, after) = inside.split_once("]]")?;
        let shown = target.split_once('|').map_or(target, |(_, alias)| alias);
        return Some((shown, after));
    }
    let (shown, after) = text.strip_prefix('[')?.split_once("](")?;
    let (_, after) = after.split_once(')')?;
    (!shown.contains('[')).then_some((shown, after))
}

/// Passes over a mark at the beginning, or keeps a character that is none.
fn unmarked<'a>(text: &'a str, plain: &mut String) -> &'a str {
    for mark in ["**", "__", "~~", "`"] {
        if let Some(rest) = text.strip_prefix(mark) {
            return rest;
        }
    }
    let mut characters = text.chars();
    plain.extend(characters.next());
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Pay rent", "Pay rent")]
    #[case("Pay **rent** ~~now~~ `today` __please__", "Pay rent now today please")]
    #[case("see [the bank](https://bank.example) first", "see the bank first")]
    #[case("[[People/Ana|Ana]] and [[Bob]]", "Ana and Bob")]
    #[case("2 * 3 snake_case [x] [a](b", "2 * 3 snake_case [x] [a](b")]
    #[case("![[image.png]]", "!image.png")]
    fn marks_are_passed_over(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(plain(text), expected);
    }

    #[test]
    fn of_a_very_long_text_the_beginning_is_enough() {
        for long in ["[", "[[", "[a](", "é"] {
            assert_eq!(plain(&long.repeat(1_000_000)), long.repeat(LONGEST / long.len()), "{long}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "([\\[\\]()*_`~| a]|\\PC){0,40}") {
            prop_assert!(plain(&text).len() <= text.len());
        }
    }
}
