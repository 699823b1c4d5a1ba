//! Offline forensic analysis of exported Microsoft Entra ID snapshots.
//!
//! Data flows left to right, nothing reaches back:
//! `evidence` -> `intake` -> `index` -> `history` -> `recovery` -> `report`, over the words of [`model`] and the knowledge of
//! [`directory`].

pub mod advice;
pub mod budget;
pub mod cli;
pub mod codes;
pub mod custody;
pub mod directory;
pub mod evidence;
pub mod history;
pub mod index;
pub mod intake;
pub mod meter;
pub mod model;
pub mod recovery;
pub mod redact;
pub mod report;
pub mod synth;
pub mod unfinished;
