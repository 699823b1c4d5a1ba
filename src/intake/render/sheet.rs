//! CSV with a row per object: the admin center's bulk downloads, `Export-Csv` of PowerShell, exporter suites.
//!
//! Habits. The admin center writes every column of its list, so an empty cell means null; anything else may have asked for
//! fewer properties than it has columns, so an empty cell means nothing. Not carried, hence never a change: dates (written
//! as the reader's locale has them, without zone), lists that were joined to a text, `directorySynced` (false and null look
//! alike), and every column that the catalogue does not know. A warning names the columns. Collector suites show objects in
//! views of their own; the tables say of each which cells carry an attribute of Graph, which one of the tool's own, and which
//! the tool has and never fills.

use std::sync::Arc;

use super::super::request::{Request, Subject};
use super::super::{Place, Sink};
use super::{Defect, Format, Ledger, quote, stands_for_a_lost_value};
use crate::directory::{Catalogue, CellKind, Column, RowsOf, View, catalogue};

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
        self.row(row).map(|row| row.json)
    }

    fn row(&self, row: &[u8]) -> Result<Row, Defect> {
        let mut cells = csv::ByteRecord::new();
        let mut reader = reader(self.delimiter, row);
        match reader.read_byte_record(&mut cells) {
            Ok(true) if cells.len() == self.columns.len() => {}
            _ => return Err(Defect::Cells),
        }
        let mut json = vec![b'{'];
        let (mut keys, mut parent, mut aside) = (Vec::new(), None, None);
        for (cell, column) in cells.iter().zip(&self.columns) {
            let Some(column) = column else { continue };
            let cell = std::str::from_utf8(cell).or(Err(Defect::NotUtf8))?;
            match column.kind {
                CellKind::Key => keys.push(cell.to_owned()),
                CellKind::Parent => {
                    parent = Some(cell.to_owned());
                    continue;
                }
                CellKind::Role => match catalogue().role_named(cell) {
                    Some(role) => {
                        member(&mut json, &column.attribute, &text(role));
                        member(&mut json, "directoryScopeId", b"\"/\"");
                        continue;
                    }
                    None => aside = Some("role-unknown"),
                },
                _ => {}
            }
            if let Some(value) = self.value(cell, column.kind) {
                member(&mut json, &column.attribute, &value);
            }
        }
        if !keys.is_empty() {
            member(&mut json, "id", &text(&keys.join("|")));
        }
        json.push(b'}');
        Ok(Row { json, parent, aside })
    }

    /// The value of a cell; `None` where it says nothing.
    fn value(&self, cell: &str, kind: CellKind) -> Option<Vec<u8>> {
        if cell.is_empty() && kind != CellKind::ObjectType {
            return self.empty_is_null.then(|| match kind {
                CellKind::OnlyItem | CellKind::Semicolons | CellKind::Commas => b"[]".to_vec(),
                _ => b"null".to_vec(),
            });
        }
        if !self.empty_is_null && stands_for_a_lost_value(cell) {
            return None;
        }
        let mut out = Vec::with_capacity(cell.len() + 2);
        match kind {
            CellKind::Text | CellKind::Key | CellKind::Role | CellKind::Parent => {
                quote(cell, &mut out);
            }
            CellKind::Boolean if cell.eq_ignore_ascii_case("true") => out.extend(b"true"),
            CellKind::Boolean if cell.eq_ignore_ascii_case("false") => out.extend(b"false"),
            CellKind::YesOrNo if cell.eq_ignore_ascii_case("yes") => out.extend(b"true"),
            CellKind::YesOrNo if cell.eq_ignore_ascii_case("no") => out.extend(b"false"),
            CellKind::Boolean | CellKind::YesOrNo => return None,
            CellKind::Number => {
                serde_json::from_str::<serde_json::Number>(cell).ok()?;
                out.extend(cell.as_bytes());
            }
            CellKind::Semicolons => items(cell, ';', &mut out),
            CellKind::Commas => items(cell, ',', &mut out),
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

/// A row of a CSV.
struct Row {
    json: Vec<u8>,
    /// What it hangs on, if it names that.
    parent: Option<String>,
    /// The rule that sets it aside.
    aside: Option<&'static str>,
}

fn member(json: &mut Vec<u8>, name: &str, value: &[u8]) {
    if json.len() > 1 {
        json.push(b',');
    }
    quote(name, json);
    json.push(b':');
    json.extend_from_slice(value);
}

fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    quote(text, &mut out);
    out
}

/// A list that was joined to a text.
fn items(cell: &str, separator: char, out: &mut Vec<u8>) {
    out.push(b'[');
    let items = cell.split(separator).map(str::trim).filter(|item| !item.is_empty());
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        quote(item, out);
    }
    out.push(b']');
}

fn reader(delimiter: u8, text: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text)
}

/// The rows of a CSV, as they come.
#[derive(Debug)]
pub(super) struct Rows {
    sheet: Arc<Sheet>,
    format: Format,
    object_type: Option<String>,
    /// Headings of columns that are not carried, and of those that the tool never fills.
    unknown: Vec<String>,
    never: Vec<String>,
    /// The view of a tool that it is.
    view: Option<View>,
    /// What the rows of the last request hang on.
    parent: Option<String>,
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
        if let Some(view) = catalogue.view_of(&headings, &place.stem) {
            return Some(Self::of_view(view, delimiter, &headings));
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
            sheet: Arc::new(Sheet { delimiter, columns, empty_is_null: is_portal }),
            format: if is_portal { Format::PortalCsv } else { Format::ObjectCsv },
            object_type,
            unknown,
            never: Vec::new(),
            view: None,
            parent: None,
            state: State::Headings,
        })
    }

    fn of_view(view: &View, delimiter: u8, headings: &[String]) -> Self {
        let (mut unknown, mut never) = (Vec::new(), Vec::new());
        let mut columns: Vec<Option<Column>> = Vec::with_capacity(headings.len());
        for heading in headings {
            let cell = view.cell(heading);
            match cell {
                None => unknown.push(heading.clone()),
                Some(None) => never.push(heading.clone()),
                Some(Some(_)) => {}
            }
            let taken =
                |known: &Column| cell.flatten().is_some_and(|c| c.attribute == known.attribute);
            let fresh = !columns.iter().flatten().any(taken);
            columns.push(cell.flatten().filter(|_| fresh).cloned());
        }
        let object_type = match &view.rows {
            RowsOf::Objects(object_type) => Some(object_type.clone()),
            RowsOf::Links { .. } | RowsOf::Events => None,
        };
        Self {
            sheet: Arc::new(Sheet { delimiter, columns, empty_is_null: view.empty_is_null }),
            format: Format::of_tool(&view.tool).unwrap_or(Format::ObjectCsv),
            object_type,
            unknown,
            never,
            view: Some(view.clone()),
            parent: None,
            state: State::Headings,
        }
    }

    pub(super) fn format(&self) -> Format {
        self.format
    }

    pub(super) fn sheet(self) -> Arc<Sheet> {
        self.sheet
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
        let mut reader = reader(self.sheet.delimiter, text.get(begin..).unwrap_or_default());
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
        let position = match self.view.clone() {
            Some(view) => self.open_view(&view, ledger),
            None => self.open_sheet(ledger),
        };
        let mut causes = Vec::new();
        if !self.unknown.is_empty() {
            causes.push(format!("not carried: {}", self.unknown.join(", ")));
        }
        if !self.never.is_empty() {
            causes.push(format!("never filled by the tool: {}", self.never.join(", ")));
        }
        if !causes.is_empty() {
            ledger.trouble("columns-not-carried", text, 0, causes.join("; "));
        }
        self.state = State::Rows(position);
    }

    fn open_sheet(&self, ledger: &mut Ledger<'_>) -> usize {
        let portal = self.format == Format::PortalCsv;
        let position = ledger.request(self.format, self.object_type.as_deref(), portal);
        if let Some(request) = ledger.intake.requests.get_mut(position) {
            if self.object_type.is_none() && !matches!(request.subject, Subject::Links { .. }) {
                request.subject = Subject::Orphan { rule: "page-without-parent" };
            }
            if portal {
                request.select = Some(self.carried());
            }
        }
        position
    }

    /// Names of the attributes that the columns carry.
    fn carried(&self) -> Arc<[String]> {
        self.sheet.columns.iter().flatten().map(|column| column.attribute.clone()).collect()
    }

    /// The request of the rows of a view.
    fn open_view(&self, view: &View, ledger: &mut Ledger<'_>) -> usize {
        let mut request = Request::new(self.format, None, ledger.place, ledger.catalogue);
        request.subject = match &view.rows {
            RowsOf::Objects(object_type) => {
                Subject::Objects { object_type: object_type.clone(), bin: false }
            }
            RowsOf::Links { .. } => Subject::Orphan { rule: "page-without-parent" },
            RowsOf::Events => Subject::Orphan { rule: "audit-event" },
        };
        request.context = Some(view.name.as_str().into());
        request.delta = !view.whole;
        request.keeps_nulls = Some(view.empty_is_null);
        if view.empty_is_null {
            request.select = Some(self.carried());
        }
        ledger.intake.requests.push(request);
        ledger.intake.requests.len() - 1
    }

    /// The request of the links that hang on a parent: rows of one parent stand together.
    fn open_links(&mut self, parent: String, ledger: &mut Ledger<'_>) -> Option<usize> {
        let Some(RowsOf::Links { collection, relation }) = self.view.as_ref().map(|v| &v.rows)
        else {
            return None;
        };
        let place = Place {
            parent: Some((collection.clone(), parent.clone(), relation.clone())),
            tree_folder: None,
            ..ledger.place.clone()
        };
        let mut request = Request::new(self.format, None, &place, ledger.catalogue);
        if let Subject::Links { other_type, .. } = &mut request.subject {
            // The tool writes members of every type and does not say of which they are.
            other_type.clear();
        }
        request.context = self.view.as_ref().map(|view| view.name.as_str().into());
        request.keeps_nulls = Some(false);
        ledger.intake.requests.push(request);
        self.parent = Some(parent);
        Some(ledger.intake.requests.len() - 1)
    }

    fn row(
        &mut self,
        position: usize,
        text: &[u8],
        span: std::ops::Range<usize>,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) {
        ledger.intake.tally.seen += 1;
        let row = match self.sheet.row(text.get(span.clone()).unwrap_or_default()) {
            Ok(row) => row,
            Err(defect) => return ledger.quarantine(text, &span, defect),
        };
        if let Some(rule) = row.aside {
            // What it names is missing from the list.
            ledger.damage();
            return ledger.set_aside(rule);
        }
        let mut position = position;
        if let Some(parent) = row.parent.filter(|parent| !parent.is_empty()) {
            if self.parent.as_ref() != Some(&parent) {
                position = self.open_links(parent, ledger).unwrap_or(position);
                self.state = State::Rows(position);
            }
        }
        let source = ledger.source(text, &span);
        ledger.deliver(position, &row.json, &source, sink);
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
