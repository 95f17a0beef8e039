//! Makes Operator.app.
fn main() {}
