//! Whether a recovery put back what it should: `recovery.csv`, the same rows as JSON, and what the terminal says.
//!
//! | Module | Gives |
//! |---|---|
//! | [`table`] | `recovery.csv`, one row per verdict |
//! | [`json`] | the same rows as a JSON array |

pub mod json;
pub mod table;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod golden;
