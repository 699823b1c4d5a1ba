//! The database of `ROADrecon` (`roadrecon.db`, `SQLite`): a table per type of object, a table per kind of link.
//!
//! Recognised by the plain tables `Users`, `ServicePrincipals` and `TenantDetails`. Source is the retired Azure AD Graph,
//! so names are put into Graph's by the same table as those of other tools that used it. Habits: every column is written,
//! so NULL is null; lists and objects are JSON texts; times are texts in UTC without zone. There is no time of capture.
//! Loses: whether a table that is empty was asked for (it is taken as not collected), columns that an option of the tool
//! fills (null in all rows: not asked for), columns that the version did not have, and the service's own counts. What the
//! policies of Conditional Access say keeps its old form below `policyDetail`. Tables of Azure resources, PIM and
//! entitlement management are counted and set aside.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use super::super::formats::azure_ad_graph;
use super::super::request::{Format, Request, Subject};
use super::super::spelling::Node;
use super::super::{Intake, LinkList, Linked, Place, Sink, Trouble};
use super::{Defect, Ledger, Rendering};
use crate::directory::{Catalogue, RoadLink, RoadTable};
use crate::evidence::{
    Cell, Database, DatabaseColumn, DatabaseTable, Encoding, Rows, SourceOffsets,
};
use crate::model::Table;

/// Tables that tell that it is one.
const TOLD_BY: [&str; 3] = ["Users", "ServicePrincipals", "TenantDetails"];

/// Reads a database; one that is none of `ROADrecon` is named and left alone.
pub fn read(
    database: Result<&Database, String>,
    place: &Place,
    catalogue: &Catalogue,
    sink: &mut dyn Sink,
) -> Intake {
    let ledger = Ledger {
        place,
        catalogue,
        offsets: SourceOffsets::new(Encoding::Utf8, 0),
        intake: Intake::default(),
        record: super::Record::default(),
    };
    let mut reading = Reading { ledger, tables: Vec::new(), positions: BTreeMap::new() };
    match database.and_then(|database| Ok((database, database.tables()?))) {
        Ok((database, tables)) => {
            let is_plain =
                |name: &str| tables.iter().any(|known| known.name == name && known.is_plain);
            if TOLD_BY.iter().all(|name| is_plain(name)) {
                reading.ledger.intake.format = Some(Format::Roadrecon);
                reading.database(database, &tables, sink);
            } else {
                let names: Vec<&str> =
                    tables.iter().map(|table| table.name.as_str()).take(10).collect();
                reading.ledger.intake.format = Some(Format::Database);
                reading
                    .trouble("database-unknown", format!("its first tables: {}", names.join(", ")));
            }
        }
        Err(cause) => {
            reading.ledger.intake.format = Some(Format::Database);
            reading.trouble("database-damaged", cause);
        }
    }
    let mut intake = reading.ledger.intake;
    if !reading.tables.is_empty() {
        intake.rendering = Rendering::Tables(reading.tables.into());
    }
    intake
}

/// A row of a table as JSON: the object that the index has, and the row as it lies in the database.
#[derive(Debug)]
pub struct OpenedRow {
    /// The object in Graph's spelling; `None` if the row is no object.
    pub object: Option<Vec<u8>>,
    /// Its columns by their own names.
    pub row: Vec<u8>,
}

/// Opens rows again: the same bytes give the same JSON.
#[derive(Debug)]
pub struct OpenTables<'d> {
    database: &'d Database,
    catalogue: &'d Catalogue,
    sheets: BTreeMap<Table, Sheet<'d>>,
}

impl<'d> OpenTables<'d> {
    /// Of a database that was indexed.
    #[must_use]
    pub fn new(database: &'d Database, catalogue: &'d Catalogue) -> Self {
        Self { database, catalogue, sheets: BTreeMap::new() }
    }

    /// Opens a row; `None` if there is none of this number.
    ///
    /// # Errors
    /// What `SQLite` says.
    pub fn row(&mut self, table: Table, row: i64) -> Result<Option<OpenedRow>, String> {
        if !self.sheets.contains_key(&table) {
            let sheet = Sheet::of(self.database, table.as_str(), self.catalogue)?;
            self.sheets.insert(table, sheet);
        }
        let Some(sheet) = self.sheets.get(&table) else { return Ok(None) };
        let mut found = None;
        let mut take = |_, cells: &[Cell<'_>]| {
            found = Some(OpenedRow {
                object: sheet.object(cells, self.catalogue).ok().map(|(_, json)| json),
                row: sheet.as_it_lies(cells),
            });
            ControlFlow::Break(())
        };
        self.database.rows(table.as_str(), &sheet.columns, Rows::One(row), &mut take)?;
        Ok(found)
    }
}

/// How a cell becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Plain,
    Boolean,
    Time,
    Json,
}

/// A table of objects.
#[derive(Debug)]
struct Sheet<'c> {
    /// What its rows are, tried in order; none for a table of links.
    kinds: Vec<&'c RoadTable>,
    columns: Vec<DatabaseColumn>,
    how: Vec<How>,
}

/// Why a row is no object of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    Defect(Defect),
    SetAside(&'static str),
}

impl<'c> Sheet<'c> {
    fn of(database: &Database, table: &str, catalogue: &'c Catalogue) -> Result<Self, String> {
        let kinds: Vec<&RoadTable> =
            catalogue.roadrecon_tables().iter().filter(|kind| kind.table == table).collect();
        let mut columns = database.columns(table)?;
        let is = |names: fn(&RoadTable) -> &Vec<String>, column: &DatabaseColumn| {
            kinds.iter().any(|kind| names(kind).contains(&column.name))
        };
        let mut unasked = BTreeSet::new();
        for column in columns.iter().filter(|column| is(|kind| &kind.optional, column)) {
            if !database.has_values(table, &column.name)? {
                unasked.insert(column.name.clone());
            }
        }
        columns.retain(|column| !unasked.contains(&column.name));
        let how = columns
            .iter()
            .map(|column| match column.declared.to_ascii_uppercase().as_str() {
                _ if is(|kind| &kind.json, column) => How::Json,
                "BOOLEAN" => How::Boolean,
                "DATETIME" => How::Time,
                _ => How::Plain,
            })
            .collect();
        Ok(Self { kinds, columns, how })
    }

    /// What a row is and the object that it stands for.
    fn object(&self, cells: &[Cell<'_>], catalogue: &Catalogue) -> Result<(usize, Vec<u8>), Unfit> {
        let (position, kind) = self
            .kinds
            .iter()
            .enumerate()
            .find(|(_, kind)| kind.when.as_ref().is_none_or(|when| self.holds(when, cells)))
            .ok_or(Unfit::SetAside("table-not-read"))?;
        let texts: Vec<Written> = cells
            .iter()
            .zip(&self.how)
            .map(|(cell, how)| Written::of(*cell, *how))
            .collect::<Result<_, _>>()
            .map_err(Unfit::Defect)?;
        let mut members = Vec::with_capacity(texts.len());
        for (column, text) in self.columns.iter().zip(&texts) {
            if column.name == "objectType" {
                continue;
            }
            let Some((_, property)) =
                kind.only_item.as_ref().filter(|(list, _)| *list == column.name)
            else {
                members.push((column.name.clone(), text.node()));
                continue;
            };
            let item = match text.node() {
                Node::Array(items) => <[Node<'_>; 1]>::try_from(items).ok(),
                Node::Scalar(_) | Node::Text(_) | Node::Object(_) => None,
            };
            let [item] = item.ok_or(Unfit::SetAside("natural-key-incomplete"))?;
            members.push((property.clone(), item));
        }
        let mut json = Vec::new();
        azure_ad_graph::of_type(members, &kind.object_type, catalogue).write(&mut json);
        Ok((position, json))
    }

    fn holds(&self, (column, value): &(String, String), cells: &[Cell<'_>]) -> bool {
        let place = self.columns.iter().position(|known| known.name == *column);
        match place.and_then(|place| cells.get(place)) {
            Some(Cell::Integer(number)) => number.to_string() == *value,
            Some(Cell::Text(text)) => *text == value.as_bytes(),
            Some(Cell::Null | Cell::Real(_) | Cell::Blob(_)) | None => false,
        }
    }

    fn as_it_lies(&self, cells: &[Cell<'_>]) -> Vec<u8> {
        let texts: Vec<Written> = cells.iter().map(|cell| Written::as_it_lies(*cell)).collect();
        let members = self.columns.iter().zip(&texts);
        let members = members.map(|(column, text)| (column.name.clone(), text.node())).collect();
        let mut json = Vec::new();
        Node::Object(members).write(&mut json);
        json
    }
}

/// A cell as JSON.
#[derive(Debug)]
enum Written {
    /// JSON of its own.
    Json(String),
    Text(String),
}

impl Written {
    fn of(cell: Cell<'_>, how: How) -> Result<Self, Defect> {
        let bytes = match cell {
            Cell::Null => return Ok(Self::Json("null".to_owned())),
            Cell::Integer(number @ (0 | 1)) if how == How::Boolean => {
                return Ok(Self::Json((number == 1).to_string()));
            }
            Cell::Integer(number) => return Ok(Self::Json(number.to_string())),
            Cell::Real(number) if number.is_finite() => return Ok(Self::Json(number.to_string())),
            Cell::Real(number) => return Ok(Self::Text(number.to_string())),
            Cell::Blob(_) => return Err(Defect::Cell),
            Cell::Text(bytes) => bytes,
        };
        let text = std::str::from_utf8(bytes).or(Err(Defect::NotUtf8))?;
        let written = match how {
            How::Plain | How::Boolean => None,
            How::Time => time(text).map(Self::Text),
            How::Json => json(text).map(Self::Json),
        };
        // What is none of what the column should hold is shown as it is.
        Ok(written.unwrap_or_else(|| Self::Text(text.to_owned())))
    }

    fn as_it_lies(cell: Cell<'_>) -> Self {
        match cell {
            Cell::Blob(bytes) => {
                let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Self::Text(format!("x'{}'", hex.concat()))
            }
            Cell::Text(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
            Cell::Null | Cell::Integer(_) | Cell::Real(_) => {
                Self::of(cell, How::Plain).unwrap_or(Self::Json("null".to_owned()))
            }
        }
    }

    fn node(&self) -> Node<'_> {
        match self {
            Self::Json(text) => {
                Node::of(text.as_bytes()).unwrap_or_else(|| Node::Text(text.clone()))
            }
            Self::Text(text) => Node::Text(text.clone()),
        }
    }
}

/// `2026-11-02 03:00:00.000000`, which is UTC, as Graph writes it.
fn time(text: &str) -> Option<String> {
    let shape = "dddd-dd-dd dd:dd:dd";
    let (head, fraction) = text.split_at_checked(shape.len())?;
    let fits = head.chars().zip(shape.chars()).all(|(found, wanted)| match wanted {
        'd' => found.is_ascii_digit(),
        wanted => found == wanted,
    });
    let digits = fraction.strip_prefix('.').unwrap_or(fraction);
    let is_fraction = fraction.is_empty()
        || fraction.len() == digits.len() + 1 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let told = if digits.bytes().all(|byte| byte == b'0') { head } else { text };
    (fits && is_fraction).then(|| format!("{}Z", told.replacen(' ', "T", 1)))
}

/// The JSON of a cell; a list of objects that are texts themselves is opened.
fn json(text: &str) -> Option<String> {
    let node = Node::of(text.as_bytes())?;
    serde_json::from_str::<&serde_json::value::RawValue>(text).ok()?;
    let Node::Array(items) = node else { return Some(text.to_owned()) };
    let inner: Option<Vec<String>> = items.iter().map(|item| object_text(item.text()?)).collect();
    Some(match inner {
        Some(inner) if !inner.is_empty() => format!("[{}]", inner.join(",")),
        _ => text.to_owned(),
    })
}

fn object_text(text: String) -> Option<String> {
    let is_object = text.starts_with('{') && Node::of(text.as_bytes()).is_some();
    let is_whole = serde_json::from_str::<&serde_json::value::RawValue>(&text).is_ok();
    (is_object && is_whole).then_some(text)
}

/// A database on its way into the index.
struct Reading<'a> {
    ledger: Ledger<'a>,
    /// The tables that were read; rows name theirs by its position.
    tables: Vec<Table>,
    /// Request and numbers of the rows of the objects of a type that have links, by their ids.
    positions: BTreeMap<String, usize>,
}

impl Reading<'_> {
    fn trouble(&mut self, code: &'static str, cause: String) {
        self.ledger.intake.troubles.push(Trouble { code, offset_bytes: 0, cause });
    }

    fn database(&mut self, database: &Database, tables: &[DatabaseTable], sink: &mut dyn Sink) {
        let catalogue = self.ledger.catalogue;
        let is_plain = |name: &str| tables.iter().any(|known| known.name == name && known.is_plain);
        let mut names: Vec<&str> =
            catalogue.roadrecon_tables().iter().map(|kind| kind.table.as_str()).collect();
        names.dedup();
        for name in names.iter().filter(|name| is_plain(name)) {
            self.objects(database, name, sink);
        }
        let links = catalogue.roadrecon_links();
        for links in
            links.chunk_by(|a, b| (&a.parent_type, &a.relation) == (&b.parent_type, &b.relation))
        {
            let present: Vec<&RoadLink> =
                links.iter().filter(|link| is_plain(&link.table)).collect();
            self.relation(database, &present, present.len() == links.len(), sink);
        }
        let known: BTreeSet<&str> =
            names.into_iter().chain(links.iter().map(|link| link.table.as_str())).collect();
        self.rest(database, tables, &known);
    }

    /// Counts what is not read.
    fn rest(&mut self, database: &Database, tables: &[DatabaseTable], known: &BTreeSet<&str>) {
        let mut pretended = Vec::new();
        for table in tables {
            if !table.is_plain {
                pretended.push(table.name.as_str());
            } else if !known.contains(table.name.as_str()) {
                match database.count(&table.name) {
                    Ok(count) => self.set_aside("table-not-read", count),
                    Err(cause) => {
                        self.trouble("database-damaged", format!("table {}: {cause}", table.name));
                    }
                }
            }
        }
        if !pretended.is_empty() {
            let cause = format!("not looked at: {}", pretended.join(", "));
            self.trouble("database-views", cause);
        }
    }

    fn set_aside(&mut self, rule: &str, count: u64) {
        if count > 0 {
            let tally = &mut self.ledger.intake.tally;
            tally.seen += count;
            *tally.set_aside.entry(rule.to_owned()).or_default() += count;
        }
    }

    /// The position of a table among those that were read.
    fn table(&mut self, name: &str) -> u64 {
        let table = Table::named(name);
        let known = self.tables.iter().position(|known| *known == table);
        let position = known.unwrap_or_else(|| {
            self.tables.push(table);
            self.tables.len() - 1
        });
        u64::try_from(position).unwrap_or(u64::MAX)
    }

    fn objects(&mut self, database: &Database, name: &str, sink: &mut dyn Sink) {
        let catalogue = self.ledger.catalogue;
        let sheet = match Sheet::of(database, name, catalogue) {
            Ok(sheet) => sheet,
            Err(cause) => {
                return self.trouble("database-damaged", format!("table {name}: {cause}"));
            }
        };
        let number = self.table(name);
        let mut requests: BTreeMap<usize, usize> = BTreeMap::new();
        let last = std::cell::Cell::new(0);
        let mut take = |row: i64, cells: &[Cell<'_>]| {
            last.set(row);
            self.row(&sheet, (number, row), cells, &mut requests, sink);
            ControlFlow::Continue(())
        };
        let Err(cause) = database.rows(name, &sheet.columns, Rows::All, &mut take) else { return };
        let forward = last.get();
        // What lies behind the damage is reached from the end.
        let behind = database.rows(name, &sheet.columns, Rows::Behind(forward), &mut take);
        let reached = match last.get() {
            last if last == forward => String::new(),
            last => format!(", and none before row {last}"),
        };
        let both = behind
            .err()
            .filter(|other| *other != cause)
            .map_or(String::new(), |other| format!("; {other}"));
        for position in requests.values() {
            if let Some(request) = self.ledger.intake.requests.get_mut(*position) {
                request.damaged = true;
            }
        }
        self.trouble(
            "database-damaged",
            format!(
                "table {name}: no rows behind row {forward} could be read{reached}: {cause}{both}"
            ),
        );
    }

    fn row(
        &mut self,
        sheet: &Sheet<'_>,
        (table, row): (u64, i64),
        cells: &[Cell<'_>],
        requests: &mut BTreeMap<usize, usize>,
        sink: &mut dyn Sink,
    ) {
        self.ledger.intake.tally.seen += 1;
        let source = source(table, row);
        let (kind, json) = match sheet.object(cells, self.ledger.catalogue) {
            Ok(found) if row >= 0 => found,
            Err(Unfit::SetAside(rule)) => return self.ledger.set_aside(rule),
            Ok(_) => return self.refuse(row, Defect::Cell, requests),
            Err(Unfit::Defect(defect)) => return self.refuse(row, defect, requests),
        };
        let position = *requests.entry(kind).or_insert_with(|| {
            let object_type = sheet.kinds.get(kind).map(|kind| kind.object_type.as_str());
            self.request(object_type.unwrap_or_default())
        });
        self.ledger.deliver(position, &json, &source, sink);
    }

    fn refuse(&mut self, row: i64, defect: Defect, requests: &BTreeMap<usize, usize>) {
        let at = u64::try_from(row).unwrap_or(0);
        self.ledger.refuse(&(at..at), defect.code(), defect.reason());
        for position in requests.values() {
            if let Some(request) = self.ledger.intake.requests.get_mut(*position) {
                request.damaged = true;
            }
        }
    }

    fn request(&mut self, object_type: &str) -> usize {
        let Ledger { place, catalogue, intake, .. } = &mut self.ledger;
        let place = Place { parent: None, collection: None, tree_folder: None, ..(*place).clone() };
        let mut request = Request::new(Format::Roadrecon, None, &place, catalogue);
        request.subject = Subject::Objects { object_type: object_type.to_owned(), bin: false };
        request.keeps_nulls = Some(true);
        intake.requests.push(request);
        let position = intake.requests.len() - 1;
        self.positions.insert(object_type.to_owned(), position);
        position
    }

    /// Reads the links of a relation, an object after another. Where no table of it has a row, it may never have been
    /// asked for; where the version had not all tables, or one cannot be read, what is missing proves nothing.
    fn relation(
        &mut self,
        database: &Database,
        links: &[&RoadLink],
        mut is_whole: bool,
        sink: &mut dyn Sink,
    ) {
        let mut readable = Vec::new();
        let mut rows = 0;
        for link in links {
            let columns = database.columns(&link.table).unwrap_or_default();
            let has = |name: &str| columns.iter().any(|column| column.name == name);
            let counted = if has(&link.parent_column) && has(&link.member_column) {
                database.count(&link.table)
            } else {
                Err("its columns are others".to_owned())
            };
            match counted {
                Ok(count) => {
                    rows += count;
                    readable.push(*link);
                }
                Err(cause) => {
                    is_whole = false;
                    self.trouble("database-damaged", format!("table {}: {cause}", link.table));
                }
            }
        }
        let Some(first) = readable.first().filter(|_| rows > 0) else { return };
        let Some(request) = self.positions.get(&first.parent_type).copied() else {
            return self.set_aside("page-without-parent", rows);
        };
        let numbers: Vec<u64> = readable.iter().map(|link| self.table(&link.table)).collect();
        let tables: Vec<(&str, &str, &str)> = readable
            .iter()
            .map(|link| {
                (link.table.as_str(), link.parent_column.as_str(), link.member_column.as_str())
            })
            .collect();
        let parents = self.parents(database, &first.parent_type);
        let mut gathering = Gathering {
            list: LinkList {
                position: request,
                parent_type: first.parent_type.clone(),
                relation: first.relation.clone(),
                parent_id: String::new(),
                source: 0..0,
                is_whole,
                others: Vec::new(),
            },
            parents,
            used: 0,
            without_id: 0,
        };
        let mut take = |row: i64, cells: &[Cell<'_>]| {
            let (Some(Cell::Integer(table)), Some(from), Some(to)) =
                (cells.first(), cells.get(1), cells.get(2))
            else {
                return ControlFlow::Continue(());
            };
            let table = usize::try_from(*table).unwrap_or(usize::MAX);
            let (Some(link), Some(number)) = (readable.get(table), numbers.get(table)) else {
                return ControlFlow::Continue(());
            };
            gathering.take((link, source(*number, row)), id(*from), id(*to), sink);
            ControlFlow::Continue(())
        };
        let done = database.pairs(&tables, &mut take);
        gathering.close(sink);
        if done.is_ok() {
            gathering.rest(sink);
        }
        let Gathering { used, without_id, .. } = gathering;
        self.ledger.intake.tally.seen += used;
        self.ledger.intake.tally.used += used;
        self.set_aside("record-without-id", without_id);
        if let Err(cause) = done {
            let names: Vec<&str> = tables.iter().map(|(name, ..)| *name).collect();
            self.trouble("database-damaged", format!("tables {}: {cause}", names.join(", ")));
        }
    }

    /// The objects of a type by their ids, and where they stand.
    fn parents(&mut self, database: &Database, object_type: &str) -> BTreeMap<String, Range<u64>> {
        let mut found = BTreeMap::new();
        let kinds = self.ledger.catalogue.roadrecon_tables();
        for kind in kinds.iter().filter(|kind| kind.object_type == object_type) {
            let number = self.table(&kind.table);
            let column = [DatabaseColumn { name: "objectId".to_owned(), declared: String::new() }];
            let mut take = |row: i64, cells: &[Cell<'_>]| {
                if let Some(id) = cells.first().and_then(|cell| id(*cell)) {
                    found.entry(id).or_insert_with(|| source(number, row));
                }
                ControlFlow::Continue(())
            };
            // A table that cannot be read was said to be when its objects were.
            let _said_before = database.rows(&kind.table, &column, Rows::All, &mut take).is_err();
        }
        found
    }
}

/// Where a row stands, as the index places it: its number, and behind it that of its table.
fn source(table: u64, row: i64) -> Range<u64> {
    let row = row.cast_unsigned();
    row..row.saturating_add(table)
}

fn id(cell: Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text(text) => {
            std::str::from_utf8(text).ok().filter(|id| !id.is_empty()).map(str::to_owned)
        }
        Cell::Null | Cell::Integer(_) | Cell::Real(_) | Cell::Blob(_) => None,
    }
}

/// Links on their way into the index, object by object.
struct Gathering {
    list: LinkList,
    /// Objects whose links did not come yet.
    parents: BTreeMap<String, Range<u64>>,
    used: u64,
    without_id: u64,
}

impl Gathering {
    fn take(
        &mut self,
        (link, source): (&RoadLink, Range<u64>),
        from: Option<String>,
        to: Option<String>,
        sink: &mut dyn Sink,
    ) {
        let (Some(from), Some(to)) = (from, to) else {
            self.without_id += 1;
            return;
        };
        if from != self.list.parent_id {
            self.close(sink);
            // An object that its own table does not hold is cited by its first link.
            self.list.source = self.parents.remove(&from).unwrap_or_else(|| source.clone());
            self.list.parent_id = from;
        }
        self.used += 1;
        self.list.others.push(Linked { object_type: link.member_type.clone(), id: to, source });
    }

    /// Hands on what was gathered of one object.
    fn close(&mut self, sink: &mut dyn Sink) {
        if !self.list.parent_id.is_empty() {
            sink.links(&self.list);
        }
        self.list.parent_id.clear();
        self.list.others.clear();
    }

    /// Objects without any link.
    fn rest(&mut self, sink: &mut dyn Sink) {
        for (id, source) in std::mem::take(&mut self.parents) {
            self.list.parent_id = id;
            self.list.source = source;
            self.close(sink);
        }
    }
}
