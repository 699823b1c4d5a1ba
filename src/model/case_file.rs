//! What the people of a case say about it: who examines, what was received when and from whom, on whose authority, and what
//! was asked.

use serde::{Deserialize, Serialize};

/// A case file (`case.toml`) that was read, as `run.json` and the report carry it. What it does not say is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseFile {
    /// On whose authority the evidence is examined.
    pub authority: String,
    /// BLAKE3 of the file.
    pub blake3: String,
    /// The case's own number or name.
    pub case_id: String,
    /// Who examines.
    pub examiner: String,
    /// What else is to be said.
    pub notes: String,
    /// For whom the examiner works.
    pub organization: String,
    /// What was asked.
    pub questions: Vec<String>,
    /// When the evidence was received, as the file says it.
    pub received_at: String,
    /// From whom the evidence was received.
    pub received_from: String,
    /// SHA-256 of the file.
    pub sha256: String,
}
