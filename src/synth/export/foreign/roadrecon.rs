//! The database of `ROADrecon`: tables and columns of Azure AD Graph, lists as JSON texts, times without zone.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, params_from_iter};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::super::SynthError;
use super::super::super::kinds::{Obj, Ty};
use super::super::super::tenant::Relation;
use super::super::super::value;
use super::super::Exporter;
use super::Object;
use crate::directory::{RoadLink, catalogue};

#[derive(Debug, Deserialize)]
struct Column {
    table: String,
    column: String,
    declared: String,
    #[serde(rename = "type")]
    object_type: String,
    /// Path in Graph, or `=` and what is always written.
    path: String,
    form: String,
}

static COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    let mut reader = csv::Reader::from_reader(include_str!("roadrecon.csv").as_bytes());
    reader.deserialize().filter_map(Result::ok).collect()
});

/// Members of a credential, and what Azure AD Graph calls them.
const CREDENTIAL: [(&str, &str); 5] = [
    ("customKeyIdentifier", "customKeyIdentifier"),
    ("endDateTime", "endDate"),
    ("keyId", "keyId"),
    ("startDateTime", "startDate"),
    ("secretText", "value"),
];

/// The attributes that have a column, by type.
pub(in super::super) fn paths() -> BTreeMap<String, Vec<String>> {
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for column in COLUMNS.iter().filter(|column| !column.path.starts_with('=')) {
        paths.entry(column.object_type.clone()).or_default().push(column.path.clone());
    }
    paths
}

/// The lists of which a column holds one item.
pub(in super::super) fn firsts(object_type: &str) -> Vec<String> {
    let of_type = |column: &&Column| column.object_type == object_type && column.form == "one";
    COLUMNS.iter().filter(of_type).map(|column| column.path.clone()).collect()
}

/// The relations that have a table.
pub(in super::super) fn relations(object_type: &str) -> Vec<String> {
    let links = catalogue().roadrecon_links().iter();
    let mut found: Vec<String> = links
        .filter(|link| link.parent_type == object_type)
        .map(|link| link.relation.clone())
        .collect();
    found.dedup();
    found
}

/// What Azure AD Graph knows of a list of credentials, in Graph's names.
pub(in super::super) fn known_of_credentials(list: &Value) -> Value {
    let Value::Array(items) = list else { return list.clone() };
    let known = |item: &Value| {
        let members = CREDENTIAL
            .iter()
            .map(|(name, _)| ((*name).to_owned(), item.get(*name).cloned().unwrap_or_default()));
        Value::Object(members.collect())
    };
    Value::Array(items.iter().map(known).collect())
}

fn old_credentials(list: &Value) -> Value {
    let Value::Array(items) = list else { return list.clone() };
    let old = |item: &Value| {
        let members = CREDENTIAL
            .iter()
            .map(|(name, old)| ((*old).to_owned(), item.get(*name).cloned().unwrap_or_default()));
        Value::Object(members.collect())
    };
    Value::Array(items.iter().map(old).collect())
}

/// A database in the making.
#[derive(Debug)]
pub(super) struct Road {
    connection: Connection,
}

impl Road {
    fn new() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        let mut tables: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for column in COLUMNS.iter() {
            let key = if matches!(column.column.as_str(), "objectId") { " NOT NULL" } else { "" };
            tables
                .entry(&column.table)
                .or_default()
                .push(format!("\"{}\" {}{key}", column.column, column.declared));
        }
        for (table, columns) in tables {
            let key = if columns.iter().any(|column| column.starts_with("\"objectId\"")) {
                "objectId"
            } else {
                "id"
            };
            let columns = columns.join(", ");
            connection.execute_batch(&format!(
                "CREATE TABLE \"{table}\" ({columns}, PRIMARY KEY (\"{key}\"))"
            ))?;
        }
        for RoadLink { table, parent_column, member_column, .. } in catalogue().roadrecon_links() {
            connection.execute_batch(&format!(
                "CREATE TABLE \"{table}\" (\"{parent_column}\" TEXT, \"{member_column}\" TEXT)"
            ))?;
        }
        Ok(Self { connection })
    }

    /// The file.
    pub(super) fn bytes(mut self) -> rusqlite::Result<Vec<u8>> {
        Ok(self.connection.serialize("main")?.to_vec())
    }

    fn row(&self, columns: &[&Column], map: &Map<String, Value>) -> rusqlite::Result<()> {
        let Some(first) = columns.first() else { return Ok(()) };
        let places: Vec<String> = (1..=columns.len()).map(|place| format!("?{place}")).collect();
        let names: Vec<String> =
            columns.iter().map(|column| format!("\"{}\"", column.column)).collect();
        let sql = format!(
            "INSERT INTO \"{}\" ({}) VALUES ({})",
            first.table,
            names.join(", "),
            places.join(", ")
        );
        let cells = columns.iter().map(|column| cell(column, map));
        self.connection.prepare(&sql)?.execute(params_from_iter(cells)).map(drop)
    }
}

fn cell(column: &Column, map: &Map<String, Value>) -> Cell {
    let text = |text: &str| Cell::Text(text.to_owned());
    if let Some(always) = column.path.strip_prefix('=') {
        return match always.parse() {
            Ok(number) if column.form == "int" => Cell::Integer(number),
            _ => text(always),
        };
    }
    let value = value::at(map, &column.path);
    match (column.form.as_str(), &value) {
        ("list", Value::String(item)) => Cell::Text(json!([item]).to_string()),
        ("one", Value::Array(items)) => match items.first() {
            Some(Value::String(item)) => text(item),
            _ => Cell::Null,
        },
        (_, Value::Null) => Cell::Null,
        ("old", list) => Cell::Text(old_credentials(list).to_string()),
        (_, Value::Bool(flag)) => Cell::Integer(i64::from(*flag)),
        ("time", Value::String(at)) => {
            Cell::Text(format!("{}.000000", at.trim_end_matches('Z').replace('T', " ")))
        }
        ("int", Value::Number(number)) => number.as_i64().map_or(Cell::Null, Cell::Integer),
        (_, Value::String(words)) => text(words),
        (_, other) => Cell::Text(other.to_string()),
    }
}

impl Exporter<'_> {
    fn road(&mut self) -> Result<&mut Road, SynthError> {
        if self.gathered.road.is_none() {
            let road = Road::new().map_err(|source| self.database(source))?;
            self.gathered.road = Some(road);
        }
        let missing = || rusqlite::Error::InvalidQuery;
        match self.gathered.road {
            Some(ref mut road) => Ok(road),
            None => Err(SynthError::Write {
                path: self.folder.clone(),
                source: std::io::Error::other(missing()),
            }),
        }
    }

    pub(super) fn road_objects(&mut self, ty: Ty, objects: &[Object]) -> Result<(), SynthError> {
        let columns: Vec<&Column> =
            COLUMNS.iter().filter(|column| column.object_type == ty.name()).collect();
        let road = self.road()?;
        let done = objects.iter().try_for_each(|(_, map)| road.row(&columns, map));
        done.map_err(|source| self.database(source))
    }

    pub(super) fn road_links(
        &mut self,
        (source, relation): Relation,
        targets: &[Obj],
    ) -> Result<(), SynthError> {
        let from = self.tenant.key(source);
        let ends: Vec<(Ty, String)> =
            targets.iter().map(|target| (target.ty, self.tenant.key(*target))).collect();
        let road = self.road()?;
        let links = catalogue().roadrecon_links();
        let done = ends.iter().try_for_each(|(ty, to)| {
            let link = links.iter().find(|link| {
                link.parent_type == source.ty.name()
                    && link.relation == relation
                    && link.member_type == ty.name()
            });
            let Some(RoadLink { table, parent_column, member_column, .. }) = link else {
                return Ok(());
            };
            let sql = format!(
                "INSERT INTO \"{table}\" (\"{parent_column}\", \"{member_column}\") VALUES (?1, ?2)"
            );
            road.connection.prepare(&sql)?.execute([&from, to]).map(drop)
        });
        done.map_err(|source| self.database(source))
    }
}
