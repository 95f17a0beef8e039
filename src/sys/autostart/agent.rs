//! The launchd agent of the headless service: `LaunchAgents/com.thanos.operator.plist`.

use super::file::Format;

/// What launchd calls it; the seed's name.
pub(crate) const LABEL: &str = "com.thanos.operator";

pub(crate) const FORMAT: Format = Format { text, command, starts: |_| true, switched_off: |_| false, link: None };

fn text(command: &[String]) -> String {
    let arguments: String = command.iter().map(|word| format!("\t\t<string>{}</string>\n", escaped(word))).collect();
    // launchd cannot tell exit codes apart: whatever fails is tried again, once a minute at most. If another Operator runs (75), that is
    // one short look a minute, and the agent takes over when the other ends.
    // What is said goes to Operator's own log, which is kept small; a second copy here would grow without end.
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

fn command(text: &str) -> Option<Vec<String>> {
    let (_, rest) = text.split_once("<key>ProgramArguments</key>")?;
    let (array, _) = rest.trim_start().strip_prefix("<array>")?.split_once("</array>")?;
    let strings = array.split("<string>").skip(1);
    strings.map(|rest| rest.split_once("</string>").map(|(word, _)| unescaped(word))).collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    fn headless() -> String {
        text(&["/Applications/R&D <1>/operator", "--headless", "--config", "/a b/\"c\".yaml"].map(String::from))
    }

    /// The value that follows a key, without the blanks between tags.
    fn value(key: &str) -> String {
        let text: String = headless().lines().map(str::trim).collect();
        let (_, rest) = text.split_once(&format!("<key>{key}</key>")).unwrap_or_else(|| panic!("no {key}"));
        rest.split("<key>").next().unwrap().to_owned()
    }

    #[test]
    fn it_says_what_launchd_needs() {
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
    fn every_tag_is_closed_by_its_own() {
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
        fn what_is_written_is_read_back(words in prop::collection::vec(r#"[ a-z"'&;<>%\\ü]{0,8}"#, 1..4)) {
            prop_assert_eq!(command(&text(&words)), Some(words));
        }
    }
}
