//! Quoting of commands in desktop entries and systemd units.

/// Quote a word if necessary; characters in `escaped` get a backslash.
pub(crate) fn quote(word: &str, escaped: &[char]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    let mut text = String::from('"');
    for c in word.chars() {
        if escaped.contains(&c) {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

/// The words of a line; none for an unclosed quote.
pub(crate) fn split_words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut within) = (Vec::new(), None::<String>, false);
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                within = !within;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            c if c.is_whitespace() && !within => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!within).then_some(words)
}

/// The value of `key=` in a section of an INI file.
pub(crate) fn ini_value<'a>(text: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) == Some(section))?;
    let pair = |line: &'a str| line.split_once('=').map(|(key, value)| (key.trim_end(), value.trim_start()));
    lines.take_while(|line| !line.starts_with('[')).filter_map(pair).find(|(k, _)| *k == key).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn split_words_respects_quotes() {
        let cases: [(&str, Option<&[&str]>); 6] = [
            ("/usr/bin/operator --headless", Some(&["/usr/bin/operator", "--headless"])),
            (r#"  "/a b/operator"   x"#, Some(&["/a b/operator", "x"])),
            (r#"a"b c"d """#, Some(&["ab cd", ""])),
            (r#""\"\\" \ "#, Some(&["\"\\", " "])),
            (r#""open"#, None),
            ("ends\\", None),
        ];
        for (line, words) in cases {
            assert_eq!(split_words(line), words.map(|words| words.iter().map(ToString::to_string).collect()), "{line}");
        }
    }

    #[test]
    fn ini_value_is_read_from_its_section() {
        let text = "# X=0\n[Other]\nX=1\n\n[This]\nXY=2\nX = 3 = 4\n[Last]\nX=5\nZ=6\n";
        assert_eq!(ini_value(text, "This", "X"), Some("3 = 4"));
        assert_eq!(ini_value(text, "This", "Z"), None);
        assert_eq!(ini_value(text, "None", "X"), None);
    }
}
