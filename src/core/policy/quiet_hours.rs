//! Quiet hours on the user's wall clock, and when they next begin or end.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use serde::{Deserialize, Serialize};

/// A minute of the wall clock, 00:00–23:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime {
    minute: u16,
}

impl WallTime {
    /// A full hour, 0–23. Later hours become 23.
    pub const fn hour(hour: u8) -> Self {
        let hour = if hour > 23 { 23 } else { hour };
        Self { minute: hour as u16 * 60 }
    }

    fn from_time(time: Time) -> Self {
        // Hours and minutes of a civil time are never negative.
        Self { minute: time.hour().unsigned_abs() as u16 * 60 + time.minute().unsigned_abs() as u16 }
    }

    fn time(self) -> Time {
        Time::midnight().saturating_add(i64::from(self.minute).minutes())
    }
}

impl FromStr for WallTime {
    type Err = String;

    /// `22:30`, `22`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = |text: &str| {
            let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
            fits.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (hour, minute) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
        match (digits(hour), digits(minute)) {
            (Some(hour @ 0..24), Some(minute @ 0..60)) => Ok(Self { minute: hour * 60 + minute }),
            _ => Err(format!("'{text}' is not a time")),
        }
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

/// Only critical alerts are delivered from `start` until `end`, over midnight if `start` is the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    pub enabled: bool,
    /// The first quiet minute.
    pub start: WallTime,
    /// The first minute after quiet hours. The same as `start` means never quiet.
    pub end: WallTime,
}

/// The user's command to be quiet, or not, until a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietOverride {
    pub quiet: bool,
    pub until: Timestamp,
}

impl QuietOverride {
    pub fn in_force(self, now: Timestamp) -> bool {
        now < self.until
    }
}

impl QuietHours {
    /// Whether `now` is quiet. `now` carries the user's zone. An hour that DST repeats is quiet both times or never.
    pub fn in_force(&self, now: &ZonedDateTime) -> bool {
        let clock = WallTime::from_time(now.time());
        self.enabled
            && if self.start <= self.end {
                self.start <= clock && clock < self.end
            } else {
                self.start <= clock || clock < self.end
            }
    }

    pub fn in_force_with(&self, command: Option<QuietOverride>, now: &ZonedDateTime) -> bool {
        let command = command.filter(|command| command.in_force(now.timestamp()));
        command.map_or_else(|| self.in_force(now), |command| command.quiet)
    }

    /// When the clock next passes `start` or `end`, even while quiet hours are disabled: an override lasts until then.
    pub fn next_boundary(&self, now: &ZonedDateTime) -> Timestamp {
        let boundary = Self { enabled: true, ..*self }.next_change(now).map(|at| at.timestamp());
        let in_half_a_day = || now.timestamp().saturating_add(SignedDuration::from_hours(12)).unwrap_or(Timestamp::MAX);
        boundary.unwrap_or_else(in_half_a_day)
    }

    /// The end of quiet hours on the next calendar day.
    pub fn next_morning(&self, now: &ZonedDateTime) -> Option<Timestamp> {
        let morning = now.date().tomorrow().ok()?.to_datetime(self.end.time());
        Some(now.time_zone().to_ambiguous_zoned_datetime(morning).compatible().ok()?.timestamp())
    }

    /// The first instant after `now` at which quiet hours begin or end.
    pub fn next_change(&self, now: &ZonedDateTime) -> Option<ZonedDateTime> {
        if !self.enabled || self.start == self.end {
            return None;
        }
        let state = self.in_force(now);
        let mut moments = self.boundaries(now);
        moments.sort_by_key(ZonedDateTime::timestamp);
        moments.into_iter().find(|moment| moment > now && self.in_force(moment) != state)
    }

    /// Every instant near `now` at which the clock can pass `start` or `end`: both readings of a repeated hour, and the zone's own
    /// transitions. Between two of them nothing changes.
    fn boundaries(&self, now: &ZonedDateTime) -> Vec<ZonedDateTime> {
        let zone = now.time_zone();
        let mut moments = Vec::new();
        for day in -1..=3 {
            let Ok(date) = now.date().checked_add(day.days()) else { continue };
            for wall in [self.start, self.end] {
                let ambiguous = zone.to_ambiguous_zoned_datetime(date.to_datetime(wall.time()));
                moments.extend(ambiguous.clone().earlier().into_iter().chain(ambiguous.later()));
            }
        }
        let horizon = now.timestamp().saturating_add(SignedDuration::from_hours(96)).unwrap_or(Timestamp::MAX);
        let transitions = zone.following(now.timestamp()).map(|transition| transition.timestamp());
        moments.extend(transitions.take_while(|at| *at <= horizon).map(|at| at.to_zoned_datetime(zone.clone())));
        moments
    }
}
