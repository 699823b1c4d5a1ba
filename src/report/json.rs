//! Changes as JSON and JSON Lines, with the names of the columns of `changes.csv` in their order.
//!
//! Empty is null. `before`, `after`, `added` and `removed` are JSON values, digit for digit as in the table; receipts
//! and actor candidates are arrays; `objects` is a number.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{ReportError, output};
use crate::model::{Change, Reason, Receipt, Recoverability, RecoveryAction};

/// A value of the table as JSON: itself, or, should it not be JSON, its text.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Embedded {
    Value(Box<RawValue>),
    Text(String),
}

impl Embedded {
    pub(super) fn new(json: &str) -> Self {
        // A line break can only stand between two tokens here; JSON Lines has one value per line.
        let line = json.replace(['\n', '\r'], " ");
        match RawValue::from_string(line) {
            Ok(value) => Self::Value(value),
            Err(_) => Self::Text(json.to_owned()),
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    change_id: String,
    tenant_id: Option<&'a str>,
    object_type: Option<&'a str>,
    object_id: Option<&'a str>,
    object_name: Option<&'a str>,
    change: &'static str,
    attribute: Option<&'a str>,
    target_type: Option<&'a str>,
    target_id: Option<&'a str>,
    target_name: Option<&'a str>,
    before: Option<Embedded>,
    after: Option<Embedded>,
    added: Option<Embedded>,
    removed: Option<Embedded>,
    not_before: Option<String>,
    not_after: Option<String>,
    narrowed_from: Option<String>,
    narrowed_to: Option<String>,
    bound_source: Option<&'a str>,
    from_snapshot: Option<&'a str>,
    to_snapshot: Option<&'a str>,
    lane: &'static str,
    certainty: &'static str,
    objects: u64,
    origin: &'static str,
    recoverability: Option<&'a str>,
    actor: Option<&'a str>,
    attribution: Option<&'a str>,
    actor_candidates: [&'a str; 0],
    evidence_before: Vec<String>,
    evidence_after: Vec<String>,
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_action: Option<Option<&'static str>>,
}

impl<'a> From<&'a Change> for Row<'a> {
    fn from(change: &'a Change) -> Self {
        fn some(text: &str) -> Option<&str> {
            (!text.is_empty()).then_some(text)
        }
        fn receipts(receipts: &[Receipt]) -> Vec<String> {
            receipts.iter().map(Receipt::to_string).collect()
        }
        let embedded = |json: &Option<String>| json.as_deref().map(Embedded::new);
        let target = change.target.as_ref();
        let narrowed = change.narrowed.as_ref();
        Self {
            change_id: change.change_id.to_string(),
            tenant_id: some(&change.tenant_id),
            object_type: some(&change.object_type),
            object_id: some(&change.object_id),
            object_name: some(&change.object_name),
            change: change.kind.as_str(),
            attribute: some(&change.attribute),
            target_type: target.and_then(|target| some(&target.object_type)),
            target_id: target.and_then(|target| some(&target.id)),
            target_name: target.and_then(|target| some(&target.name)),
            before: embedded(&change.before),
            after: embedded(&change.after),
            added: embedded(&change.added),
            removed: embedded(&change.removed),
            not_before: change.window.not_before.map(|at| at.to_string()),
            not_after: change.window.not_after.map(|at| at.to_string()),
            narrowed_from: narrowed.map(|narrowed| narrowed.from.to_string()),
            narrowed_to: narrowed.map(|narrowed| narrowed.to.to_string()),
            bound_source: narrowed.and_then(|narrowed| some(&narrowed.source)),
            from_snapshot: some(&change.from_snapshot),
            to_snapshot: some(&change.to_snapshot),
            lane: change.lane.as_str(),
            certainty: change.certainty.as_str(),
            objects: change.objects,
            origin: change.origin.as_str(),
            recoverability: change.recoverability.map(Recoverability::as_str),
            actor: None,
            attribution: None,
            actor_candidates: [],
            evidence_before: receipts(&change.evidence_before),
            evidence_after: receipts(&change.evidence_after),
            reason: change.reason.map(Reason::as_str),
            recovery_action: None,
        }
    }
}

fn row(row: &Row<'_>, to: &mut impl Write) -> Result<(), ReportError> {
    serialized(row, "changes", to)
}

pub(super) fn serialized(
    value: &impl Serialize,
    what: &'static str,
    to: &mut impl Write,
) -> Result<(), ReportError> {
    serde_json::to_writer(to, value).map_err(|source| {
        if source.is_io() {
            output::refused("JSON", io::Error::from(source))
        } else {
            ReportError::Json { what, source }
        }
    })
}

pub(super) fn put(bytes: &[u8], to: &mut impl Write) -> Result<(), ReportError> {
    to.write_all(bytes).map_err(|source: io::Error| output::refused("JSON", source))
}

/// Writes changes as one JSON array, one change per line.
///
/// # Errors
/// [`ReportError::Write`] or [`ReportError::Json`] if the writer refuses.
pub fn write_array(changes: &[Change], to: impl Write) -> Result<(), ReportError> {
    array(changes.iter().map(Row::from), to)
}

/// As [`write_array`], with one field more: `recovery_action`, what a recovery does to the object (null: nothing).
///
/// # Errors
/// [`ReportError::Write`] or [`ReportError::Json`] if the writer refuses.
pub fn write_difference(
    changes: &[Change],
    action: &dyn Fn(&Change) -> Option<RecoveryAction>,
    to: impl Write,
) -> Result<(), ReportError> {
    let rows = changes.iter().map(|change| Row {
        recovery_action: Some(action(change).map(RecoveryAction::as_str)),
        ..Row::from(change)
    });
    array(rows, to)
}

fn array<'a>(rows: impl Iterator<Item = Row<'a>>, mut to: impl Write) -> Result<(), ReportError> {
    put(b"[", &mut to)?;
    let mut separator: &[u8] = b"\n";
    for one in rows {
        put(separator, &mut to)?;
        row(&one, &mut to)?;
        separator = b",\n";
    }
    put(if separator == b"\n" { b"]\n" } else { b"\n]\n" }, &mut to)
}

/// Writes changes as JSON Lines: one object per line, nothing around them.
///
/// # Errors
/// [`ReportError::Write`] or [`ReportError::Json`] if the writer refuses.
pub fn write_lines(changes: &[Change], mut to: impl Write) -> Result<(), ReportError> {
    for change in changes {
        row(&Row::from(change), &mut to)?;
        put(b"\n", &mut to)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{fixture, tables};

    #[test]
    fn fields_are_the_columns_of_the_table_in_their_order() {
        let mut text = Vec::new();
        write_lines(&fixture::analysis().changes[..1], &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let mut last = 0;
        for column in tables::CHANGES {
            let at = text.find(&format!("\"{column}\":")).unwrap();
            assert!(at > last, "{column}");
            last = at;
        }
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value.as_object().unwrap().len(), tables::CHANGES.len());
    }

    #[test]
    fn numbers_keep_their_digits_and_a_broken_value_is_text() {
        let mut change = fixture::analysis().changes[0].clone();
        change.before = Some("1.000000000000000000010".to_owned());
        change.after = Some("{\"a\":\n".to_owned());
        let mut text = Vec::new();
        write_lines(&[change], &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains(r#""before":1.000000000000000000010,"#), "{text}");
        assert!(text.contains(r#""after":"{\"a\":\n","#), "{text}");
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn no_change_is_an_empty_array() {
        let mut text = Vec::new();
        write_array(&[], &mut text).unwrap();
        assert_eq!(text, b"[]\n");
    }
}
