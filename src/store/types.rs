//! Enums and keys as column values: an unknown word is an error that names it.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::core::alert::{AlertKey, Monitor, Priority};
use crate::core::channel::Channel;
use crate::core::delivery::lifecycle::{NotificationState, OutboxKind, OutboxState, SupersedeReason};
use crate::core::policy::decision::{Decision, Reason};

macro_rules! write_as_word {
    ($($type:ty),+) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }
    )+};
}

macro_rules! read_as_word {
    ($($type:ty),+) => {$(
        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let word = value.as_str()?;
                let unknown = |_| FromSqlError::Other(format!("'{word}' is not a {}", stringify!($type)).into());
                word.parse().map_err(unknown)
            }
        }
    )+};
}

write_as_word!(
    AlertKey,
    Channel,
    Decision,
    NotificationState,
    OutboxKind,
    OutboxState,
    Priority,
    Reason,
    SupersedeReason
);
read_as_word!(AlertKey, Channel, Decision, Monitor, NotificationState, OutboxKind, OutboxState, Priority, Reason);

impl ToSql for Monitor {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.to_string().into())
    }
}
