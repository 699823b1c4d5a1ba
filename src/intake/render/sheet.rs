//! CSV with a row per object: the admin center's bulk downloads, `Export-Csv` of PowerShell, exporter suites.
//!
//! Habits. The admin center writes every column of its list, so an empty cell means null; anything else may have asked for
//! fewer properties than it has columns, so an empty cell means nothing. Not carried, hence never a change: dates (written
//! as the reader's locale has them, without zone), lists that were joined to a text, `directorySynced` (false and null look
//! alike), and every column that the catalogue does not know. A warning names the columns. Collector suites show objects in
//! views of their own; the tables say of each which cells carry an attribute of Graph, which one of the tool's own, and which
//! the tool has and never fills.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::request::{Request, Subject};
use super::super::{Place, Sink};
use super::cells::{OtherRows, Sheet};
use super::table::{Head, State, each_row};
use super::{Format, Ledger};
use crate::directory::{Catalogue, CellKind, Column, RowsOf, View};

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
    /// Requests of what hangs on an object, by that object.
    parents: BTreeMap<String, usize>,
    /// The request of rows of the other kind.
    other: Option<usize>,
    state: State,
}

impl Rows {
    /// Recognises a CSV of objects by its headings, and where they do not tell the type by the name of the file.
    pub(super) fn recognise(head: &Head<'_>, place: &Place, catalogue: &Catalogue) -> Option<Self> {
        let Head { type_line, delimiter, headings, .. } = head;
        let delimiter = *delimiter;
        if let Some(view) = catalogue.view_of(headings, &place.stem) {
            return Some(Self::of_view(view, delimiter, headings, catalogue));
        }
        let has = |name: &str| headings.iter().any(|heading| heading == name);
        let is_portal = PORTAL_USERS.iter().all(|name| has(name));
        let object_type = object_type(*type_line, headings, place, catalogue)?;
        let of_type = object_type.as_deref().unwrap_or("*");
        let mut columns: Vec<Option<Column>> = Vec::new();
        let mut unknown = Vec::new();
        for heading in headings {
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
            sheet: Arc::new(Sheet { delimiter, columns, empty_is_null: is_portal, other: None }),
            format: if is_portal { Format::PortalCsv } else { Format::ObjectCsv },
            object_type,
            unknown,
            never: Vec::new(),
            view: None,
            parents: BTreeMap::new(),
            other: None,
            state: State::Headings,
        })
    }

    fn of_view(view: &View, delimiter: u8, headings: &[String], catalogue: &Catalogue) -> Self {
        let columns = columns_of(view, headings);
        let other = view.other.as_ref().and_then(|other| {
            let column = headings.iter().position(|heading| *heading == other.column)?;
            let columns = columns_of(catalogue.view(&other.view)?, headings);
            Some(OtherRows { column, value: other.value.clone(), columns })
        });
        let known = |heading: &String| {
            let others = view.other.as_ref().and_then(|other| catalogue.view(&other.view));
            let of_others = others.and_then(|view| view.cell(heading));
            view.cell(heading).or(of_others)
        };
        let unknown = headings.iter().filter(|heading| known(heading).is_none()).cloned().collect();
        let never =
            headings.iter().filter(|heading| known(heading) == Some(None)).cloned().collect();
        let object_type = match &view.rows {
            RowsOf::Objects(object_type) => Some(object_type.clone()),
            RowsOf::Links { .. } | RowsOf::Events => None,
        };
        Self {
            sheet: Arc::new(Sheet { delimiter, columns, empty_is_null: view.empty_is_null, other }),
            format: Format::of_tool(&view.tool).unwrap_or(Format::ObjectCsv),
            object_type,
            unknown,
            never,
            view: Some(view.clone()),
            parents: BTreeMap::new(),
            other: None,
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
        let Some(begin) = self.state.begin(text) else { return text.len() };
        // Rows of one object that others may follow: where they are, and what they share.
        let mut open: Option<(std::ops::Range<usize>, Vec<Vec<u8>>)> = None;
        let delimiter = self.sheet.delimiter;
        let read = each_row(delimiter, text, (begin, last), &mut |row, span, goes_on| {
            if self.state == State::Headings {
                return self.open(text, ledger);
            }
            let shared = self.sheet.shared(row);
            match (&mut open, &shared) {
                (Some((rows, known)), Some(shared)) if known == shared => rows.end = span.end,
                _ => {
                    if let Some((rows, _)) = open.take() {
                        self.row((text, rows, None), ledger, sink);
                    }
                    match shared {
                        Some(shared) => open = Some((span, shared)),
                        // The last row of a text may end in an open quote, behind what its span is.
                        None => self.row((text, span, goes_on.then_some(row)), ledger, sink),
                    }
                }
            }
        });
        match open {
            Some((rows, _)) if last => self.row((text, rows, None), ledger, sink),
            // They come again, with more behind them.
            Some((rows, _)) => return rows.start,
            None => {}
        }
        read
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

    /// The request of rows of the other kind.
    fn open_other(&mut self, ledger: &mut Ledger<'_>) -> Option<usize> {
        let view = self.view.as_ref()?.other.as_ref()?;
        let view = ledger.catalogue.view(&view.view)?.clone();
        let position = *self.other.get_or_insert(ledger.intake.requests.len());
        if position == ledger.intake.requests.len() {
            self.open_view(&view, ledger);
        }
        Some(position)
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
        if view.empty_is_null && view.other.is_none() {
            request.select = Some(self.carried());
        }
        ledger.intake.requests.push(request);
        ledger.intake.requests.len() - 1
    }

    /// The request of the links that hang on a parent.
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
        self.parents.insert(parent, ledger.intake.requests.len() - 1);
        Some(ledger.intake.requests.len() - 1)
    }

    /// Hands on the object that a row, or several, stand for; `read` are the cells of a single one.
    fn row(
        &mut self,
        (text, span, read): (&[u8], std::ops::Range<usize>, Option<&csv::ByteRecord>),
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) {
        let State::Rows(mut position) = self.state else { return };
        ledger.intake.tally.seen += 1;
        let row = match read {
            Some(cells) => self.sheet.object(cells, None),
            None => self.sheet.row(text.get(span.clone()).unwrap_or_default()),
        };
        let row = match row {
            Ok(row) => row,
            Err(defect) => return ledger.quarantine(text, &span, defect),
        };
        if let Some(rule) = row.aside {
            // What it names is missing from the list.
            ledger.damage();
            return ledger.set_aside(rule);
        }
        if row.other {
            position = self.open_other(ledger).unwrap_or(position);
        }
        if let Some(parent) = row.parent.filter(|parent| !parent.is_empty()) {
            let known = self.parents.get(&parent).copied();
            position = known.or_else(|| self.open_links(parent, ledger)).unwrap_or(position);
        }
        let source = ledger.source(text, &span);
        ledger.deliver(position, &row.json, &source, sink);
    }
}

/// What the columns of a view carry.
fn columns_of(view: &View, headings: &[String]) -> Vec<Option<Column>> {
    let mut columns: Vec<Option<Column>> = Vec::with_capacity(headings.len());
    for heading in headings {
        let cell = view.cell(heading).flatten();
        let taken = |known: &Column| cell.is_some_and(|cell| cell.attribute == known.attribute);
        let fresh = !columns.iter().flatten().any(taken);
        columns.push(cell.filter(|_| fresh).cloned());
    }
    columns
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
