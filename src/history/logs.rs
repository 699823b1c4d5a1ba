//! What the logs hold: by tenant and log from when to when there are events, and where there are none for long.
//!
//! A span without events is a hint and no more: nothing may have happened, the export may have been cut, the log may have
//! been switched away. It counts as a gap from [`LEAST_GAP_SECONDS`] on, and only if it is also [`TIMES_MEDIAN`] times as
//! long as the median distance between events of that log. Logs are no snapshot: they define none and move none.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::directory::Catalogue;
use crate::index::{Index, LogEntry};
use crate::model::{CoverageRow, CoverageState, LogKind, LogRow};

/// Shorter spans without an event are never a gap: nights and weekends of a small tenant are quiet.
const LEAST_GAP_SECONDS: i64 = 24 * 60 * 60;

/// A gap is this many times as long as the median distance.
const TIMES_MEDIAN: i64 = 10;

/// Gaps of one log that are listed: the longest.
const LISTED_GAPS: usize = 10;

/// What was met of one log.
#[derive(Default)]
struct Met {
    /// Seconds with events, ascending.
    seconds: Vec<i64>,
    events: u64,
    repeated: u64,
    differing: u64,
    undated: u64,
    cut: u64,
    dialects: BTreeSet<u8>,
    requests: BTreeSet<u32>,
}

impl Met {
    fn note(&mut self, entry: &LogEntry<'_>) {
        self.dialects.insert(entry.row.dialect);
        self.requests.insert(entry.request);
        if entry.repeats {
            self.repeated += 1;
            self.differing += u64::from(entry.differs);
            return;
        }
        self.events += 1;
        self.cut += u64::from(entry.row.cut != 0);
        match entry.time {
            None => self.undated += 1,
            Some(time) => {
                let second = time.at.as_second();
                if self.seconds.last() != Some(&second) {
                    self.seconds.push(second);
                }
            }
        }
    }
}

/// Tenants whose logs are told apart. Real evidence names one or a few; a hostile log may name one per event.
const MOST_TENANTS: usize = 1000;

/// One row per tenant and log, in order; logs of more tenants than can be told apart stand together without a tenant.
pub(super) fn rows(index: &Index, catalogue: &Catalogue) -> Vec<LogRow> {
    let mut logs: BTreeMap<(&str, LogKind, &str), Met> = BTreeMap::new();
    let mut tenants: BTreeSet<&str> = BTreeSet::new();
    for entry in index.logs() {
        let is_known = tenants.contains(entry.tenant)
            || tenants.len() < MOST_TENANTS && tenants.insert(entry.tenant);
        let tenant = if is_known { entry.tenant } else { "" };
        logs.entry((tenant, entry.kind, entry.object_type)).or_default().note(&entry);
    }
    logs.into_iter().map(|(log, met)| row(index, catalogue, log, &met)).collect()
}

fn row(
    index: &Index,
    catalogue: &Catalogue,
    (tenant, kind, object_type): (&str, LogKind, &str),
    met: &Met,
) -> LogRow {
    let all = gaps(&met.seconds);
    let gap_count = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let mut longest = all;
    longest.sort_by_key(|(from, to)| (from - to, *from));
    longest.truncate(LISTED_GAPS);
    longest.sort_unstable();
    let at = |second: &i64| Timestamp::from_second(*second).ok();
    let requests = || met.requests.iter().filter_map(|r| index.requests.get(*r as usize));
    let exhibits: BTreeSet<usize> = requests().map(|request| request.exhibit).collect();
    let is_partial = requests().any(|request| {
        let capture = index.captures.get(request.capture);
        request.request.damaged || capture.is_some_and(|capture| capture.dangling)
    });
    let words = |number: &u8| Some(catalogue.log_dialect(*number)?.words.clone());
    let dialects: BTreeSet<String> = met.dialects.iter().filter_map(words).collect();
    LogRow {
        tenant_id: tenant.to_owned(),
        kind,
        object_type: object_type.to_owned(),
        dialects: dialects.into_iter().collect(),
        from: met.seconds.first().and_then(at),
        to: met.seconds.last().and_then(at),
        events: met.events,
        repeated: met.repeated,
        differing: met.differing,
        undated: met.undated,
        cut: met.cut,
        exhibits: u64::try_from(exhibits.len()).unwrap_or(u64::MAX),
        gaps: longest.iter().filter_map(|(from, to)| Some((at(from)?, at(to)?))).collect(),
        gap_count,
        is_partial,
    }
}

/// The spans between seconds with events that are long for this log.
fn gaps(seconds: &[i64]) -> Vec<(i64, i64)> {
    let distance = |pair: &[i64]| match pair {
        [from, to] => to.saturating_sub(*from),
        _ => 0,
    };
    let mut distances: Vec<i64> = seconds.windows(2).map(distance).collect();
    distances.sort_unstable();
    let Some(median) = distances.get(distances.len() / 2) else { return Vec::new() };
    let least = LEAST_GAP_SECONDS.max(median.saturating_mul(TIMES_MEDIAN));
    let long = seconds.windows(2).filter(|pair| distance(pair) > least);
    long.filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect()
}

/// The rows of `coverage.csv` that say what the logs hold; they belong to no snapshot.
pub(super) fn coverage(logs: &[LogRow]) -> Vec<CoverageRow> {
    let mut rows: Vec<CoverageRow> = Vec::new();
    for log in logs {
        rows.push(CoverageRow {
            tenant_id: log.tenant_id.clone(),
            snapshot: String::new(),
            object_type: log.object_type.clone(),
            // One type may be of two kinds: the unified audit log holds sign-ins too.
            attribute: String::new(),
            state: if log.is_partial { CoverageState::Partial } else { CoverageState::Collected },
            objects: log.events,
            detail: detail(log),
            request: String::new(),
            object_id: String::new(),
            of: None,
            exhibits: log.exhibits,
            evidence: Vec::new(),
            sources: None,
        });
    }
    rows
}

/// Everything else that is known of a log, in words.
fn detail(log: &LogRow) -> String {
    let mut parts = vec![format!("{} log", log.kind.as_str())];
    if let (Some(from), Some(to)) = (log.from, log.to) {
        parts.push(format!("events from {from} to {to}"));
    }
    parts.push(format!("exhibits {} ({})", log.exhibits, log.dialects.join(", ")));
    for (count, what) in [
        (log.repeated, "records that repeat an event (same id and activity)"),
        (log.differing, "of these not in the words of the first"),
        (log.undated, "events without a time that can be read"),
        (log.cut, "events whose targets or properties fill all columns and may be cut off"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    }
    if log.is_partial {
        parts.push("damaged records or pages missing".to_owned());
    }
    for (from, to) in &log.gaps {
        parts.push(format!("no event between {from} and {to}"));
    }
    let more = log.gap_count.saturating_sub(u64::try_from(log.gaps.len()).unwrap_or(u64::MAX));
    if more > 0 {
        parts.push(format!("{more} more spans without an event"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60;

    #[test]
    fn a_gap_is_long_for_the_log_and_a_day_at_least() {
        let busy: Vec<i64> = (0..100).map(|n| n * HOUR).chain([124 * HOUR + 1]).collect();
        assert_eq!(gaps(&busy), [(99 * HOUR, 124 * HOUR + 1)]);
        let quiet: Vec<i64> = (0..10).map(|n| n * 20 * HOUR).chain([300 * HOUR]).collect();
        assert!(gaps(&quiet).is_empty());
        assert!(gaps(&[0, 1000 * HOUR]).is_empty());
        assert!(gaps(&[]).is_empty() && gaps(&[5]).is_empty());
        assert!(gaps(&[i64::MIN, 0, i64::MAX]).is_empty());
    }
}
