//! A new configuration takes the place of the old one while the engine runs. What is remembered – counters, incidents, what waits –
//! stays as it is.

use std::sync::Arc;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::Engine;
use super::{Components, ConfigUpdate};
use crate::config::schema::Config;
use crate::core::circuit::Circuit;
use crate::engine::event_loop::EventLoop;
use crate::monitors::sources::Sources;
use crate::sources::Source;

impl EventLoop {
    /// Take a new configuration in, or say why the old one stays in force.
    pub(crate) fn reload(&mut self, reloaded: ConfigUpdate) {
        match reloaded {
            Ok(components) => {
                self.engine.rewire(*components);
                tracing::info!("The configuration was read anew");
                self.want_all();
            }
            Err(mistake) => {
                tracing::error!("The configuration stays as it was: {mistake}");
                self.engine.config_error = Some(mistake);
            }
        }
        self.publish();
    }
}

impl Engine {
    /// Channels change over when none of them has a message in hand.
    fn rewire(&mut self, components: Components) {
        let Components { config, sources: setup, alerters, heartbeat, shown_config, warnings } = components;
        let old_config = std::mem::replace(&mut self.config, config);
        let old_setup = std::mem::replace(&mut self.setup, Arc::new(setup));
        for calendar in &self.setup.calendars {
            if let Some(before) = old_setup.calendar(calendar.name) {
                calendar.follow(before);
            }
        }
        self.metrics.expect_monitors(self.config.enabled_monitors());
        self.shown_config = shown_config;
        self.config_warnings = warnings;
        self.config_error = None;
        self.dispatcher.replace_by(alerters);
        self.heartbeat = heartbeat;
        let now = self.clock.now();
        self.health.watch_anew(now);
        self.forget_agendas(&old_setup);
        let sources = self.setup.all();
        self.circuits.retain(|source, _| sources.contains(source));
        // What kept a source from answering may be what was mended; but a server that asked to be left alone meant it.
        let (old, new) = ((&*old_config, &*old_setup), (&*self.config, &*self.setup));
        let rests = |source: &Source, circuit: &Circuit| {
            self.rests(*source, circuit, now) && is_asked_as_before(*source, old, new)
        };
        let ready = self
            .circuits
            .iter()
            .filter(|(source, circuit)| circuit.failing_since().is_some() && !rests(source, circuit));
        for source in ready.map(|(source, _)| *source).collect::<Vec<_>>() {
            self.circuits.entry(source).or_default().reset();
        }
    }

    /// Whether a source asked for the pause that it has.
    fn rests(&self, source: Source, circuit: &Circuit, now: Timestamp) -> bool {
        let has_asked = self.failures.get(&source).is_some_and(|failure| failure.retry_after.is_some());
        has_asked && circuit.retry_at().is_some_and(|at| at > now)
    }
}

/// Whether a server is asked in another configuration as it was in one: where it is and who asks are the same. Others than these never
/// ask to be left alone.
fn is_asked_as_before(source: Source, old: (&Config, &Sources), new: (&Config, &Sources)) -> bool {
    let secret = |secret: &Option<SecretString>| secret.as_ref().map(|secret| secret.expose_secret().to_owned());
    let oura = |config: &Config| {
        let oura = &config.sources.oura;
        let place = (oura.base_url.clone(), secret(&oura.token), oura.token_file.clone());
        (place, oura.client_id.clone(), secret(&oura.client_secret), oura.client_secret_file.clone())
    };
    let todoist = |config: &Config| {
        let todoist = &config.sources.todoist;
        (todoist.base_url.clone(), secret(&todoist.token), todoist.token_file.clone())
    };
    match source {
        Source::Oura => oura(old.0) == oura(new.0),
        Source::Tasks("todoist") => todoist(old.0) == todoist(new.0),
        Source::Calendar(name) => {
            old.1.calendar(name).zip(new.1.calendar(name)).is_some_and(|(old, new)| new.is_where(old))
        }
        _ => false,
    }
}
