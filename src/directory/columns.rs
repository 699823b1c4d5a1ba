//! The columns of CSV exports: which attribute of which type a heading names.

use serde::Deserialize;

use super::Catalogue;
use super::names::plain;

pub(super) const COLUMNS: &str = include_str!("data/columns.csv");

/// What stands in the cells of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellKind {
    /// The text itself.
    Text,
    /// `True` or `False`, in any case.
    Boolean,
    /// The only item of a list of texts.
    OnlyItem,
    /// What kind of object the row is: `User`, `Group`.
    ObjectType,
    /// `Yes` or `No`.
    YesOrNo,
    /// A number.
    Number,
    /// Texts parted by semicolons.
    Semicolons,
    /// Texts parted by commas.
    Commas,
    /// A part of what the row is told apart by, where it has no id.
    Key,
    /// The display name of a built-in role, held for the whole directory.
    Role,
    /// The id of the object that the row hangs on.
    Parent,
    /// One of a set of words; the rows of one object list them.
    Word,
}

impl CellKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Text,
        Self::Boolean,
        Self::OnlyItem,
        Self::ObjectType,
        Self::YesOrNo,
        Self::Number,
        Self::Semicolons,
        Self::Commas,
        Self::Key,
        Self::Role,
        Self::Parent,
        Self::Word,
    ];

    /// The word that the tables have for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "boolean",
            Self::OnlyItem => "only item",
            Self::ObjectType => "type",
            Self::YesOrNo => "yes or no",
            Self::Number => "number",
            Self::Semicolons => "semicolons",
            Self::Commas => "commas",
            Self::Key => "key",
            Self::Role => "role",
            Self::Parent => "parent",
            Self::Word => "word",
        }
    }

    /// Whether what stands in the cells is a list.
    #[must_use]
    pub fn is_list(self) -> bool {
        matches!(self, Self::OnlyItem | Self::Semicolons | Self::Commas)
    }

    /// The kind of this word.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What a column carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Graph's name of the attribute.
    pub attribute: String,
    /// What stands in its cells.
    pub kind: CellKind,
}

#[derive(Deserialize)]
struct ColumnRow {
    #[serde(rename = "type")]
    object_type: String,
    column: String,
    attribute: String,
    kind: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_columns(&mut self) {
        for row in self.rows::<ColumnRow>("columns", COLUMNS) {
            let of_type = if row.object_type == "*" { "" } else { row.object_type.as_str() };
            if !self.sound("columns", &row.column, &row.source, of_type) {
                continue;
            }
            let Some(kind) = CellKind::of_name(&row.kind) else {
                self.fault("columns", format_args!("{}: kind {}", row.column, row.kind));
                continue;
            };
            let key = (row.object_type, plain(&row.column));
            let column = Column { attribute: row.attribute, kind };
            if self.columns.insert(key, column).is_some() {
                self.fault("columns", format_args!("{}: twice", row.column));
            }
        }
    }

    /// What a column of a CSV of objects of this type carries, by its heading; `None` where nothing is known of it.
    #[must_use]
    pub fn column(&self, object_type: &str, heading: &str) -> Option<&Column> {
        let heading = plain(heading);
        let of = |object_type: &str| self.columns.get(&(object_type.to_owned(), heading.clone()));
        of(object_type).or_else(|| of("*"))
    }
}
