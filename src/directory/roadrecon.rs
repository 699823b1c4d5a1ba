//! Tables of a `ROADrecon` database: which hold objects, which hold links, and what their columns are.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::{Catalogue, RelationKind};

const TABLES: &str = include_str!("data/roadrecon.csv");
const LINKS: &str = include_str!("data/roadrecon_links.csv");

/// Both, for the digest of tables.
pub(super) const ALL: [&str; 2] = [TABLES, LINKS];

/// A table, or a part of one, that holds objects of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoadTable {
    /// Its name.
    pub table: String,
    /// Column and value of the rows that are meant; `None` for all that no row of the catalogue before this one means.
    pub when: Option<(String, String)>,
    /// Graph resource name.
    pub object_type: String,
    /// Columns whose text is JSON.
    pub json: Vec<String>,
    /// Columns that only an option of the tool fills: null in all rows, they were not asked for.
    pub optional: Vec<String>,
    /// A list whose only item is a property of Graph, and that property.
    pub only_item: Option<(String, String)>,
}

/// A table whose rows are links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoadLink {
    /// Its name.
    pub table: String,
    /// Column with the id of the object that the link starts from.
    pub parent_column: String,
    /// Column with the id of the other end.
    pub member_column: String,
    /// Type of the object that the link starts from.
    pub parent_type: String,
    /// Canonical name of the relation.
    pub relation: String,
    /// Type of the other end.
    pub member_type: String,
}

#[derive(Deserialize)]
struct TableRow {
    table: String,
    when_column: String,
    when_value: String,
    #[serde(rename = "type")]
    object_type: String,
    json: String,
    optional: String,
    only_item: String,
    source: String,
}

#[derive(Deserialize)]
struct LinkRow {
    table: String,
    parent_column: String,
    member_column: String,
    parent_type: String,
    relation: String,
    member_type: String,
    source: String,
}

impl Catalogue {
    /// The tables of a `ROADrecon` database that hold objects; rows of one table follow one another.
    #[must_use]
    pub fn roadrecon_tables(&self) -> &[RoadTable] {
        &self.roadrecon
    }

    /// The tables of a `ROADrecon` database that hold links; rows of one relation follow one another.
    #[must_use]
    pub fn roadrecon_links(&self) -> &[RoadLink] {
        &self.roadrecon_links
    }

    pub(super) fn load_roadrecon(&mut self) {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        for row in self.rows::<TableRow>("roadrecon", TABLES) {
            // Policies of other kinds are no type of Graph.
            let known = if row.object_type == "policy" { "" } else { &row.object_type };
            self.sound("roadrecon", &row.table, &row.source, known);
            self.roadrecon.push(RoadTable {
                table: row.table,
                when: (!row.when_column.is_empty()).then_some((row.when_column, row.when_value)),
                object_type: row.object_type,
                json: words(&row.json),
                optional: words(&row.optional),
                only_item: row
                    .only_item
                    .split_once('=')
                    .map(|(list, property)| (list.to_owned(), property.to_owned())),
            });
        }
        for row in self.rows::<LinkRow>("roadrecon_links", LINKS) {
            self.sound("roadrecon_links", &row.table, &row.source, &row.parent_type);
            self.sound("roadrecon_links", &row.table, &row.source, &row.member_type);
            let relation = self.relation(&row.parent_type, &row.relation).map(|found| &found.kind);
            let is_known = matches!(relation, Some(RelationKind::Links { relation, .. }) if *relation == row.relation);
            if !is_known {
                self.fault("roadrecon_links", format_args!("{}: leads nowhere", row.table));
            }
            self.roadrecon_links.push(RoadLink {
                table: row.table,
                parent_column: row.parent_column,
                member_column: row.member_column,
                parent_type: row.parent_type,
                relation: row.relation,
                member_type: row.member_type,
            });
        }
        let mut names = BTreeSet::new();
        let links: Vec<String> =
            self.roadrecon_links.iter().map(|link| link.table.clone()).collect();
        for table in links {
            if !names.insert(table.clone()) {
                self.fault("roadrecon_links", format_args!("{table}: twice"));
            }
        }
    }
}
