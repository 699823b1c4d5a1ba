//! `diff`: the difference report between two snapshots, and what of it each output format shows.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::args::{DiffArgs, DiffFormat};
use super::exit::Failure;
use super::progress::Progress;
use super::verbs::{self, Outcome, out, to_stdout};
use super::{custody, scope, select};
use crate::directory::catalogue;
use crate::history::between;
use crate::model::{Analysis, Change, DifferenceReport, RecoveryAction, SnapshotRow};
use crate::recovery::difference::{self, Compared};
use crate::report::{self, terminal};

/// The places of the snapshots to compare, by tenant.
type Bounds = BTreeMap<String, (usize, usize)>;

/// Compares, and prints.
pub(super) fn diff(args: &DiffArgs, progress: &Progress) -> Outcome {
    let key = custody::key_of(args.redact.as_deref(), &args.evidence.paths, None)?;
    let analysis = verbs::listed(&args.evidence, &[], progress)?;
    let bounds = bounds(args, &analysis)?;
    let mut changes = net(&analysis, &bounds);
    changes.retain(|change| scope::holds(&args.scope, change, false));
    let mut reports =
        difference::reports(&changes, &compared(&analysis.snapshots, &bounds), catalogue());
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

/// The net changes between the snapshots of each tenant.
fn net(analysis: &Analysis, bounds: &Bounds) -> Vec<Change> {
    let places: BTreeMap<(&str, &str), usize> = analysis
        .snapshots
        .iter()
        .map(|row| ((&*row.tenant_id, &*row.label), row.position))
        .collect();
    let position = |tenant: &str, label: &str| places.get(&(tenant, label)).copied();
    between(&analysis.changes, &position, &|tenant| bounds.get(tenant).copied())
}

/// The difference report of the first against the last snapshot of each tenant that has several.
pub(super) fn first_against_last(analysis: &Analysis) -> Vec<DifferenceReport> {
    let mut bounds = Bounds::new();
    for row in &analysis.snapshots {
        let (_, last) = bounds.entry(row.tenant_id.clone()).or_insert((1, 1));
        *last = row.position.max(*last);
    }
    bounds.retain(|_, (first, last)| first < last);
    let compared = compared(&analysis.snapshots, &bounds);
    difference::reports(&net(analysis, &bounds), &compared, catalogue())
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
            (tenant.clone(), Compared { from: label(from), to: label(to), backup })
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
fn bounds(args: &DiffArgs, analysis: &Analysis) -> Result<Bounds, Failure> {
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
        match (find(&args.from, 1), find(&args.to, snapshots.len())) {
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
