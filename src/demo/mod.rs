//! A made-up person: the files of their ring and their desk, in the layouts of the real programs. For `operator demo`, tests
//! and benchmarks.

pub mod body;
pub mod desk;
