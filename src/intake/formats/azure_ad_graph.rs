//! Objects of the retired Azure AD Graph: old Azure CLI (before 2.37), saved answers of `graph.windows.net`, `AzureAD` module.
//!
//! Recognised by an `odata.type` that begins with `Microsoft.DirectoryServices.`, or by `objectId` beside `objectType`.
//! Habits: nulls and empty lists are written; whether they are, the data tell. Names are put into Graph's by a table; a
//! property that Graph has nothing for keeps its name and compares with its like only.
//! Loses: nothing that is in the answer; several values mean another thing in Graph (`replyUrls`, `availableToOtherTenants`)
//! and are left under their old names.

use crate::directory::{Catalogue, OldName};
use crate::intake::spelling::Node;
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
        Node::Array(items) => Node::Array(items),
        null if old.is_list && null.is_null() => Node::Array(Vec::new()),
        one if old.is_list => Node::Array(vec![one]),
        plain => plain,
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
