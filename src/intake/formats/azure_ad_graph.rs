//! Objects of the retired Azure AD Graph: old Azure CLI (before 2.37), saved answers of `graph.windows.net`, `AzureAD` module.
//!
//! Recognised by an `odata.type` that begins with `Microsoft.DirectoryServices.`, or by `objectId` beside `objectType`.
//! Habits: nulls and empty lists are written; whether they are, the data tell. Names are put into Graph's by a table; a
//! property that Graph has nothing for keeps its name and compares with its like only.
//! Loses: nothing that is in the answer; several values mean another thing in Graph (`replyUrls`, `availableToOtherTenants`)
//! and are left under their old names.

use crate::directory::{Catalogue, OldName};
use crate::intake::spelling::{Node, PARTIAL_ITEMS};
use crate::intake::{Member, Record, string_at};

/// What an `odata.type` of Azure AD Graph begins with.
const NAMESPACE: &str = "Microsoft.DirectoryServices.";

/// Whether the members of a record are those of Azure AD Graph.
pub(in crate::intake) fn is_object(text: &[u8], record: &Record) -> bool {
    let old_type = |member: &Member| {
        string_at(text, &member.value).is_some_and(|name| name.starts_with(NAMESPACE))
    };
    let has = |name: &str| record.member(text, name).is_some();
    record.member(text, "odata.type").is_some_and(old_type) || has("objectId") && has("objectType")
}

/// A record in Graph's spelling.
pub(in crate::intake) fn in_graph<'t>(record: Node<'t>, catalogue: &Catalogue) -> Node<'t> {
    let Node::Object(members) = record else { return record };
    let told = |name: &str| {
        let (_, value) = members.iter().find(|(known, _)| known == name)?;
        let written = value.text()?;
        catalogue.of_odata_type(&written).map(str::to_owned)
    };
    let object_type = told("odata.type").or_else(|| told("objectType")).unwrap_or_default();
    of_type(members, &object_type, catalogue)
}

/// The members of an object of a type in Graph's spelling.
pub(in crate::intake) fn of_type<'t>(
    members: Vec<(String, Node<'t>)>,
    object_type: &str,
    catalogue: &Catalogue,
) -> Node<'t> {
    let renamer = Renamer { catalogue, object_type };
    let mut found = Vec::with_capacity(members.len());
    for (name, value) in members {
        // An annotation of the evidence is none of ours.
        if name.starts_with('@') && !name.starts_with("@odata.") {
            continue;
        }
        let value = renamer.value(value, &name);
        match catalogue.azure_ad_graph_name(object_type, &name) {
            Some(old) => place(&mut found, old, value),
            None if name.starts_with("odata.") => {}
            None => put(&mut found, &[name], value),
        }
    }
    // Graph may know more of their items.
    let mut lists = Vec::new();
    Node::lists_of_objects(&found, "", &mut lists);
    if !lists.is_empty() {
        found.push((PARTIAL_ITEMS.to_owned(), Node::list(lists)));
    }
    Node::Object(found)
}

struct Renamer<'c> {
    catalogue: &'c Catalogue,
    object_type: &'c str,
}

impl Renamer<'_> {
    /// The value with the members of what lies in it renamed; `path` is where it stands, in old names.
    fn value<'t>(&self, value: Node<'t>, path: &str) -> Node<'t> {
        match value {
            Node::Array(items) => {
                Node::Array(items.into_iter().map(|item| self.value(item, path)).collect())
            }
            Node::Object(members) => {
                let mut found = Vec::with_capacity(members.len());
                for (name, value) in members {
                    let path = format!("{path}.{name}");
                    let value = self.value(value, &path);
                    match self.catalogue.azure_ad_graph_name(self.object_type, &path) {
                        Some(old) => place(&mut found, old, value),
                        None if name.starts_with("odata.") => {}
                        None => put(&mut found, &[name], value),
                    }
                }
                Node::Object(found)
            }
            plain @ (Node::Scalar(_) | Node::Text(_)) => plain,
        }
    }
}

/// Puts a value where Graph has it.
fn place<'t>(found: &mut Vec<(String, Node<'t>)>, old: &OldName, value: Node<'t>) {
    let value = match value {
        Node::Array(_) => value,
        Node::Scalar(b"null") if old.is_list => Node::Array(Vec::new()),
        Node::Scalar(_) | Node::Text(_) | Node::Object(_) if old.is_list => {
            Node::Array(vec![value])
        }
        Node::Scalar(_) | Node::Text(_) | Node::Object(_) => value,
    };
    if !old.graph.is_empty() {
        put(found, &old.graph, value);
    }
}

/// Keeps the first of several values of one path; a value goes before none.
pub(in crate::intake) fn put<'t>(
    found: &mut Vec<(String, Node<'t>)>,
    path: &[String],
    value: Node<'t>,
) {
    let Some((name, below)) = path.split_first() else { return };
    let known = found.iter().position(|(known, _)| known == name);
    let at = known.unwrap_or_else(|| {
        let empty = if below.is_empty() { Node::Scalar(b"null") } else { Node::Object(Vec::new()) };
        found.push((name.clone(), empty));
        found.len() - 1
    });
    let Some((_, held)) = found.get_mut(at) else { return };
    match held {
        Node::Object(members) if !below.is_empty() => put(members, below, value),
        held if below.is_empty() && held.is_null() => *held = value,
        Node::Scalar(_) | Node::Text(_) | Node::Array(_) | Node::Object(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::catalogue;
    use crate::intake::Spelling;

    fn graph(text: &str) -> serde_json::Value {
        let respelt = Spelling::AzureAdGraph.in_graph(text.as_bytes(), catalogue()).unwrap();
        serde_json::from_slice(&respelt).unwrap()
    }

    #[test]
    fn names_are_those_of_graph_by_type() {
        let text = r#"{"odata.metadata":"x","odata.type":"Microsoft.DirectoryServices.User","objectType":"User",
            "objectId":"1","dirSyncEnabled":null,"telephoneNumber":"+1","mobile":"+2","extensionAttribute3":"x",
            "deletionTimestamp":null,"thumbnailPhoto@odata.mediaEditLink":"y","userType":"Member"}"#;
        assert_eq!(
            graph(text),
            serde_json::json!({"@odata.type": "Microsoft.DirectoryServices.User", "id": "1",
                "onPremisesSyncEnabled": null, "businessPhones": ["+1"], "mobilePhone": "+2",
                "onPremisesExtensionAttributes": {"extensionAttribute3": "x"}, "deletedDateTime": null,
                "thumbnailPhoto@odata.mediaEditLink": "y", "userType": "Member"})
        );
    }

    #[test]
    fn what_graph_parts_or_renames_below_the_object_is_found_there() {
        let text = r#"{"objectType":"Application","objectId":"1","homepage":"h","logoutUrl":null,
            "oauth2AllowImplicitFlow":false,"replyUrls":["r"],"publicClient":null,
            "keyCredentials":[{"keyId":"k","endDate":"2026-01-01T00:00:00Z","value":null}],
            "informationalUrls":{"support":"s"}}"#;
        assert_eq!(
            graph(text),
            serde_json::json!({"@odata.type": "Application", "id": "1",
                "web": {"homePageUrl": "h", "logoutUrl": null,
                    "implicitGrantSettings": {"enableAccessTokenIssuance": false}},
                "replyUrls": ["r"], "isFallbackPublicClient": null,
                "keyCredentials": [{"keyId": "k", "endDateTime": "2026-01-01T00:00:00Z", "key": null}],
                "info": {"supportUrl": "s"}, "@partialItems": ["keyCredentials"]})
        );
        let assignment = r#"{"objectType":"AppRoleAssignment","objectId":"1","id":"role"}"#;
        assert_eq!(
            graph(assignment),
            serde_json::json!({"@odata.type": "AppRoleAssignment", "id": "1", "appRoleId": "role"})
        );
    }
}
