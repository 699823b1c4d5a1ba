//! The canonical spelling of values, as the columns of `changes.csv` hold them.

use serde_json::{Map, Value};

/// Whether a text is a GUID in its usual spelling.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| {
            if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

/// Whether a text is an instant of whole seconds, `2026-11-02T03:01:12Z`.
pub(super) fn is_plain_instant(text: &str) -> bool {
    text.len() == 20
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            10 => byte == b'T',
            13 | 16 => byte == b':',
            19 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        })
}

fn is_annotation(key: &str) -> bool {
    key.starts_with('#') || key.contains("@odata.")
}

/// Null, `[]`, `{}`, or an object in which every leaf is empty.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_empty),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Canonical compact JSON of any value.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut parts: Vec<(&String, String)> = members
                .iter()
                .filter(|(key, _)| !is_annotation(key))
                .map(|(key, member)| (key, text(member)))
                .collect();
            parts.sort();
            let body: Vec<String> =
                parts.iter().map(|(key, member)| format!("{}:{member}", quoted(key))).collect();
            format!("{{{}}}", body.join(","))
        }
        Value::Array(items) => array(items.iter().map(text).collect()),
        Value::String(word) if is_guid(word) => quoted(&word.to_ascii_lowercase()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn quoted(word: &str) -> String {
    Value::String(word.to_owned()).to_string()
}

fn array(mut items: Vec<String>) -> String {
    items.sort();
    format!("[{}]", items.join(","))
}

/// The column `before` or `after`: `None` for an empty value.
pub(super) fn column(value: &Value, words: bool) -> Option<String> {
    if is_empty(value) {
        return None;
    }
    match value {
        Value::String(list) if words => Some(quoted(&word_set(list).join(" "))),
        Value::String(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_) => Some(text(value)),
    }
}

fn word_set(list: &str) -> Vec<String> {
    let mut words: Vec<String> = list.split_whitespace().map(str::to_owned).collect();
    words.sort();
    words.dedup();
    words
}

fn elements(value: &Value, words: bool) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => Some(items.iter().map(text).collect()),
        Value::String(list) if words => {
            Some(word_set(list).iter().map(|word| quoted(word)).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            None
        }
    }
}

/// The columns `added` and `removed` of a list or word set.
pub(super) fn delta(
    before: &Value,
    after: &Value,
    words: bool,
) -> (Option<String>, Option<String>) {
    let (old, new) = (elements(before, words), elements(after, words));
    if old.is_none() && new.is_none() {
        return (None, None);
    }
    let (mut old, mut new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let mut lost = Vec::new();
    for element in old.drain(..) {
        match new.iter().position(|other| *other == element) {
            Some(at) => {
                new.swap_remove(at);
            }
            None => lost.push(element),
        }
    }
    let column = |items: Vec<String>| (!items.is_empty()).then(|| array(items));
    (column(new), column(lost))
}

/// The leaves of a value below `path`: objects are descended into, a list is one leaf.
pub(super) fn leaves(path: &str, value: &Value, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, member) in members.iter().filter(|(key, _)| !is_annotation(key)) {
                leaves(&format!("{path}.{key}"), member, out);
            }
        }
        Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_) => out.push((path.to_owned(), value.clone())),
    }
}

/// The value at a path; null where the path leads nowhere.
pub(super) fn at(members: &Map<String, Value>, path: &str) -> Value {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    match (members.get(head), rest) {
        (Some(value), None) => value.clone(),
        (Some(Value::Object(inner)), Some(rest)) => at(inner, rest),
        _ => Value::Null,
    }
}

/// Writes the value at a path; a null below a null stays unwritten.
pub(super) fn put(members: &mut Map<String, Value>, path: &str, value: &Value) {
    let Some((head, rest)) = path.split_once('.') else {
        members.insert(path.to_owned(), value.clone());
        return;
    };
    if !matches!(members.get(head), Some(Value::Object(_))) {
        if value.is_null() {
            return;
        }
        members.insert(head.to_owned(), Value::Object(Map::new()));
    }
    if let Some(Value::Object(inner)) = members.get_mut(head) {
        put(inner, rest, value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_text_sorts_and_lowers() {
        let value =
            json!({"b": [2, 1], "a": "6B5E999B-0BA8-4186-A106-E0296C1C4358", "x@odata.type": 1});
        assert_eq!(text(&value), r#"{"a":"6b5e999b-0ba8-4186-a106-e0296c1c4358","b":[1,2]}"#);
        assert_eq!(column(&json!([]), false), None);
        assert_eq!(column(&json!(" b a b"), true), Some("\"a b\"".into()));
        assert_eq!(
            delta(&json!(["a", "b"]), &json!(["b", "c"]), false),
            (Some("[\"c\"]".into()), Some("[\"a\"]".into()))
        );
        let mut map = Map::new();
        map.insert("s".into(), Value::Null);
        put(&mut map, "s.x.y", &Value::Null);
        assert_eq!(at(&map, "s"), Value::Null);
        put(&mut map, "s.x.y", &json!(4));
        assert_eq!(at(&map, "s.x.y"), json!(4));
    }
}
