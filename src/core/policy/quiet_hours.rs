//! Quiet hours: what the clock on the person's wall says, and when that changes next.

use std::fmt;

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan, ZonedDateTime};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A minute of the wall clock, 00:00–23:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WallTime {
    minute: u16,
}

impl WallTime {
    /// A full hour, 0–23; later hours are taken as 23.
    #[must_use]
    pub const fn hour(hour: u8) -> Self {
        let hour = if hour > 23 { 23 } else { hour };
        Self { minute: hour as u16 * 60 }
    }

    /// `"22:30"`, `"22"`.
    fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.trim().split_once(':').unwrap_or((text.trim(), "0"));
        let (hour, minute): (u16, u16) = (digits(hour)?, digits(minute)?);
        (hour < 24 && minute < 60).then_some(Self { minute: hour * 60 + minute })
    }

    fn of(time: Time) -> Self {
        // Hours and minutes of a civil time are never negative.
        Self { minute: time.hour().unsigned_abs() as u16 * 60 + time.minute().unsigned_abs() as u16 }
    }

    fn time(self) -> Time {
        Time::midnight().saturating_add(i64::from(self.minute).minutes())
    }
}

fn digits(text: &str) -> Option<u16> {
    let fits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.minute / 60, self.minute % 60)
    }
}

impl Serialize for WallTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WallTimeVisitor)
    }
}

struct WallTimeVisitor;

impl Visitor<'_> for WallTimeVisitor {
    type Value = WallTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an hour from 0 to 23, or a time from \"00:00\" to \"23:59\"")
    }

    fn visit_u64<E: de::Error>(self, hour: u64) -> Result<WallTime, E> {
        match u8::try_from(hour) {
            Ok(hour) if hour < 24 => Ok(WallTime::hour(hour)),
            _ => Err(E::custom(format!("{hour} is not an hour: give {}", describe()))),
        }
    }

    fn visit_i64<E: de::Error>(self, hour: i64) -> Result<WallTime, E> {
        match u64::try_from(hour) {
            Ok(hour) => self.visit_u64(hour),
            Err(_) => Err(E::custom(format!("{hour} is not an hour: give {}", describe()))),
        }
    }

    fn visit_f64<E: de::Error>(self, hour: f64) -> Result<WallTime, E> {
        Err(E::custom(format!("{hour} is not a time: give {}", describe())))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WallTime, E> {
        WallTime::parse(text).ok_or_else(|| E::custom(format!("'{text}' is not a time: give {}", describe())))
    }
}

fn describe() -> &'static str {
    "an hour from 0 to 23, or a time from \"00:00\" to \"23:59\""
}

/// When only critical alerts are told: from `start` until `end` by the wall clock, over midnight if `start` is the later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuietHours {
    /// Whether there are any.
    pub enabled: bool,
    /// First quiet minute.
    pub start: WallTime,
    /// First minute after them; the same as `start` means never.
    pub end: WallTime,
}

/// The person's word against the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietOverride {
    /// Quiet, or not.
    pub quiet: bool,
    /// Until this moment.
    pub until: Timestamp,
}

impl QuietOverride {
    /// Whether it still holds at `now`.
    #[must_use]
    pub fn holds(self, now: Timestamp) -> bool {
        now < self.until
    }
}

impl QuietHours {
    /// Whether they are in force at `now`, whose zone is the person's.
    ///
    /// An hour that DST repeats is judged by the clock both times; one that it skips is never seen.
    #[must_use]
    pub fn in_force(&self, now: &ZonedDateTime) -> bool {
        let clock = WallTime::of(now.time());
        self.enabled
            && if self.start <= self.end {
                self.start <= clock && clock < self.end
            } else {
                self.start <= clock || clock < self.end
            }
    }

    /// Whether they are in force at `now`, where the person may have said otherwise.
    #[must_use]
    pub fn in_force_unless(&self, said: Option<QuietOverride>, now: &ZonedDateTime) -> bool {
        said.filter(|said| said.holds(now.timestamp())).map_or_else(|| self.in_force(now), |said| said.quiet)
    }

    /// Until when a word of the person against the clock holds: until the clock next passes the beginning or the end, whether
    /// they are switched on or not.
    #[must_use]
    pub fn next_boundary(&self, now: &ZonedDateTime) -> Timestamp {
        let boundary = Self { enabled: true, ..*self }.next_change(now).map(|at| at.timestamp());
        let in_half_a_day = || now.timestamp().saturating_add(SignedDuration::from_hours(12)).unwrap_or(Timestamp::MAX);
        boundary.unwrap_or_else(in_half_a_day)
    }

    /// What a person means by tomorrow: the end of quiet hours on the next day of the calendar.
    #[must_use]
    pub fn tomorrow(&self, now: &ZonedDateTime) -> Option<Timestamp> {
        let morning = now.date().tomorrow().ok()?.to_datetime(self.end.time());
        Some(now.time_zone().to_ambiguous_zoned_datetime(morning).compatible().ok()?.timestamp())
    }

    /// The first instant after `now` at which they begin or end; none if they never do.
    #[must_use]
    pub fn next_change(&self, now: &ZonedDateTime) -> Option<ZonedDateTime> {
        if !self.enabled || self.start == self.end {
            return None;
        }
        let state = self.in_force(now);
        let mut moments = self.boundaries(now);
        moments.sort_by_key(ZonedDateTime::timestamp);
        moments.into_iter().find(|moment| moment > now && self.in_force(moment) != state)
    }

    /// Every instant near `now` at which the clock can pass `start` or `end`: both readings of a repeated hour, and the
    /// zone's own jumps. Between two of them nothing changes.
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
        let jumps = zone.following(now.timestamp()).map(|jump| jump.timestamp());
        moments.extend(jumps.take_while(|at| *at <= horizon).map(|at| at.to_zoned_datetime(zone.clone())));
        moments
    }
}
