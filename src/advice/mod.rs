//! What can be answered with the evidence, what cannot and why, and what to export next and by when.
//!
//! Takes the tables of an analysis and the catalogue's questions and retention; gives answers and dates. Nothing here opens
//! evidence or knows a clock: every date comes from captures, from records, or from `--as-of`.

mod answers;
mod deadlines;

pub use answers::{Answer, Verdict};
pub use deadlines::Deadline;

use jiff::SignedDuration;

use crate::directory::Catalogue;
use crate::model::{Analysis, LogRow};

/// A log whose nearest event is farther than this from what it should reach may not reach it.
const EDGE: SignedDuration = SignedDuration::from_hours(24);

/// Whether a log may speak of a tenant: it is its own, or names none.
fn is_of(log: &LogRow, tenant: &str) -> bool {
    log.tenant_id == tenant || log.tenant_id.is_empty()
}

/// Advice on the evidence of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantAdvice {
    /// Tenant id, or empty.
    pub tenant_id: String,
    /// One for every question of the catalogue, in its order.
    pub answers: Vec<Answer>,
    /// What runs out, by (what, when).
    pub deadlines: Vec<Deadline>,
}

/// Advice on every tenant of an analysis, in the order of its snapshots.
#[must_use]
pub fn advice(analysis: &Analysis, catalogue: &Catalogue) -> Vec<TenantAdvice> {
    let mut tenants: Vec<&str> = analysis.snapshots.iter().map(|row| &*row.tenant_id).collect();
    tenants.dedup();
    tenants
        .into_iter()
        .map(|tenant| TenantAdvice {
            tenant_id: tenant.to_owned(),
            answers: answers::answers(analysis, catalogue, tenant),
            deadlines: deadlines::deadlines(analysis, catalogue, tenant),
        })
        .collect()
}

/// An audit log of the tenant `t`, for the tests of this room.
#[cfg(test)]
fn audit_log(object_type: &str, from: jiff::Timestamp, to: jiff::Timestamp) -> LogRow {
    LogRow {
        tenant_id: "t".to_owned(),
        kind: crate::model::LogKind::Audit,
        object_type: object_type.to_owned(),
        dialects: vec!["Graph log".to_owned()],
        from: Some(from),
        to: Some(to),
        events: 5,
        repeated: 0,
        differing: 0,
        undated: 0,
        cut: 0,
        exhibits: 1,
        gaps: Vec::new(),
        gap_count: 0,
        is_partial: false,
    }
}
