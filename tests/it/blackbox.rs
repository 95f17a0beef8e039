//! The program as a whole: the built binary in a home of its own, as people and scripts use it.

mod once;
