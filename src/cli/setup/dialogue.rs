//! Questions on the terminal, one line an answer. Answers may be piped in as well.

use super::super::print::emit;
use super::super::terminal;

/// There is nobody to answer any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended;

pub(super) type Answer<T> = Result<T, Ended>;

/// Say something on a line of its own.
pub(super) fn say(text: &str) {
    emit(&format!("{text}\n"));
}

/// What is typed, without the white space around it; empty for Enter alone.
pub(super) fn line(question: &str) -> Answer<String> {
    terminal::line(&format!("{question} "), emit).map_err(|_| Ended)
}

/// The same, not shown while it is typed.
pub(super) fn secret(question: &str) -> Answer<String> {
    terminal::secret(&format!("{question} "), emit).map_err(|_| Ended)
}

/// Yes or no; Enter alone is `usual`. Whatever else is typed is asked again.
pub(super) fn yes(question: &str, usual: bool) -> Answer<bool> {
    let choices = if usual { "[Y/n]" } else { "[y/N]" };
    loop {
        match line(&format!("{question} {choices}"))?.to_lowercase().as_str() {
            "" => return Ok(usual),
            "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => say("Please answer y or n."),
        }
    }
}

/// Any of `names`, by their numbers from 1 on; Enter alone is none of them.
pub(super) fn choose(question: &str, names: &[String]) -> Answer<Vec<usize>> {
    say(question);
    names.iter().enumerate().for_each(|(at, name)| say(&format!("  {:>2}  {name}", at + 1)));
    loop {
        let typed = line("Numbers, such as 1 3; Enter for none:")?;
        match numbers(&typed, names.len()) {
            Some(chosen) => return Ok(chosen),
            None => say(&format!("Please give numbers from 1 to {}, with blanks between them.", names.len())),
        }
    }
}

fn numbers(typed: &str, most: usize) -> Option<Vec<usize>> {
    let parts = typed.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty());
    let mut chosen = Vec::new();
    for part in parts {
        let number = part.parse::<usize>().ok()?.checked_sub(1).filter(|at| *at < most)?;
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
    fn numbers_are_taken_in_any_order_and_once() {
        assert_eq!(numbers("", 3), Some(vec![]));
        assert_eq!(numbers(" 3, 1 3", 3), Some(vec![0, 2]));
        for wrong in ["0", "4", "-1", "one", "1;2", "99999999999999999999"] {
            assert_eq!(numbers(wrong, 3), None, "{wrong}");
        }
    }
}
