//! Offline forensic analysis of exported Microsoft Entra ID snapshots.
//!
//! Data flows left to right, nothing reaches back:
//! `evidence` -> `intake` -> `index` -> `history` -> `report`, over the words of [`model`] and the knowledge of
//! [`directory`].

pub mod directory;
pub mod model;
pub mod report;
pub mod synth;
