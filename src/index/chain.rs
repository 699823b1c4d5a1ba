//! Unites the pages of a chain, the files of a folder tree, and whatever else answers one request, to captures.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Capture, Exhibit, IndexedRequest, Listing};
use crate::intake::{Format, Request, Subject};
use crate::model::Interval;

/// What the requests of one capture share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Bond {
    snapshot: usize,
    folder: String,
    context: Option<Arc<str>>,
    subject: Subject,
    /// A list of all, and what changed, are different requests of one context.
    delta: bool,
    /// A text that is a capture by itself.
    alone: Option<usize>,
}

/// Gives every request its capture.
pub(super) fn unite(requests: &mut [IndexedRequest], exhibits: &[Exhibit]) -> Vec<Capture> {
    let mut bonds: BTreeMap<Bond, Vec<usize>> = BTreeMap::new();
    for (position, indexed) in requests.iter().enumerate() {
        let Some(exhibit) = exhibits.get(indexed.exhibit) else { continue };
        let request = &indexed.request;
        let together = matches!(
            request.format,
            Format::GraphPage | Format::ExporterTree | Format::ConfigAsCode
        ) && !matches!(request.subject, Subject::Orphan { .. });
        bonds
            .entry(Bond {
                snapshot: exhibit.snapshot,
                folder: if together { request.folder.clone() } else { String::new() },
                context: together
                    .then(|| request.context.clone())
                    .flatten()
                    .filter(|_| request.format == Format::GraphPage),
                subject: request.subject.clone(),
                delta: request.delta,
                alone: (!together).then_some(position),
            })
            .or_default()
            .push(position);
    }
    let mut captures: Vec<Capture> = bonds
        .into_values()
        .flat_map(|positions| split(positions, requests, exhibits))
        .filter_map(|positions| describe(positions, requests, exhibits))
        .collect();
    captures.sort_by(|a, b| {
        let key = |c: &Capture| (c.snapshot, c.interval, c.requests.first().copied());
        key(a).cmp(&key(b))
    });
    for (position, capture) in captures.iter().enumerate() {
        for request in &capture.requests {
            if let Some(indexed) = requests.get_mut(*request) {
                indexed.capture = position;
            }
        }
    }
    captures
}

fn interval_of(
    position: usize,
    requests: &[IndexedRequest],
    exhibits: &[Exhibit],
) -> Option<Interval> {
    let exhibit = requests.get(position)?.exhibit;
    exhibits.get(exhibit)?.time.map(|time| time.interval)
}

/// Parts the pages of one request that was made several times: a page without next link ends a reading.
fn split(
    mut positions: Vec<usize>,
    requests: &[IndexedRequest],
    exhibits: &[Exhibit],
) -> Vec<Vec<usize>> {
    let request = |position: usize| requests.get(position).map(|indexed| &indexed.request);
    if request(positions.first().copied().unwrap_or(usize::MAX))
        .is_none_or(|request| request.format != Format::GraphPage)
    {
        return vec![positions];
    }
    let start = |position: usize| -> Option<Timestamp> {
        interval_of(position, requests, exhibits).map(|interval| interval.start)
    };
    let ends = |position: usize| request(position).is_some_and(|request| !request.next_link);
    positions.sort_by_key(|position| (start(*position), ends(*position), *position));
    let mut readings = vec![Vec::new()];
    let mut pages = positions.into_iter().peekable();
    while let Some(page) = pages.next() {
        if let Some(reading) = readings.last_mut() {
            reading.push(page);
        }
        let later = pages.peek().is_some_and(
            |next| matches!((start(page), start(*next)), (Some(page), Some(next)) if page < next),
        );
        if ends(page) && later {
            readings.push(Vec::new());
        }
    }
    readings
}

fn describe(
    positions: Vec<usize>,
    requests: &[IndexedRequest],
    exhibits: &[Exhibit],
) -> Option<Capture> {
    let all: Vec<&Request> =
        positions.iter().filter_map(|p| requests.get(*p)).map(|indexed| &indexed.request).collect();
    let first = all.first()?;
    let snapshot = exhibits.get(requests.get(*positions.first()?)?.exhibit)?.snapshot;
    // One page without a time leaves the whole reading without.
    let intervals: Option<Vec<Interval>> =
        positions.iter().map(|position| interval_of(*position, requests, exhibits)).collect();
    let interval = intervals.and_then(|intervals| intervals.into_iter().reduce(Interval::hull));
    let page = first.format == Format::GraphPage;
    let narrowing = all.iter().map(|request| request.narrowing.as_str()).max().unwrap_or_default();
    let delta = all.iter().any(|request| request.delta);
    // Views of one tool differ from each other, and from every other list.
    let view = first.context.as_deref().filter(|_| {
        matches!(
            first.format,
            Format::ExtractorSuite | Format::Hawk | Format::Goose | Format::Mapped
        )
    });
    let family = if page { "graph" } else { view.unwrap_or(first.format.as_str()) };
    let parent = match &first.subject {
        Subject::ObjectsOf { parent_property, parent_id, .. } => {
            format!("{parent_property}:{parent_id}")
        }
        Subject::Objects { .. }
        | Subject::Part { .. }
        | Subject::Links { .. }
        | Subject::Untyped { .. }
        | Subject::Orphan { .. } => String::new(),
    };
    Some(Capture {
        snapshot,
        interval,
        listing: listing(first, delta),
        parent,
        scope: format!("{family} {narrowing}"),
        chain: page,
        dangling: page && all.iter().all(|request| request.next_link),
        damaged: all.iter().any(|request| request.damaged),
        unfiltered: narrowing.is_empty()
            && !first.context.as_deref().unwrap_or("").contains("$filter"),
        count: all.iter().find_map(|request| request.count),
        shape: first.context.as_deref().unwrap_or(first.format.as_str()).to_owned(),
        requests: positions,
    })
}

fn listing(request: &Request, delta: bool) -> Listing {
    if delta || request.refused.is_some() || !request.format.is_list() {
        return Listing::None;
    }
    match request.subject {
        Subject::Objects { bin: true, .. } => Listing::Bin,
        Subject::Objects { .. } | Subject::ObjectsOf { .. } | Subject::Untyped { .. } => {
            Listing::Live
        }
        Subject::Links { .. } => Listing::Links,
        Subject::Part { .. } | Subject::Orphan { .. } => Listing::None,
    }
}
