//! What every CSV has, whatever its rows stand for: a line that may name a type, a delimiter, headings, rows.

use std::ops::Range;

/// A line with the name of the objects' type, which Windows PowerShell writes first.
const TYPE_LINE: &[u8] = b"#TYPE ";

/// Bytes that may stand between cells.
const DELIMITERS: &[u8] = b",;\t";

/// How a CSV begins.
#[derive(Debug)]
pub(super) struct Head<'h> {
    /// What the `#TYPE` line says.
    pub(super) type_line: Option<&'h str>,
    /// What stands behind that line.
    pub(super) body: &'h [u8],
    /// The byte between cells, which gives the most headings.
    pub(super) delimiter: u8,
    pub(super) headings: Vec<String>,
}

impl<'h> Head<'h> {
    /// Reads the headings that a text begins with; `None` if they are no text.
    pub(super) fn of(text: &'h [u8]) -> Option<Self> {
        let (type_line, body) = after_type_line(text);
        let (delimiter, headings) = DELIMITERS
            .iter()
            .filter_map(|delimiter| Some((*delimiter, headings(*delimiter, body)?)))
            .max_by_key(|(_, headings)| headings.len())?;
        Some(Self { type_line, body, delimiter, headings })
    }
}

/// What comes next of a CSV that is read in pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The headings come next.
    Headings,
    /// Rows of this request come next.
    Rows(usize),
    Stopped,
}

impl State {
    /// Where in the text the next row begins; `None` if nothing is read any more.
    pub(super) fn begin(self, text: &[u8]) -> Option<usize> {
        match self {
            Self::Headings => Some(text.len() - after_type_line(text).1.len()),
            Self::Rows(_) => Some(0),
            Self::Stopped => None,
        }
    }
}

/// Hands on the whole rows that a text has from `begin` on, each with its bytes without the line breaks around it and with
/// whether the text goes on behind it; gives how many bytes they take.
pub(super) fn each_row(
    delimiter: u8,
    text: &[u8],
    (begin, last): (usize, bool),
    each: &mut dyn FnMut(&csv::ByteRecord, Range<usize>, bool),
) -> usize {
    let mut reader = reader(delimiter, text.get(begin..).unwrap_or_default());
    let mut row = csv::ByteRecord::new();
    let mut read = begin;
    // Reading from memory in bytes with any number of cells has no way to fail.
    while let Ok(true) = reader.read_byte_record(&mut row) {
        let end = begin + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
        let goes_on = end < text.len();
        if !goes_on && !last {
            break;
        }
        let span = trimmed(text, read, end);
        read = end.min(text.len());
        each(&row, span, goes_on);
    }
    if last { text.len() } else { read }
}

/// Reads rows of any number of cells, headings among them.
pub(super) fn reader(delimiter: u8, text: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text)
}

/// The bytes of a row without the line breaks around it.
fn trimmed(text: &[u8], start: usize, end: usize) -> Range<usize> {
    let row = text.get(start..end.min(text.len())).unwrap_or_default();
    let is_break = |byte: &&u8| matches!(**byte, b'\r' | b'\n');
    let before = row.iter().take_while(is_break).count();
    let behind = row.iter().rev().take_while(is_break).count();
    let end = start + row.len() - behind.min(row.len() - before);
    start + before..end
}

/// The `#TYPE` line, if there is one, and what stands behind it.
fn after_type_line(text: &[u8]) -> (Option<&str>, &[u8]) {
    let Some(rest) = text.strip_prefix(TYPE_LINE) else { return (None, text) };
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
    (std::str::from_utf8(line).ok().map(str::trim), behind.strip_prefix(b"\n").unwrap_or(behind))
}

fn headings(delimiter: u8, text: &[u8]) -> Option<Vec<String>> {
    let mut row = csv::ByteRecord::new();
    if !reader(delimiter, text).read_byte_record(&mut row).is_ok_and(|read| read) {
        return None;
    }
    row.iter()
        .map(|cell| std::str::from_utf8(cell).ok().map(|text| text.trim().to_owned()))
        .collect()
}
