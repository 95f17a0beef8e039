//! Delivery: outbox batches to channels, user actions back.

pub(crate) mod batch_message;
pub(crate) mod dispatcher;
pub(crate) mod inbound;
pub(crate) mod probe;
pub mod test_alert;
pub(crate) mod worker;
