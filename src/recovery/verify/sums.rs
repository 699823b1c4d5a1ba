//! Sums over the rows of a verification: totals, what the job says beside them, time to clean, what was not collected.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::steps::is_of_link;
use crate::directory::{BinKind, Catalogue, RecoverableProperty};
use crate::model::{
    Analysis, Clean, CoverageState, Intent, JobRow, ReconciledRow, Recoverability, SnapshotRow,
    Verdict, VerdictReason, VerdictRow, Window,
};

/// Objects by verdict.
pub(super) fn totals(rows: &[VerdictRow]) -> BTreeMap<Verdict, u64> {
    let mut totals = BTreeMap::new();
    for row in rows {
        *totals.entry(row.verdict).or_default() += row.objects;
    }
    totals
}

/// From the first damage to the last thing that became good again.
pub(super) fn clean(rows: &[VerdictRow]) -> Clean {
    let damage =
        || rows.iter().filter(|row| !matches!(row.intent, Intent::Legitimate | Intent::Untouched));
    let cleaned = || damage().filter_map(|row| row.clean_between);
    // What no snapshot collected is not known to have been damaged.
    let known = |row: &&VerdictRow| !row.object_id.is_empty();
    let open =
        damage().filter(known).filter(|row| !row.verdict.is_pass()).map(|row| row.objects).sum();
    Clean {
        damaged: Window {
            not_before: damage()
                .filter(known)
                .filter_map(|row| row.damaged_between.not_before)
                .min(),
            not_after: damage().filter(known).filter_map(|row| row.damaged_between.not_after).min(),
        },
        clean: Window {
            not_before: cleaned().filter_map(|window| window.not_before).max(),
            not_after: cleaned().filter_map(|window| window.not_after).max(),
        },
        open,
    }
}

/// What the jobs count beside what the evidence shows.
pub(super) fn reconcile(
    jobs: &[&JobRow],
    rows: &[VerdictRow],
    failed: usize,
) -> Vec<ReconciledRow> {
    if jobs.is_empty() {
        return Vec::new();
    }
    let sum = |count: fn(&JobRow) -> Option<u64>| {
        let counts: Option<Vec<u64>> = jobs.iter().map(|job| count(job)).collect();
        counts.map(|counts| counts.into_iter().sum::<u64>())
    };
    let number = |count: usize| u64::try_from(count).ok();
    let is_link = |row: &&VerdictRow| is_of_link(row);
    let recovers =
        |row: &&VerdictRow| row.recoverability.is_some_and(Recoverability::is_recoverable);
    let objects = |rows: &mut dyn Iterator<Item = &VerdictRow>| {
        let distinct: BTreeSet<(&str, &str)> =
            rows.map(|row| (row.object_type.as_str(), row.object_id.as_str())).collect();
        number(distinct.len())
    };
    let good = || {
        rows.iter().filter(|row| {
            matches!(row.verdict, Verdict::EqualsGood | Verdict::LegitimateChangeLost)
        })
    };
    let open = rows.iter().filter(|row| row.verdict == Verdict::CannotTell).count();
    let moving =
        "the service computes anew when a recovery starts, and the good snapshot is not its backup";
    let untold = format!("{open} rows cannot be told; objects count once each here");
    let listed = number(failed);
    let failures = sum(|job| job.failed_changes);
    vec![
        ReconciledRow {
            what: "objects to change, in scope and recoverable".to_owned(),
            job: sum(|job| job.changed_objects_calculated),
            evidence: objects(&mut rows.iter().filter(recovers).filter(|row| !is_link(row))),
            explanation: moving.to_owned(),
        },
        ReconciledRow {
            what: "links to change, in scope and recoverable".to_owned(),
            job: sum(|job| job.changed_links_calculated),
            evidence: number(rows.iter().filter(recovers).filter(is_link).count()),
            explanation: moving.to_owned(),
        },
        ReconciledRow {
            what: "objects changed, and good again".to_owned(),
            job: sum(|job| job.objects_modified),
            evidence: objects(&mut good().filter(|row| !is_link(row))),
            explanation: untold.clone(),
        },
        ReconciledRow {
            what: "links changed, and good again".to_owned(),
            job: sum(|job| job.links_modified),
            evidence: number(good().filter(is_link).count()),
            explanation: untold,
        },
        ReconciledRow {
            what: "failed changes, and those listed".to_owned(),
            job: failures,
            evidence: listed,
            explanation: match (failures, listed) {
                (Some(0) | None, _) => String::new(),
                (Some(_), Some(0)) => "the list of failed changes is not in the evidence: which failed cannot be told; GET /directory/recovery/snapshots/{id}/recoveryJobs/{job}/getFailedChanges".to_owned(),
                (Some(count), Some(listed)) if count != listed => {
                    "one object of the list may stand for several failed changes".to_owned()
                }
                _ => String::new(),
            },
        },
    ]
}

/// Rows for the supported properties that one of the three snapshots (with the reason that says which) did not collect. Each
/// counts once, for however many objects.
pub(super) fn uncollected(
    analysis: &Analysis,
    catalogue: &Catalogue,
    (tenant, labels): (&str, &[(String, VerdictReason)]),
    objection: Option<VerdictReason>,
) -> Vec<VerdictRow> {
    let known = Collected::of(analysis, tenant);
    let mut rows = Vec::new();
    let blank = |object_type: &str, reason: VerdictReason| VerdictRow {
        tenant_id: tenant.to_owned(),
        object_type: object_type.to_owned(),
        reason: Some(objection.unwrap_or(reason)),
        ..VerdictRow::default()
    };
    let names = |missed: &[&(String, VerdictReason)]| {
        let names: Vec<&str> = missed.iter().map(|(label, _)| label.as_str()).collect();
        names.join(", ")
    };
    for of_type in catalogue.recovery_types().iter().filter(|of| of.part_of.is_empty()) {
        let name = &of_type.name;
        let lists = |label: &str| known.objects(label, name) > 0 || known.collects(label, name, "");
        let unlisted: Vec<_> = labels.iter().filter(|(label, _)| !lists(label)).collect();
        if let Some((_, reason)) = unlisted.first() {
            rows.push(VerdictRow {
                detail: format!("the type was not collected in {}", names(&unlisted)),
                next_export: catalogue
                    .collection_of(name)
                    .map(|path| format!("GET /{path}"))
                    .unwrap_or_default(),
                ..blank(name, *reason)
            });
        }
        if unlisted.len() == labels.len() && of_type.bin != BinKind::Singleton {
            continue;
        }
        for property in told_apart(catalogue, name) {
            let member = property.property.split('.').next().unwrap_or_default();
            let collects = |label: &str| known.collects(label, &property.carrier, member);
            let missed: Vec<_> =
                labels.iter().filter(|(label, _)| lists(label) && !collects(label)).collect();
            let Some((_, reason)) = missed.first() else { continue };
            let path = &property.property;
            let detail = format!("not collected in {}. {}", names(&missed), property.note);
            rows.push(VerdictRow {
                attribute: if path.is_empty() { &property.documented } else { path }.clone(),
                detail: detail.trim_end_matches([' ', '.']).to_owned(),
                next_export: property.request.clone(),
                ..blank(name, *reason)
            });
        }
    }
    rows
}

/// The supported properties of a type that its records could show, each once: not what identifies or dates them.
fn told_apart<'c>(
    catalogue: &'c Catalogue,
    object_type: &str,
) -> impl Iterator<Item = &'c RecoverableProperty> {
    let mut met = BTreeSet::new();
    catalogue.supported_properties(object_type).filter(move |property| {
        let compared = catalogue.attribute(&property.carrier, &property.property);
        let named =
            if property.property.is_empty() { &property.documented } else { &property.property };
        let told = property.property != "id" && !compared.ignored && !compared.volatile;
        told && property.object.is_empty() && met.insert(named.clone())
    })
}

/// What the snapshots of a tenant collected.
struct Collected<'a> {
    tenant: &'a str,
    analysis: &'a Analysis,
    /// (label, type, attribute)
    states: HashMap<(&'a str, &'a str, &'a str), CoverageState>,
}

impl<'a> Collected<'a> {
    fn of(analysis: &'a Analysis, tenant: &'a str) -> Self {
        let whole = analysis
            .coverage
            .iter()
            .filter(|row| row.tenant_id == tenant && row.is_whole_picture());
        let states =
            whole.map(|row| ((&*row.snapshot, &*row.object_type, &*row.attribute), row.state));
        Self { tenant, analysis, states: states.collect() }
    }

    fn objects(&self, label: &str, object_type: &str) -> u64 {
        let of = |row: &&SnapshotRow| row.tenant_id == self.tenant && row.label == label;
        let row = self.analysis.snapshots.iter().find(of);
        row.and_then(|row| row.objects.get(object_type)).copied().unwrap_or(0)
    }

    fn collects(&self, label: &str, object_type: &str, member: &str) -> bool {
        let state = self.states.get(&(label, object_type, member));
        matches!(
            state,
            Some(CoverageState::Collected | CoverageState::Empty | CoverageState::Partial)
        )
    }
}
