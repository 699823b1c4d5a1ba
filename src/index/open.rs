//! Reopens spans: every exhibit that is needed is read once more, forward, and each record is checked to be what was
//! indexed.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use thiserror::Error;

use super::layout::Layouts;
use super::{Entry, Exhibit, Index};
use crate::directory::Catalogue;
use crate::evidence::{EvidenceError, decode, hash, read_file, read_spans};
use crate::intake::{Record, Scanner};
use crate::model::Span;

/// Why a record cannot be opened again.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The exhibit cannot be read any more.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The exhibit is no longer what was indexed.
    #[error("`{shown}` is not the file that was indexed: {what} differs")]
    Altered {
        /// As `evidence.csv` shows it.
        shown: String,
        /// What was compared.
        what: &'static str,
    },
}

/// Decoded bytes of reopened records.
#[derive(Debug, Default)]
pub struct Opened {
    buffers: Vec<Vec<u8>>,
    /// By (request, source offset): buffer and place in it.
    places: HashMap<(u32, u64), (usize, Range<usize>)>,
}

impl Opened {
    /// The decoded bytes of an entry, if it was opened.
    #[must_use]
    pub fn record(&self, entry: &Entry) -> Option<&[u8]> {
        let (buffer, place) = self.places.get(&(entry.request, entry.offset))?;
        self.buffers.get(*buffer)?.get(place.clone())
    }
}

/// A record to open: where it is, and the fingerprints that it must have.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    offset: u64,
    length: u32,
    request: u32,
    content: u128,
    volatile: u64,
}

/// Opens the records of `entries`, which are of one object type, each exhibit read once.
///
/// # Errors
/// [`OpenError::Altered`] if a record is no longer what was indexed, or what the file system says.
pub fn open_records<'a>(
    index: &Index,
    catalogue: &Catalogue,
    object_type: &Arc<str>,
    entries: impl Iterator<Item = &'a Entry>,
) -> Result<Opened, OpenError> {
    let Some(key) = &index.key else { return Ok(Opened::default()) };
    let mut wanted: BTreeMap<usize, Vec<Wanted>> = BTreeMap::new();
    for entry in entries {
        if let Some(request) = index.requests.get(entry.request as usize) {
            wanted.entry(request.exhibit).or_default().push(Wanted {
                offset: entry.offset,
                length: entry.length,
                request: entry.request,
                content: entry.content,
                volatile: entry.volatile,
            });
        }
    }
    let opened: Result<Vec<OpenedExhibit>, OpenError> = wanted
        .into_par_iter()
        .filter_map(|(exhibit, spans)| Some((index.exhibits.get(exhibit)?, spans)))
        .map_init(
            || Layouts::new(catalogue, key),
            |layouts, (exhibit, spans)| open_exhibit(layouts, object_type, exhibit, spans),
        )
        .collect();
    let mut all = Opened::default();
    for (number, opened) in opened?.into_iter().enumerate() {
        all.buffers.push(opened.bytes);
        all.places.extend(opened.places.into_iter().map(|(key, place)| (key, (number, place))));
    }
    Ok(all)
}

/// Records of one exhibit, one behind the other.
struct OpenedExhibit {
    bytes: Vec<u8>,
    places: Vec<((u32, u64), Range<usize>)>,
}

fn open_exhibit(
    layouts: &mut Layouts<'_>,
    object_type: &Arc<str>,
    exhibit: &Exhibit,
    mut wanted: Vec<Wanted>,
) -> Result<OpenedExhibit, OpenError> {
    wanted.sort_unstable_by_key(|wanted| (wanted.offset, wanted.request));
    wanted.dedup_by_key(|wanted| (wanted.offset, wanted.request));
    let spans: Vec<crate::evidence::Span> = wanted
        .iter()
        .map(|wanted| crate::evidence::Span { offset: wanted.offset, length: wanted.length })
        .collect();
    let mut opened = OpenedExhibit { bytes: Vec::new(), places: Vec::with_capacity(wanted.len()) };
    let mut record = Record::default();
    let mut altered = false;
    read_spans(&exhibit.path, &spans, &mut |place, source| {
        let Some(wanted) = wanted.get(place) else { return };
        let text = exhibit.encoding.decode_slice(source);
        let same = prints(layouts, object_type, &text, &mut record);
        altered |= same != Some((wanted.content, wanted.volatile));
        let start = opened.bytes.len();
        opened.bytes.extend_from_slice(&text);
        opened.places.push(((wanted.request, wanted.offset), start..opened.bytes.len()));
    })?;
    if altered {
        return Err(OpenError::Altered {
            shown: exhibit.shown.clone(),
            what: "the fingerprint of a record",
        });
    }
    Ok(opened)
}

/// The fingerprints of a record; `None` if the text is none.
fn prints(
    layouts: &mut Layouts<'_>,
    object_type: &Arc<str>,
    text: &[u8],
    record: &mut Record,
) -> Option<(u128, u64)> {
    record.scan(text, &mut Scanner::new(text, 0)).ok()?;
    let layout = layouts.of(object_type, text, record);
    let prints = layouts.prints(&layout, text, record);
    Some((prints.content, prints.volatile))
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
    let mut source = Vec::new();
    read_file(&exhibit.path, &mut source)?;
    if hash(&source) != exhibit.prints {
        return Err(OpenError::Altered { shown: exhibit.shown.clone(), what: "its SHA-256" });
    }
    let Some(span) = span else {
        let text = decode(&source).bytes.into_owned();
        return Ok(Some(OpenedReceipt { text, line: 1 }));
    };
    let place = usize::try_from(span.offset_bytes)
        .ok()
        .zip(usize::try_from(span.len_bytes).ok())
        .and_then(|(start, length)| Some(start..start.checked_add(length)?));
    Ok(place.and_then(|place| {
        let above = source.get(..place.start)?;
        let text = exhibit.encoding.decode_slice(source.get(place)?).into_owned();
        Some(OpenedReceipt { text, line: above.iter().filter(|byte| **byte == b'\n').count() + 1 })
    }))
}
