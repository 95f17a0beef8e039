//! What a line of a note is: code, a comment, a checkbox, or neither.

use std::borrow::Cow;

/// A line without the marks of quotes around it.
pub(crate) struct Line<'a> {
    text: &'a str,
    /// How many quotes it stands in.
    quotes: usize,
}

/// The state of a checkbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Begun,
    /// Done or cancelled.
    Closed,
}

/// What a block of code began with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fence {
    mark: char,
    /// How many of it.
    length: usize,
    /// How many quotes it stands in.
    quotes: usize,
}

/// What Obsidian's comments stand between.
const COMMENT: &str = "%%";

impl<'a> Line<'a> {
    pub(crate) fn of(line: &'a str) -> Self {
        let (mut text, mut quotes) = (line.trim_start(), 0);
        while let Some(quoted) = text.strip_prefix('>') {
            (text, quotes) = (quoted.trim_start(), quotes + 1);
        }
        Self { text, quotes }
    }

    /// Whether it belongs to a block of code; `fence` is what that block began with, if one is open.
    pub(crate) fn is_code(&self, fence: &mut Option<Fence>) -> bool {
        // A quote that ends takes its code with it.
        *fence = fence.filter(|open| self.quotes >= open.quotes);
        let Some(mark @ ('`' | '~')) = self.text.chars().next() else { return fence.is_some() };
        let quotes = self.quotes;
        let length = self.text.chars().take_while(|c| *c == mark).count();
        let after = self.text.trim_start_matches(mark);
        match *fence {
            Some(open) => {
                let is_alike = (mark, quotes) == (open.mark, open.quotes) && length >= open.length;
                *fence = (!is_alike || !after.trim().is_empty()).then_some(open);
            }
            // Three and then a fourth on the same line are code within a line.
            None if length >= 3 && !(mark == '`' && after.contains('`')) => {
                *fence = Some(Fence { mark, length, quotes });
            }
            None => return false,
        }
        true
    }

    /// Its text without Obsidian's comments; `is_open` is whether one that began before goes on. Only at the beginning of a line
    /// may one begin that does not end on it.
    pub(crate) fn without_comments(&self, is_open: &mut bool) -> Cow<'a, str> {
        if !*is_open && !self.text.contains(COMMENT) {
            return self.text.into();
        }
        let (mut seen, mut rest) = (String::new(), self.text);
        while let Some((before, after)) = rest.split_once(COMMENT) {
            if *is_open {
                (*is_open, rest) = (false, after);
                continue;
            }
            let is_first = seen.trim().is_empty() && before.trim().is_empty();
            if !is_first && !after.contains(COMMENT) {
                break;
            }
            seen.push_str(before);
            (*is_open, rest) = (true, after);
        }
        if !*is_open {
            seen.push_str(rest);
        }
        seen.into()
    }

    /// `- [ ] text`, with any list mark.
    pub(crate) fn checkbox(&self) -> Option<(State, &'a str)> {
        let item = match self.text.strip_prefix(['-', '*', '+']) {
            Some(item) => item,
            None => {
                self.text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['.', ')']).filter(|item| {
                    // There has to be a number.
                    item.len() + 1 < self.text.len()
                })?
            }
        };
        let mut inside = item.strip_prefix([' ', '\t'])?.trim_start().strip_prefix('[')?.chars();
        let state = match inside.next()? {
            'x' | 'X' | '-' => State::Closed,
            '/' => State::Begun,
            ']' => return None,
            _ => State::Open,
        };
        let text = inside.as_str().strip_prefix(']')?;
        (text.is_empty() || text.starts_with([' ', '\t'])).then_some((state, text.trim()))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("- [ ] Pay rent", Some((State::Open, "Pay rent")))]
    #[case("* [x] Pay rent", Some((State::Closed, "Pay rent")))]
    #[case("+ [X] Pay rent", Some((State::Closed, "Pay rent")))]
    #[case("1. [-] Pay rent", Some((State::Closed, "Pay rent")))]
    #[case("12) [/] Pay rent", Some((State::Begun, "Pay rent")))]
    #[case("- [?] Pay rent", Some((State::Open, "Pay rent")))]
    #[case("    - [ ]  Nested  ", Some((State::Open, "Nested")))]
    #[case("\t- [ ] Nested", Some((State::Open, "Nested")))]
    #[case("> - [ ] Quoted", Some((State::Open, "Quoted")))]
    #[case("> > 1. [ ] Quoted twice", Some((State::Open, "Quoted twice")))]
    #[case("- [ ]", Some((State::Open, "")))]
    #[case("- [🚀] Odd", Some((State::Open, "Odd")))]
    #[case("- [] Pay rent", None)]
    #[case("- [ ]Pay rent", None)]
    #[case("-[ ] Pay rent", None)]
    #[case("[ ] Pay rent", None)]
    #[case(". [ ] Pay rent", None)]
    #[case("- [link](x)", None)]
    #[case("- Pay rent", None)]
    #[case("-", None)]
    #[case("", None)]
    fn a_task_is_a_list_item_with_a_box(#[case] line: &str, #[case] expected: Option<(State, &str)>) {
        assert_eq!(Line::of(line).checkbox(), expected);
    }

    #[rstest]
    #[case("a %%hidden%% b", "a  b")]
    #[case("%%hidden%% a %%hidden%%", " a ")]
    #[case("%%\nhidden\n%% a\nb", "|| a|b")]
    #[case("> %% hidden\n> hidden %%\n> a", "||a")]
    #[case("%% never closed\nhidden", "|")]
    #[case("100%% sure\na", "100%% sure|a")]
    #[case("a %%b%% 100%% c", "a  100%% c")]
    fn a_comment_is_not_seen(#[case] text: &str, #[case] expected: &str) {
        let mut is_open = false;
        let seen: Vec<_> = text.lines().map(|line| Line::of(line).without_comments(&mut is_open)).collect();
        assert_eq!(seen.join("|"), expected);
    }

    #[rstest]
    #[case("```\ncode\n```\ntext", "cccT")]
    #[case("~~~ python\n```\n~~~\ntext", "cccT")]
    #[case("````\n```\ncode\n````\ntext", "ccccT")]
    #[case("> ```\n> code\n> ```\n> text", "cccT")]
    #[case("> ```\n> code\ntext\n```\ncode", "ccTcc")]
    #[case("> > ```\n> text\n> ```\n> > ```\n> code", "cTccc")]
    #[case("```\n> ```\ncode\n```\ntext", "ccccT")]
    #[case("```inline``` text\ntext", "TT")]
    #[case("```\nnever closed", "cc")]
    #[case("`code` text", "T")]
    fn code_is_no_text(#[case] text: &str, #[case] expected: &str) {
        let mut fence = None;
        let kinds: String =
            text.lines().map(|line| if Line::of(line).is_code(&mut fence) { 'c' } else { 'T' }).collect();
        assert_eq!(kinds, expected);
    }
}
