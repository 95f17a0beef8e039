//! Strips inline Markdown from a line.

/// Longer text (bytes) is cut first: the search for link ends is quadratic.
const MAX_BYTES: usize = 4 * 1024;

/// The text without emphasis and code marks, and with links replaced by their titles.
pub(crate) fn strip_markup(text: &str) -> String {
    let text = prefix(text, MAX_BYTES);
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '*', '`', '~', '_']) {
        let (before, marked) = rest.split_at(at);
        plain.push_str(before);
        rest = match split_link(marked) {
            Some((title, after)) => {
                plain.push_str(title);
                after
            }
            None => skip_mark(marked, &mut plain),
        };
    }
    plain.push_str(rest);
    plain
}

/// The longest prefix of at most `max_bytes` that ends at a character boundary.
pub(crate) fn prefix(text: &str, max_bytes: usize) -> &str {
    (0..=max_bytes.min(text.len())).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}

/// The title of a link, and the text after it: `[text](address)`, `[[Note]]`, `[[Note|text]]`.
fn split_link(text: &str) -> Option<(&str, &str)> {
    if let Some(inside) = text.strip_prefix("[[") {
        let (target, after) = inside.split_once("]]")?;
        let title = target.split_once('|').map_or(target, |(_, alias)| alias);
        return Some((title, after));
    }
    let (title, after) = text.strip_prefix('[')?.split_once("](")?;
    let (_, after) = after.split_once(')')?;
    (!title.contains('[')).then_some((title, after))
}

/// Skips a mark; copies a character that begins none.
fn skip_mark<'a>(text: &'a str, plain: &mut String) -> &'a str {
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
    fn marks_are_stripped(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(strip_markup(text), expected);
    }

    #[test]
    fn long_text_is_cut() {
        for long in ["[", "[[", "[a](", "é"] {
            assert_eq!(strip_markup(&long.repeat(1_000_000)), long.repeat(MAX_BYTES / long.len()), "{long}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_no_longer(text in "([\\[\\]()*_`~| a]|\\PC){0,40}") {
            prop_assert!(strip_markup(&text).len() <= text.len());
        }
    }
}
