//! A new configuration takes the place of the old one while the engine runs. What is remembered – counters, incidents, what waits –
//! stays as it is.

use std::sync::Arc;

use super::Engine;
use super::run::Desk;
use super::wiring::Wiring;

/// What became of `config.yaml`: what follows from it now, or why it cannot be used.
pub type Reloaded = Result<Box<Wiring>, String>;

impl Desk {
    /// Take a new configuration in, or say why the old one stays in force.
    pub(super) fn reload(&mut self, reloaded: Reloaded) {
        match reloaded {
            Ok(wiring) => {
                self.engine.rewire(*wiring);
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
    fn rewire(&mut self, wiring: Wiring) {
        let Wiring { config, setup, alerters, heartbeat, shown_config, warnings } = wiring;
        self.config = config;
        self.setup = Arc::new(setup);
        self.metrics.expect(self.config.enabled_monitors());
        self.shown_config = shown_config;
        self.config_warnings = warnings;
        self.config_error = None;
        self.post.replace_by(alerters);
        self.heartbeat = heartbeat;
        self.vitals.watch_anew(self.clock.now());
        // What kept a source from answering may be what was mended.
        self.forget_agendas();
        let sources = self.setup.sources();
        self.circuits.retain(|source, _| sources.contains(source));
        for circuit in self.circuits.values_mut().filter(|circuit| circuit.troubled_since().is_some()) {
            circuit.reset();
        }
    }
}
