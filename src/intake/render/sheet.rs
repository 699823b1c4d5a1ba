//! CSV with a row per object: the admin center's bulk downloads, `Export-Csv` of PowerShell, exporter suites.
//!
//! Habits. The admin center writes every column of its list, so an empty cell means null; anything else may have asked for
//! fewer properties than it has columns, so an empty cell means nothing. Not carried, hence never a change: dates (written
//! as the reader's locale has them, without zone), lists that were joined to a text, `directorySynced` (false and null look
//! alike), and every column that the catalogue does not know. A warning names the columns.

use std::sync::Arc;

use super::super::request::Subject;
use super::super::{Place, Sink};
use super::log_sheet::{self, Table};
use super::{Defect, Format, Ledger, Rendering, quote, stands_for_a_lost_value};
use crate::directory::{Catalogue, CellKind, Column};

/// Headings that the admin center's download of users has had in every year.
const PORTAL_USERS: [&str; 8] = [
    "userPrincipalName",
    "displayName",
    "surname",
    "givenName",
    "userType",
    "jobTitle",
    "department",
    "accountEnabled",
];

/// A line with the name of the objects' type, which Windows PowerShell writes first.
const TYPE_LINE: &[u8] = b"#TYPE ";

/// What the headings of a CSV say: enough to render a row of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Byte between cells.
    pub delimiter: u8,
    /// `None` for a column that is not carried.
    pub columns: Vec<Option<Column>>,
    /// Whether an empty cell means null rather than nothing.
    pub empty_is_null: bool,
}

impl Sheet {
    /// The object that a row stands for.
    pub(super) fn render(&self, row: &[u8]) -> Result<Vec<u8>, Defect> {
        let mut cells = csv::ByteRecord::new();
        let mut reader = reader(self.delimiter, row);
        match reader.read_byte_record(&mut cells) {
            Ok(true) if cells.len() == self.columns.len() => {}
            _ => return Err(Defect::Cells),
        }
        let mut json = vec![b'{'];
        for (cell, column) in cells.iter().zip(&self.columns) {
            let Some(column) = column else { continue };
            let cell = std::str::from_utf8(cell).or(Err(Defect::NotUtf8))?;
            let Some(value) = self.value(cell, column.kind) else { continue };
            if json.len() > 1 {
                json.push(b',');
            }
            quote(&column.attribute, &mut json);
            json.push(b':');
            json.extend_from_slice(&value);
        }
        json.push(b'}');
        Ok(json)
    }

    /// The value of a cell; `None` where it says nothing.
    fn value(&self, cell: &str, kind: CellKind) -> Option<Vec<u8>> {
        if cell.is_empty() && kind != CellKind::ObjectType {
            return self.empty_is_null.then(|| match kind {
                CellKind::OnlyItem => b"[]".to_vec(),
                CellKind::Text | CellKind::Boolean | CellKind::ObjectType => b"null".to_vec(),
            });
        }
        if !self.empty_is_null && stands_for_a_lost_value(cell) {
            return None;
        }
        let mut out = Vec::with_capacity(cell.len() + 2);
        match kind {
            CellKind::Text => quote(cell, &mut out),
            CellKind::Boolean if cell.eq_ignore_ascii_case("true") => out.extend(b"true"),
            CellKind::Boolean if cell.eq_ignore_ascii_case("false") => out.extend(b"false"),
            CellKind::Boolean => return None,
            CellKind::OnlyItem => {
                out.push(b'[');
                quote(cell, &mut out);
                out.push(b']');
            }
            CellKind::ObjectType => {
                let name = cell.rsplit('.').next().unwrap_or(cell).replace(' ', "");
                let mut letters = name.chars();
                let first = letters.next()?.to_ascii_lowercase();
                quote(&format!("#microsoft.graph.{first}{}", letters.as_str()), &mut out);
            }
        }
        Some(out)
    }
}

pub(super) fn reader(delimiter: u8, text: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text)
}

/// The rows of a CSV, as they come.
#[derive(Debug)]
pub(super) struct Rows {
    table: Table,
    format: Format,
    object_type: Option<String>,
    /// Headings of columns that are not carried.
    unknown: Vec<String>,
    /// Whether dates may be read in two ways.
    ambiguous: bool,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The headings come next.
    Headings,
    /// Rows of this request come next.
    Rows(usize),
    Stopped,
}

impl Rows {
    /// Recognises a CSV of objects by its headings, and where they do not tell the type by the name of the file.
    pub(super) fn recognise(head: &[u8], place: &Place, catalogue: &Catalogue) -> Option<Self> {
        let (type_line, body) = after_type_line(head);
        let (delimiter, headings) = b",;\t"
            .iter()
            .filter_map(|delimiter| Some((*delimiter, headings(*delimiter, body)?)))
            .max_by_key(|(_, headings)| headings.len())?;
        if let Some(log) = log_sheet::recognise(delimiter, &headings, body, catalogue) {
            return Some(Self {
                table: Table::Log(Arc::new(log.sheet)),
                format: Format::LogCsv,
                object_type: None,
                unknown: log.unknown,
                ambiguous: log.ambiguous,
                state: State::Headings,
            });
        }
        let has = |name: &str| headings.iter().any(|heading| heading == name);
        let is_portal = PORTAL_USERS.iter().all(|name| has(name));
        let object_type = object_type(type_line, &headings, place, catalogue)?;
        let of_type = object_type.as_deref().unwrap_or("*");
        let mut columns: Vec<Option<Column>> = Vec::new();
        let mut unknown = Vec::new();
        for heading in &headings {
            let column = catalogue.column(of_type, heading).cloned().filter(|column| {
                let misplaced = column.kind == CellKind::ObjectType && object_type.is_some();
                let taken = |known: &Column| known.attribute == column.attribute;
                !misplaced && !columns.iter().flatten().any(taken)
            });
            if column.is_none() {
                unknown.push(heading.clone());
            }
            columns.push(column);
        }
        let carried = columns.iter().flatten().count();
        if carried < 2 || !columns.iter().flatten().any(|column| column.attribute == "id") {
            return None;
        }
        Some(Self {
            table: Table::Objects(Arc::new(Sheet { delimiter, columns, empty_is_null: is_portal })),
            format: if is_portal { Format::PortalCsv } else { Format::ObjectCsv },
            object_type,
            unknown,
            ambiguous: false,
            state: State::Headings,
        })
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn rendering(self) -> Rendering {
        match self.table {
            Table::Objects(sheet) => Rendering::Sheet(sheet),
            Table::Log(sheet) => Rendering::LogSheet(sheet),
        }
    }

    pub(super) fn stop(&mut self) {
        self.state = State::Stopped;
    }

    pub(super) fn take(
        &mut self,
        text: &[u8],
        last: bool,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> usize {
        if self.state == State::Stopped {
            return text.len();
        }
        let begin = match self.state {
            State::Headings => text.len() - after_type_line(text).1.len(),
            State::Rows(_) | State::Stopped => 0,
        };
        let mut reader = reader(self.table.delimiter(), text.get(begin..).unwrap_or_default());
        let mut row = csv::ByteRecord::new();
        let mut read = begin;
        // Reading from memory in bytes with any number of cells has no way to fail.
        while let Ok(true) = reader.read_byte_record(&mut row) {
            let end = begin + usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            if end >= text.len() && !last {
                break;
            }
            let span = trimmed(text, read, end);
            read = end.min(text.len());
            match self.state {
                State::Headings => self.open(text, ledger),
                State::Rows(position) => self.row(position, text, span, ledger, sink),
                State::Stopped => {}
            }
        }
        if last { text.len() } else { read }
    }

    /// Passes over the headings.
    fn open(&mut self, text: &[u8], ledger: &mut Ledger<'_>) {
        let portal = self.format == Format::PortalCsv;
        let position = ledger.request(self.format, self.object_type.as_deref(), portal);
        if let Some(request) = ledger.intake.requests.get_mut(position) {
            if let Table::Log(_) = &self.table {
                request.subject = Subject::Untyped { fallback: "unknown".to_owned() };
            } else if self.object_type.is_none()
                && !matches!(request.subject, Subject::Links { .. })
            {
                request.subject = Subject::Orphan { rule: "page-without-parent" };
            }
            if let (true, Table::Objects(sheet)) = (portal, &self.table) {
                let columns = sheet.columns.iter().flatten();
                request.select = Some(columns.map(|column| column.attribute.clone()).collect());
            }
        }
        if !self.unknown.is_empty() {
            let cause = format!("not carried: {}", self.unknown.join(", "));
            ledger.trouble("columns-not-carried", text, 0, cause);
        }
        if self.ambiguous {
            let cause = "no date has a day above 12: which number is the month cannot be told";
            ledger.trouble("log-dates-ambiguous", text, 0, cause.to_owned());
        }
        self.state = State::Rows(position);
    }

    fn row(
        &self,
        position: usize,
        text: &[u8],
        span: std::ops::Range<usize>,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) {
        ledger.intake.tally.seen += 1;
        match self.table.render(text.get(span.clone()).unwrap_or_default()) {
            Ok(json) => {
                let source = ledger.source(text, &span);
                ledger.deliver(position, &json, &source, sink);
            }
            Err(defect) => ledger.quarantine(text, &span, defect),
        }
    }
}

/// The bytes of a row without the line breaks around it.
fn trimmed(text: &[u8], start: usize, end: usize) -> std::ops::Range<usize> {
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

/// The type of the objects: `None` where nothing tells, `Some(None)` for the members of a group, which may be of any type.
fn object_type(
    type_line: Option<&str>,
    headings: &[String],
    place: &Place,
    catalogue: &Catalogue,
) -> Option<Option<String>> {
    let has = |name: &str| {
        headings.iter().any(|heading| {
            catalogue.column("*", heading).is_some_and(|column| column.attribute == name)
        })
    };
    if !has("id") {
        return None;
    }
    // Lists of members name a kind per row and no switches; dumps of the AzureAD module have both.
    let switches = |heading: &String| {
        ["accountEnabled", "securityEnabled"].iter().any(|s| heading.eq_ignore_ascii_case(s))
    };
    if has("@odata.type") && !headings.iter().any(switches) {
        return Some(None);
    }
    let of_class = type_line.and_then(|line| super::clixml::type_of_class(line, catalogue));
    let of_place = || {
        let (object_type, _) = catalogue.of_collection(place.collection.as_deref()?)?;
        Some(object_type.to_owned())
    };
    let of_headings = || {
        let exact = |name: &str| headings.iter().any(|heading| heading.eq_ignore_ascii_case(name));
        catalogue.of_members(&exact).map(str::to_owned)
    };
    of_class.or_else(of_headings).or_else(of_place).map(Some)
}
