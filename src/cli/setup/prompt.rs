//! Prompts of the setup. Answers may be piped in.

use super::super::terminal;
use crate::cli::output::emit;

/// The input ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct InputClosed;

pub(super) type Prompted<T> = Result<T, InputClosed>;

pub(super) fn print_line(text: &str) {
    emit(&format!("{text}\n"));
}

/// The trimmed line; empty for Enter alone.
pub(super) fn prompt(question: &str) -> Prompted<String> {
    terminal::prompt_line(&format!("{question} "), emit).map_err(|_| InputClosed)
}

/// Like `prompt`, without echo.
pub(super) fn prompt_secret(question: &str) -> Prompted<String> {
    terminal::prompt_secret(&format!("{question} "), emit).map_err(|_| InputClosed)
}

/// Yes or no; Enter alone is `default`. Other input repeats the question.
pub(super) fn confirm(question: &str, default: bool) -> Prompted<bool> {
    let choices = if default { "[Y/n]" } else { "[y/N]" };
    loop {
        match prompt(&format!("{question} {choices}"))?.to_lowercase().as_str() {
            "" => return Ok(default),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => print_line("Please answer y or n."),
        }
    }
}

/// Indices into `names`, typed as numbers from 1; Enter alone is none.
pub(super) fn choose(question: &str, names: &[String]) -> Prompted<Vec<usize>> {
    print_line(question);
    names.iter().enumerate().for_each(|(at, name)| print_line(&format!("  {:>2}  {name}", at + 1)));
    loop {
        let typed = prompt("Numbers, such as 1 3; Enter for none:")?;
        match parse_numbers(&typed, names.len()) {
            Some(chosen) => return Ok(chosen),
            None => print_line(&format!("Please give numbers from 1 to {}, separated by spaces.", names.len())),
        }
    }
}

fn parse_numbers(typed: &str, count: usize) -> Option<Vec<usize>> {
    let parts = typed.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty());
    let mut chosen = Vec::new();
    for part in parts {
        let number = part.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < count)?;
        if !chosen.contains(&number) {
            chosen.push(number);
        }
    }
    chosen.sort_unstable();
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_sorted_and_unique() {
        assert_eq!(parse_numbers("", 3), Some(vec![]));
        assert_eq!(parse_numbers(" 3, 1 3", 3), Some(vec![0, 2]));
        for wrong in ["0", "4", "-1", "one", "1;2", "99999999999999999999"] {
            assert_eq!(parse_numbers(wrong, 3), None, "{wrong}");
        }
    }
}
