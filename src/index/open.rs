//! Reopens spans: every exhibit that is needed is read once more, forward, and each record is checked to be what was
//! indexed.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use thiserror::Error;

use super::layout::Layouts;
use super::{Entry, Exhibit, Index};
use crate::directory::Catalogue;
use crate::evidence::{
    Carrier, Database, DatabaseCopy, EvidenceError, Fingerprints, Hashing, SourceFile, decode,
    read_spans, spans_of, stream_each,
};
use crate::intake::{OpenTables, Record, Rendering, Scanner, Spelling};
use crate::model::{Cited, Span, Table};

/// An exhibit that is read to show a part of it is read in chunks of this size.
const CHUNK_BYTES: usize = 1024 * 1024;

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
    spelling: Spelling,
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
                spelling: request.request.spelling,
            });
        }
    }
    let wanted: Vec<(&Exhibit, Vec<Wanted>)> = wanted
        .into_iter()
        .filter_map(|(exhibit, spans)| Some((index.exhibits.get(exhibit)?, spans)))
        .map(|(exhibit, mut spans)| {
            spans.sort_unstable_by_key(|wanted| (wanted.offset, wanted.request));
            spans.dedup_by_key(|wanted| (wanted.offset, wanted.request));
            (exhibit, spans)
        })
        .collect();
    let (members, files): (Vec<_>, Vec<_>) =
        wanted.iter().partition(|(exhibit, _)| exhibit.source.archive().is_some());
    let layouts = || Layouts::new(catalogue, key);
    let mut opened: Vec<Result<OpenedExhibit, OpenError>> = files
        .par_iter()
        .map_init(layouts, |layouts, (exhibit, spans)| {
            open_exhibit(layouts, object_type, (exhibit, spans), None)
        })
        .collect();
    let sources: Vec<&SourceFile> = members.iter().map(|(exhibit, _)| &exhibit.source).collect();
    opened.extend(stream_each(&sources, |at, stream| match members.get(at) {
        Some((exhibit, spans)) => {
            open_exhibit(&mut layouts(), object_type, (exhibit, spans), Some(stream?))
        }
        None => Ok(OpenedExhibit::default()),
    }));
    let mut all = Opened::default();
    for (number, opened) in opened.into_iter().enumerate() {
        let opened = opened?;
        all.buffers.push(opened.bytes);
        all.places.extend(opened.places.into_iter().map(|(key, place)| (key, (number, place))));
    }
    Ok(all)
}

/// Records of one exhibit, one behind the other.
#[derive(Default)]
struct OpenedExhibit {
    bytes: Vec<u8>,
    places: Vec<((u32, u64), Range<usize>)>,
}

fn open_exhibit(
    layouts: &mut Layouts<'_>,
    object_type: &Arc<str>,
    (exhibit, wanted): (&Exhibit, &[Wanted]),
    stream: Option<&mut (dyn Read + Send)>,
) -> Result<OpenedExhibit, OpenError> {
    let spans: Vec<crate::evidence::Span> = wanted
        .iter()
        .map(|wanted| crate::evidence::Span { offset: wanted.offset, length: wanted.length })
        .collect();
    if let Rendering::Tables(tables) = &exhibit.rendering {
        return open_rows(layouts, object_type, (exhibit, tables), wanted, stream);
    }
    let mut opened = OpenedExhibit { bytes: Vec::new(), places: Vec::with_capacity(wanted.len()) };
    let mut record = Record::default();
    let mut altered = false;
    let mut take = |place: usize, source: &[u8]| {
        let Some(wanted) = wanted.get(place) else { return };
        let decoded = exhibit.encoding.decode_slice(source);
        let json = exhibit.rendering.render(decoded, wanted.offset);
        let respelt =
            json.as_deref().and_then(|json| wanted.spelling.in_graph(json, layouts.catalogue));
        let Some(text) = respelt else {
            altered = true;
            return;
        };
        let same = prints(layouts, object_type, &text, &mut record);
        altered |= same != Some((wanted.content, wanted.volatile));
        let start = opened.bytes.len();
        opened.bytes.extend_from_slice(&text);
        opened.places.push(((wanted.request, wanted.offset), start..opened.bytes.len()));
    };
    match stream {
        Some(stream) => {
            spans_of(stream, &spans, &mut take).map_err(|error| exhibit.source.error(error))?;
        }
        None => read_spans(&exhibit.source.path, &spans, &mut take)?,
    }
    if altered {
        return Err(OpenError::Altered {
            shown: exhibit.shown.clone(),
            what: "the fingerprint of a record",
        });
    }
    Ok(opened)
}

/// Opens rows of a database, once more from a copy that is made while it is hashed.
fn open_rows(
    layouts: &mut Layouts<'_>,
    object_type: &Arc<str>,
    (exhibit, tables): (&Exhibit, &[Table]),
    wanted: &[Wanted],
    stream: Option<&mut (dyn Read + Send)>,
) -> Result<OpenedExhibit, OpenError> {
    let altered = |what| OpenError::Altered { shown: exhibit.shown.clone(), what };
    let database = match stream {
        Some(stream) => copy_of(exhibit, stream)?,
        None => copy_of(exhibit, &mut exhibit.source.open()?)?,
    };
    let mut rows = OpenTables::new(&database, layouts.catalogue);
    let mut opened = OpenedExhibit { bytes: Vec::new(), places: Vec::with_capacity(wanted.len()) };
    let mut record = Record::default();
    for wanted in wanted {
        let table = tables.get(wanted.length as usize);
        let found = table.and_then(|table| rows.row(*table, wanted.offset.cast_signed()).ok());
        let Some(text) = found.flatten().and_then(|found| found.object) else {
            return Err(altered("a row"));
        };
        let same = prints(layouts, object_type, &text, &mut record);
        if same != Some((wanted.content, wanted.volatile)) {
            return Err(altered("the fingerprint of a record"));
        }
        let start = opened.bytes.len();
        opened.bytes.extend_from_slice(&text);
        opened.places.push(((wanted.request, wanted.offset), start..opened.bytes.len()));
    }
    Ok(opened)
}

/// A database as it was indexed.
fn copy_of(exhibit: &Exhibit, stream: &mut dyn Read) -> Result<Database, OpenError> {
    let (mut hashing, mut copy) = (Hashing::default(), DatabaseCopy::new());
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = stream.read(&mut chunk).map_err(|error| exhibit.source.error(error))?;
        let bytes = chunk.get(..read).unwrap_or_default();
        if read == 0 {
            break;
        }
        hashing.update(bytes);
        copy.push(bytes).map_err(|error| exhibit.source.error(error))?;
    }
    let opened = copy.open();
    match opened {
        Ok(database) if hashing.finish() == exhibit.prints => Ok(database),
        _ => Err(OpenError::Altered { shown: exhibit.shown.clone(), what: "its SHA-256" }),
    }
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
    /// Decoded bytes, or a row as JSON with the names of its columns.
    pub text: Vec<u8>,
    /// Line on which they begin, from 1; a row has none.
    pub line: usize,
}

/// Opens the bytes of an exhibit that a receipt cites; `None` if it cites bytes that the exhibit does not have.
///
/// # Errors
/// [`OpenError::Altered`] if the exhibit is no longer what was indexed, or what the file system says.
pub fn open_receipt(
    exhibit: &Exhibit,
    place: Option<Cited>,
    catalogue: &Catalogue,
) -> Result<Option<OpenedReceipt>, OpenError> {
    let span = match place {
        None => None,
        Some(Cited::Bytes(span)) => Some(span),
        Some(Cited::Row(table, row)) => return open_row(exhibit, table, row, catalogue),
    };
    let kept = verified(&exhibit.source, &exhibit.prints, span)?;
    Ok(kept.map(|(bytes, line)| match span {
        None => OpenedReceipt { text: decode(&bytes).bytes.into_owned(), line },
        Some(_) => OpenedReceipt { text: exhibit.encoding.decode_slice(&bytes).into_owned(), line },
    }))
}

/// As [`open_receipt`], of an archive or a tag file of a bag; its bytes are given as they are.
///
/// # Errors
/// As [`open_receipt`].
pub fn open_carrier(
    carrier: &Carrier,
    span: Option<Span>,
) -> Result<Option<OpenedReceipt>, OpenError> {
    let kept = verified(&carrier.source, &carrier.prints, span)?;
    Ok(kept.map(|(text, line)| OpenedReceipt { text, line }))
}

/// The bytes of a source that a span cites, and the line on which they begin, if all of it has these digests.
fn verified(
    source: &SourceFile,
    prints: &Fingerprints,
    span: Option<Span>,
) -> Result<Option<(Vec<u8>, usize)>, OpenError> {
    let mut stream = source.open()?;
    let mut hashing = Hashing::default();
    let (mut kept, mut at, mut lines) = (Vec::new(), 0_u64, 1_usize);
    let wanted = match span {
        Some(span) => span.offset_bytes..span.offset_bytes.saturating_add(span.len_bytes),
        None => 0..u64::MAX,
    };
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = match stream.read(&mut chunk) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(|error| source.error(error))?,
        };
        let bytes = chunk.get(..read).unwrap_or_default();
        if read == 0 {
            break;
        }
        hashing.update(bytes);
        let place = |offset: u64| {
            usize::try_from(offset.saturating_sub(at)).unwrap_or(usize::MAX).min(read)
        };
        let (from, until) = (place(wanted.start), place(wanted.end));
        let above = bytes.get(..from).unwrap_or_default();
        lines += above.iter().filter(|byte| **byte == b'\n').count();
        kept.extend_from_slice(bytes.get(from..until.max(from)).unwrap_or_default());
        at = at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
    if hashing.finish() != *prints {
        return Err(OpenError::Altered { shown: source.shown.clone(), what: "its SHA-256" });
    }
    let beyond = span.is_some() && wanted.end > at;
    Ok((!beyond).then_some((kept, lines)))
}

fn open_row(
    exhibit: &Exhibit,
    table: Table,
    row: i64,
    catalogue: &Catalogue,
) -> Result<Option<OpenedReceipt>, OpenError> {
    if !matches!(&exhibit.rendering, Rendering::Tables(tables) if tables.contains(&table)) {
        return Ok(None);
    }
    let database = copy_of(exhibit, &mut exhibit.source.open()?)?;
    let found = OpenTables::new(&database, catalogue).row(table, row);
    Ok(found.ok().flatten().map(|found| OpenedReceipt { text: found.row, line: 0 }))
}
