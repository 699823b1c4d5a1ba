//! What the series of captures itself tells: holes between snapshots, captures that took long, lists read several times, and
//! requests that changed from one snapshot to the next.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::directory::Catalogue;
use crate::index::{Capture, Index, Listing};
use crate::intake::Subject;
use crate::model::{CoverageRow, CoverageState, Interval};

/// A snapshot that took longer than this is said, and one that took a tenth of the way to its neighbour.
const LONG: SignedDuration = SignedDuration::from_hours(1);
/// What took no longer is never said: one export of a small tenant.
const SHORT: SignedDuration = SignedDuration::from_mins(5);
/// Names in a sentence.
const NAMED: usize = 4;

/// A statement with its code.
pub(super) type Remark = (&'static str, String);

/// Everything the series tells, by tenant and snapshot.
pub(super) fn remarks(
    index: &Index,
    catalogue: &Catalogue,
    coverage: &[CoverageRow],
) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let several = index.tenants.len() > 1;
    let mut say = |tenant: &str, (code, message): Remark| {
        let name = if tenant.is_empty() { "unknown" } else { tenant };
        remarks.push((code, if several { format!("tenant {name}: {message}") } else { message }));
    };
    for tenant in &index.tenants {
        holes(index, tenant).into_iter().for_each(|remark| say(tenant, remark));
    }
    for (place, snapshot) in index.snapshots.iter().enumerate() {
        let of_snapshot = smear(index, place).into_iter().chain(untimed(index, place));
        let of_snapshot = of_snapshot.chain(again(index, catalogue, place));
        of_snapshot.for_each(|remark| say(&snapshot.tenant, remark));
    }
    grown(index, coverage).into_iter().for_each(|(tenant, remark)| say(&tenant, remark));
    remarks
}

/// When a capture began, as its stamp is written: a stamp without zone stands for an interval around it.
fn clock(interval: Interval) -> String {
    let zoneless = Interval::unzoned(interval.start);
    let reach = zoneless.end.duration_since(interval.start);
    let middle = interval.start.checked_add(reach).ok();
    match middle.filter(|middle| Interval::unzoned(*middle) == interval) {
        Some(written) => format!("{} (no zone)", written.to_string().trim_end_matches('Z')),
        None => interval.start.to_string(),
    }
}

/// `49 h`, `3,216 h`, `20 min`.
fn span(duration: SignedDuration) -> String {
    match duration.as_hours() {
        0 => format!("{} min", duration.as_mins()),
        hours if duration.as_mins() % 60 == 0 || hours >= 10 => format!("{hours} h"),
        hours => format!("{hours} h {} min", duration.as_mins() % 60),
    }
}

/// Up to some names, and how many more there are.
fn some(names: &BTreeSet<&str>) -> String {
    let shown: Vec<&str> = names.iter().copied().take(NAMED).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A distance between snapshots that is unlike the others.
fn holes(index: &Index, tenant: &str) -> Vec<Remark> {
    let dated: Vec<(&str, Timestamp)> = index
        .snapshots
        .iter()
        .filter(|snapshot| snapshot.tenant == tenant)
        .filter_map(|snapshot| Some((snapshot.label.as_str(), snapshot.interval?.start)))
        .collect();
    let mut steps: Vec<(SignedDuration, &str, &str)> = dated
        .windows(2)
        .filter_map(|pair| match pair {
            [(from, a), (to, b)] => Some((b.duration_since(*a), *from, *to)),
            _ => None,
        })
        .collect();
    let in_order = steps.clone();
    steps.sort_unstable();
    let Some((usual, ..)) = steps.get(steps.len().saturating_sub(1) / 2).copied() else {
        return Vec::new();
    };
    let near = |step: SignedDuration| {
        let off = (step - usual).abs();
        off * 4 <= usual
    };
    let regular = steps.iter().filter(|(step, ..)| near(*step)).count() * 2 > steps.len();
    if steps.len() < 2 || usual.is_zero() {
        return Vec::new();
    }
    if regular {
        let long = |step: SignedDuration| step * 2 > usual * 3;
        return in_order
            .iter()
            .filter(|(step, ..)| long(*step))
            .map(|(step, from, to)| {
                let missing = (step.as_secs() + usual.as_secs() / 2) / usual.as_secs().max(1) - 1;
                let lack = match missing {
                    ..=0 => String::new(),
                    1 => ": one snapshot is missing".to_owned(),
                    more => format!(": {more} snapshots are missing"),
                };
                let message = format!(
                    "between snapshots `{from}` and `{to}` lie {}, where {} are usual{lack}",
                    span(*step),
                    span(usual)
                );
                ("snapshot-gap", message)
            })
            .collect();
    }
    let (Some(shortest), Some(longest)) = (steps.first(), steps.last()) else { return Vec::new() };
    let message = format!(
        "snapshots lie at uneven distances: from {} (`{}` to `{}`) to {} (`{}` to `{}`)",
        span(shortest.0),
        shortest.1,
        shortest.2,
        span(longest.0),
        longest.1,
        longest.2
    );
    if longest.0 > shortest.0 * 3 / 2 { vec![("snapshot-gap", message)] } else { Vec::new() }
}

/// The captures of a snapshot: captures are in the order of snapshots.
fn captures(index: &Index, place: usize) -> impl Iterator<Item = &Capture> {
    let start = index.captures.partition_point(|capture| capture.snapshot < place);
    index.captures.iter().skip(start).take_while(move |capture| capture.snapshot == place)
}

/// The type that a capture is about; `None` for links and what has no type.
fn subject(index: &Index, capture: &Capture) -> Option<String> {
    let request = &index.requests.get(*capture.requests.first()?)?.request;
    match &request.subject {
        Subject::Objects { object_type, bin: true } => Some(format!("{object_type}/deletedItems")),
        Subject::Objects { object_type, bin: false }
        | Subject::ObjectsOf { object_type, .. }
        | Subject::Part { object_type, .. } => Some(object_type.clone()),
        Subject::Links { parent_type, relation, .. } => Some(format!("{parent_type}.{relation}")),
        Subject::Untyped { .. } | Subject::Orphan { .. } => None,
    }
}

/// A snapshot whose captures lie far apart.
fn smear(index: &Index, place: usize) -> Option<Remark> {
    let snapshot = index.snapshots.get(place)?;
    let timed = || captures(index, place).filter_map(|c| Some((c.interval?, c)));
    let earliest = timed().map(|(interval, _)| interval).min_by_key(|interval| interval.start)?;
    let latest = timed().map(|(interval, _)| interval).max_by_key(|interval| interval.start)?;
    let (first, last) = (earliest.start, latest.start);
    let took = last.duration_since(first);
    let start = |other: Option<usize>| {
        let other = index.snapshots.get(other?)?;
        (other.tenant == snapshot.tenant).then_some(other.interval?.start)
    };
    let neighbours = [start(place.checked_sub(1)), start(place.checked_add(1))];
    let nearest =
        neighbours.into_iter().flatten().map(|other| other.duration_since(first).abs()).min();
    let much = took > LONG || nearest.is_some_and(|nearest| took * 10 > nearest);
    if took <= SHORT || !much {
        return None;
    }
    let at = |time: Timestamp| {
        let read = timed().filter(|(interval, _)| interval.start == time);
        let types: BTreeSet<String> = read.filter_map(|(_, c)| subject(index, c)).collect();
        let names = some(&types.iter().map(String::as_str).collect());
        if names.is_empty() { "what has no type".to_owned() } else { names }
    };
    let message = format!(
        "the captures of snapshot `{}` began from {} to {} ({}): {} first, {} last; what changed in between may be in one and not in the other",
        snapshot.label,
        clock(earliest),
        clock(latest),
        span(took),
        at(first),
        at(last)
    );
    Some(("capture-smear", message))
}

/// A snapshot some of whose captures carry no time.
fn untimed(index: &Index, place: usize) -> Option<Remark> {
    let snapshot = index.snapshots.get(place)?;
    snapshot.interval?;
    let all = captures(index, place).count();
    let without: Vec<&Capture> =
        captures(index, place).filter(|capture| capture.interval.is_none()).collect();
    if without.is_empty() {
        return None;
    }
    let types: BTreeSet<String> =
        without.iter().filter_map(|capture| subject(index, capture)).collect();
    let message = format!(
        "{} of {all} captures of snapshot `{}` carry no time: {}",
        without.len(),
        snapshot.label,
        some(&types.iter().map(String::as_str).collect())
    );
    Some(("time-unknown", message))
}

/// Lists that a snapshot holds several times, one after the other.
fn again(index: &Index, catalogue: &Catalogue, place: usize) -> Vec<Remark> {
    let Some(snapshot) = index.snapshots.get(place) else { return Vec::new() };
    let mut lists: BTreeMap<(String, &str, &str), BTreeSet<Interval>> = BTreeMap::new();
    for capture in captures(index, place) {
        let whole = matches!(capture.listing, Listing::Live | Listing::Bin);
        let of = subject(index, capture).filter(|_| whole && capture.parent.is_empty());
        let (Some(of), Some(interval)) = (of, capture.interval) else { continue };
        if catalogue.object_type(&of).is_some_and(|known| known.event || known.service_record) {
            continue;
        }
        let times = lists.entry((of, &capture.shape, &capture.scope)).or_default();
        times.insert(interval);
    }
    let mut by_times: BTreeMap<BTreeSet<Interval>, BTreeSet<String>> = BTreeMap::new();
    for ((of, ..), times) in lists {
        if times.len() > 1 {
            by_times.entry(times).or_default().insert(of);
        }
    }
    let told = by_times.into_iter().map(|(times, types)| {
        let shown: Vec<String> =
            times.iter().take(NAMED).map(|interval| clock(*interval)).collect();
        let more = match times.len() - shown.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let ordered: Vec<&Interval> = times.iter().collect();
        let apart = ordered.windows(2).all(|pair| matches!(pair, [a, b] if a.end < b.start));
        let taken = if apart {
            "each is an observation of its own"
        } else {
            "which came first cannot be told while their stamps have no zone; --evidence-tz gives one"
        };
        let message = format!(
            "snapshot `{}` holds {} lists of {}, of {}{more}: {taken}",
            snapshot.label,
            times.len(),
            some(&types.iter().map(String::as_str).collect()),
            shown.join(", ")
        );
        ("list-read-again", message)
    });
    let told: Vec<Remark> = told.collect();
    // Many different sets of times are said by their number.
    if told.len() <= NAMED {
        return told;
    }
    let rest = told.len() - NAMED;
    let mut kept: Vec<Remark> = told.into_iter().take(NAMED).collect();
    let message =
        format!("snapshot `{}` holds {rest} more groups of lists several times", snapshot.label);
    kept.push(("list-read-again", message));
    kept
}

/// By type and attribute.
type States<'a> = BTreeMap<(&'a str, &'a str), CoverageState>;

/// Types and attributes that one snapshot asked for and the one before it did not, or the other way round.
fn grown(index: &Index, coverage: &[CoverageRow]) -> Vec<(String, Remark)> {
    let mut remarks = Vec::new();
    let mut rows: BTreeMap<(&str, &str), States<'_>> = BTreeMap::new();
    for row in coverage.iter().filter(|row| row.is_whole_picture() && row.sources.is_none()) {
        let of_snapshot = rows.entry((&row.tenant_id, &row.snapshot)).or_default();
        of_snapshot.insert((&row.object_type, &row.attribute), row.state);
    }
    let nothing = BTreeMap::new();
    for pair in index.snapshots.windows(2) {
        let [a, b] = pair else { continue };
        if a.tenant != b.tenant {
            continue;
        }
        let before = rows.get(&(a.tenant.as_str(), a.label.as_str())).unwrap_or(&nothing);
        let after = rows.get(&(b.tenant.as_str(), b.label.as_str())).unwrap_or(&nothing);
        let turned = |from: CoverageState, to: CoverageState| {
            from == CoverageState::NotRequested
                && matches!(
                    to,
                    CoverageState::Collected | CoverageState::Partial | CoverageState::Empty
                )
        };
        let mut told = |came: bool| {
            let (mut types, mut attributes) = (BTreeSet::new(), BTreeMap::new());
            for ((object_type, attribute), old) in before {
                let Some(new) = after.get(&(*object_type, *attribute)) else { continue };
                if !(if came { turned(*old, *new) } else { turned(*new, *old) }) {
                    continue;
                }
                if attribute.is_empty() {
                    types.insert(*object_type);
                } else {
                    attributes.entry(*object_type).or_insert_with(BTreeSet::new).insert(*attribute);
                }
            }
            let mut parts = Vec::new();
            if !types.is_empty() {
                parts.push(some(&types));
            }
            parts.extend(attributes.iter().map(|(of, names)| format!("of {of}: {}", some(names))));
            if parts.is_empty() {
                return;
            }
            let parts = parts.join("; ");
            let message = if came {
                format!("snapshot `{}` asked for what `{}` did not: {parts}", b.label, a.label)
            } else {
                format!("snapshot `{}` did not ask for what `{}` has: {parts}", b.label, a.label)
            };
            remarks.push((a.tenant.clone(), ("request-changed", message)));
        };
        told(true);
        told(false);
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_in_hours() {
        let told = |minutes: i64| span(SignedDuration::from_mins(minutes));
        assert_eq!(told(20), "20 min");
        assert_eq!(told(48 * 60), "48 h");
        assert_eq!(told(321), "5 h 21 min");
    }

    #[test]
    fn names_beyond_some_are_counted() {
        let names = BTreeSet::from(["a", "b", "c", "d", "e", "f"]);
        assert_eq!(some(&names), "a, b, c, d and 2 more");
    }
}
