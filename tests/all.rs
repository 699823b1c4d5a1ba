//! One binary of whole-program and property tests.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail like tests"
)]

mod archives;
mod bad_input;
mod case;
mod cli;
mod determinism;
mod diff;
mod evidence;
mod foreign;
mod hostile;
mod interrupt;
mod program;
mod properties;
mod roadrecon;
mod same_tenant;
mod traps;
mod untouched;
