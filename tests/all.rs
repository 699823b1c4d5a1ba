//! One binary of whole-program and property tests.

mod bad_input;
mod cli;
mod determinism;
mod diff;
mod evidence;
mod hostile;
mod program;
mod properties;
mod traps;
mod untouched;
