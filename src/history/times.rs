//! Times that contradict each other: of a capture, what its exhibits say themselves, what the user said, and what the
//! service wrote into objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::lives::RecordDates;
use super::presence::Dates as _;
use super::tables::warning;
use crate::index::{Entry, Index, ObjectId};
use crate::model::{TimeSource, WarningRow};

const CODE: &str = "time-contradicted";

/// An object that the service created after the capture that holds it is said to have ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Late {
    capture: usize,
    created: Timestamp,
    object_type: Arc<str>,
    id: ObjectId,
}

/// Those of these entries that were created too late.
pub(super) fn late(
    index: &Index,
    object_type: &Arc<str>,
    entries: &[&Entry],
    dates: &RecordDates,
) -> Vec<Late> {
    let late = |entry: &&&Entry| {
        let (capture, described) = index.capture_of(entry)?;
        let created = dates.created(entry)?;
        let end = described.interval?.end;
        (created.as_second() > end.as_second()).then(|| Late {
            capture,
            created,
            object_type: Arc::clone(object_type),
            id: entry.id.clone(),
        })
    };
    entries.iter().filter_map(|entry| late(&entry)).collect()
}

/// A warning for each exhibit whose times contradict each other, and for each capture that holds what was made later.
pub(super) fn warnings(index: &Index, late: &[Late]) -> Vec<WarningRow> {
    let mut rows = Vec::new();
    for exhibit in &index.exhibits {
        let named = exhibit.place.time.filter(|time| time.source == TimeSource::Option);
        if let (Some(made_at), Some(named)) = (exhibit.made_at, named)
            && made_at.as_second() != named.interval.start.as_second()
        {
            let message = format!(
                "it says that it was made at {made_at}, --snapshot says {}: what it says itself counts",
                named.interval.start
            );
            rows.push(warning(CODE, &exhibit.shown, None, message));
        }
    }
    let mut by_capture: BTreeMap<usize, Vec<&Late>> = BTreeMap::new();
    for late in late {
        by_capture.entry(late.capture).or_default().push(late);
    }
    for (capture, mut late) in by_capture {
        late.sort_unstable_by(|a, b| b.created.cmp(&a.created).then_with(|| a.cmp(b)));
        late.dedup();
        let (Some(described), Some(latest)) = (index.captures.get(capture), late.first()) else {
            continue;
        };
        let requests = described.requests.iter().filter_map(|request| index.requests.get(*request));
        let exhibit = requests.filter_map(|request| index.exhibits.get(request.exhibit)).next();
        let (Some(exhibit), Some(interval)) = (exhibit, described.interval) else { continue };
        let source = exhibit.time.map_or("", |time| time.source.as_str());
        let Late { created, object_type, id, .. } = latest;
        let message = format!(
            "captured by {} ({source}), but it holds {} created later, the latest {object_type} {id} at {created}",
            interval.end,
            match late.len() {
                1 => "an object".to_owned(),
                count => format!("{count} objects"),
            },
        );
        rows.push(warning(CODE, &exhibit.shown, None, message));
    }
    rows
}
