//! Whether a recovery put back what it should: `recovery.csv`, the same rows as JSON, and what the terminal says.
//!
//! | Module | Gives |
//! |---|---|
//! | [`text`] | what the terminal says |
//! | [`table`] | `recovery.csv`, one row per verdict |
//! | [`json`] | the same rows as a JSON array |
//! | [`sheet`] | `attestation.json`: what is claimed, with numbers and evidence |

pub mod json;
pub mod sheet;
pub mod table;
pub mod text;
pub(super) mod words;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod golden;
