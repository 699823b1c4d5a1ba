//! Microsoft Entra Backup and Recovery, offline: what the service lists and did, what differs in its words, what it can
//! recover, and whether a recovery put back what it should.
//!
//! Takes the index, the changes that history found and the catalogue; gives the tables of `model::recovery`. Knows nothing
//! of output formats.

pub mod assertions;
pub mod attestation;
pub mod difference;
mod link_view;
pub mod lists;
pub mod opinion;
pub mod rebuild;
mod recoverability;
pub mod service;
pub mod verify;

pub use recoverability::Judge;
