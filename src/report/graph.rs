//! A difference report in the shape of Microsoft's own (`recoveryPreviewJobs/{id}/getChanges` of Microsoft Entra Backup and
//! Recovery), so that it can be read like one of the service, here as well: it names the backup that it compares with.
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
//! It holds what the service's list can hold: supported types and properties, those of synchronised objects too. A grant or
//! an assignment stands under its own type with the properties of its natural key in `currentState`, and with that key for
//! an id. The rest is counted in [`ChangeList::left_out`].

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::ReportError;
use super::json::Embedded;
use crate::directory::{Identity, catalogue};
use crate::model::{
    DifferenceReport, DifferingLink, DifferingObject, Reason, RecoveryAction, Shown,
};

/// The context that the service gives for a page of changes, where no backup can be named.
const CONTEXT: &str = "https://graph.microsoft.com/v1.0/$metadata#Collection(microsoft.graph.entraRecoveryServices.recoveryChangeObjectBase)";

/// The path of a list of changes, before the id of its backup.
const BACKUPS: &str = "https://graph.microsoft.com/v1.0/$metadata#directory/recovery/snapshots";

/// A difference report in Microsoft's shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeList {
    /// The page as JSON text, ending in a line break.
    pub json: String,
    /// What the shape cannot express, by why: a code, or a lane.
    pub left_out: BTreeMap<String, u64>,
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
    context: String,
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

/// Puts a value at a path, `conditions.users.excludeUsers` becoming nested objects. A path that runs into a value is
/// kept whole as a name.
fn put(object: &mut BTreeMap<String, Node>, path: &str, value: Node) {
    let name = |step: &str| step.replace("%2E", ".").replace("%25", "%");
    match path.split_once('.') {
        None => {
            object.insert(name(path), value);
        }
        Some((head, rest)) => {
            match object.entry(name(head)).or_insert_with(|| Node::Object(BTreeMap::new())) {
                Node::Object(inner) => put(inner, rest, value),
                Node::Null(()) | Node::Leaf(_) | Node::Text(_) | Node::Links(_) => {
                    object.insert(path.to_owned(), value);
                }
            }
        }
    }
}

fn link(link: &DifferingLink) -> Node {
    let mut entry = BTreeMap::new();
    if !link.target.object_type.is_empty() {
        let odata = format!("#microsoft.graph.{}", link.target.object_type);
        entry.insert("@odata.type".to_owned(), Node::Text(odata));
    }
    entry.insert("id".to_owned(), Node::text(&*link.target.id));
    if link.remove {
        entry.insert("@removed".to_owned(), Node::removed());
    }
    Node::Object(entry)
}

/// The properties that tell a grant or an assignment apart, from its identity.
fn natural_key(object: &DifferingObject) -> Vec<(String, Node)> {
    let known = catalogue().object_type(&object.object_type);
    let Some(Identity::NaturalKey(properties)) = known.map(|known| &known.identity) else {
        return Vec::new();
    };
    let parts = object.object_id.split('|');
    let value = |part: &str| if part.is_empty() { Node::Null(()) } else { Node::text(part) };
    properties.iter().zip(parts).map(|(name, part)| (name.clone(), value(part))).collect()
}

/// The type that the service knows an object as: a part of an object stands in the row of the whole.
fn whole_type(object: &DifferingObject) -> &str {
    let part = catalogue().recovery_type(&object.object_type);
    let whole = part.map(|known| known.part_of.as_str()).filter(|whole| !whole.is_empty());
    let by_id = |name: &&str| {
        catalogue().object_type(name).is_some_and(|known| known.identity == Identity::Id)
    };
    whole.filter(by_id).unwrap_or(&object.object_type)
}

/// One object with its parts; `None` where the service has no action for it.
fn entry(object_type: &str, parts: &[&DifferingObject]) -> Option<Entry> {
    let object = parts.iter().find(|part| part.object_type == object_type).or(parts.first())?;
    let action = object.action?;
    let (mut delta, mut current) = (BTreeMap::new(), BTreeMap::new());
    let attributes = parts.iter().flat_map(|part| &part.attributes);
    for attribute in attributes.filter(|attribute| attribute.shown.is_shown()) {
        put(&mut delta, &attribute.path, Node::value(attribute.backup.as_deref()));
        put(&mut current, &attribute.path, Node::value(attribute.current.as_deref()));
    }
    let mut links: BTreeMap<String, Vec<Node>> = BTreeMap::new();
    let shown = parts.iter().flat_map(|part| &part.links).filter(|link| link.shown.is_shown());
    for one in shown {
        links.entry(format!("{}@delta", one.relation)).or_default().push(link(one));
    }
    delta.extend(links.into_iter().map(|(name, list)| (name, Node::Links(list))));
    let deleted = "deletedDateTime".to_owned();
    match action {
        RecoveryAction::Update => {}
        RecoveryAction::Restore => {
            delta.insert(deleted.clone(), Node::Null(()));
            current.extend(object.deleted.map(|at| (deleted, Node::Text(at.to_string()))));
        }
        RecoveryAction::SoftDelete => {
            delta.insert("@removed".to_owned(), Node::removed());
            current.insert(deleted, Node::Null(()));
        }
    }
    current.extend(natural_key(object));
    let odata = format!("#microsoft.graph.{object_type}");
    for state in [&mut delta, &mut current] {
        state.insert("@odata.type".to_owned(), Node::text(&*odata));
    }
    Some(Entry {
        id: object.object_id.clone(),
        entity_type_name: catalogue()
            .recovery_type(object_type)
            .map_or(object_type, |known| known.entity.as_str())
            .to_owned(),
        display_name: (!object.object_name.is_empty()).then(|| object.object_name.clone()),
        recovery_action: action.as_str(),
        delta_from_current: Node::Object(delta),
        current_state: Node::Object(current),
    })
}

/// The id of a job that is no job of the service: it follows from what the report says (a GUID of version 8, RFC 9562).
fn job_id(report: &DifferenceReport, entries: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    for field in [&report.tenant_id, &report.from, &report.to, entries] {
        hasher.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    let digest = hasher.finalize();
    let mut bytes = *digest.as_bytes().first_chunk::<16>().unwrap_or(&[0; 16]);
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut bytes;
    *version = (*version & 0x0f) | 0x80;
    *variant = (*variant & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

fn context(report: &DifferenceReport, entries: &str) -> String {
    let Some(backup) = report.backup else { return CONTEXT.to_owned() };
    let id = STANDARD.encode(backup.to_string());
    format!("{BACKUPS}/{id}/recoveryPreviewJobs/{}/getChanges", job_id(report, entries))
}

fn left_out(report: &DifferenceReport) -> BTreeMap<String, u64> {
    let mut out = report.other_rows.clone();
    for ((why, _), count) in report.hidden() {
        *out.entry(why.to_string()).or_default() += count;
    }
    let settled = report.objects.iter().filter(|object| object.shown == Shown::Settled).count();
    if let Some(count) = u64::try_from(settled).ok().filter(|count| *count > 0) {
        out.insert(Reason::AddedAndDeleted.to_string(), count);
    }
    out
}

/// Turns one difference report into a page of the service, sorted by type and id.
///
/// # Errors
/// [`ReportError::Json`] if it does not serialise.
pub fn change_list(report: &DifferenceReport) -> Result<ChangeList, ReportError> {
    let failed = |source| ReportError::Json { what: "change list", source };
    let mut rows: BTreeMap<(&str, &str), Vec<&DifferingObject>> = BTreeMap::new();
    for object in report.objects.iter().filter(|object| object.action.is_some()) {
        rows.entry((whole_type(object), &object.object_id)).or_default().push(object);
    }
    let value: Vec<Entry> =
        rows.iter().filter_map(|((object_type, _), parts)| entry(object_type, parts)).collect();
    let entries = serde_json::to_string(&value).map_err(failed)?;
    let page = Page { context: context(report, &entries), value };
    let mut json = serde_json::to_string_pretty(&page).map_err(failed)?;
    json.push('\n');
    Ok(ChangeList { json, left_out: left_out(report) })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Change, ChangeKind};
    use crate::report::fixture;

    fn list(changes: &[Change]) -> Value {
        serde_json::from_str(&change_list(&fixture::report_of(changes)).unwrap().json).unwrap()
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
        let change = |kind, id| fixture::object(kind, "user", id);
        let found = change_list(&fixture::report_of(&[
            change(ChangeKind::SoftDeleted, "u1"),
            change(ChangeKind::HardDeleted, "u2"),
            change(ChangeKind::Removed, "u3"),
        ]))
        .unwrap();
        let page: Value = serde_json::from_str(&found.json).unwrap();
        assert_eq!(page["value"].as_array().unwrap().len(), 1);
        assert_eq!(page["value"][0]["recoveryAction"], "restore");
        assert_eq!(page["value"][0]["deltaFromCurrent"]["deletedDateTime"], Value::Null);
        let left_out = [("cannot-tell", 1), ("hard-deleted", 1)];
        assert_eq!(found.left_out, left_out.map(|(why, count)| (why.to_owned(), count)).into());
    }

    #[test]
    fn a_path_that_runs_into_a_value_stays_whole() {
        let outer = fixture::modified("conditionalAccessPolicy", "p1", "a");
        let inner = fixture::modified("conditionalAccessPolicy", "p1", "a.b");
        let entry = &list(&[outer, inner])["value"][0];
        assert_eq!(entry["deltaFromCurrent"]["a.b"], json!("old"));
    }
}
