//! The systemd unit of the headless service: `systemd/user/operator.service`.

use super::file::Format;
use super::words::{quoted, split, value};

pub(crate) const FORMAT: Format = Format {
    text,
    command,
    // systemd refuses these in a program's path, escaped or not.
    starts: |program| !program.contains(['"', '\'', '\\']),
    switched_off: |_| false,
    link: Some("default.target.wants/operator.service"),
};

const SECTION: &str = "Service";

fn text(command: &[String]) -> String {
    // A wrong configuration (64) and another instance (75) do not change by trying again.
    format!(
        "[Unit]\n\
         Description=Operator, watching your health data, tasks and promises\n\
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

/// `%` is doubled everywhere; `$` in arguments only, for systemd takes the program's own path as it stands.
fn exec(command: &[String]) -> String {
    let word = |(index, word): (usize, &String)| {
        let word = if index == 0 { word.clone() } else { word.replace('$', "$$") };
        quoted(&word, &['"', '\\']).replace('%', "%%")
    };
    command.iter().enumerate().map(word).collect::<Vec<_>>().join(" ")
}

fn command(text: &str) -> Option<Vec<String>> {
    let mut words = split(&value(text, SECTION, "ExecStart")?.replace("%%", "%"))?;
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
    fn words_are_written_as_systemd_reads_them(#[case] path: &str, #[case] written: &str) {
        assert_eq!(exec(&[path, "--config", path].map(String::from)), written);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(words in prop::collection::vec(r#"[ a-z"'`$%\\=;~ü]{0,8}"#, 1..4)) {
            prop_assert_eq!(command(&text(&words)), Some(words));
        }
    }
}
