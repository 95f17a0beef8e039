//! Classifies a line of a note: code, comment, checkbox, or other text.

use std::borrow::Cow;

/// A line without its quote marks.
pub(crate) struct Line<'a> {
    text: &'a str,
    /// The nesting depth of quotes.
    quotes: usize,
}

/// The state of a checkbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BoxState {
    Open,
    Started,
    /// Done or cancelled.
    Closed,
}

/// The opening fence of a code block.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fence {
    mark: char,
    length: usize,
    quotes: usize,
}

/// Begins and ends a comment in Obsidian.
const COMMENT: &str = "%%";

impl<'a> Line<'a> {
    pub(crate) fn new(line: &'a str) -> Self {
        let (mut text, mut quotes) = (line.trim_start(), 0);
        while let Some(quoted) = text.strip_prefix('>') {
            (text, quotes) = (quoted.trim_start(), quotes + 1);
        }
        Self { text, quotes }
    }

    /// Whether the line belongs to a code block. `fence` is the open block, and is updated.
    pub(crate) fn is_code(&self, fence: &mut Option<Fence>) -> bool {
        // The end of a quote ends its code block.
        *fence = fence.filter(|open| self.quotes >= open.quotes);
        let Some(mark @ ('`' | '~')) = self.text.chars().next() else { return fence.is_some() };
        let quotes = self.quotes;
        let length = self.text.chars().take_while(|c| *c == mark).count();
        let after = self.text.trim_start_matches(mark);
        match *fence {
            Some(open) => {
                let closes = (mark, quotes) == (open.mark, open.quotes) && length >= open.length;
                *fence = (!closes || !after.trim().is_empty()).then_some(open);
            }
            // Another backtick later on the line makes it inline code.
            None if length >= 3 && !(mark == '`' && after.contains('`')) => {
                *fence = Some(Fence { mark, length, quotes });
            }
            None => return false,
        }
        true
    }

    /// The text without Obsidian's comments. `in_comment` is whether a comment of an earlier line goes on, and is updated. A
    /// comment over several lines must begin its line.
    pub(crate) fn without_comments(&self, in_comment: &mut bool) -> Cow<'a, str> {
        if !*in_comment && !self.text.contains(COMMENT) {
            return self.text.into();
        }
        let (mut visible, mut rest) = (String::new(), self.text);
        while let Some((before, after)) = rest.split_once(COMMENT) {
            if *in_comment {
                (*in_comment, rest) = (false, after);
                continue;
            }
            let is_first = visible.trim().is_empty() && before.trim().is_empty();
            if !is_first && !after.contains(COMMENT) {
                break;
            }
            visible.push_str(before);
            (*in_comment, rest) = (true, after);
        }
        if !*in_comment {
            visible.push_str(rest);
        }
        visible.into()
    }

    /// Parses `- [ ] text`, with any list mark.
    pub(crate) fn checkbox(&self) -> Option<(BoxState, &'a str)> {
        let item = match self.text.strip_prefix(['-', '*', '+']) {
            Some(item) => item,
            None => {
                self.text.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['.', ')']).filter(|item| {
                    // The mark needs a number.
                    item.len() + 1 < self.text.len()
                })?
            }
        };
        let mut inside = item.strip_prefix([' ', '\t'])?.trim_start().strip_prefix('[')?.chars();
        let state = match inside.next()? {
            'x' | 'X' | '-' => BoxState::Closed,
            '/' => BoxState::Started,
            ']' => return None,
            _ => BoxState::Open,
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
    #[case("- [ ] Pay rent", Some((BoxState::Open, "Pay rent")))]
    #[case("* [x] Pay rent", Some((BoxState::Closed, "Pay rent")))]
    #[case("+ [X] Pay rent", Some((BoxState::Closed, "Pay rent")))]
    #[case("1. [-] Pay rent", Some((BoxState::Closed, "Pay rent")))]
    #[case("12) [/] Pay rent", Some((BoxState::Started, "Pay rent")))]
    #[case("- [?] Pay rent", Some((BoxState::Open, "Pay rent")))]
    #[case("    - [ ]  Nested  ", Some((BoxState::Open, "Nested")))]
    #[case("\t- [ ] Nested", Some((BoxState::Open, "Nested")))]
    #[case("> - [ ] Quoted", Some((BoxState::Open, "Quoted")))]
    #[case("> > 1. [ ] Quoted twice", Some((BoxState::Open, "Quoted twice")))]
    #[case("- [ ]", Some((BoxState::Open, "")))]
    #[case("- [🚀] Odd", Some((BoxState::Open, "Odd")))]
    #[case("- [] Pay rent", None)]
    #[case("- [ ]Pay rent", None)]
    #[case("-[ ] Pay rent", None)]
    #[case("[ ] Pay rent", None)]
    #[case(". [ ] Pay rent", None)]
    #[case("- [link](x)", None)]
    #[case("- Pay rent", None)]
    #[case("-", None)]
    #[case("", None)]
    fn task_is_list_item_with_checkbox(#[case] line: &str, #[case] expected: Option<(BoxState, &str)>) {
        assert_eq!(Line::new(line).checkbox(), expected);
    }

    #[rstest]
    #[case("a %%hidden%% b", "a  b")]
    #[case("%%hidden%% a %%hidden%%", " a ")]
    #[case("%%\nhidden\n%% a\nb", "|| a|b")]
    #[case("> %% hidden\n> hidden %%\n> a", "||a")]
    #[case("%% never closed\nhidden", "|")]
    #[case("100%% sure\na", "100%% sure|a")]
    #[case("a %%b%% 100%% c", "a  100%% c")]
    fn comments_are_removed(#[case] text: &str, #[case] expected: &str) {
        let mut in_comment = false;
        let visible: Vec<_> = text.lines().map(|line| Line::new(line).without_comments(&mut in_comment)).collect();
        assert_eq!(visible.join("|"), expected);
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
    fn code_blocks_are_recognised(#[case] text: &str, #[case] expected: &str) {
        let mut fence = None;
        let kinds: String =
            text.lines().map(|line| if Line::new(line).is_code(&mut fence) { 'c' } else { 'T' }).collect();
        assert_eq!(kinds, expected);
    }
}
