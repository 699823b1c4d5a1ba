//! A list of changes between two snapshots in the shape of Microsoft's own difference report
//! (`recoveryPreviewJobs/{id}/getChanges` of Microsoft Entra Backup and Recovery).
//!
//! The earlier snapshot takes the place of the backup, the later one that of the current state; a row says what a
//! recovery would do:
//!
//! | Change | `recoveryAction` | `deltaFromCurrent` | `currentState` |
//! |---|---|---|---|
//! | `modified` | `update` | the attribute with its value before | the attribute with its value after |
//! | `linkAdded` | `update` | `members@delta` with `@removed` | |
//! | `linkRemoved` | `update` | `members@delta` | |
//! | `softDeleted` | `restore` | `deletedDateTime` null | `deletedDateTime`, where the evidence tells it |
//! | `added`, `restored` | `softDelete` | `@removed` | `deletedDateTime` null |
//!
//! What that shape cannot say is counted in [`ChangeList::left_out`]: objects that are gone for good or of which it
//! cannot be told (the service shows none of them), and rows of other lanes than `change`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ReportError;
use super::json::Embedded;
use crate::directory::catalogue;
use crate::model::{Change, ChangeKind, Lane};

/// The context that the service gives for a page of changes.
const CONTEXT: &str = "https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.entraRecoveryServices.recoveryChangeObjectBase)";

/// A difference report in Microsoft's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeList {
    /// The page as JSON text, ending in a line break.
    pub json: String,
    /// Rows that the shape cannot express, by kind of change, or by lane where it is not `change`.
    pub left_out: BTreeMap<&'static str, u64>,
}

/// A JSON value that keeps raw values as they are.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Node {
    Null(()),
    Leaf(Embedded),
    Text(String),
    Links(Vec<Node>),
    Object(BTreeMap<String, Node>),
}

impl Node {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn value(json: Option<&str>) -> Self {
        json.map_or(Self::Null(()), |json| Self::Leaf(Embedded::new(json)))
    }

    fn removed() -> Self {
        Self::Object(BTreeMap::from([("reason".to_owned(), Self::text("changed"))]))
    }
}

#[derive(Serialize)]
struct Page {
    #[serde(rename = "@odata.context")]
    context: &'static str,
    value: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    entity_type_name: String,
    display_name: Option<String>,
    recovery_action: &'static str,
    delta_from_current: Node,
    current_state: Node,
}

/// What is known of one object while its rows are gathered.
#[derive(Default)]
struct Draft {
    name: String,
    action: Option<&'static str>,
    delta: BTreeMap<String, Node>,
    current: BTreeMap<String, Node>,
}

/// The name of a type in the service's `resourceTypeName`; other types keep their Graph resource name.
fn entity_type(object_type: &str) -> &str {
    catalogue().entity_type_of(object_type).unwrap_or(object_type)
}

/// Puts a value at a path, `conditions.users.excludeUsers` becoming nested objects. A path that runs into a value is
/// kept whole as a name.
fn put(object: &mut BTreeMap<String, Node>, path: &str, value: Node) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            match object.entry(head.to_owned()).or_insert_with(|| Node::Object(BTreeMap::new())) {
                Node::Object(inner) => put(inner, rest, value),
                Node::Null(()) | Node::Leaf(_) | Node::Text(_) | Node::Links(_) => {
                    object.insert(path.to_owned(), value);
                }
            }
        }
    }
}

fn link(draft: &mut Draft, change: &Change) {
    let mut entry = BTreeMap::new();
    if let Some(target) = &change.target {
        if !target.object_type.is_empty() {
            let odata = format!("#microsoft.graph.{}", target.object_type);
            entry.insert("@odata.type".to_owned(), Node::Text(odata));
        }
        entry.insert("id".to_owned(), Node::text(&*target.id));
    }
    if change.kind == ChangeKind::LinkAdded {
        entry.insert("@removed".to_owned(), Node::removed());
    }
    let links = draft
        .delta
        .entry(format!("{}@delta", change.attribute))
        .or_insert_with(|| Node::Links(Vec::new()));
    if let Node::Links(links) = links {
        links.push(Node::Object(entry));
    }
}

/// Takes one row into the draft of its object.
fn take(draft: &mut Draft, change: &Change) {
    if !change.object_name.is_empty() {
        draft.name.clone_from(&change.object_name);
    }
    let deleted = "deletedDateTime".to_owned();
    match change.kind {
        ChangeKind::Modified => {
            put(&mut draft.delta, &change.attribute, Node::value(change.before.as_deref()));
            put(&mut draft.current, &change.attribute, Node::value(change.after.as_deref()));
            draft.action.get_or_insert("update");
        }
        ChangeKind::LinkAdded | ChangeKind::LinkRemoved => {
            link(draft, change);
            draft.action.get_or_insert("update");
        }
        ChangeKind::SoftDeleted => {
            draft.delta.insert(deleted.clone(), Node::Null(()));
            let told = change.narrowed.as_ref().filter(|told| told.source == deleted);
            if let Some(told) = told {
                draft.current.insert(deleted, Node::Text(told.to.to_string()));
            }
            draft.action = Some("restore");
        }
        ChangeKind::Added | ChangeKind::Restored => {
            draft.delta.insert("@removed".to_owned(), Node::removed());
            draft.current.insert(deleted, Node::Null(()));
            draft.action = Some("softDelete");
        }
        ChangeKind::Removed | ChangeKind::HardDeleted | ChangeKind::FirstObserved => {}
    }
}

/// Turns the changes between a backup and a current state into a difference report, sorted by type and id.
///
/// # Errors
/// [`ReportError::Json`] if it does not serialise.
pub fn change_list(changes: &[Change]) -> Result<ChangeList, ReportError> {
    let mut left_out = BTreeMap::new();
    let mut drafts: BTreeMap<(&str, &str, &str), Draft> = BTreeMap::new();
    for change in changes {
        let unsaid = match change.kind {
            ChangeKind::Removed | ChangeKind::HardDeleted | ChangeKind::FirstObserved => {
                Some(change.kind.as_str())
            }
            _ if change.lane != Lane::Change => Some(change.lane.as_str()),
            ChangeKind::Added
            | ChangeKind::SoftDeleted
            | ChangeKind::Restored
            | ChangeKind::Modified
            | ChangeKind::LinkAdded
            | ChangeKind::LinkRemoved => None,
        };
        if let Some(word) = unsaid {
            *left_out.entry(word).or_default() += 1;
            continue;
        }
        let key = (&*change.object_type, &*change.object_id, &*change.tenant_id);
        take(drafts.entry(key).or_default(), change);
    }
    let value = drafts
        .into_iter()
        .map(|((object_type, id, _), mut draft)| {
            let odata = format!("#microsoft.graph.{object_type}");
            draft.delta.insert("@odata.type".to_owned(), Node::text(&*odata));
            draft.current.insert("@odata.type".to_owned(), Node::Text(odata));
            Entry {
                id: id.to_owned(),
                entity_type_name: entity_type(object_type).to_owned(),
                display_name: (!draft.name.is_empty()).then_some(draft.name),
                recovery_action: draft.action.unwrap_or("update"),
                delta_from_current: Node::Object(draft.delta),
                current_state: Node::Object(draft.current),
            }
        })
        .collect();
    let mut json = serde_json::to_string_pretty(&Page { context: CONTEXT, value })
        .map_err(|source| ReportError::Json { what: "change list", source })?;
    json.push('\n');
    Ok(ChangeList { json, left_out })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::report::fixture;

    fn list(changes: &[Change]) -> Value {
        serde_json::from_str(&change_list(changes).unwrap().json).unwrap()
    }

    #[test]
    fn a_nested_attribute_becomes_an_object_again() {
        let change =
            fixture::modified("conditionalAccessPolicy", "p1", "conditions.users.excludeUsers");
        let entry = &list(&[change])["value"][0];
        assert_eq!(entry["recoveryAction"], "update");
        assert_eq!(entry["deltaFromCurrent"]["conditions"]["users"]["excludeUsers"], json!("old"));
        assert_eq!(entry["currentState"]["conditions"]["users"]["excludeUsers"], json!("new"));
    }

    #[test]
    fn a_member_that_was_added_is_removed_by_a_recovery() {
        let added = fixture::link("group", "g1", ChangeKind::LinkAdded, "u1");
        let removed = fixture::link("group", "g1", ChangeKind::LinkRemoved, "u2");
        let delta = &list(&[added, removed])["value"][0]["deltaFromCurrent"]["members@delta"];
        assert_eq!(
            delta,
            &json!([
                {"@odata.type": "#microsoft.graph.user", "@removed": {"reason": "changed"}, "id": "u1"},
                {"@odata.type": "#microsoft.graph.user", "id": "u2"},
            ])
        );
    }

    #[test]
    fn deletions_are_restored_and_what_cannot_be_said_is_counted() {
        let change = |kind| fixture::object(kind, "user", "u1");
        let found = change_list(&[
            change(ChangeKind::SoftDeleted),
            change(ChangeKind::HardDeleted),
            change(ChangeKind::Removed),
        ])
        .unwrap();
        let page: Value = serde_json::from_str(&found.json).unwrap();
        assert_eq!(page["value"].as_array().unwrap().len(), 1);
        assert_eq!(page["value"][0]["recoveryAction"], "restore");
        assert_eq!(page["value"][0]["deltaFromCurrent"]["deletedDateTime"], Value::Null);
        assert_eq!(found.left_out, BTreeMap::from([("hardDeleted", 1), ("removed", 1)]));
    }

    #[test]
    fn a_path_that_runs_into_a_value_stays_whole() {
        let outer = fixture::modified("user", "u1", "a");
        let inner = fixture::modified("user", "u1", "a.b");
        let entry = &list(&[outer, inner])["value"][0];
        assert_eq!(entry["deltaFromCurrent"]["a.b"], json!("old"));
    }
}
