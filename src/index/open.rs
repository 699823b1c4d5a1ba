//! Reopens spans: every exhibit that is needed is read once more, forward, and each record is checked to be the bytes
//! that were indexed.

use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use super::{Entry, Exhibit, Index};
use crate::evidence::{Bytes, EvidenceError, SourceFile, decode, hash, read_each};
use crate::model::Span;

/// Why a record cannot be opened again.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The exhibit cannot be read any more.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The exhibit is no longer what was indexed.
    #[error("`{shown}` is not the file that was indexed: its SHA-256 differs")]
    Altered {
        /// As `evidence.csv` shows it.
        shown: String,
    },
}

/// Decoded bytes of reopened records by (request, source offset).
#[derive(Debug, Default)]
pub struct Opened(HashMap<(u32, u64), Box<[u8]>>);

impl Opened {
    /// The decoded bytes of an entry, if it was opened.
    #[must_use]
    pub fn record(&self, entry: &Entry) -> Option<&[u8]> {
        self.0.get(&(entry.request, entry.offset)).map(AsRef::as_ref)
    }
}

/// Opens the records of `entries`, each exhibit read once.
///
/// # Errors
/// [`OpenError::Altered`] if an exhibit is no longer what was indexed, or what the file system says.
pub fn open_records<'a>(
    index: &Index,
    entries: impl Iterator<Item = &'a Entry>,
) -> Result<Opened, OpenError> {
    let mut wanted: BTreeMap<usize, Vec<(u32, u64, u32)>> = BTreeMap::new();
    for entry in entries {
        let request = usize::try_from(entry.request).ok().and_then(|r| index.requests.get(r));
        if let Some(request) = request {
            wanted.entry(request.exhibit).or_default().push((
                entry.request,
                entry.offset,
                entry.length,
            ));
        }
    }
    let wanted: Vec<(&Exhibit, Vec<_>)> = wanted
        .into_iter()
        .filter_map(|(exhibit, spans)| Some((index.exhibits.get(exhibit)?, spans)))
        .collect();
    let sources: Vec<&SourceFile> = wanted.iter().map(|(exhibit, _)| &exhibit.source).collect();
    let opened: Result<Vec<Vec<_>>, OpenError> = read_each(&sources, |at, source| {
        let Some((exhibit, spans)) = wanted.get(at) else { return Ok(Vec::new()) };
        open_exhibit(exhibit, &source?, spans.clone())
    })
    .into_iter()
    .collect();
    Ok(Opened(opened?.into_iter().flatten().collect()))
}

type OpenedRecord = ((u32, u64), Box<[u8]>);

fn open_exhibit(
    exhibit: &Exhibit,
    source: &Bytes,
    mut spans: Vec<(u32, u64, u32)>,
) -> Result<Vec<OpenedRecord>, OpenError> {
    spans.sort_unstable();
    spans.dedup();
    if hash(&source.bytes) != exhibit.prints {
        return Err(OpenError::Altered { shown: exhibit.shown.clone() });
    }
    Ok(spans
        .into_iter()
        .filter_map(|(request, offset, length)| {
            let start = usize::try_from(offset).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            let slice = exhibit.encoding.decode_slice(source.bytes.get(start..end)?);
            Some(((request, offset), slice.into_owned().into_boxed_slice()))
        })
        .collect())
}

/// Bytes behind a receipt, decoded.
#[derive(Debug)]
pub struct OpenedReceipt {
    /// Decoded bytes.
    pub text: Vec<u8>,
    /// Line on which they begin, from 1.
    pub line: usize,
}

/// Opens the bytes of an exhibit that a receipt cites; `None` if it cites bytes that the exhibit does not have.
///
/// # Errors
/// [`OpenError::Altered`] if the exhibit is no longer what was indexed, or what the file system says.
pub fn open_receipt(
    exhibit: &Exhibit,
    span: Option<Span>,
) -> Result<Option<OpenedReceipt>, OpenError> {
    let source = exhibit.source.read()?;
    if hash(&source.bytes) != exhibit.prints {
        return Err(OpenError::Altered { shown: exhibit.shown.clone() });
    }
    let Some(span) = span else {
        let text = decode(&source.bytes).bytes.into_owned();
        return Ok(Some(OpenedReceipt { text, line: 1 }));
    };
    let place = usize::try_from(span.offset_bytes)
        .ok()
        .zip(usize::try_from(span.len_bytes).ok())
        .and_then(|(start, length)| Some(start..start.checked_add(length)?));
    Ok(place.and_then(|place| {
        let above = source.bytes.get(..place.start)?;
        let text = exhibit.encoding.decode_slice(source.bytes.get(place)?).into_owned();
        Some(OpenedReceipt { text, line: above.iter().filter(|byte| **byte == b'\n').count() + 1 })
    }))
}
