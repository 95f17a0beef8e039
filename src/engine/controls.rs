//! The user's controls over sending: a pause and an override of the quiet hours. The database keeps both.

use jiff::{Timestamp, ZonedDateTime};

use crate::core::policy::incident_state::Pause;
use crate::core::policy::quiet_hours::{QuietHours, QuietOverride};
use crate::store::{self, Store};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Controls {
    pause: Option<Pause>,
    quiet_override: Option<QuietOverride>,
}

impl Controls {
    pub(crate) fn load(store: &Store) -> Result<Self, store::Error> {
        Ok(Self { pause: store.pause()?, quiet_override: store.quiet_override()? })
    }

    /// Write the controls to a database that does not know them yet.
    pub(crate) fn save(self, store: &mut Store) -> Result<(), store::Error> {
        store.set_quiet_override(self.quiet_override)?;
        store.set_pause(self.pause)
    }

    pub(crate) fn active_pause(self, now: Timestamp) -> Option<Pause> {
        self.pause.filter(|pause| pause.in_force(now))
    }

    pub(crate) fn is_quiet(self, quiet_hours: &QuietHours, now: &ZonedDateTime) -> bool {
        quiet_hours.in_force_with(self.quiet_override, now)
    }

    /// When the pause and the override end by themselves.
    pub(crate) fn ends(self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        let pause_end = match self.pause {
            Some(Pause::Until(end)) => Some(end),
            _ => None,
        };
        let override_end = self.quiet_override.map(|quiet| quiet.until);
        [pause_end, override_end].into_iter().flatten().filter(move |end| *end > now)
    }
}
