//! What the rows of a CSV of objects become: by its headings, and in views of collector suites by what the tables say of them.

use super::table::reader;
use super::{Defect, quote, stands_for_a_lost_value};
use crate::directory::{CellKind, Column, catalogue};

/// What the headings of a CSV say: enough to render a row of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Byte between cells.
    pub delimiter: u8,
    /// `None` for a column that is not carried.
    pub columns: Vec<Option<Column>>,
    /// Whether an empty cell means null rather than nothing.
    pub empty_is_null: bool,
    /// What the columns carry in rows of another kind, if there are any.
    pub other: Option<OtherRows>,
}

/// Rows of another kind in the same file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherRows {
    /// The column that tells the kinds apart.
    pub column: usize,
    /// What stands in it in rows of the first kind.
    pub value: String,
    /// What the columns carry in all other rows.
    pub columns: Vec<Option<Column>>,
}

impl Sheet {
    /// The object that a row stands for, or several rows of one object.
    pub(super) fn render(&self, rows: &[u8]) -> Result<Vec<u8>, Defect> {
        self.row(rows).map(|row| row.json)
    }

    /// Whether a row is of the other kind.
    fn is_other(&self, cells: &csv::ByteRecord) -> bool {
        self.other.as_ref().is_some_and(|other| {
            let cell = cells.get(other.column).unwrap_or_default();
            !cell.eq_ignore_ascii_case(other.value.as_bytes())
        })
    }

    /// What the columns carry in this row.
    fn columns_of(&self, cells: &csv::ByteRecord) -> &[Option<Column>] {
        match &self.other {
            Some(other) if self.is_other(cells) => &other.columns,
            Some(_) | None => &self.columns,
        }
    }

    /// What rows of one object share, if an object may have several rows.
    pub(super) fn shared(&self, cells: &csv::ByteRecord) -> Option<Vec<Vec<u8>>> {
        let columns = self.columns_of(cells);
        let is_word = |column: &Column| column.kind == CellKind::Word;
        if cells.len() != columns.len() || !columns.iter().flatten().any(is_word) {
            return None;
        }
        let others = cells.iter().zip(columns);
        let others = others.filter(|(_, column)| column.as_ref().is_some_and(|c| !is_word(c)));
        Some(others.map(|(cell, _)| cell.to_vec()).collect())
    }

    /// The object of a row, or of several, as they stand in the text.
    pub(super) fn row(&self, rows: &[u8]) -> Result<Row, Defect> {
        let mut cells = csv::ByteRecord::new();
        let mut reader = reader(self.delimiter, rows);
        match reader.read_byte_record(&mut cells) {
            Ok(true) => self.object(&cells, Some(&mut reader)),
            Ok(false) | Err(_) => Err(Defect::Cells),
        }
    }

    /// The object of a row that was read, and of those that come after it.
    pub(super) fn object(
        &self,
        cells: &csv::ByteRecord,
        more: Option<&mut csv::Reader<&[u8]>>,
    ) -> Result<Row, Defect> {
        if cells.len() != self.columns.len() {
            return Err(Defect::Cells);
        }
        let mut row =
            Row { other: self.is_other(cells), json: vec![b'{'], parent: None, aside: None };
        let mut keys = Vec::new();
        let mut words: Option<(usize, &str, Vec<String>)> = None;
        for (place, (cell, column)) in cells.iter().zip(self.columns_of(cells)).enumerate() {
            let Some(column) = column else { continue };
            let cell = std::str::from_utf8(cell).or(Err(Defect::NotUtf8))?;
            if column.kind == CellKind::Word {
                words = Some((place, &column.attribute, vec![cell.to_owned()]));
            } else if !self.names_another(cell, column, &mut row) {
                if column.kind == CellKind::Key {
                    keys.push(cell.to_owned());
                }
                if let Some(value) = self.value(cell, column.kind) {
                    member(&mut row.json, &column.attribute, &value);
                }
            }
        }
        if let Some((place, attribute, mut words)) = words {
            for next in more.into_iter().flat_map(csv::Reader::byte_records) {
                let next = next.or(Err(Defect::Cells))?;
                let word = next.get(place).ok_or(Defect::Cells)?;
                words.push(String::from_utf8(word.to_vec()).or(Err(Defect::NotUtf8))?);
            }
            member(&mut row.json, attribute, &text(&words.join(" ")));
        }
        if !keys.is_empty() {
            member(&mut row.json, "id", &text(&keys.join("|")));
        }
        row.json.push(b'}');
        Ok(row)
    }

    /// Takes a cell that names another object: a role, or what the row hangs on. False for any other.
    fn names_another(&self, cell: &str, column: &Column, row: &mut Row) -> bool {
        if column.kind == CellKind::Parent {
            row.parent = Some(cell.to_owned());
            return true;
        }
        if column.kind != CellKind::Role {
            return false;
        }
        let Some(role) = catalogue().role_named(cell) else {
            row.aside = Some("role-unknown");
            return false;
        };
        member(&mut row.json, &column.attribute, &text(role));
        member(&mut row.json, "directoryScopeId", b"\"/\"");
        true
    }

    /// The value of a cell; `None` where it says nothing.
    fn value(&self, cell: &str, kind: CellKind) -> Option<Vec<u8>> {
        if cell.is_empty() && kind != CellKind::ObjectType {
            let nothing = if kind.is_list() { b"[]".as_slice() } else { b"null" };
            return self.empty_is_null.then(|| nothing.to_vec());
        }
        if !self.empty_is_null && stands_for_a_lost_value(cell) {
            return None;
        }
        let mut out = Vec::with_capacity(cell.len() + 2);
        match kind {
            CellKind::Text | CellKind::Key | CellKind::Role | CellKind::Parent | CellKind::Word => {
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

/// An object of a CSV.
pub(super) struct Row {
    /// Whether it is of the other kind.
    pub(super) other: bool,
    pub(super) json: Vec<u8>,
    /// What it hangs on, if it names that.
    pub(super) parent: Option<String>,
    /// The rule that sets it aside.
    pub(super) aside: Option<&'static str>,
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
