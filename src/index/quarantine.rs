//! The bytes of records in quarantine, as they stand in the evidence: small ones are kept with the results, so that they can
//! be looked at without the evidence; of large ones only the place is.

use std::fs;

use rayon::prelude::*;

use super::{Exhibit, Index, OpenError};
use crate::evidence::{EvidenceError, Span, Stat, read_spans, spans_of};
use crate::model::QuarantineRow;

/// Longest record that is kept: an object of a directory has some thousand bytes, a policy with long lists some ten thousand.
const MOST_BYTES_EACH: u64 = 64 * 1024;

/// Bytes that are kept in all: hostile evidence may consist of nothing but such records.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// Puts the bytes of small records into the rows of the quarantine, which are in the order of exhibits and of records.
///
/// # Errors
/// [`OpenError::Evidence`] if the evidence cannot be read any more or has changed since it was read.
pub fn keep_quarantined(index: &Index, rows: &mut [QuarantineRow]) -> Result<(), OpenError> {
    let mut left = MOST_BYTES;
    let mut wanted: Vec<(&Exhibit, Vec<(usize, Span)>)> = Vec::new();
    let records = index.exhibits.iter().flat_map(|exhibit| {
        exhibit.quarantine.iter().map(move |record| (exhibit, record.span.clone()))
    });
    for (row, (exhibit, span)) in records.enumerate() {
        let length = u64::try_from(span.len()).unwrap_or(u64::MAX);
        // A row of a database has a number and no bytes of its own.
        if length == 0 || length > MOST_BYTES_EACH || length > left {
            continue;
        }
        let (Ok(offset), Ok(length)) = (u64::try_from(span.start), u32::try_from(length)) else {
            continue;
        };
        left -= u64::from(length);
        let span = Span { offset, length };
        match wanted.last_mut() {
            Some((last, spans)) if std::ptr::eq(*last, exhibit) => spans.push((row, span)),
            _ => wanted.push((exhibit, vec![(row, span)])),
        }
    }
    let kept: Vec<Vec<(usize, Vec<u8>)>> = wanted
        .into_par_iter()
        .map(|(exhibit, spans)| read(exhibit, spans))
        .collect::<Result<_, EvidenceError>>()?;
    for (place, bytes) in kept.into_iter().flatten() {
        if let Some(row) = rows.get_mut(place) {
            row.bytes = Some(bytes);
        }
    }
    Ok(())
}

/// Reads spans of an exhibit, which must still be the file that was read.
fn read(
    exhibit: &Exhibit,
    mut spans: Vec<(usize, Span)>,
) -> Result<Vec<(usize, Vec<u8>)>, EvidenceError> {
    spans.sort_by_key(|(_, span)| *span);
    // A record inside another one is read with that.
    let mut end = 0;
    spans.retain(|(_, span)| {
        let apart = span.offset >= end;
        end = end.max(span.offset.saturating_add(u64::from(span.length)));
        apart
    });
    let places: Vec<Span> = spans.iter().map(|(_, span)| *span).collect();
    let mut kept = Vec::with_capacity(spans.len());
    let mut take = |place: usize, bytes: &[u8]| {
        if let Some((row, _)) = spans.get(place) {
            kept.push((*row, bytes.to_vec()));
        }
    };
    let source = &exhibit.source;
    if source.archive().is_some() {
        let mut stream = source.open()?;
        spans_of(&mut stream, &places, &mut take).map_err(|error| source.error(error))?;
        source.finish()?;
        return Ok(kept);
    }
    read_spans(&source.path, &places, &mut take)?;
    let unreadable = |error| EvidenceError::Unreadable { path: source.path.clone(), source: error };
    if Stat::of(&fs::metadata(&source.path).map_err(unreadable)?) != source.stat {
        return Err(EvidenceError::Changed { path: source.path.clone() });
    }
    Ok(kept)
}
