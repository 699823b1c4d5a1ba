//! Which exhibits belong to one snapshot, and which tenant they speak of (design, sections 2 and 7).
//!
//! Logs define no snapshot and move none: they belong to that of the objects that were exported with them, or to none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{Exhibit, Snapshot};
use crate::model::{CaptureTime, Interval};

/// Captures that lie further apart than this are different snapshots where neither hand nor folder says.
const GAP: SignedDuration = SignedDuration::from_hours(6);

/// What unites exhibits before their tenant is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Bond {
    Named(String),
    Dated(Interval),
    Timed(usize),
    Root(usize),
}

/// What the snapshots need to know of an exhibit.
#[derive(Debug)]
pub(super) struct Member {
    /// Evidence argument that it is below.
    pub(super) root: usize,
    /// Label given by hand.
    pub(super) named: Option<String>,
    /// Ids of its `organization` objects.
    pub(super) tenants: Vec<String>,
    /// Whether it holds nothing but records of logs.
    pub(super) is_log: bool,
}

/// Puts every exhibit into a snapshot; gives the snapshots in order of (tenant, time, label) and warnings' facts:
/// folders whose snapshot names several tenants.
pub(super) fn unite(exhibits: &mut [Exhibit], members: &[Member]) -> (Vec<Snapshot>, Vec<String>) {
    let bonds = bonds(exhibits, members);
    let mut tenants_of: BTreeMap<&(String, Bond), BTreeSet<&String>> = BTreeMap::new();
    for (bond, member) in bonds.iter().zip(members) {
        if let Some(bond) = bond {
            tenants_of.entry(bond).or_default().extend(&member.tenants);
        }
    }
    let mut torn = Vec::new();
    let mut groups: BTreeMap<(String, Bond), Vec<usize>> = BTreeMap::new();
    for (position, bond) in bonds.iter().enumerate() {
        let Some(bond) = bond else { continue };
        let found = tenants_of.get(bond);
        let tenant = match found.map(|tenants| (tenants.len(), tenants.first())) {
            Some((1, Some(tenant))) => (*tenant).clone(),
            Some((2.., _)) => {
                torn.extend(exhibits.get(position).map(|exhibit| exhibit.place.folder.clone()));
                bond.0.clone()
            }
            _ => bond.0.clone(),
        };
        groups.entry((tenant, bond.1.clone())).or_default().push(position);
    }
    let mut snapshots: Vec<(Snapshot, Vec<usize>)> = groups
        .into_iter()
        .map(|((tenant, bond), positions)| {
            let is_log = |position: &usize| members.get(*position).is_some_and(|m| m.is_log);
            let (_, of_objects): (Vec<usize>, Vec<usize>) =
                positions.iter().copied().partition(is_log);
            (describe(tenant, &bond, &of_objects, exhibits), positions)
        })
        .collect();
    snapshots.sort_by(|(a, _), (b, _)| {
        let key = |s: &Snapshot| {
            (s.tenant.clone(), s.interval.map(|i| (i.start, i.end)), s.label.clone())
        };
        key(a).cmp(&key(b))
    });
    let mut ordered = Vec::with_capacity(snapshots.len());
    let mut position_in_tenant = 0;
    let mut tenant_before: Option<String> = None;
    for (place, (mut snapshot, positions)) in snapshots.into_iter().enumerate() {
        if tenant_before.as_ref() != Some(&snapshot.tenant) {
            position_in_tenant = 0;
            tenant_before = Some(snapshot.tenant.clone());
        }
        position_in_tenant += 1;
        snapshot.position = position_in_tenant;
        for position in positions {
            if let Some(exhibit) = exhibits.get_mut(position) {
                exhibit.snapshot = place;
            }
        }
        ordered.push(snapshot);
    }
    torn.sort();
    torn.dedup();
    (ordered, torn)
}

/// What unites each exhibit to others; nothing for logs that no objects were exported with.
fn bonds(exhibits: &[Exhibit], members: &[Member]) -> Vec<Option<(String, Bond)>> {
    let mut timed: Vec<(String, CaptureTime, usize)> = Vec::new();
    let mut bonds: Vec<(String, Bond)> = exhibits
        .iter()
        .zip(members)
        .enumerate()
        .map(|(position, (exhibit, member))| {
            let tenant = exhibit.place.tenant.clone().unwrap_or_default();
            let bond = if let Some(label) = &member.named {
                Bond::Named(label.clone())
            } else if let Some((_, interval)) = &exhibit.place.dated_folder {
                Bond::Dated(*interval)
            } else if let Some(time) = exhibit.time {
                if !member.is_log {
                    timed.push((tenant.clone(), time, position));
                }
                Bond::Timed(position)
            } else {
                Bond::Root(member.root)
            };
            (tenant, bond)
        })
        .collect();
    timed.sort_by(|a, b| (&a.0, a.1.interval, a.2).cmp(&(&b.0, b.1.interval, b.2)));
    let mut cluster = 0_usize;
    let mut reach: Option<(String, jiff::Timestamp)> = None;
    let mut clusters: Vec<(String, Interval, usize)> = Vec::new();
    let mut last_written: Option<jiff::Timestamp> = None;
    for (tenant, time, position) in timed {
        let written = time.interval.without_zone();
        let apart = reach.as_ref().is_none_or(|(before, end)| {
            // Two clocks of one unknown zone lie as far apart as they say.
            let distance = match (last_written, written) {
                (Some(last), Some(written)) => written.duration_since(last),
                _ => time.interval.start.duration_since(*end),
            };
            *before != tenant || distance >= GAP
        });
        if apart {
            cluster = position;
        }
        let end = reach
            .filter(|(before, _)| *before == tenant && !apart)
            .map_or(time.interval.end, |(_, end)| end.max(time.interval.end));
        match clusters.last_mut().filter(|_| !apart) {
            Some((_, interval, _)) => *interval = interval.hull(time.interval),
            None => clusters.push((tenant.clone(), time.interval, cluster)),
        }
        reach = Some((tenant, end));
        last_written = written;
        if let Some(bond) = bonds.get_mut(position) {
            bond.1 = Bond::Timed(cluster);
        }
    }
    let of_objects: BTreeSet<(String, Bond)> = bonds
        .iter()
        .zip(members)
        .filter(|(_, m)| !m.is_log)
        .map(|(bond, _)| bond.clone())
        .collect();
    let of_log = |(tenant, bond): (String, Bond), exhibit: &Exhibit| {
        let bond = match (bond, exhibit.time) {
            (Bond::Timed(_), Some(time)) => {
                Bond::Timed(nearest(&clusters, &tenant, time.interval)?)
            }
            (bond, _) => bond,
        };
        Some((tenant, bond)).filter(|bond| of_objects.contains(bond))
    };
    let all = bonds.into_iter().zip(members).zip(exhibits);
    all.map(
        |((bond, member), exhibit)| {
            if member.is_log { of_log(bond, exhibit) } else { Some(bond) }
        },
    )
    .collect()
}

/// The cluster of captures that a log was exported with: the nearest one of the tenant, if it is near enough.
fn nearest(clusters: &[(String, Interval, usize)], tenant: &str, of: Interval) -> Option<usize> {
    let own = clusters.iter().filter(|(name, _, _)| name == tenant);
    let apart = |interval: &Interval| {
        let before = interval.start.duration_since(of.end);
        before.max(of.start.duration_since(interval.end)).max(SignedDuration::ZERO)
    };
    let near = own.map(|(_, interval, cluster)| (apart(interval), *cluster));
    near.filter(|(distance, _)| *distance < GAP).min().map(|(_, cluster)| cluster)
}

fn describe(tenant: String, bond: &Bond, positions: &[usize], exhibits: &[Exhibit]) -> Snapshot {
    let own = || positions.iter().filter_map(|position| exhibits.get(*position));
    let times: Vec<CaptureTime> = own().filter_map(|exhibit| exhibit.time).collect();
    let interval = times.iter().map(|time| time.interval).reduce(Interval::hull);
    let label = match bond {
        Bond::Named(label) => label.clone(),
        Bond::Dated(_) => own()
            .filter_map(|exhibit| exhibit.place.dated_folder.as_ref())
            .map(|(text, _)| text.clone())
            .min()
            .unwrap_or_default(),
        Bond::Timed(_) => interval.map(|interval| interval.start.to_string()).unwrap_or_default(),
        Bond::Root(_) => own()
            .map(|exhibit| exhibit.shown.split('/').next().unwrap_or_default().to_owned())
            .min()
            .unwrap_or_default(),
    };
    Snapshot {
        tenant,
        label,
        position: 0,
        interval,
        time_source: times.iter().map(|time| time.source).max(),
    }
}
