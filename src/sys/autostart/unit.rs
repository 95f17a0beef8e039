//! The systemd unit of the headless service: `systemd/user/operator.service`.

use crate::sys::autostart::autostart_file::Format;
use crate::sys::autostart::unit_syntax::{ini_value, quote, split_words};

pub(crate) const FORMAT: Format = Format {
    render,
    parse,
    // systemd rejects these in a program's path, even escaped.
    can_start: |program| !program.contains(['"', '\'', '\\']),
    is_disabled: |_| false,
    link: Some("default.target.wants/operator.service"),
};

const SECTION: &str = "Service";

fn render(command: &[String]) -> String {
    // A retry does not fix a wrong configuration (64) or another instance (75).
    format!(
        "[Unit]\n\
         Description=Operator, watches your health data, tasks and habits\n\
         \n\
         [{SECTION}]\n\
         ExecStart={}\n\
         Restart=on-failure\n\
         RestartSec=60\n\
         RestartPreventExitStatus=64 75\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        exec(command)
    )
}

/// `%` is doubled everywhere, `$` in arguments only: systemd takes the program's path literally.
fn exec(command: &[String]) -> String {
    let word = |(index, word): (usize, &String)| {
        let word = if index == 0 { word.clone() } else { word.replace('$', "$$") };
        quote(&word, &['"', '\\']).replace('%', "%%")
    };
    command.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

fn parse(text: &str) -> Option<Vec<String>> {
    let mut words = split_words(&ini_value(text, SECTION, "ExecStart")?.replace("%%", "%"))?;
    words.iter_mut().skip(1).for_each(|word| *word = word.replace("$$", "$"));
    Some(words)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("/usr/bin/operator", "/usr/bin/operator --config /usr/bin/operator")]
    #[case::blank("/a b/c", r#""/a b/c" --config "/a b/c""#)]
    #[case::per_cent("/50%", "/50%% --config /50%%")]
    #[case::dollar("/a$b", r#""/a$b" --config "/a$$b""#)]
    #[case::quote(r#"/a"b"#, r#""/a\"b" --config "/a\"b""#)]
    #[case::apostrophe("/a'b", r#""/a'b" --config "/a'b""#)]
    #[case::backslash(r"/a\b", r#""/a\\b" --config "/a\\b""#)]
    #[case::semicolon("/a;b", r#""/a;b" --config "/a;b""#)]
    fn exec_start_is_escaped_for_systemd(#[case] path: &str, #[case] written: &str) {
        assert_eq!(exec(&[path, "--config", path].map(String::from)), written);
    }

    proptest! {
        #[test]
        fn rendered_command_parses_back(words in prop::collection::vec(r#"[ a-z"'`$%\\=;~ü]{0,8}"#, 1..4)) {
            prop_assert_eq!(parse(&render(&words)), Some(words));
        }
    }
}
