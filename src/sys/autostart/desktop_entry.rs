//! The desktop entry that a Linux desktop starts with the session: `autostart/operator.desktop`.
//!
//! Written here, not by auto-launch: that crate puts paths into `Exec` as they are, and blanks, `%` and `$` need care.

use super::file::Format;
use super::words::{quoted, split, value};

pub(crate) const FORMAT: Format = Format { text, command, starts, switched_off, link: None };

const SECTION: &str = "Desktop Entry";

fn text(command: &[String]) -> String {
    // Without a flag Operator takes the tray if there is one, and goes without if not.
    format!(
        "[{SECTION}]\n\
         Type=Application\n\
         Name=Operator\n\
         Comment=Watches your health data, tasks and promises\n\
         Exec={}\n\
         Terminal=false\n\
         X-GNOME-Autostart-enabled=true\n",
        exec(command)
    )
}

/// Three rules one over the other: quotes with backslashes, `%` doubled, and then every backslash doubled, as in all values.
fn exec(command: &[String]) -> String {
    let words: Vec<String> = command.iter().map(|word| quoted(word, &['"', '`', '$', '\\'])).collect();
    words.join(" ").replace('%', "%%").replace('\\', r"\\")
}

fn command(text: &str) -> Option<Vec<String>> {
    split(&value(text, SECTION, "Exec")?.replace(r"\\", "\\").replace("%%", "%"))
}

/// The specification keeps `=` in the first word for itself; GLib and systemd look for the program before they undo `%%`.
fn starts(program: &str) -> bool {
    !program.contains(['=', '%'])
}

/// Desktops write the one or the other when the person unticks it in their settings.
fn switched_off(text: &str) -> bool {
    value(text, SECTION, "Hidden") == Some("true") || value(text, SECTION, "X-GNOME-Autostart-enabled") == Some("false")
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
    fn words_are_written_as_the_specification_says(#[case] word: &str, #[case] written: &str) {
        assert_eq!(exec(&[word.to_owned()]), written);
    }

    #[test]
    fn it_is_off_when_a_desktop_says_so() {
        let on = text(&["/usr/bin/operator".into()]);
        assert!(!switched_off(&on));
        assert!(switched_off(&on.replace("enabled=true", "enabled=false")));
        assert!(switched_off(&format!("{on}Hidden=true\n")));
        assert!(!switched_off(&format!("{on}[Other]\nHidden=true\n")));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(words in prop::collection::vec(r#"[ a-z"'`$%\\=;~ü]{0,8}"#, 1..4)) {
            prop_assert_eq!(command(&text(&words)), Some(words));
        }
    }
}
