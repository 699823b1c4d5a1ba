//! What a verification lets one claim: numerators and denominators over its rows, and nothing that the rows do not carry.
//!
//! `cannot tell` stands in every denominator and in no numerator. A share is rounded down, so that it says 100 only where
//! nothing is missing. A verification without rows claims nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::SignedDuration;

use crate::model::{
    Clean, ExhibitId, Freshness, Intent, Receipt, Verdict, VerdictReason, VerdictRow, Verification,
};

/// A part of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ratio {
    /// What passes.
    pub passed: u64,
    /// What was judged, or was to be.
    pub of: u64,
    /// Of these, what cannot be told.
    pub cannot_tell: u64,
}

impl Ratio {
    /// Adds what stands for `objects`.
    fn add(&mut self, verdict: Verdict, passes: bool, objects: u64) {
        self.of = self.of.saturating_add(objects);
        if verdict == Verdict::CannotTell {
            self.cannot_tell = self.cannot_tell.saturating_add(objects);
        } else if passes {
            self.passed = self.passed.saturating_add(objects);
        }
    }

    /// Whether there is something to claim, and all of it passes.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.of > 0 && self.passed == self.of
    }

    /// The share in hundredths of a percent, rounded down; `None` of nothing.
    #[must_use]
    pub fn basis_points(self) -> Option<u64> {
        let points = (u128::from(self.passed) * 10_000).checked_div(u128::from(self.of))?;
        u64::try_from(points).ok()
    }

    /// `99.97`, `100`, `<0.01`; `None` of nothing.
    #[must_use]
    pub fn percent(self) -> Option<String> {
        let points = self.basis_points()?;
        Some(match (points, self.passed) {
            (0, 0) => "0".to_owned(),
            (0, _) => "<0.01".to_owned(),
            _ if self.is_whole() => "100".to_owned(),
            _ => format!("{}.{:02}", points / 100, points % 100),
        })
    }
}

/// What can be claimed, in fixed words; the report finds the sentences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimKind {
    /// Everything that was judged passes: it has its good value, or is a wanted change that was kept.
    All,
    /// What was damaged has its good value again.
    PutBack,
    /// Wanted changes were kept.
    Kept,
    /// What the service should recover, of its supported properties, was collected at all.
    Collected,
    /// The exhibits that verdicts rest on were read after the recovery.
    ReadAfter,
    /// The numbers of the job are those of the evidence.
    Reconciled,
}

impl ClaimKind {
    /// Its name in `attestation.json`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all-verdicts",
            Self::PutBack => "put-back",
            Self::Kept => "wanted-changes-kept",
            Self::Collected => "supported-properties-collected",
            Self::ReadAfter => "read-after-recovery",
            Self::Reconciled => "job-numbers-reconciled",
        }
    }
}

impl fmt::Display for ClaimKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A claim with its numbers and what carries them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub kind: ClaimKind,
    /// Its numbers.
    pub ratio: Ratio,
    /// Exhibits that the rows behind it cite.
    pub exhibits: BTreeSet<ExhibitId>,
}

/// The verdicts on one type of object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfType {
    /// What passes.
    pub ratio: Ratio,
    /// Every verdict that occurs.
    pub verdicts: BTreeMap<Verdict, u64>,
}

/// An export that would settle what cannot be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextExport {
    /// What to export.
    pub request: String,
    /// For how many attributes, links and objects.
    pub settles: u64,
    /// Of which types.
    pub types: BTreeSet<String>,
    /// Why they cannot be told.
    pub reasons: BTreeSet<VerdictReason>,
}

/// How long the tenant was not as it should be. Bounds are `None` where a window is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeToClean {
    /// At least.
    pub at_least: Option<SignedDuration>,
    /// At most.
    pub at_most: Option<SignedDuration>,
}

/// What a verification lets one claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Attestation<'a> {
    /// The verification.
    pub of: &'a Verification,
    /// Claims that something can be said of; empty if nothing was judged.
    pub claims: Vec<Claim>,
    /// Known differences: all rows but those that stand for what a snapshot did not collect.
    pub known: Ratio,
    /// Properties of types, or whole types, that a snapshot did not collect.
    pub uncollected: u64,
    /// By type.
    pub types: BTreeMap<&'a str, OfType>,
    /// Whether the totals of the verification are the sum over its rows.
    pub adds_up: bool,
    /// Rows that are known not to be as they should be, by verdict.
    pub unrecovered: Vec<&'a VerdictRow>,
    /// Rows that cannot be told.
    pub untold: Vec<&'a VerdictRow>,
    /// Rows of which the service itself says that it failed.
    pub failed: Vec<&'a VerdictRow>,
    /// Rows that were damaged, good, and damaged again.
    pub recurring: Vec<&'a VerdictRow>,
    /// What cannot be told, by reason.
    pub reasons: BTreeMap<Option<VerdictReason>, u64>,
    /// What to export next, what settles most first.
    pub exports: Vec<NextExport>,
    /// From the damage to the recovery; `None` while anything that was damaged is open, or nothing is good again. What no
    /// snapshot collected is not known to have been damaged, and stands beside it.
    pub time_to_clean: Option<TimeToClean>,
}

/// A row that stands for objects of a type, of which an attribute was not collected.
fn is_uncollected(row: &VerdictRow) -> bool {
    row.object_id.is_empty() && row.verdict == Verdict::CannotTell
}

/// What a verification lets one claim.
#[must_use]
pub fn attest(of: &Verification) -> Attestation<'_> {
    let mut types: BTreeMap<&str, OfType> = BTreeMap::new();
    let mut sums: BTreeMap<Verdict, u64> = BTreeMap::new();
    let mut reasons: BTreeMap<Option<VerdictReason>, u64> = BTreeMap::new();
    let (mut known, mut uncollected) = (Ratio::default(), 0_u64);
    for row in &of.rows {
        if is_uncollected(row) {
            uncollected = uncollected.saturating_add(row.objects);
        } else {
            known.add(row.verdict, row.verdict.is_pass(), row.objects);
        }
        let of_type = types.entry(&row.object_type).or_default();
        of_type.ratio.add(row.verdict, row.verdict.is_pass(), row.objects);
        *of_type.verdicts.entry(row.verdict).or_default() += row.objects;
        *sums.entry(row.verdict).or_default() += row.objects;
        if row.verdict == Verdict::CannotTell {
            *reasons.entry(row.reason).or_default() += row.objects;
        }
    }
    let listed: BTreeMap<Verdict, u64> =
        of.totals.iter().filter(|(_, count)| **count > 0).map(|(v, count)| (*v, *count)).collect();
    sums.retain(|_, count| *count > 0);
    let rows = |wanted: &dyn Fn(&VerdictRow) -> bool| -> Vec<&VerdictRow> {
        of.rows.iter().filter(|row| wanted(row)).collect()
    };
    Attestation {
        of,
        claims: claims(of),
        known,
        uncollected,
        types,
        adds_up: listed == sums,
        unrecovered: {
            // What the service could have put back comes first; rows of one verdict stay in their order.
            let mut open =
                rows(&|row| !row.verdict.is_pass() && row.verdict != Verdict::CannotTell);
            open.sort_by_key(|row| row.verdict);
            open
        },
        untold: rows(&|row| row.verdict == Verdict::CannotTell),
        failed: rows(&|row| {
            !row.failure.is_empty() || row.reason == Some(VerdictReason::ListedAsFailed)
        }),
        recurring: rows(&|row| row.recurring),
        reasons,
        exports: exports(&of.rows),
        time_to_clean: time_to_clean(&of.clean, &of.rows),
    }
}

fn claims(of: &Verification) -> Vec<Claim> {
    let judged = |row: &VerdictRow| row.verdict != Verdict::Collateral && !is_uncollected(row);
    let wanted = |row: &VerdictRow| row.intent == Intent::Legitimate;
    let over = |kind, in_it: &dyn Fn(&VerdictRow) -> bool, passes: &dyn Fn(&VerdictRow) -> bool| {
        let mut claim = Claim { kind, ratio: Ratio::default(), exhibits: BTreeSet::new() };
        for row in of.rows.iter().filter(|row| in_it(row)) {
            claim.ratio.add(row.verdict, passes(row), row.objects);
            claim.exhibits.extend(cited(row));
        }
        claim
    };
    let good = |row: &VerdictRow| row.verdict == Verdict::EqualsGood;
    let mut claims = vec![
        over(ClaimKind::PutBack, &|row| judged(row) && !wanted(row), &good),
        over(ClaimKind::Kept, &|row| judged(row) && wanted(row), &|row| row.verdict.is_pass()),
        over(ClaimKind::All, &|_| true, &|row| row.verdict.is_pass()),
        over(ClaimKind::Collected, &is_uncollected, &|_| false),
    ];
    if !of.rows.is_empty() {
        claims.extend([read_after(of), reconciled(of)]);
    }
    claims.retain(|claim| claim.ratio.of > 0);
    claims
}

fn cited(row: &VerdictRow) -> impl Iterator<Item = ExhibitId> + use<'_> {
    let receipts = [&row.evidence_good, &row.evidence_damaged, &row.evidence_after];
    receipts.into_iter().flatten().map(|receipt: &Receipt| receipt.exhibit)
}

/// Whether an exhibit is proved to have been read after the recovery.
#[must_use]
pub fn is_fresh(freshness: Freshness) -> bool {
    matches!(freshness, Freshness::Own | Freshness::Run)
}

fn read_after(of: &Verification) -> Claim {
    let borne = || of.freshness.iter().filter(|row| row.verdicts > 0);
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let passed = count(borne().filter(|row| is_fresh(row.freshness)).count());
    let whole = count(borne().count());
    Claim {
        kind: ClaimKind::ReadAfter,
        ratio: Ratio { passed, of: whole, cannot_tell: whole.saturating_sub(passed) },
        exhibits: borne().map(|row| row.exhibit).collect(),
    }
}

fn reconciled(of: &Verification) -> Claim {
    let mut ratio = Ratio::default();
    for row in &of.reconciled {
        ratio.of += 1;
        match (row.job, row.evidence) {
            (Some(job), Some(evidence)) => ratio.passed += u64::from(job == evidence),
            _ => ratio.cannot_tell += 1,
        }
    }
    Claim { kind: ClaimKind::Reconciled, ratio, exhibits: BTreeSet::new() }
}

fn exports(rows: &[VerdictRow]) -> Vec<NextExport> {
    let mut found: BTreeMap<&str, NextExport> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.next_export.is_empty()) {
        let export = found.entry(&row.next_export).or_insert_with(|| NextExport {
            request: row.next_export.clone(),
            settles: 0,
            types: BTreeSet::new(),
            reasons: BTreeSet::new(),
        });
        export.settles = export.settles.saturating_add(row.objects);
        export.types.insert(row.object_type.clone());
        export.reasons.extend(row.reason);
    }
    let mut found: Vec<NextExport> = found.into_values().collect();
    // Stable: equals keep the order of their text.
    found.sort_by_key(|export| std::cmp::Reverse(export.settles));
    found
}

fn time_to_clean(clean: &Clean, rows: &[VerdictRow]) -> Option<TimeToClean> {
    let back = rows.iter().any(|row| row.verdict == Verdict::EqualsGood);
    let open = rows.iter().any(|row| !row.verdict.is_pass() && !is_uncollected(row));
    if clean.open > 0 || open || !back {
        return None;
    }
    let between = |from: Option<jiff::Timestamp>, to: Option<jiff::Timestamp>| {
        Some(to?.duration_since(from?).max(SignedDuration::ZERO))
    };
    Some(TimeToClean {
        at_least: between(clean.damaged.not_after, clean.clean.not_before),
        at_most: between(clean.damaged.not_before, clean.clean.not_after),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_says_100_only_where_nothing_is_missing() {
        let percent = |passed, of| Ratio { passed, of, cannot_tell: 0 }.percent();
        assert_eq!(percent(0, 0), None);
        assert_eq!(percent(0, 7).as_deref(), Some("0"));
        assert_eq!(percent(7, 7).as_deref(), Some("100"));
        assert_eq!(percent(9_999, 10_000).as_deref(), Some("99.99"));
        assert_eq!(percent(99_999_999, 100_000_000).as_deref(), Some("99.99"));
        assert_eq!(percent(u64::MAX - 1, u64::MAX).as_deref(), Some("99.99"));
        assert_eq!(percent(1, 100_000).as_deref(), Some("<0.01"));
        assert_eq!(percent(1, 3).as_deref(), Some("33.33"));
        assert_eq!(percent(1, 20).as_deref(), Some("5.00"));
    }
}
