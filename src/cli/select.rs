//! Which snapshot a word names: a label, a unique prefix of a time, an index, or the service's own snapshot id.

use jiff::Timestamp;

use crate::intake::of_snapshot_id;
use crate::model::SnapshotRow;

/// Why a word names no snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoSnapshot {
    /// Nothing fits.
    Unknown,
    /// These labels fit.
    Ambiguous(Vec<String>),
}

/// The position (1 for the earliest) of the snapshot of one tenant that the word names.
///
/// # Errors
/// [`NoSnapshot`].
pub(super) fn snapshot(word: &str, snapshots: &[&SnapshotRow]) -> Result<usize, NoSnapshot> {
    if let Some(found) = snapshots.iter().find(|snapshot| snapshot.label == word) {
        return Ok(found.position);
    }
    if let Ok(index) = word.parse::<isize>() {
        let count = isize::try_from(snapshots.len()).unwrap_or(isize::MAX);
        let place = if index < 0 { count + index + 1 } else { index };
        if (1..=count).contains(&place) {
            return usize::try_from(place).map_err(|_out_of_range| NoSnapshot::Unknown);
        }
        if word.len() < 4 {
            return Err(NoSnapshot::Unknown);
        }
    }
    let start = |snapshot: &SnapshotRow| snapshot.time.map(|time| time.start.to_string());
    let matching: Vec<&&SnapshotRow> = snapshots
        .iter()
        .filter(|snapshot| {
            snapshot.label.starts_with(word)
                || start(snapshot).is_some_and(|start| start.starts_with(word))
        })
        .collect();
    match matching.as_slice() {
        [one] => Ok(one.position),
        [] => service_id(word)
            .and_then(|at| snapshots.iter().rfind(|s| s.time.is_some_and(|time| time.start <= at)))
            .map(|snapshot| snapshot.position)
            .ok_or(NoSnapshot::Unknown),
        several => Err(NoSnapshot::Ambiguous(several.iter().map(|s| s.label.clone()).collect())),
    }
}

/// The time in a snapshot id of the service.
pub(super) fn service_id(word: &str) -> Option<Timestamp> {
    of_snapshot_id(word).map(|time| time.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Interval;

    fn row(position: usize, label: &str) -> SnapshotRow {
        let at: Timestamp = format!("{label}T03:00:00Z").parse().unwrap();
        SnapshotRow {
            tenant_id: String::new(),
            position,
            label: label.to_owned(),
            time: Some(Interval::instant(at)),
            time_source: None,
            objects: std::collections::BTreeMap::new(),
            exhibits: 0,
            bytes: 0,
            digest: String::new(),
        }
    }

    #[test]
    fn snapshots_are_named_in_four_ways() {
        let rows = [row(1, "2026-11-01"), row(2, "2026-11-02"), row(3, "2026-12-01")];
        let rows: Vec<&SnapshotRow> = rows.iter().collect();
        assert_eq!(snapshot("2026-11-02", &rows), Ok(2));
        assert_eq!(snapshot("2026-12", &rows), Ok(3));
        assert_eq!(snapshot("1", &rows), Ok(1));
        assert_eq!(snapshot("-1", &rows), Ok(3));
        assert_eq!(snapshot("9", &rows), Err(NoSnapshot::Unknown));
        assert!(matches!(snapshot("2026-11", &rows), Err(NoSnapshot::Ambiguous(_))));
        // 2026-11-02T03:00:00Z, once as text and once as seconds.
        assert_eq!(snapshot("MjAyNi0xMS0wMlQwMzowMDowMFo=", &rows), Ok(2));
        assert_eq!(snapshot("MTc5MzU4ODQwMA==", &rows), Ok(2));
    }
}
