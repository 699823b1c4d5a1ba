//! `diff`: the difference report between two snapshots, and what of it each output format shows.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::args::{DiffArgs, DiffFormat};
use super::exit::Failure;
use super::progress::Progress;
use super::verbs::{self, Outcome, out, to_stdout};
use super::{custody, scope, select};
use crate::directory::catalogue;
use crate::history;
use crate::index::Index;
use crate::model::{
    Analysis, Change, ConflictRow, DifferenceReport, JobScope, Receipt, RecoveryAction, SnapshotRow,
};
use crate::recovery::Judge;
use crate::recovery::difference::{self, Compared};
use crate::recovery::lists::{ServiceList, list_of_backup};
use crate::recovery::rebuild::{Rebuilt, rebuild};
use crate::report::{self, terminal};

/// Disagreements between a dump and a list that are written out.
const CONFLICTS: usize = 20;

/// The places of the snapshots to compare, by tenant.
type Bounds = BTreeMap<String, (usize, usize)>;

/// Compares, and prints.
pub(super) fn diff(args: &DiffArgs, progress: &Progress) -> Outcome {
    let key = custody::key_of(args.redact.as_deref(), &args.evidence.paths, None)?;
    let (index, analysis) = verbs::compared(&args.evidence, &[], progress)?;
    let (mut changes, compared, remarks) = differences(args, &index, &analysis)?;
    let rows = (&*analysis.changes, &*changes);
    Judge::gather_for(&index, catalogue(), rows, analysis.as_of)?.set(&mut changes);
    verbs::told(index, progress);
    if key.is_none() {
        say(&remarks);
    }
    changes.retain(|change| scope::holds(&args.scope, change, false));
    let mut reports = difference::reports(&changes, &compared, catalogue());
    custody::redact_difference(key.as_ref(), &mut changes, &mut reports)?;
    match args.format {
        DiffFormat::Table => print(&changes, &reports)?,
        DiffFormat::Csv => to_stdout(|stdout| report::write_changes(&changes, stdout))?,
        DiffFormat::Json => {
            let actions = actions(&reports);
            let action = |change: &Change| {
                let object = (&*change.tenant_id, &*change.object_type, &*change.object_id);
                actions.get(&object).copied()
            };
            to_stdout(|stdout| report::json::write_difference(&changes, &action, stdout))?;
        }
        DiffFormat::Graph => print_graph(&reports)?,
    }
    Ok(verbs::verdict(&analysis))
}

/// What differs, what was compared in each tenant, and what to say of it.
type Differences = (Vec<Change>, BTreeMap<String, Compared>, Vec<String>);

/// Differences between two snapshots of each tenant; where the earlier one is a backup of the service, and a whole change list
/// of it is in the evidence, between the backup and the later snapshot.
fn differences(
    args: &DiffArgs,
    index: &Index,
    analysis: &Analysis,
) -> Result<Differences, Failure> {
    let mut remarks = Vec::new();
    let Some(backup) = args.from.as_deref().and_then(|word| hidden_backup(word, analysis)) else {
        let bounds = bounds((&args.from, &args.to), analysis)?;
        return Ok((
            history::net(analysis, &|tenant| bounds.get(tenant).copied()),
            compared(&analysis.snapshots, &bounds),
            remarks,
        ));
    };
    let ends = bounds((&None, &args.to), analysis)?;
    let (mut changes, mut of_tenants) = (Vec::new(), BTreeMap::new());
    for (tenant, (_, to)) in &ends {
        let list = list_of_backup(analysis, tenant, backup).filter(ServiceList::is_complete);
        let at = |row: &&SnapshotRow| row.tenant_id == *tenant && row.position == *to;
        let (Some(list), Some(dump)) = (list, analysis.snapshots.iter().find(at)) else { continue };
        let rebuilt = rebuild(index, catalogue(), &list, dump)?;
        remarks.extend(of_rebuilt(&list, &rebuilt));
        changes.extend(rebuilt.changes);
        let from = list.backup_id.to_owned();
        let (to, backup) = (dump.label.clone(), Some(backup));
        let compared = Compared { from, to, backup, is_listed: true };
        of_tenants.insert(tenant.clone(), compared);
    }
    if of_tenants.is_empty() {
        let bounds = bounds((&args.from, &args.to), analysis)?;
        let compared = compared(&analysis.snapshots, &bounds);
        remarks.extend(compared.values().map(|compared| {
            format!(
                "no whole change list of that backup is in the evidence: the latest snapshot before it, {}, stands in its place",
                compared.from
            )
        }));
        return Ok((
            history::net(analysis, &|tenant| bounds.get(tenant).copied()),
            compared,
            remarks,
        ));
    }
    changes.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    Ok((changes, of_tenants, remarks))
}

/// The time of the backup that a word names, unless it is the label of a snapshot or a part of one.
fn hidden_backup(word: &str, analysis: &Analysis) -> Option<jiff::Timestamp> {
    let is_label = analysis.snapshots.iter().any(|row| row.label.starts_with(word));
    (!is_label).then(|| select::service_id(word))?
}

/// What the reader of a rebuilt backup has to know.
fn of_rebuilt(list: &ServiceList<'_>, rebuilt: &Rebuilt) -> Vec<String> {
    let mut remarks = vec![format!(
        "the backup is rebuilt from the change list of job {}: it tells of what the service supports only",
        list.job_id
    )];
    match list.scope() {
        JobScope::All => {}
        JobScope::Types(_) | JobScope::Objects(_) => remarks.push(
            "the list is of a job with a filter: what the filter leaves out is not compared"
                .to_owned(),
        ),
        JobScope::Unknown => remarks.push(
            "what its job was limited to is not in the evidence: it may leave out objects"
                .to_owned(),
        ),
    }
    if rebuilt.unread > 0 {
        remarks.push(format!("{} rows of the list do not say what they are about", rebuilt.unread));
    }
    let conflicts = &rebuilt.conflicts;
    if !conflicts.is_empty() {
        remarks.push(format!(
            "{} times the dump and the current state of the list disagree (after means the dump):",
            conflicts.len()
        ));
    }
    remarks.extend(conflicts.iter().take(CONFLICTS).map(conflict));
    if let Some(more) = conflicts.len().checked_sub(CONFLICTS).filter(|more| *more > 0) {
        remarks.push(format!("  and {more} more"));
    }
    remarks
}

fn conflict(row: &ConflictRow) -> String {
    let value = |(value, receipts): &(String, Vec<Receipt>)| {
        let cited: Vec<String> = receipts.iter().map(Receipt::to_string).collect();
        format!("{} [{}]", if value.is_empty() { "(none)" } else { value }, cited.join(";"))
    };
    let values: Vec<String> = row.values.iter().map(value).collect();
    format!("  {} {} {}: {}", row.object_type, row.object_id, row.attribute, values.join(", "))
}

fn say(remarks: &[String]) {
    let mut stderr = io::stderr().lock();
    for remark in remarks {
        drop(writeln!(stderr, "{}", report::text::escaped(remark)));
    }
}

/// The difference report of the first against the last snapshot of each tenant that has several.
pub(super) fn first_against_last(analysis: &Analysis, judge: &Judge<'_>) -> Vec<DifferenceReport> {
    let mut bounds = Bounds::new();
    for row in &analysis.snapshots {
        let (_, last) = bounds.entry(row.tenant_id.clone()).or_insert((1, 1));
        *last = row.position.max(*last);
    }
    bounds.retain(|_, (first, last)| first < last);
    let compared = compared(&analysis.snapshots, &bounds);
    let mut changes = history::net(analysis, &|tenant| bounds.get(tenant).copied());
    judge.set(&mut changes);
    difference::reports(&changes, &compared, catalogue())
}

fn compared(snapshots: &[SnapshotRow], bounds: &Bounds) -> BTreeMap<String, Compared> {
    bounds
        .iter()
        .map(|(tenant, (from, to))| {
            let at = |place: &usize| {
                snapshots.iter().find(|row| row.tenant_id == *tenant && row.position == *place)
            };
            let label = |place| at(place).map(|row| row.label.clone()).unwrap_or_default();
            let backup = at(from).and_then(|row| row.time).map(|time| time.start);
            (
                tenant.clone(),
                Compared { from: label(from), to: label(to), backup, is_listed: false },
            )
        })
        .collect()
}

/// What a recovery does, by (tenant, type, id) of the object.
fn actions(reports: &[DifferenceReport]) -> BTreeMap<(&str, &str, &str), RecoveryAction> {
    let mut actions = BTreeMap::new();
    for report in reports {
        for object in &report.objects {
            let key = (&*report.tenant_id, &*object.object_type, &*object.object_id);
            actions.extend(object.action.map(|action| (key, action)));
        }
    }
    actions
}

/// The reports, and behind them the rows that are no known change of an object of the tenant.
fn print(changes: &[Change], reports: &[DifferenceReport]) -> Result<(), Failure> {
    let style = verbs::style();
    out(&report::difference::difference_text(reports, style))?;
    let others: Vec<Change> =
        changes.iter().filter(|change| !difference::is_difference(change)).cloned().collect();
    if !others.is_empty() {
        out("\nOther rows\n")?;
        out(&terminal::changes_table(&others, style))?;
    }
    drop(writeln!(io::stderr().lock(), "{}", terminal::changes_total(changes)));
    Ok(())
}

/// One page: that of the first tenant in which a recovery has something to do.
fn print_graph(reports: &[DifferenceReport]) -> Result<(), Failure> {
    let touched =
        |report: &&DifferenceReport| report.objects.iter().any(|object| object.action.is_some());
    let none = DifferenceReport::default();
    let chosen = reports.iter().find(touched).or(reports.first()).unwrap_or(&none);
    let list = report::graph::change_list(chosen)?;
    out(&list.json)?;
    let mut stderr = io::stderr().lock();
    for (why, count) in list.left_out {
        drop(writeln!(stderr, "{count} rows `{why}` have no place in a change list"));
    }
    for other in reports.iter().filter(touched).filter(|other| other.tenant_id != chosen.tenant_id)
    {
        let tenant = report::text::escaped(&other.tenant_id).into_owned();
        drop(writeln!(stderr, "a list is of one tenant: --tenant {tenant} writes that of another"));
    }
    Ok(())
}

/// The snapshots to compare, by tenant; a tenant in which a name stands for nothing is left out, all of them is an error.
fn bounds(
    (from, to): (&Option<String>, &Option<String>),
    analysis: &Analysis,
) -> Result<Bounds, Failure> {
    let mut by_tenant: BTreeMap<&str, Vec<&SnapshotRow>> = BTreeMap::new();
    for snapshot in &analysis.snapshots {
        by_tenant.entry(&snapshot.tenant_id).or_default().push(snapshot);
    }
    let mut bounds = BTreeMap::new();
    let mut refused = None;
    for (tenant, snapshots) in by_tenant {
        let find = |word: &Option<String>, default: usize| match word {
            Some(word) => select::snapshot(word, &snapshots).map_err(|no| (word.clone(), no)),
            None => Ok(default),
        };
        match (find(from, 1), find(to, snapshots.len())) {
            (Ok(from), Ok(to)) => {
                bounds.insert(tenant.to_owned(), (from, to));
            }
            (Err(no), _) | (_, Err(no)) => refused = Some(no),
        }
    }
    match (bounds.is_empty(), refused) {
        (true, Some((word, no))) => Err(no_snapshot(analysis, &word, no)),
        _ => Ok(bounds),
    }
}

pub(super) fn no_snapshot(analysis: &Analysis, word: &str, no: select::NoSnapshot) -> Failure {
    let known: Vec<&str> = analysis.snapshots.iter().map(|s| s.label.as_str()).collect();
    let message = match no {
        select::NoSnapshot::Unknown => format!("no snapshot is called `{word}`"),
        select::NoSnapshot::Ambiguous(labels) => {
            format!("`{word}` stands for several snapshots: {}", labels.join(", "))
        }
    };
    let hint =
        format!("known are {}; or count: 1 is the earliest, -1 the latest", known.join(", "));
    Failure::Usage { message, hint }
}
