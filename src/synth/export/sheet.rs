//! What a file holds, for the question whether it holds anything new.

use serde_json::Value;

use super::super::capture::Sheet;
use crate::directory::catalogue;

/// Members that the service sets, and that it alone sets.
const TIMES: &[&str] = &[
    "activityDateTime",
    "createdDateTime",
    "deletedDateTime",
    "lastPasswordChangeDateTime",
    "modifiedDateTime",
    "onPremisesLastSyncDateTime",
    "signInSessionsValidFromDateTime",
];
/// Pages of the service itself say nothing of when the directory was read.
const OF_THE_SERVICE: &str = "directory_recovery_";

/// What stands in a file.
pub(super) fn of(day: usize, name: &str, bytes: &[u8]) -> Sheet {
    let text = match bytes.strip_prefix(&[0xFF, 0xFE]) {
        Some(wide) => {
            let units: Vec<u16> =
                wide.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
            String::from_utf16_lossy(&units)
        }
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let records: Vec<&Value> = match body.get("value").and_then(Value::as_array) {
        Some(items) => items.iter().collect(),
        None => vec![&body],
    };
    let own = !name.starts_with(OF_THE_SERVICE);
    let latest = records.iter().filter(|_| own).filter_map(|record| latest(record)).max();
    let context = body.get("@odata.context").and_then(Value::as_str).unwrap_or_default();
    let request = name.rsplitn(3, '_').last().unwrap_or_default();
    // A list of links is its targets.
    let links = ["_members", "_owners"].iter().any(|relation| request.ends_with(relation));
    let text = |record: &&Value| {
        let target = record.get("id").filter(|_| links).and_then(Value::as_str);
        target.map_or_else(|| whole(record), str::to_ascii_lowercase)
    };
    let mut texts: Vec<String> = records.iter().map(text).collect();
    texts.sort();
    let content = (!texts.is_empty())
        .then(|| blake3::hash(format!("{request}\n{context}\n{}", texts.join("\n")).as_bytes()));
    Sheet { day, bytes: blake3::hash(bytes), content, latest }
}

fn latest(record: &Value) -> Option<i64> {
    let times = TIMES.iter().filter_map(|name| record.get(*name)?.as_str());
    times
        .filter_map(|time| time.parse::<jiff::Timestamp>().ok())
        .map(jiff::Timestamp::as_second)
        .max()
}

/// A record without what carries no meaning: annotations, attributes that are never compared, order.
fn whole(record: &Value) -> String {
    // The id of an edge is re-created at will.
    let is_edge = record.get("principalId").or_else(|| record.get("clientId")).is_some();
    let mut parts: Vec<String> = record
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, _)| !name.contains('@') && !name.starts_with('#'))
        .filter(|(name, _)| !catalogue().attribute("*", name).ignored)
        .filter(|(name, _)| !(is_edge && name.as_str() == "id"))
        .map(|(name, value)| {
            let volatile = catalogue().attribute("*", name).volatile;
            let text = text(value);
            format!("{name}:{}", if volatile { text.replace(".0000000Z", "Z") } else { text })
        })
        .collect();
    parts.sort();
    parts.join(",")
}

fn text(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut parts: Vec<String> = members
                .iter()
                .filter(|(name, _)| !name.contains('@') && !name.starts_with('#'))
                .map(|(name, value)| format!("{name}:{}", text(value)))
                .collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            let mut parts: Vec<String> = items.iter().map(text).collect();
            parts.sort();
            format!("[{}]", parts.join(","))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}
