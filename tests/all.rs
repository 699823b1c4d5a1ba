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
mod custody;
mod determinism;
mod diff;
mod evidence;
mod exports;
mod foreign;
mod hostile;
mod interrupt;
mod logs;
mod map;
mod program;
mod properties;
mod receipts;
mod recovery;
mod roadrecon;
mod same_tenant;
mod suites;
mod traps;
mod untouched;
