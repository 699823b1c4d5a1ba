//! CSV files in which collector suites show objects in their own way: which file each is, told by its headings, what its rows
//! are and what stands in its cells.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::names::plain;
use super::{Catalogue, CellKind, Column};

const VIEWS: &str = include_str!("data/views.csv");
const CELLS: &str = include_str!("data/cells.csv");
const COMPONENTS: &str = include_str!("data/components.csv");

/// All of them, for the digest of tables.
pub(super) const TABLES: [&str; 3] = [VIEWS, CELLS, COMPONENTS];

/// What the rows of a view are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowsOf {
    /// Objects of a type: Graph's, or one of the tool's own that is compared with itself only.
    Objects(String),
    /// Links; each row names its parent too.
    Links {
        /// Collection path of the parents.
        collection: String,
        /// Path segment of the relation.
        relation: String,
    },
    /// Events.
    Events,
}

/// Rows of another kind in the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherView {
    /// Heading of the column that tells the kinds apart.
    pub column: String,
    /// What stands in it in rows of the view itself.
    pub value: String,
    /// The view of all other rows.
    pub view: String,
}

/// A CSV file as a tool writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Stable name.
    pub name: String,
    /// The tool, as `evidence.csv` names it.
    pub tool: String,
    /// Whether the tool writes all objects of the type, so that silence may mean something.
    pub whole: bool,
    /// Whether an empty cell means null rather than nothing.
    pub empty_is_null: bool,
    /// What its rows are.
    pub rows: RowsOf,
    /// Rows of another kind, if there are any.
    pub other: Option<OtherView>,
    /// Part of the file's name, in plain letters; empty if any.
    file: String,
    /// Headings that it has, in this order, in plain letters.
    headings: Vec<String>,
    /// By heading in plain letters; nothing where the tool has the column and never fills it.
    cells: BTreeMap<String, Option<Column>>,
}

impl View {
    /// What a column carries: nothing if it is not known, an empty cell if the tool never fills it.
    #[must_use]
    pub fn cell(&self, heading: &str) -> Option<Option<&Column>> {
        self.cells.get(&plain(heading)).map(Option::as_ref)
    }
}

#[derive(Deserialize)]
struct ViewRow {
    view: String,
    tool: String,
    name: String,
    headings: String,
    rows: String,
    empty: String,
    list: String,
    only: String,
    others: String,
    source: String,
}

#[derive(Deserialize)]
struct CellRow {
    view: String,
    column: String,
    attribute: String,
    kind: String,
    source: String,
}

#[derive(Deserialize)]
struct ComponentRow {
    folder: String,
    source: String,
}

impl Catalogue {
    /// Whether a folder of this name holds one folder per run of a part of a collector suite, named by when it began, so
    /// that such a folder is no snapshot by itself.
    #[must_use]
    pub fn is_component(&self, folder: &str) -> bool {
        self.components.contains(&folder.to_ascii_lowercase())
    }

    pub(super) fn load_views(&mut self) {
        for row in self.rows::<ComponentRow>("components", COMPONENTS) {
            self.sound("components", &row.folder, &row.source, "");
            self.components.insert(row.folder.to_ascii_lowercase());
        }
        for row in self.rows::<ViewRow>("views", VIEWS) {
            self.sound("views", &row.view, &row.source, "");
            let known = matches!(
                (row.empty.as_str(), row.list.as_str()),
                ("null" | "nothing", "whole" | "part")
            );
            let Some(rows) = self.rows_of(&row.rows).filter(|_| known) else {
                self.fault("views", format_args!("{}: {}", row.view, row.rows));
                continue;
            };
            self.views.push(View {
                name: row.view,
                tool: row.tool,
                whole: row.list == "whole",
                empty_is_null: row.empty == "null",
                rows,
                other: row.only.split_once('=').map(|(column, value)| OtherView {
                    column: column.to_owned(),
                    value: value.to_owned(),
                    view: row.others,
                }),
                file: plain(&row.name),
                headings: row.headings.split_whitespace().map(plain).collect(),
                cells: BTreeMap::new(),
            });
        }
        for row in self.rows::<CellRow>("cells", CELLS) {
            self.sound("cells", &row.column, &row.source, "");
            let kind = CellKind::of_name(&row.kind);
            if kind.is_none() && row.kind != "never" {
                self.fault("cells", format_args!("{}: kind {}", row.column, row.kind));
            }
            let cell = kind.map(|kind| Column { attribute: row.attribute, kind });
            let view = self.views.iter_mut().find(|view| view.name == row.view);
            match view.map(|view| view.cells.insert(plain(&row.column), cell)) {
                Some(None) => {}
                Some(Some(_)) => {
                    self.fault("cells", format_args!("{} {}: twice", row.view, row.column));
                }
                None => self.fault("cells", format_args!("{}: no such view", row.view)),
            }
        }
    }

    fn rows_of(&self, rows: &str) -> Option<RowsOf> {
        if rows.is_empty() {
            return Some(RowsOf::Events);
        }
        if let Some((collection, relation)) = rows.split_once('/')
            && let Some((parent, _)) = self.of_collection(collection)
        {
            let known = self.relation(parent, relation).is_some();
            return known.then(|| RowsOf::Links {
                collection: collection.to_owned(),
                relation: relation.to_owned(),
            });
        }
        let own = rows.contains('/');
        (own || self.object_type(rows).is_some()).then(|| RowsOf::Objects(rows.to_owned()))
    }

    /// The view that a file with these headings is, if any; `stem` is its name without the ending.
    #[must_use]
    pub fn view_of(&self, headings: &[String], stem: &str) -> Option<&View> {
        let headings: Vec<String> = headings.iter().map(|heading| plain(heading)).collect();
        let stem = plain(stem);
        self.views.iter().find(|view| {
            let mut left = headings.iter();
            !view.headings.is_empty()
                && view.headings.iter().all(|wanted| left.any(|heading| heading == wanted))
                && stem.contains(&view.file)
        })
    }

    /// The view of this name.
    #[must_use]
    pub fn view(&self, name: &str) -> Option<&View> {
        self.views.iter().find(|view| view.name == name)
    }

    /// Template id of the built-in role of this display name, in any case.
    #[must_use]
    pub fn role_named(&self, name: &str) -> Option<&str> {
        let fits = |known: &str| known.eq_ignore_ascii_case(name.trim());
        self.roles().find(|(_, role)| fits(&role.name)).map(|(id, _)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;

    #[test]
    fn every_view_has_cells_and_is_found_by_its_own_headings() {
        for view in &catalogue().views {
            if let Some(other) = &view.other {
                assert!(catalogue().view(&other.view).is_some(), "{}", view.name);
            }
            match catalogue().view_of(&view.headings, &view.file) {
                Some(found) => assert_eq!(found.name, view.name),
                None => assert!(view.headings.is_empty(), "{}", view.name),
            }
            assert!(!view.cells.is_empty() || view.rows == super::RowsOf::Events, "{}", view.name);
        }
    }
}
