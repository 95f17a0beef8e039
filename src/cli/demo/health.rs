//! Sample health data: an Oura cache with the real schema, and documents as the API returns them.

use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

/// Replace the cache by the state on the morning of `today`: `days` days, the last of which is `today`.
pub fn write(path: &Path, today: Date, days: u32) -> rusqlite::Result<()> {
    let mut db = Connection::open(path)?;
    db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    if !db.table_exists(None, "sleep_data")? {
        db.execute_batch(include_str!("../../../tests/fixtures/schema/oura_cache.sql"))?;
    }
    let synced = format!("{today}T07:40:00Z");
    let transaction = db.transaction()?;
    transaction.execute_batch("DELETE FROM readiness_data; DELETE FROM sleep_data;")?;
    for days_ago in (0..days).rev() {
        let day = today.saturating_sub(i64::from(days_ago).days());
        write_day(&transaction, day, days_ago, &synced)?;
    }
    transaction.execute(
        "INSERT OR REPLACE INTO cache_meta (key, value, updated_at) VALUES ('last_sync_time', ?1, ?1), ('schema_version', '1', ?1)",
        [&synced],
    )?;
    transaction.commit()
}

fn write_day(db: &Connection, day: Date, days_ago: u32, synced: &str) -> rusqlite::Result<()> {
    let noise = noise(day);
    if days_ago > 7 && noise % 17 == 3 {
        return Ok(()); // the ring was not worn
    }
    let night = Night::sample(days_ago, noise);
    insert(
        db,
        "readiness_data",
        &format!("r-{day}"),
        day,
        &night.readiness(day, days_ago > 7 && noise % 19 == 5),
        synced,
    )?;
    insert(db, "sleep_data", &format!("s-{day}"), day, &night.sleep(day), synced)?;
    if noise % 6 == 1 {
        insert(db, "sleep_data", &format!("n-{day}"), day, &nap(day), synced)?;
    }
    if noise % 11 == 4 {
        insert(db, "sleep_data", &format!("x-{day}"), day, &false_detection(day), synced)?;
    }
    Ok(())
}

fn insert(db: &Connection, table: &str, id: &str, day: Date, document: &Value, synced: &str) -> rusqlite::Result<()> {
    let sql = format!("INSERT INTO {table} (id, day, data, cached_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)");
    let expires = format!("{}T07:40:00Z", day.saturating_add(7.days()));
    db.prepare_cached(&sql)?.execute(params![id, day.to_string(), document.to_string(), synced, expires]).map(drop)
}

/// A number that depends on the day only: the same day always has the same data.
fn noise(day: Date) -> u32 {
    let seed = day.year().unsigned_abs() as u32 * 400 + day.day_of_year().unsigned_abs() as u32;
    seed.wrapping_mul(2_654_435_761) >> 8
}

struct Night {
    readiness: u32,
    hours: f64,
    efficiency: u32,
    hrv: u32,
}

impl Night {
    /// Ordinary nights, then a week that gets worse.
    fn sample(days_ago: u32, noise: u32) -> Self {
        let (readiness, hours, efficiency, hrv) = match days_ago {
            0 => (48, 5.2, 71, 33),
            1 => (55, 6.1, 79, 41),
            2 => (56, 6.4, 81, 42),
            3 => (60, 7.2, 84, 44),
            4 => (62, 7.3, 85, 45),
            5 => (66, 7.4, 86, 46),
            6 => (70, 7.6, 88, 48),
            _ => (74 + noise % 11, 7.1 + f64::from(noise % 10) / 10.0, 84 + noise % 9, 44 + noise % 10),
        };
        Self { readiness, hours, efficiency, hrv }
    }

    fn readiness(&self, day: Date, unscored: bool) -> Value {
        let score = if unscored { Value::Null } else { json!(self.readiness) };
        json!({
            "id": format!("r-{day}"), "day": day.to_string(), "timestamp": format!("{day}T00:00:00+00:00"), "score": score,
            "temperature_deviation": 0.1, "temperature_trend_deviation": null,
            "contributors": {"activity_balance": 80, "body_temperature": 95, "hrv_balance": self.readiness,
                "previous_day_activity": null, "previous_night": self.readiness, "recovery_index": 85,
                "resting_heart_rate": 82, "sleep_balance": self.readiness, "sleep_regularity": 78}
        })
    }

    fn sleep(&self, day: Date) -> Value {
        let asleep = self.hours * 3600.0;
        let in_bed = asleep * 100.0 / f64::from(self.efficiency);
        json!({
            "id": format!("s-{day}"), "day": day.to_string(), "type": "long_sleep",
            "bedtime_start": format!("{}T23:20:00+00:00", day.saturating_sub(1.day())),
            "bedtime_end": format!("{day}T07:00:00+00:00"),
            "total_sleep_duration": asleep.round(), "time_in_bed": in_bed.round(), "awake_time": (in_bed - asleep).round(),
            "deep_sleep_duration": (asleep * 0.2).round(), "rem_sleep_duration": (asleep * 0.22).round(),
            "light_sleep_duration": (asleep * 0.58).round(), "latency": 600, "efficiency": self.efficiency,
            "average_hrv": self.hrv, "lowest_heart_rate": 51, "average_heart_rate": 57.5, "average_breath": 14.2
        })
    }
}

fn nap(day: Date) -> Value {
    json!({
        "id": format!("n-{day}"), "day": day.to_string(), "type": "late_nap",
        "bedtime_start": format!("{day}T14:10:00+00:00"), "bedtime_end": format!("{day}T14:45:00+00:00"),
        "total_sleep_duration": 1500, "time_in_bed": 2100, "efficiency": 71, "average_hrv": null
    })
}

fn false_detection(day: Date) -> Value {
    json!({
        "id": format!("x-{day}"), "day": day.to_string(), "type": "rest",
        "bedtime_start": format!("{day}T20:00:00+00:00"), "bedtime_end": format!("{day}T21:00:00+00:00"),
        "total_sleep_duration": 3000, "time_in_bed": 3600, "efficiency": 83
    })
}
