//! `Get-Mg… | ConvertTo-Json -Depth 10` of Windows PowerShell 5.1: every property of the class with a capital, dates as
//! milliseconds, values deep to the right, UTF-16.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::super::SynthError;
use super::super::super::kinds::{Obj, Ty};
use super::super::super::tenant::Relation;
use super::super::super::value::is_plain_instant;
use super::super::{Exporter, ListRequest};
use super::Object;

/// Properties that every object of the class has and the tenant has nothing for.
const USER_CLASS: [&str; 6] = ["aboutMe", "birthday", "hireDate", "interests", "mySite", "skills"];

/// Properties of the base class of named locations; the rest lies in `AdditionalProperties`.
const LOCATION_CLASS: [&str; 4] = ["id", "displayName", "createdDateTime", "modifiedDateTime"];

/// A name as the classes have it.
pub(super) fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The object of its class: names with a capital, and what the class does not know apart.
pub(super) fn object(ty: Ty, map: &Map<String, Value>) -> Value {
    let mut members = Map::new();
    let mut more = Map::new();
    for (name, value) in map {
        let of_class = if ty == Ty::NamedLocation {
            LOCATION_CLASS.contains(&name.as_str())
        } else {
            !name.starts_with('@')
        };
        if of_class {
            members.insert(capital(name), class_value(value));
        } else {
            more.insert(name.clone(), value.clone());
        }
    }
    if ty == Ty::User {
        members.extend(USER_CLASS.map(|name| (capital(name), Value::Null)));
        members.insert("Manager".to_owned(), json!({"DeletedDateTime": null, "Id": null}));
    }
    members.insert("AdditionalProperties".to_owned(), Value::Object(more));
    Value::Object(members)
}

fn class_value(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            Value::Object(members.iter().map(|(k, v)| (capital(k), class_value(v))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(class_value).collect()),
        Value::String(text) if is_plain_instant(text) => {
            let at = text.parse::<Timestamp>().map_or(0, Timestamp::as_millisecond);
            json!(format!("/Date({at})/"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A link target: what a directory object without a class of its own shows.
pub(super) fn reference(exporter: &Exporter<'_>, target: Obj) -> (String, Map<String, Value>) {
    let mut more = Map::new();
    more.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.{}", target.ty.name())));
    let name = exporter.tenant.word(target, "displayName", exporter.now());
    more.insert("displayName".to_owned(), json!(name));
    (exporter.tenant.key(target), more)
}

/// JSON as Windows PowerShell writes it.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, 0, &mut out);
    out.push_str("\r\n");
    out
}

fn write(value: &Value, column: usize, out: &mut String) {
    let inner = " ".repeat(column + 4);
    match value {
        Value::Object(members) => {
            out.push('{');
            for (place, (name, value)) in members.iter().enumerate() {
                let head = format!("{inner}{}:  ", escaped(name));
                out.push_str(if place > 0 { ",\r\n" } else { "\r\n" });
                out.push_str(&head);
                write(value, head.chars().count(), out);
            }
            out.extend(["\r\n", &" ".repeat(column), "}"]);
        }
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place > 0 { ",\r\n" } else { "\r\n" });
                out.push_str(&inner);
                write(item, column + 4, out);
            }
            let gap = if items.is_empty() { "\r\n" } else { "" };
            out.extend([gap, "\r\n", &" ".repeat(column), "]"]);
        }
        Value::String(text) => out.push_str(&escaped(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn escaped(text: &str) -> String {
    let mut written = Value::from(text).to_string();
    for (letter, code) in [('\'', "27"), ('&', "26"), ('<', "3c"), ('>', "3e")] {
        written = written.replace(letter, &format!("\\u00{code}"));
    }
    if text.starts_with("/Date(") { written.replace('/', "\\/") } else { written }
}

impl Exporter<'_> {
    pub(super) fn powershell_file(
        &mut self,
        request: &ListRequest,
        objects: &[Object],
    ) -> Result<(), SynthError> {
        let items = objects.iter().map(|(obj, map)| object(obj.ty, map)).collect();
        let name = self.foreign_name(request, "json");
        self.wide_file(&name, &text(&Value::Array(items)))
    }

    pub(super) fn powershell_links(
        &mut self,
        relation: Relation,
        targets: &[Obj],
    ) -> Result<(), SynthError> {
        let items: Vec<Value> = targets
            .iter()
            .map(|target| {
                let (id, more) = reference(self, *target);
                json!({"Id": id, "DeletedDateTime": null, "AdditionalProperties": more})
            })
            .collect();
        let name = format!("{}.json", self.relation_path(relation).replace('/', "_"));
        self.wide_file(&name, &text(&Value::Array(items)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_as_windows_powershell_has_it() {
        let value = json!({"A": [], "B": [{"C": "it's"}], "D": "/Date(1)/"});
        assert_eq!(
            text(&value),
            "{\r\n    \"A\":  [\r\n\r\n          ],\r\n    \"B\":  [\r\n              {\r\n                  \
             \"C\":  \"it\\u0027s\"\r\n              }\r\n          ],\r\n    \"D\":  \"\\/Date(1)\\/\"\r\n}\r\n"
        );
    }
}
