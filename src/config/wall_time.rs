//! Times of day in the configuration: `22` or `"22:30"`.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};

use crate::core::policy::quiet_hours::WallTime;

const EXPECTED: &str = "an hour from 0 to 23, or a time from \"00:00\" to \"23:59\"";

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WallTime, D::Error> {
    deserializer.deserialize_any(WallTimeVisitor)
}

struct WallTimeVisitor;

impl Visitor<'_> for WallTimeVisitor {
    type Value = WallTime;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_i64<E: Error>(self, hour: i64) -> Result<WallTime, E> {
        match u8::try_from(hour) {
            Ok(hour @ 0..24) => Ok(WallTime::hour(hour)),
            _ => Err(E::custom(format_args!("{hour} is not an hour: give {EXPECTED}"))),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<WallTime, E> {
        text.parse().map_err(|error| E::custom(format_args!("{error}: give {EXPECTED}")))
    }
}
