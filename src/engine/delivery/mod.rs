//! Delivery.

pub mod batch_message;
pub mod dispatcher;
pub mod inbound;
pub mod probe;
pub mod test_alert;
pub mod worker;
