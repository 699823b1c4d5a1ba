//! One object of a change list: what differs between backup and current state, in the spelling of `changes.csv`.

use super::said::{Members, annotation, member, own_type};
use crate::directory::{Catalogue, HIDDEN_WORD, Identity, RelationKind};
use crate::history::{Json, paired};
use crate::index::{ObjectId, canonical};
use crate::model::{ListedAttribute, ListedChange, ListedLink, Receipt, RecoveryAction, Target};

/// Members of `deltaFromCurrent` and `currentState` that are read for what they say and are no attributes.
const NO_ATTRIBUTES: [&str; 2] = ["id", "deletedDateTime"];

/// What one record says of an object.
#[derive(Debug)]
pub(super) struct SaidChange {
    /// Without tenant, job and backup, which the page tells.
    pub(super) change: ListedChange,
    /// Whether its type stays hidden behind `unknownFutureValue`.
    pub(super) is_hidden: bool,
}

/// Reads an object of a change list or of a list of failed changes.
pub(super) fn said(
    json: &Json,
    members: &mut Members<'_>,
    catalogue: &Catalogue,
    receipt: Option<Receipt>,
) -> SaidChange {
    let delta = side(json, members, "deltaFromCurrent");
    let current = side(json, members, "currentState");
    let word = members.text(&["entityTypeName"]).unwrap_or_default();
    let object_type = object_type(word, (delta, current), catalogue);
    let id = members.text(&["id", "objectId"]).map(canonical).unwrap_or_default();
    let object_id = identity(&object_type, &id, (delta, current), catalogue);
    if object_id.is_empty() {
        members.note("id");
    }
    let action = members.text(&["recoveryAction"]).and_then(action);
    if action.is_none() {
        members.note("recoveryAction");
    }
    let (backup, state) = (plain(delta), plain(current));
    let attributes = paired((&backup, &state), (&object_type, &id), catalogue)
        .into_iter()
        .map(|pair| ListedAttribute { path: pair.path, backup: pair.first, current: pair.second })
        .collect();
    let change = ListedChange {
        tenant_id: String::new(),
        job_id: String::new(),
        backup_id: String::new(),
        failed: false,
        links: links(delta, &object_type, catalogue),
        object_name: name(json, (current, delta), &object_type, catalogue),
        object_id,
        action,
        attributes,
        failure: members.text(&["failureMessage"]).unwrap_or_default().to_owned(),
        receipt,
        object_type,
    };
    SaidChange { is_hidden: change.object_type.is_empty(), change }
}

/// `deltaFromCurrent` or `currentState`; nothing where it is null or absent.
fn side<'j>(json: &'j Json, members: &mut Members<'_>, name: &'static str) -> Option<&'j Json> {
    match member(json, name) {
        None | Some(Json::Null) => None,
        Some(value @ Json::Object(_)) => Some(value),
        Some(Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_)) => {
            members.note(name);
            None
        }
    }
}

fn action(word: &str) -> Option<RecoveryAction> {
    RecoveryAction::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(word))
}

/// What the service sends of the object, its delta first.
type Sides<'j> = (Option<&'j Json>, Option<&'j Json>);

fn each<'j>((delta, current): Sides<'j>) -> impl Iterator<Item = &'j Json> {
    delta.into_iter().chain(current)
}

/// The type as Graph names it: by the service's word, by the `@odata.type` of either side, by the members of either.
fn object_type(word: &str, sides: Sides<'_>, catalogue: &Catalogue) -> String {
    let known: Vec<&str> = catalogue.of_entity_type(word).collect();
    let of_odata = |json: &Json| {
        let written = annotation(json, "type")?;
        let known = catalogue.of_odata_type(written).map(str::to_owned);
        known.or_else(|| own_type(json).map(str::to_owned))
    };
    let own = each(sides).find_map(of_odata);
    match (known.as_slice(), own) {
        // A word may stand for several types; a delta that names one of them says which.
        ([_, ..], Some(own)) if known.contains(&own.as_str()) => own,
        ([first, ..], _) => (*first).to_owned(),
        ([], Some(own)) => own,
        ([], None) if !word.is_empty() && !word.eq_ignore_ascii_case(HIDDEN_WORD) => {
            word.to_owned()
        }
        ([], None) => {
            let has = |name: &str| each(sides).any(|json| member(json, name).is_some());
            let found = catalogue.of_members(&has);
            found.filter(|name| catalogue.is_hidden_type(name)).unwrap_or_default().to_owned()
        }
    }
}

/// The identity as `changes.csv` has it; the service's id where the record does not hold all parts of a natural key.
fn identity(object_type: &str, id: &str, sides: Sides<'_>, catalogue: &Catalogue) -> String {
    let own = || id.to_owned();
    match catalogue.object_type(object_type).map(|known| &known.identity) {
        Some(Identity::Singleton) => object_type.to_owned(),
        Some(Identity::NaturalKey(parts)) => {
            let part = |name: &String| match each(sides).find_map(|json| member(json, name))? {
                Json::Null => Some(String::new()),
                Json::String(text) => Some(text.to_string()),
                Json::Bool(_) | Json::Number(_) | Json::Array(_) | Json::Object(_) => None,
            };
            let parts: Option<Vec<String>> = parts.iter().map(part).collect();
            let whole = parts.filter(|parts| parts.first().is_some_and(|first| !first.is_empty()));
            whole.map_or_else(own, |parts| ObjectId::of_parts(&parts).to_string())
        }
        Some(Identity::Id | Identity::Property(_)) | None => own(),
    }
}

fn name(json: &Json, sides: Sides<'_>, object_type: &str, catalogue: &Catalogue) -> String {
    let some = |json: &Json, name: &str| {
        member(json, name).and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let known = catalogue.object_type(object_type);
    let properties = known.map(|known| known.name_properties.as_slice()).unwrap_or_default();
    some(json, "displayName")
        .or_else(|| {
            each(sides).find_map(|side| properties.iter().find_map(|name| some(side, name)))
        })
        .unwrap_or_default()
}

/// A side without what is no attribute of it.
fn plain(side: Option<&Json>) -> Json {
    let Some(Json::Object(members)) = side else { return Json::Object(Vec::new()) };
    let is_read = |name: &str| NO_ATTRIBUTES.iter().any(|own| own.eq_ignore_ascii_case(name));
    let kept = members.iter().filter(|(name, _)| !is_read(name));
    Json::Object(kept.cloned().collect())
}

/// The links that a delta takes back: `members@delta` and its like.
fn links(delta: Option<&Json>, object_type: &str, catalogue: &Catalogue) -> Vec<ListedLink> {
    let Some(Json::Object(members)) = delta else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in members {
        let Some(segment) = name.strip_suffix("@delta") else { continue };
        let (relation, other) = match catalogue.relation(object_type, segment).map(|r| &r.kind) {
            Some(RelationKind::Links { relation, target_type }) => {
                (relation.as_str(), target_type.as_str())
            }
            // Named as the page names it: its canonical direction is another object's.
            Some(
                RelationKind::InverseLinks { .. }
                | RelationKind::Objects { .. }
                | RelationKind::Part { .. },
            )
            | None => (segment, ""),
        };
        let Json::Array(items) = value else { continue };
        for item in items {
            let id = member(item, "id").or_else(|| member(item, "objectId")).and_then(Json::as_str);
            let own = annotation(item, "type").and_then(|own| catalogue.of_odata_type(own));
            found.push(ListedLink {
                relation: relation.to_owned(),
                target: Target {
                    object_type: own.unwrap_or(other).to_owned(),
                    id: id.map(canonical).unwrap_or_default(),
                    name: String::new(),
                },
                remove: member(item, "@removed").is_some(),
            });
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    fn read(text: &str) -> (ListedChange, Vec<&'static str>) {
        let json = Json::parse(text.as_bytes()).unwrap();
        let mut members = Members::of(&json);
        let change = said(&json, &mut members, catalogue(), None).change;
        (change, members.unread())
    }

    fn sides(change: &ListedChange) -> Vec<String> {
        let side = |side: &Option<Option<String>>| match side {
            None => "unsaid".to_owned(),
            Some(value) => value.clone().unwrap_or_else(|| "none".to_owned()),
        };
        let each = change.attributes.iter();
        each.map(|a| format!("{} {} {}", a.path, side(&a.backup), side(&a.current))).collect()
    }

    #[test]
    fn values_are_spelled_as_in_changes() {
        let (change, unread) = read(
            r##"{"objectId":"36E07E06-72C1-4B2C-B547-C5084413B88B","entityTypeName":"conditionalAccessPolicy",
                "displayName":"MFA","recoveryAction":"update",
                "deltaFromCurrent":{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","state":"enabled",
                    "conditions":{"users":{"excludeUsers":["B","a"]}},"sessionControls":null},
                "currentState":{"state":"disabled","conditions":{"users":{"excludeUsers":[]}},
                    "sessionControls":{"signInFrequency":{"value":4}}}}"##,
        );
        assert_eq!(change.object_id, "36e07e06-72c1-4b2c-b547-c5084413b88b");
        assert_eq!(
            sides(&change),
            [
                r#"conditions.users.excludeUsers ["B","a"] none"#,
                "sessionControls.signInFrequency.value none 4",
                r#"state "enabled" "disabled""#,
            ]
        );
        assert!(unread.is_empty(), "{unread:?}");
    }

    #[test]
    fn what_an_action_sends_beside_attributes_is_no_attribute() {
        for (text, action) in [
            (
                r#"{"id":"u1","entityTypeName":"user","recoveryAction":"softDelete",
                    "deltaFromCurrent":{"@removed":{"reason":"changed"},"deletedDateTime":"2026-11-03T02:00:00Z"},
                    "currentState":{"deletedDateTime":null}}"#,
                RecoveryAction::SoftDelete,
            ),
            (
                r#"{"id":"u1","entityTypeName":"user","recoveryAction":"softDelete","deltaFromCurrent":null}"#,
                RecoveryAction::SoftDelete,
            ),
            (
                r##"{"id":"u1","entityTypeName":"user","recoveryAction":"Restore","deltaFromCurrent":{"deletedDateTime":null},
                    "currentState":{"@odata.type":"#microsoft.graph.user","id":"u1","deletedDateTime":"2026-11-03T02:00:00Z"}}"##,
                RecoveryAction::Restore,
            ),
        ] {
            let (change, unread) = read(text);
            assert_eq!((change.action, sides(&change).len()), (Some(action), 0), "{text}");
            assert!(unread.is_empty() && change.links.is_empty());
        }
        let (whole, _) = read(
            r#"{"id":"u1","entityTypeName":"user","recoveryAction":"restore","deltaFromCurrent":{"displayName":"A"},"currentState":null}"#,
        );
        assert_eq!(sides(&whole), [r#"displayName "A" unsaid"#]);
        assert_eq!(whole.object_name, "A");
    }

    #[test]
    fn a_hidden_type_is_told_by_what_the_record_holds() {
        for (sides, object_type, id) in [
            (
                r##""currentState":{"@odata.type":"#microsoft.graph.oAuth2PermissionGrant","scope":"Mail.Read"}"##,
                "oAuth2PermissionGrant",
                "g1",
            ),
            (
                r#""currentState":{"clientId":"C","resourceId":"R","consentType":"AllPrincipals","principalId":null,"scope":"b a"}"#,
                "oAuth2PermissionGrant",
                "C|R|AllPrincipals|",
            ),
            (
                r##""deltaFromCurrent":{"@type":"#microsoft.graph.appRoleAssignment","principalId":"P","resourceId":"R","appRoleId":"A"}"##,
                "appRoleAssignment",
                "P|R|A",
            ),
            (r#""deltaFromCurrent":null"#, "", "g1"),
        ] {
            let text = format!(
                r#"{{"id":"g1","entityTypeName":"unknownFutureValue","recoveryAction":"softDelete",{sides}}}"#
            );
            let (change, _) = read(&text);
            assert_eq!((&*change.object_type, &*change.object_id), (object_type, id), "{text}");
        }
    }

    #[test]
    fn words_of_the_service_become_types_of_graph() {
        for (word, odata, object_type) in [
            ("namedLocationPolicy", "ipNamedLocation", "namedLocation"),
            (
                "authenticationMethodPolicy",
                "authenticationMethodsPolicy",
                "authenticationMethodsPolicy",
            ),
            (
                "authenticationMethodPolicy",
                "fido2AuthenticationMethodConfiguration",
                "authenticationMethodConfiguration",
            ),
            ("servicePrincipal", "agentIdentity", "servicePrincipal"),
            ("somethingNew", "user", "user"),
            ("somethingNew", "somethingNew", "somethingNew"),
        ] {
            let (change, _) = read(&format!(
                r##"{{"id":"x","entityTypeName":"{word}","recoveryAction":"update","deltaFromCurrent":{{"@odata.type":"#microsoft.graph.{odata}"}}}}"##
            ));
            assert_eq!(change.object_type, object_type, "{word} {odata}");
        }
        let (organization, _) =
            read(r#"{"id":"x","entityTypeName":"organization","recoveryAction":"update"}"#);
        assert_eq!(organization.object_id, "organization");
    }

    #[test]
    fn links_are_removed_or_added_back() {
        let (change, _) = read(
            r##"{"id":"g","entityTypeName":"group","recoveryAction":"update","deltaFromCurrent":{
                "members@delta":[{"@odata.type":"user","id":"B","@removed":{"reason":"changed"}},
                    {"@odata.type":"#microsoft.graph.device","id":"D"},{"id":"A"}],
                "owners@delta":[{"@odata.type":"user","id":"O"}]}}"##,
        );
        let told: Vec<String> = change
            .links
            .iter()
            .map(|l| {
                format!("{} {} {} {}", l.relation, l.target.object_type, l.target.id, l.remove)
            })
            .collect();
        assert_eq!(
            told,
            [
                "members  A false",
                "members device D false",
                "members user B true",
                "owners user O false"
            ]
        );
        assert!(change.attributes.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let (_, unread) =
            read(r#"{"entityTypeName":"user","recoveryAction":"melt","currentState":[1]}"#);
        assert_eq!(unread, ["currentState", "id", "recoveryAction"]);
    }
}
