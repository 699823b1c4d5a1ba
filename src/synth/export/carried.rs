//! What the formats of other tools can carry of the directory, and what they do with values that say nothing. The answer
//! key asks the same table: what a format does not carry, no row expects.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::ExportFormat;
use super::super::kinds::Ty;
use super::super::value;
use super::foreign::roadrecon;

/// What a format leaves out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in super::super) enum Drops {
    /// Nothing.
    #[default]
    Nothing,
    /// Says nothing by an attribute of the object that holds no value: it may not have been asked for.
    Head,
    /// The same of nulls, however deep they lie.
    Nil,
    /// Leaves out null, false, zero and what is empty, however deep it lies.
    OmitEmpty,
}

/// What a format carries of the objects of a type.
#[derive(Debug, Default)]
pub(in super::super) struct Carried {
    /// Paths of attributes; `None` for all.
    paths: Option<Vec<String>>,
    /// Attributes whose absence tells, marked `+` in the table.
    kept: Vec<String>,
    /// Lists of which the first item is carried, marked `^` in the table.
    firsts: Vec<String>,
    relations: Vec<String>,
    pub(super) drops: Drops,
    /// Whether items of lists of credentials lack what Azure AD Graph does not have.
    old_credentials: bool,
}

#[derive(Deserialize)]
struct CarriedRow {
    format: String,
    #[serde(rename = "type")]
    object_type: String,
    attributes: String,
    relations: String,
    drops: String,
}

type Table = BTreeMap<(String, String), Carried>;

static CARRIED: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::new();
    let mut reader = csv::Reader::from_reader(include_str!("carried.csv").as_bytes());
    for row in reader.deserialize().filter_map(Result::<CarriedRow, _>::ok) {
        let words = |text: &str| -> Vec<String> {
            text.split_whitespace()
                .map(|word| word.trim_end_matches(['+', '^']).to_owned())
                .collect()
        };
        let marked = |mark: char| {
            let words = row.attributes.split_whitespace();
            words.filter_map(|word| word.strip_suffix(mark)).map(str::to_owned).collect()
        };
        let carried = Carried {
            paths: (row.attributes != "*").then(|| words(&row.attributes)),
            kept: marked('+'),
            firsts: marked('^'),
            relations: words(&row.relations),
            drops: match row.drops.as_str() {
                "head" => Drops::Head,
                "nil" => Drops::Nil,
                "omitempty" => Drops::OmitEmpty,
                _ => Drops::Nothing,
            },
            old_credentials: false,
        };
        table.insert((row.format, row.object_type), carried);
    }
    for (object_type, paths) in roadrecon::paths() {
        let carried = Carried {
            paths: Some(paths),
            relations: roadrecon::relations(&object_type),
            firsts: roadrecon::firsts(&object_type),
            old_credentials: true,
            ..Carried::default()
        };
        table.insert((ExportFormat::Roadrecon.as_str().to_owned(), object_type), carried);
    }
    table
});

/// What a format of another tool carries of a type; `None` where it has no such objects.
pub(super) fn of(format: ExportFormat, ty: Ty) -> Option<&'static Carried> {
    CARRIED.get(&(format.as_str().to_owned(), ty.name().to_owned()))
}

impl Carried {
    /// Whether an attribute is carried.
    pub(in super::super) fn carries(&self, path: &str) -> bool {
        self.paths.as_ref().is_none_or(|paths| {
            paths.iter().any(|known| {
                path.strip_prefix(known.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    }

    /// Whether the links of a relation are carried.
    pub(super) fn relates(&self, relation: &str) -> bool {
        self.relations.iter().any(|known| known == relation)
    }

    /// Whether the value at a path says nothing; `head` is the whole attribute that it lies in.
    pub(in super::super) fn is_dropped(&self, path: &str, head: &Value, value: &Value) -> bool {
        if self.kept.iter().any(|kept| kept == path) {
            return false;
        }
        match self.drops {
            Drops::Nothing => false,
            Drops::Head => value::is_empty(head),
            Drops::Nil => is_nil(value),
            Drops::OmitEmpty => is_omitted(value) || is_bare(&pruned(value, is_omitted)),
        }
    }

    /// A value as the format has it.
    pub(in super::super) fn project(&self, path: &str, value: &Value) -> Value {
        if let (Value::Array(items), true) = (value, self.firsts.iter().any(|first| first == path))
        {
            return Value::Array(items.iter().take(1).cloned().collect());
        }
        match self.drops {
            Drops::Nothing if self.old_credentials && is_credentials(path) => {
                roadrecon::known_of_credentials(value)
            }
            Drops::Nothing | Drops::Head => value.clone(),
            Drops::Nil => pruned(value, is_nil),
            Drops::OmitEmpty => pruned(value, is_omitted),
        }
    }

    /// The attributes of an object as the format has them, in Graph's names.
    pub(super) fn of_object(&self, map: &Map<String, Value>) -> Map<String, Value> {
        let mut found = Map::new();
        let Some(paths) = &self.paths else {
            for (name, value) in map {
                let kept = self.kept.contains(name);
                if kept || !self.is_dropped_whole(value) {
                    found.insert(name.clone(), self.project(name, value));
                }
            }
            return found;
        };
        for path in paths {
            let head = path.split('.').next().unwrap_or(path);
            let value = value::at(map, path);
            let kept = self.kept.contains(path);
            if map.contains_key(head) && (kept || !self.is_dropped_whole(&value)) {
                let value = self.project(path, &value);
                if value.is_null() {
                    nulls(&mut found, path);
                } else {
                    value::put(&mut found, path, &value);
                }
            }
        }
        found
    }

    /// Whether the format does not write this. What it writes without saying anything is no loss of this kind.
    fn is_dropped_whole(&self, value: &Value) -> bool {
        self.drops == Drops::OmitEmpty && is_omitted(value)
    }

    /// The attributes of an object that say something.
    pub(super) fn shown(&self, map: &Map<String, Value>) -> Vec<String> {
        let says = |(name, value): &(&String, &Value)| {
            let deep = |value: &Value| match self.drops {
                Drops::Nil => is_nil(value),
                Drops::Nothing | Drops::Head | Drops::OmitEmpty => false,
            };
            !self.is_dropped(name, value, value) && !deep(value)
        };
        map.iter().filter(says).map(|(name, _)| name.clone()).collect()
    }
}

fn is_credentials(path: &str) -> bool {
    matches!(path, "passwordCredentials" | "keyCredentials")
}

/// Writes a null below objects that may not be there yet.
fn nulls(members: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => {
            members.insert(path.to_owned(), Value::Null);
        }
        Some((head, rest)) => {
            let below = members.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(below) = below {
                nulls(below, rest);
            }
        }
    }
}

/// A structure with nothing in it but such structures, which may have held what is empty or false.
fn is_bare(value: &Value) -> bool {
    value.as_object().is_some_and(|members| members.values().all(is_bare))
}

fn is_nil(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(members) => members.values().all(is_nil),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What Go's `omitempty` leaves out; structures stay.
fn is_omitted(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Object(_) | Value::Bool(true) => false,
    }
}

fn pruned(value: &Value, is_out: fn(&Value) -> bool) -> Value {
    match value {
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| pruned(item, is_out)).collect())
        }
        Value::Object(members) => {
            let left = members.iter().filter(|(_, value)| !is_out(value));
            let left = left.map(|(name, value)| (name.clone(), pruned(value, is_out)));
            Value::Object(left.collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_row_of_the_tables_is_read() {
        let rows = include_str!("carried.csv").lines().count() - 1;
        let of = |format: &str| CARRIED.keys().filter(|(known, _)| known == format).count();
        let road = of("roadrecon");
        assert_eq!(CARRIED.len(), rows + road);
        assert_eq!(road, roadrecon::paths().len());
        for (format, object_type) in CARRIED.keys() {
            assert!(format.parse::<ExportFormat>().is_ok(), "{format}");
            assert!(Ty::ALL.iter().any(|ty| ty.name() == object_type), "{object_type}");
        }
    }

    #[test]
    fn what_says_nothing_is_known_by_format() {
        let hound = of(ExportFormat::AzureHound, Ty::User).unwrap();
        assert!(hound.carries("jobTitle") && !hound.carries("department"));
        assert!(!hound.is_dropped("accountEnabled", &json!(false), &json!(false)));
        assert!(hound.is_dropped("onPremisesSyncEnabled", &json!(false), &json!(false)));
        let shell = of(ExportFormat::PowerShell, Ty::Application).unwrap();
        let web = json!({"homePageUrl": null, "redirectUris": []});
        assert!(shell.is_dropped("web.redirectUris", &web, &json!([])));
        let clixml = of(ExportFormat::Clixml, Ty::Application).unwrap();
        assert!(!clixml.is_dropped("web.redirectUris", &web, &json!([])));
        let road = of(ExportFormat::Roadrecon, Ty::Application).unwrap();
        assert!(road.carries("web.homePageUrl") && !road.carries("web.redirectUris"));
    }
}
