//! Records of logs, of all segments in the order of time; one of them opened and put into the words of all dialects.

use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use super::row::EventRow;
use super::{Exhibit, Index, OpenError};
use crate::directory::Catalogue;
use crate::evidence::{read_spans, spans_of, stream_each};
use crate::intake::log_record;
use crate::model::{EventTime, LogKind, LogRecord, Precision, Receipt};

/// Where a row is, by what it is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventPlace {
    undated: bool,
    second: i64,
    nanosecond: u32,
    /// Position of the exhibit and of the record in it: the same in every run.
    request: u32,
    offset: u64,
    segment: u32,
    row: u32,
}

/// What the place of a row takes, and that it was met.
pub(super) const PLACE_BYTES: usize =
    size_of::<EventPlace>() + 2 * size_of::<([u8; 16], (u8, u64))>();

/// One record of a log, with its place in the index.
#[derive(Debug, Clone, Copy)]
pub struct LogEntry<'i> {
    /// Its row.
    pub row: &'i EventRow,
    /// Position of its request in the index.
    pub request: u32,
    /// What it is about.
    pub kind: LogKind,
    /// Its type as Graph calls it.
    pub object_type: &'i str,
    /// Tenant that it names, or that of its exhibit; empty where nothing tells.
    pub tenant: &'i str,
    /// When it happened.
    pub time: Option<EventTime>,
    /// Whether an earlier record in the order of [`Index::logs`] is of the same event.
    pub repeats: bool,
    /// Whether it does so in the same dialect, but not with the same text.
    pub differs: bool,
}

impl Index {
    /// Number of records of logs in the evidence.
    #[must_use]
    pub fn log_count(&self) -> usize {
        self.event_places().len()
    }

    fn event_places(&self) -> &[EventPlace] {
        self.event_order.get_or_init(|| {
            let mut places = Vec::new();
            for (shelf, segment) in self.segments.iter().zip(0_u32..) {
                for (row, place) in shelf.events.all().iter().zip(0_u32..) {
                    let Some(request) = shelf.request(row.request) else { continue };
                    places.push(EventPlace {
                        undated: row.digits == EventRow::NO_TIME,
                        second: row.second,
                        nanosecond: row.nanosecond,
                        request,
                        offset: row.offset,
                        segment,
                        row: place,
                    });
                }
            }
            places.sort();
            places
        })
    }

    /// All records of logs in the order of (time, exhibit, place); those without a time come last. A record of an event
    /// that was met before is marked, never left out.
    pub fn logs(&self) -> impl Iterator<Item = LogEntry<'_>> {
        let mut met: HashMap<[u8; 16], (u8, u64)> = HashMap::new();
        self.event_places().iter().filter_map(move |place| {
            let shelf = self.segments.get(place.segment as usize)?;
            let row = shelf.events.get(place.row as usize)?;
            let name = |number: u32| shelf.names.get(number as usize).map(|name| &**name);
            let first = match met.entry(row.event) {
                Slot::Occupied(slot) => Some(*slot.get()),
                Slot::Vacant(slot) => {
                    slot.insert((row.dialect, row.content));
                    None
                }
            };
            Some(LogEntry {
                row,
                request: place.request,
                kind: LogKind::ALL.get(usize::from(row.kind)).copied().unwrap_or(LogKind::Other),
                object_type: name(row.object_type).unwrap_or_default(),
                tenant: name(row.tenant).unwrap_or_else(|| self.tenant_of_request(place.request)),
                time: time_of(row),
                repeats: first.is_some(),
                differs: first.is_some_and(|(dialect, content)| {
                    dialect == row.dialect && content != row.content
                }),
            })
        })
    }

    /// Where a record of a log stands in the evidence.
    #[must_use]
    pub fn receipt_of_log(&self, entry: &LogEntry<'_>) -> Option<Receipt> {
        self.receipt_at(entry.request, entry.row.offset, entry.row.length)
    }

    /// The tenant that the snapshot or the path of a request's exhibit names, or nothing.
    #[must_use]
    pub fn tenant_of_request(&self, request: u32) -> &str {
        let request = self.requests.get(request as usize);
        let Some(exhibit) = request.and_then(|r| self.exhibits.get(r.exhibit)) else { return "" };
        let of_snapshot = self.snapshots.get(exhibit.snapshot).map(|snapshot| &*snapshot.tenant);
        of_snapshot.or(exhibit.place.tenant.as_deref()).unwrap_or_default()
    }
}

fn time_of(row: &EventRow) -> Option<EventTime> {
    let precision = match row.digits {
        EventRow::NO_TIME => return None,
        EventRow::WHOLE_MINUTE => Precision::Minute,
        0 => Precision::Second,
        digits => Precision::Digits(digits),
    };
    let nanosecond = i32::try_from(row.nanosecond).ok()?;
    let at = jiff::Timestamp::new(row.second, nanosecond).ok()?;
    Some(EventTime { at, precision })
}

/// A record to open, with its place among those that were asked for.
type Wanted<'i> = (usize, LogEntry<'i>);

/// Opens one record of a log.
///
/// # Errors
/// As [`open_logs`].
pub fn open_log(
    index: &Index,
    catalogue: &Catalogue,
    entry: LogEntry<'_>,
) -> Result<LogRecord, OpenError> {
    let shown = || {
        let request = index.requests.get(entry.request as usize);
        request.and_then(|r| index.exhibits.get(r.exhibit)).map(|e| e.shown.clone())
    };
    let opened = open_logs(index, catalogue, &[entry])?.pop().flatten();
    opened.ok_or_else(|| OpenError::Altered {
        shown: shown().unwrap_or_default(),
        what: "a record of a log",
    })
}

/// Opens records of logs, each exhibit read once, and puts them into the words of all dialects; one for each entry, in the
/// order in which they are given.
///
/// # Errors
/// [`OpenError::Altered`] if a record is no longer what was indexed, or what the file system says.
pub fn open_logs(
    index: &Index,
    catalogue: &Catalogue,
    entries: &[LogEntry<'_>],
) -> Result<Vec<Option<LogRecord>>, OpenError> {
    open_log_texts(index, catalogue, entries, |entry, text| {
        let request = &index.requests.get(entry.request as usize)?.request;
        let of = (entry.row.dialect, entry.object_type);
        let record = log_record(catalogue, of, request.context.as_deref(), text)?;
        // A record whose tenant nothing in it tells is of the tenant of its exhibit.
        let tenant = record
            .tenant
            .clone()
            .or_else(|| (!entry.tenant.is_empty()).then(|| entry.tenant.to_owned()));
        Some(LogRecord { receipt: index.receipt_of_log(entry), tenant, ..record })
    })
}

/// Opens records of logs, each exhibit read once, and gives what `read` makes of their JSON text, verified and in Graph's
/// spelling; one for each entry, in the order in which they are given. `read` gives `None` for a text that cannot be the
/// one that was indexed.
///
/// # Errors
/// As [`open_logs`].
pub fn open_log_texts<T: Send>(
    index: &Index,
    catalogue: &Catalogue,
    entries: &[LogEntry<'_>],
    read: impl Fn(&LogEntry<'_>, &[u8]) -> Option<T> + Sync,
) -> Result<Vec<Option<T>>, OpenError> {
    let mut by_exhibit: BTreeMap<usize, Vec<Wanted<'_>>> = BTreeMap::new();
    for (place, entry) in entries.iter().enumerate() {
        if let Some(request) = index.requests.get(entry.request as usize) {
            by_exhibit.entry(request.exhibit).or_default().push((place, *entry));
        }
    }
    let mut opened: Vec<Option<T>> = entries.iter().map(|_| None).collect();
    let mut files = Vec::new();
    let mut members = Vec::new();
    for (exhibit, mut wanted) in by_exhibit {
        let Some(exhibit) = index.exhibits.get(exhibit) else { continue };
        wanted.sort_by_key(|(place, entry)| (entry.row.offset, entry.request, *place));
        let of_archive = exhibit.source.archive().is_some();
        if of_archive { &mut members } else { &mut files }.push((exhibit, wanted));
    }
    let opener = Opener { index, catalogue, read };
    let mut found = Vec::new();
    for (exhibit, wanted) in &files {
        found.push(opener.open(exhibit, wanted, None));
    }
    let sources: Vec<_> = members.iter().map(|(exhibit, _)| &exhibit.source).collect();
    found.extend(stream_each(&sources, |at, stream| match members.get(at) {
        Some((exhibit, wanted)) => opener.open(exhibit, wanted, Some(stream?)),
        None => Ok(Vec::new()),
    }));
    for of_exhibit in found {
        for (place, record) in of_exhibit? {
            if let Some(slot) = opened.get_mut(place) {
                *slot = Some(record);
            }
        }
    }
    Ok(opened)
}

struct Opener<'o, R> {
    index: &'o Index,
    catalogue: &'o Catalogue,
    read: R,
}

impl<T, R: Fn(&LogEntry<'_>, &[u8]) -> Option<T>> Opener<'_, R> {
    fn open(
        &self,
        exhibit: &Exhibit,
        wanted: &[Wanted<'_>],
        stream: Option<&mut (dyn Read + Send)>,
    ) -> Result<Vec<(usize, T)>, OpenError> {
        let spans: Vec<crate::evidence::Span> = wanted
            .iter()
            .map(|(_, entry)| crate::evidence::Span {
                offset: entry.row.offset,
                length: entry.row.length,
            })
            .collect();
        let mut opened = Vec::with_capacity(wanted.len());
        let mut altered = false;
        let mut take = |at: usize, source: &[u8]| {
            let Some((place, entry)) = wanted.get(at) else { return };
            let text = self.text(exhibit, entry, source);
            match text.and_then(|text| (self.read)(entry, &text)) {
                Some(record) => opened.push((*place, record)),
                None => altered = true,
            }
        };
        match stream {
            Some(stream) => {
                spans_of(stream, &spans, &mut take).map_err(|error| exhibit.source.error(error))?;
            }
            None => read_spans(&exhibit.source.path, &spans, &mut take)?,
        }
        if altered || opened.len() < wanted.len() {
            return Err(OpenError::Altered {
                shown: exhibit.shown.clone(),
                what: "the fingerprint of a record",
            });
        }
        Ok(opened)
    }

    /// The JSON text of the record that source bytes hold; `None` if it is not the one that was indexed.
    fn text(&self, exhibit: &Exhibit, entry: &LogEntry<'_>, source: &[u8]) -> Option<Vec<u8>> {
        let request = &self.index.requests.get(entry.request as usize)?.request;
        let decoded = exhibit.encoding.decode_slice(source);
        let json = exhibit.rendering.render(decoded, entry.row.offset)?;
        let text = request.spelling.in_graph(&json, self.catalogue)?;
        let digest = blake3::hash(&text);
        let content = u64::from_le_bytes(*digest.as_bytes().first_chunk::<8>()?);
        (content == entry.row.content).then(|| text.into_owned())
    }
}
