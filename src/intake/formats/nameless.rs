//! Configuration as code: objects whose read-only properties were stripped, one per file or in a list.
//!
//! Recognised by the lack of an `id` beside `$friendlyName` or `$name`, or beside the members of a Conditional Access
//! policy; or, in a file of its own, beside the members of any type that the folder or the members tell. Habits: those of what was stripped; whether nulls are written, the data tell. An object is told apart by its
//! name, or by its path if it has none, which is said: a rename is removed and added. Such an identity is never that of an object with an id.
//! Loses: ids, times, and what links point at where they stand as names.

use crate::directory::Identity;
use crate::intake::spelling::{BY_NAME, Node};
use crate::intake::{Format, Reader, Record, Subject};

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

impl Reader<'_> {
    /// Lets the path tell the scanned record apart, if it is a file by itself and nothing else does.
    pub(in crate::intake) fn go_by_path(&mut self, position: usize) {
        let (text, record, catalogue) = (self.text, &self.record, self.catalogue);
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        if request.format != Format::Object || record.member(text, "id").is_some() {
            return;
        }
        let has = |name: &str| record.member(text, name).is_some();
        let told = || catalogue.of_members(&has).map(str::to_owned);
        let object_type = match &request.subject {
            Subject::Objects { object_type, bin: false } => object_type.clone(),
            Subject::Untyped { .. } => match told() {
                Some(object_type) => object_type,
                None => return,
            },
            Subject::Objects { .. }
            | Subject::ObjectsOf { .. }
            | Subject::Part { .. }
            | Subject::Links { .. }
            | Subject::Orphan { .. } => return,
        };
        let Some(known) = catalogue.object_type(&object_type) else { return };
        let mut names = known.name_properties.iter().map(String::as_str).chain(NAMES);
        let is_named = names.any(|name| record.string(text, name).is_some());
        if known.identity != Identity::Id || known.event || known.service_record || is_named {
            return;
        }
        request.subject = Subject::Objects { object_type, bin: false };
        request.format = Format::ConfigAsCode;
        request.by_path = true;
        request.path.clone_from(&self.place.within);
    }
}
