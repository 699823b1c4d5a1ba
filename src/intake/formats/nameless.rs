//! Configuration as code: objects whose read-only properties were stripped, one per file or in a list.
//!
//! Recognised by the lack of an `id` beside `$friendlyName` or `$name`, or beside the members of a Conditional Access
//! policy. Habits: those of what was stripped; whether nulls are written, the data tell. An object is told apart by its
//! name, which is said: a rename is removed and added. Such an identity is never that of an object with an id.
//! Loses: ids, times, and what links point at where they stand as names.

use crate::intake::Record;
use crate::intake::spelling::{BY_NAME, Node};

/// Members that name the object, best first.
const NAMES: [&str; 3] = ["$friendlyName", "$name", "displayName"];

/// Whether the record is an object that nothing but its name tells apart.
pub(in crate::intake) fn is_nameless(text: &[u8], record: &Record) -> bool {
    let has = |name: &str| record.member(text, name).is_some();
    let stripped = has("$friendlyName") || has("$name");
    let policy = has("displayName") && has("conditions") && (has("grantControls") || has("state"));
    !has("id") && (stripped || policy)
}

/// The record with its name as its id.
pub(in crate::intake) fn in_graph(record: Node<'_>) -> Node<'_> {
    let Node::Object(mut members) = record else { return record };
    members.retain(|(name, _)| name != BY_NAME);
    let name = NAMES.iter().find_map(|name| {
        let (_, value) = members.iter().find(|(known, _)| known == name)?;
        value.text().filter(|text| !text.is_empty())
    });
    let has_id = members.iter().any(|(name, _)| name == "id");
    if let Some(name) = name.filter(|_| !has_id) {
        members.push(("id".to_owned(), Node::Text(format!("name:{name}"))));
        members.push((BY_NAME.to_owned(), Node::Scalar(b"true")));
    }
    Node::Object(members)
}
