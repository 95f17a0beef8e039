//! What people ask of a running engine, and what it answers.

use tokio::sync::oneshot;

use super::check::Check;
use super::command::{self, Command, Reply};
use super::report::CheckReport;
use crate::core::alert::Monitor;
use crate::core::channel::Channel;
use crate::core::status::Status;
use crate::engine::event_loop::{EventLoop, is_busy};
use crate::monitors::fetch::required_sources;
use crate::sources::Source;

/// A command and where its reply goes.
#[derive(Debug)]
pub struct Request {
    /// What is asked.
    pub command: Command,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Reply>,
}

impl EventLoop {
    pub(crate) fn handle(&mut self, request: Request) {
        let Request { command, reply } = request;
        let answer = match command {
            Command::RunNow => return self.run_now(reply),
            Command::TestAlert { channel } => return self.test_alert(channel, reply),
            Command::Status => return drop(reply.send(self.status())),
            Command::DryRun { on } => {
                self.engine.dry_run = on;
                Reply::done(if on { "Dry run: nothing is sent or written." } else { "Dry run is off." })
            }
            Command::OuraConnected => {
                self.engine.history_wanted = Some(self.engine.clock.now());
                self.ask_again(Source::Oura.as_str());
                Reply::done("Oura is asked for its last 60 days.")
            }
            change => self.remember(&change),
        };
        self.publish();
        // Whoever asked may have gone away.
        let _ = reply.send(answer);
    }

    /// A question changes nothing that would have to be published.
    fn status(&self) -> Reply {
        match self.engine.status(true) {
            Ok(status) => Reply::with(&Status { check_running: !self.checks.is_empty(), ..status }),
            Err(error) => Reply::refused(error.to_string()),
        }
    }

    fn remember(&mut self, change: &Command) -> Reply {
        let engine = &mut self.engine;
        let now = engine.clock.now();
        let circuits: Vec<String> = engine.setup.all().iter().map(ToString::to_string).collect();
        let Some(reply) = command::remember(&mut engine.store, change, &circuits, now) else {
            return Reply::refused("not possible here");
        };
        if reply.ok {
            match change {
                Command::Pause { .. } | Command::Resume => engine.pause = engine.store.pause().unwrap_or(engine.pause),
                Command::QuietHours { .. } => {
                    engine.quiet_override = engine.store.quiet_override().unwrap_or(engine.quiet_override);
                }
                Command::ResetCircuit { name } => self.ask_again(name),
                _ => {}
            }
            tracing::info!("{}", reply.message);
        }
        reply
    }

    /// The reply comes when everything has been looked at: what is under way already, and the rest now.
    fn run_now(&mut self, reply: oneshot::Sender<Reply>) {
        let all = self.engine.intervals().into_keys();
        self.wanted.extend(all.filter(|monitor| !is_busy(&self.checks, *monitor)));
        self.begin_due();
        let reports: Vec<_> = self.checks.iter_mut().map(Check::wait).collect();
        tokio::spawn(async move {
            let mut whole: Option<CheckReport> = None;
            for report in reports {
                match (report.await, &mut whole) {
                    (Ok(part), Some(whole)) => whole.join(part),
                    (Ok(part), None) => whole = Some(part),
                    (Err(_), _) => {}
                }
            }
            let nothing = || Reply::refused("nothing was checked: all monitors are switched off, or the check failed");
            // Whoever asked may have gone away.
            let _ = reply.send(whole.as_ref().map_or_else(nothing, Reply::with));
        });
    }

    /// The reply comes when every channel has said what became of its test.
    fn test_alert(&mut self, channel: Option<Channel>, reply: oneshot::Sender<Reply>) {
        match self.engine.begin_test(channel) {
            Err(refused) => drop(reply.send(refused)),
            Ok(tests) => drop(tokio::spawn(async move { reply.send(tests.outcome().await) })),
        }
    }

    /// Close a circuit, and look at once at what rests on its source.
    fn ask_again(&mut self, name: &str) {
        let all: Vec<Monitor> = self.engine.intervals().into_keys().collect();
        for (source, circuit) in &mut self.engine.circuits {
            if source.to_string() == name {
                circuit.reset();
                self.wanted.extend(
                    all.iter().filter(|monitor| required_sources(**monitor, &all, &self.engine.setup).contains(source)),
                );
            }
        }
    }
}
