//! Banners of a program without a bundle: `osascript` shows them, in its own name.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::alerters::notification::banner::{Banner, Loudness};
use crate::alerters::words::{fit, plain_line};
use crate::alerters::{Alerter, BoxFuture, Failure, FailureKind};
use crate::core::channel::Channel;
use crate::core::delivery::message::{Message, MessageKind};

const OSASCRIPT: &str = "/usr/bin/osascript";

/// It takes a moment; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(10);

// The texts are the last two arguments, whatever came before them: a negative index counts from the end (AppleScript Language
// Guide, "Index").
const SILENT: &str = "display notification (item -1 of argv) with title (item -2 of argv)";
const AUDIBLE: &str = "display notification (item -1 of argv) with title (item -2 of argv) sound name \"Glass\"";

const BUNDLE: &str = "start Operator from Operator.app, which needs no osascript";

/// The alerter of a program without a bundle.
#[derive(Debug)]
pub(super) struct Script {
    osascript: PathBuf,
}

impl Default for Script {
    fn default() -> Self {
        Self { osascript: OSASCRIPT.into() }
    }
}

impl Alerter for Script {
    fn channel(&self) -> Channel {
        Channel::Notification
    }

    fn is_local(&self) -> bool {
        true
    }

    /// An update shows nothing: it would be a second banner beside the first.
    fn send<'a>(&'a self, message: &'a Message) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            if message.kind != MessageKind::Update {
                let banner = Banner::of(message);
                run(&self.osascript, &arguments(&banner), PATIENCE).await?;
            }
            Ok(None)
        })
    }

    fn probe(&self) -> BoxFuture<'_, Result<String, Failure>> {
        let found = if self.osascript.exists() {
            Ok("through osascript, without buttons: this program is not in its app bundle".into())
        } else {
            Err(missing(&self.osascript))
        };
        Box::pin(async { found })
    }

    fn settings(&self) -> u64 {
        0
    }
}

/// The script is always one of ours; text from outside goes beside it, never into it.
fn arguments(banner: &Banner) -> [&str; 9] {
    let show = if banner.loudness == Loudness::Silent { SILENT } else { AUDIBLE };
    ["-e", "on run argv", "-e", show, "-e", "end run", "--", &banner.title, &banner.body]
}

async fn run(program: &Path, arguments: &[&str], patience: Duration) -> Result<(), Failure> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let failed = |kind, what: String| Failure { hint: BUNDLE.into(), ..Failure::new(kind, what) };
    let child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => missing(program),
        _ => failed(FailureKind::Retryable { retry_after: None }, format!("osascript does not start ({error})")),
    })?;
    match tokio::time::timeout(patience, child.wait_with_output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => {
            Err(failed(FailureKind::Retryable { retry_after: None }, said(output.status, &output.stderr)))
        }
        Ok(Err(error)) => Err(failed(FailureKind::Unconfirmed, format!("osascript was lost sight of ({error})"))),
        // The child goes with its future.
        Err(_) => {
            Err(failed(FailureKind::Unconfirmed, format!("osascript did not end within {} s", patience.as_secs())))
        }
    }
}

fn missing(program: &Path) -> Failure {
    Failure::no_transport(format!("there is no {}", program.display()), BUNDLE)
}

fn said(status: ExitStatus, stderr: &[u8]) -> String {
    let stderr = String::from_utf8_lossy(stderr);
    let line = fit(&plain_line(stderr.lines().next().unwrap_or_default()), 200, |_| 1);
    let status = status.code().map_or_else(|| "a signal".into(), |code| format!("exit code {code}"));
    if line.is_empty() { format!("osascript ended with {status}") } else { format!("osascript: {line} ({status})") }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;
    use crate::alerters::notification::macos::banners::tests::{news, update};

    fn banner(title: &str, body: &str, loudness: Loudness) -> Banner {
        Banner { title: title.into(), body: body.into(), loudness, thread: "task", can_be_answered: true }
    }

    #[test]
    fn texts_are_arguments_and_the_script_is_the_same_whatever_they_say() {
        let nasty = ["-e", "--", "\" & (do shell script \"id\") & \"", "two\nlines", "\u{1F634} \u{5d0}", "$(id)", ""];
        for text in nasty {
            let banner = banner(text, text, Loudness::Silent);
            let arguments = arguments(&banner);
            let (script, texts) = arguments.split_at(7);
            assert_eq!(script, ["-e", "on run argv", "-e", SILENT, "-e", "end run", "--"]);
            assert_eq!(texts, [text, text]);
        }
    }

    #[test]
    fn only_high_and_critical_alerts_sound() {
        for (loudness, script) in
            [(Loudness::Silent, SILENT), (Loudness::Audible, AUDIBLE), (Loudness::Urgent, AUDIBLE)]
        {
            assert_eq!(arguments(&banner("a", "b", loudness))[3], script);
        }
    }

    proptest! {
        /// An argument with a NUL in it cannot be handed over.
        #[test]
        fn no_argument_holds_a_nul(title in "[a-z\0\"\n-]{1,20}", text in "[a-z\0\"\n-]{0,20}") {
            let mut message = news("1f2e-1");
            message.items[0].title = title;
            message.items[0].message = text;
            let banner = Banner::of(&message);
            prop_assert!(arguments(&banner).iter().all(|argument| !argument.contains('\0')));
        }
    }

    async fn shell(script: &str) -> Result<(), Failure> {
        run(Path::new("/bin/sh"), &["-c", script], Duration::from_millis(300)).await
    }

    #[tokio::test]
    async fn what_went_wrong_is_said_with_a_way_out() {
        assert_eq!(shell("exit 0").await, Ok(()));
        let failure = shell("echo 'execution error: no' >&2; exit 1").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Retryable { retry_after: None });
        assert_eq!(failure.message, "osascript: execution error: no (exit code 1)");
        assert!(failure.hint.contains("Operator.app"));
        let absent = run(Path::new("/no/such/osascript"), &[], PATIENCE).await.unwrap_err();
        assert_eq!(
            (absent.kind, absent.message.as_str()),
            (FailureKind::NoTransport, "there is no /no/such/osascript")
        );
    }

    #[tokio::test]
    async fn a_child_that_hangs_is_given_up_and_killed() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("lived-on");
        let start = Instant::now();
        let failure = shell(&format!("sleep 1; touch {}", mark.display())).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Unconfirmed);
        assert!(start.elapsed() < Duration::from_millis(900), "{:?}", start.elapsed());
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        assert!(!mark.exists());
    }

    #[tokio::test]
    async fn an_update_shows_nothing_and_a_missing_program_is_found_out() {
        let script = Script { osascript: "/no/such/osascript".into() };
        assert_eq!(script.send(&update(None)).await, Ok(None));
        assert_eq!(script.send(&news("1f2e-1")).await.unwrap_err().kind, FailureKind::NoTransport);
        assert_eq!(script.probe().await.unwrap_err().kind, FailureKind::NoTransport);
        assert_eq!(Script { osascript: "/bin/sh".into() }.send(&update(Some("1f2e-1"))).await, Ok(None));
        assert!(Script { osascript: "/bin/sh".into() }.probe().await.is_ok());
        assert_eq!((Script::default().channel(), Script::default().settings()), (Channel::Notification, 0));
    }
}
