//! What a line of a note is: code, a checkbox, or neither.

/// A line without the marks of quotes around it.
pub(super) struct Line<'a>(&'a str);

/// The state of a checkbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Begun,
    /// Done or cancelled.
    Closed,
}

/// What a block of code began with: its character and how many of it.
pub(super) type Fence = (char, usize);

impl<'a> Line<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        let mut rest = line.trim_start();
        while let Some(quoted) = rest.strip_prefix('>') {
            rest = quoted.trim_start();
        }
        Self(rest)
    }

    /// Whether it belongs to a block of code; `fence` is what that block began with, if one is open.
    pub(super) fn is_code(&self, fence: &mut Option<Fence>) -> bool {
        let Some(mark @ ('`' | '~')) = self.0.chars().next() else { return fence.is_some() };
        let length = self.0.chars().take_while(|c| *c == mark).count();
        let after = self.0.trim_start_matches(mark);
        match *fence {
            Some((open, least)) if mark == open && length >= least && after.trim().is_empty() => *fence = None,
            Some(_) => {}
            // Three and then a fourth on the same line are code within a line.
            None if length >= 3 && !(mark == '`' && after.contains('`')) => *fence = Some((mark, length)),
            None => return false,
        }
        true
    }

    /// `- [ ] text`, with any list mark.
    pub(super) fn checkbox(&self) -> Option<(State, &'a str)> {
        let item = match self.0.strip_prefix(['-', '*', '+']) {
            Some(item) => item,
            None => {
                self.0.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix(['.', ')']).filter(|item| {
                    // There has to be a number.
                    item.len() + 1 < self.0.len()
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
    #[case("```\ncode\n```\ntext", "cccT")]
    #[case("~~~ python\n```\n~~~\ntext", "cccT")]
    #[case("````\n```\ncode\n````\ntext", "ccccT")]
    #[case("> ```\n> code\n> ```\n> text", "cccT")]
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
