//! The desktop entry that a Linux desktop starts with the session: `autostart/operator.desktop`.
//!
//! WriteOutcome here, not by auto-launch: that crate puts paths into `Exec` as they are, and blanks, `%` and `$` need care.

use crate::sys::autostart::autostart_file::Format;
use crate::sys::autostart::unit_syntax::{ini_value, quote, split_words};

pub(crate) const FORMAT: Format = Format { render, parse, can_start, is_disabled, link: None };

const SECTION: &str = "Desktop AutostartFile";

fn render(command: &[String]) -> String {
    // Without a flag Operator uses the tray if there is one.
    format!(
        "[{SECTION}]\n\
         Type=Application\n\
         Name=Operator\n\
         Comment=Watches your health data, tasks and habits\n\
         Exec={}\n\
         Terminal=false\n\
         X-GNOME-Autostart-enabled=true\n",
        exec(command)
    )
}

/// Three layers of escaping: quotes with backslashes, `%` doubled, then every backslash doubled, as in all values.
fn exec(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| quote(word, &['"', '`', '$', '\\'])).collect();
    words.join(" ").replace('%', "%%").replace('\\', r"\\")
}

fn parse(text: &str) -> Option<Vec<String>> {
    split_words(&ini_value(text, SECTION, "Exec")?.replace(r"\\", "\\").replace("%%", "%"))
}

/// The specification reserves `=` in the first word. GLib and systemd look up the program before they unescape `%%`.
fn can_start(program: &str) -> bool {
    !program.contains(['=', '%'])
}

/// Desktops write one of these when the user disables the entry.
fn is_disabled(text: &str) -> bool {
    ini_value(text, SECTION, "Hidden") == Some("true")
        || ini_value(text, SECTION, "X-GNOME-Autostart-enabled") == Some("false")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("/usr/bin/operator", "/usr/bin/operator")]
    #[case::blank("/a b/operator", r#""/a b/operator""#)]
    #[case::per_cent("/50%/operator", "/50%%/operator")]
    #[case::dollar("/$HOME/x", r#""/\\$HOME/x""#)]
    #[case::backtick("/a`b", r#""/a\\`b""#)]
    #[case::quote(r#"/a"b"#, r#""/a\\"b""#)]
    #[case::apostrophe("/a'b", r#""/a'b""#)]
    #[case::backslash(r"/a\b", r#""/a\\\\b""#)]
    #[case::umlaut("/übung", r#""/übung""#)]
    fn exec_line_follows_the_specification(#[case] word: &str, #[case] written: &str) {
        assert_eq!(exec(&[word.to_owned()]), written);
    }

    #[test]
    fn hidden_entry_is_disabled() {
        let on = render(&["/usr/bin/operator".into()]);
        assert!(!is_disabled(&on));
        assert!(is_disabled(&on.replace("enabled=true", "enabled=false")));
        assert!(is_disabled(&format!("{on}Hidden=true\n")));
        assert!(!is_disabled(&format!("{on}[Other]\nHidden=true\n")));
    }

    proptest! {
        #[test]
        fn rendered_command_parses_back(words in prop::collection::vec(r#"[ a-z"'`$%\\=;~ü]{0,8}"#, 1..4)) {
            prop_assert_eq!(parse(&render(&words)), Some(words));
        }
    }
}
