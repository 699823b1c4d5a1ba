//! Snapshots as the tables list them.

use std::collections::BTreeMap;

use super::time::{Interval, TimeSource};

/// One snapshot of one tenant.
#[derive(Debug, Clone)]
pub struct SnapshotRow {
    /// Tenant id, or empty where the evidence does not tell.
    pub tenant_id: String,
    /// 1 for the tenant's earliest snapshot.
    pub position: usize,
    /// The name that `--from`, `--to` and the tables use.
    pub label: String,
    /// From the start of its first capture to the end of its last; `None` where no time is known.
    pub time: Option<Interval>,
    /// What the time was taken from (the least trusted of its captures' sources).
    pub time_source: Option<TimeSource>,
    /// Live objects by type, as listed in this snapshot.
    pub objects: BTreeMap<String, u64>,
    /// Exhibits that belong to it.
    pub exhibits: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// BLAKE3, in hex, over the sorted SHA-256 digests of its exhibits.
    pub digest: String,
}
