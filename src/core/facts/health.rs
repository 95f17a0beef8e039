//! Health data by day.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The health data of one local day. None is unknown, never zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthDay {
    /// The user's local date; a night belongs to the day of waking.
    pub date: Date,
    /// Oura's readiness score, 0–100.
    pub readiness: Option<f64>,
    /// Seconds slept in the day, naps included. Known only if the night is.
    pub slept_s: Option<u32>,
    pub night: Option<Night>,
    pub stress: Option<Stress>,
    /// When the source last fetched this day.
    pub as_of: Option<Timestamp>,
}

impl HealthDay {
    pub const fn unknown(date: Date) -> Self {
        Self { date, readiness: None, slept_s: None, night: None, stress: None, as_of: None }
    }

    /// Whether the ring was synced on this day. Readiness and sleep need a sync; stress appears without one.
    pub const fn is_synced(&self) -> bool {
        self.readiness.is_some() || self.slept_s.is_some() || self.night.is_some()
    }

    /// Whether both hold the same values, whenever they were fetched.
    pub fn same_data(&self, other: &Self) -> bool {
        Self { as_of: other.as_of, ..self.clone() } == *other
    }
}

/// The main night of a day: its longest `long_sleep` period.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Night {
    /// Seconds asleep in this period alone.
    pub asleep_s: Option<u32>,
    /// Time asleep of the time in bed, percent.
    pub efficiency: Option<f64>,
    /// Mean heart-rate variability, milliseconds RMSSD.
    pub hrv_ms: Option<f64>,
}

/// Seconds of high stress and of high recovery so far in the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stress {
    pub high_s: u32,
    pub recovery_s: u32,
}

impl Stress {
    /// 100·high/(high+recovery). None while the two together are less than two hours.
    pub fn share(self) -> Option<f64> {
        let total = f64::from(self.high_s) + f64::from(self.recovery_s);
        (total >= 7200.0).then(|| 100.0 * f64::from(self.high_s) / total)
    }
}

/// A period of Oura's rest mode; health rules do not run in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestMode {
    pub start: Date,
    /// The last day, inclusive; None while the period lasts.
    pub end: Option<Date>,
}

/// One reading of Oura's cache or API, or of both merged.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthReading {
    /// `oura_cache` or `oura_api`.
    pub source: &'static str,
    /// By date ascending, one entry per date.
    pub days: Vec<HealthDay>,
    /// When the source last received data from the ring: the cache's last sync, or now with the API.
    pub synced_at: Option<Timestamp>,
    /// None where the source does not report rest mode.
    pub rest: Option<Vec<RestMode>>,
    /// Sentences about records that could not be parsed and were skipped.
    pub notes: Vec<String>,
}
