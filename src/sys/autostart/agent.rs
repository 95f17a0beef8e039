//! The launchd agent of the headless service: `LaunchAgents/com.thanos.operator.plist`.

use crate::sys::autostart::autostart_file::Format;

/// launchd's name of the service.
pub(crate) const LABEL: &str = "com.thanos.operator";

pub(crate) const FORMAT: Format = Format { render, parse, can_start: |_| true, is_disabled: |_| false, link: None };

fn render(command: &[String]) -> String {
    let arguments: String = command.iter().map(|word| format!("\t\t<string>{}</string>\n", escape(word))).collect();
    // launchd does not distinguish exit codes: it retries once a minute. While another Operator runs (75), each retry is short, and the
    // agent takes over when the other ends. Output goes to Operator's own log, which is rotated; a file here would grow.
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Label</key>
	<string>{LABEL}</string>
	<key>ProgramArguments</key>
	<array>
{arguments}	</array>
	<key>RunAtLoad</key>
	<true/>
	<key>KeepAlive</key>
	<dict>
		<key>SuccessfulExit</key>
		<false/>
	</dict>
	<key>ThrottleInterval</key>
	<integer>60</integer>
	<key>ProcessType</key>
	<string>Background</string>
	<key>StandardOutPath</key>
	<string>/dev/null</string>
	<key>StandardErrorPath</key>
	<string>/dev/null</string>
</dict>
</plist>
"#
    )
}

fn parse(text: &str) -> Option<Vec<String>> {
    let (_, rest) = text.split_once("<key>ProgramArguments</key>")?;
    let (array, _) = rest.trim_start().strip_prefix("<array>")?.split_once("</array>")?;
    let strings = array.split("<string>").skip(1);
    strings.map(|rest| rest.split_once("</string>").map(|(word, _)| unescape(word))).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    fn headless() -> String {
        render(&["/Applications/R&D <1>/operator", "--headless", "--config", "/a b/\"c\".yaml"].map(String::from))
    }

    /// The value that follows a key, without the blanks between tags.
    fn value(key: &str) -> String {
        let text: String = headless().lines().map(str::trim).collect();
        let (_, rest) = text.split_once(&format!("<key>{key}</key>")).unwrap_or_else(|| panic!("no {key}"));
        rest.split("<key>").next().unwrap().to_owned()
    }

    #[test]
    fn plist_has_the_required_keys() {
        assert_eq!(value("Label"), "<string>com.thanos.operator</string>");
        assert_eq!(value("RunAtLoad"), "<true/>");
        assert_eq!(value("SuccessfulExit"), "<false/></dict>");
        assert_eq!(value("ThrottleInterval"), "<integer>60</integer>");
        assert_eq!(value("ProcessType"), "<string>Background</string>");
        assert_eq!(
            value("ProgramArguments"),
            "<array><string>/Applications/R&amp;D &lt;1&gt;/operator</string><string>--headless</string>\
             <string>--config</string><string>/a b/\"c\".yaml</string></array>"
        );
    }

    #[test]
    fn plist_tags_are_balanced() {
        let text = headless();
        let mut open = Vec::new();
        for tag in text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop(), Some(name), "{text}"),
                None if tag.starts_with(['?', '!']) || tag.ends_with('/') => {}
                None => open.push(tag.split(' ').next().unwrap()),
            }
        }
        assert!(open.is_empty(), "{open:?}");
    }

    proptest! {
        #[test]
        fn rendered_command_parses_back(words in prop::collection::vec(r#"[ a-z"'&;<>%\\ü]{0,8}"#, 1..4)) {
            prop_assert_eq!(parse(&render(&words)), Some(words));
        }
    }
}
