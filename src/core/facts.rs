//! The facts that sources yield and rules evaluate, in normalised units.

mod due;
mod health;
mod task;

pub use due::Due;
pub use health::{HealthDay, HealthReading, Night, RestMode, Stress};
pub use task::{Activity, Commitment, FocusFile, Goal, Postponement, Task, TaskReading, TaskStatus, Thought, UNTITLED};
