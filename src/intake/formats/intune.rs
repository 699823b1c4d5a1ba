//! `IntuneManagement`: one object per file, with all metadata of `OData`; `MigrationTable.json` beside them.
//!
//! Recognised by `@odata.editLink` or members with a twin that ends in `@odata.type`; the table by `TenantId` and
//! `Objects`. Habits: nulls are written; annotations and actions are no attributes. The table names the tenant; the names in
//! it are of groups that were not exported: they are shown where a link points at them, and make no objects.
//! Loses: `%OrganizationId%` stands for whatever tenant it is restored to: it is named as lost.

use crate::intake::spelling::{LOST, Node};
use crate::intake::{Format, Kind, Reader, Record, Scanner, is_guid};

/// The rule that sets the table aside.
pub const TABLE_OF_NAMES: &str = "table-of-names";

/// What stands for the tenant.
const PLACEHOLDER: &str = "%OrganizationId%";

/// Whether the record has the metadata that the tool asks for.
pub(in crate::intake) fn is_object(text: &[u8], record: &Record) -> bool {
    record.member(text, "id").is_some()
        && record.member(text, "@odata.context").is_none()
        && record.members.iter().any(|member| {
            let key = text.get(member.key.clone()).unwrap_or_default();
            key == b"@odata.editLink" || !key.starts_with(b"@") && key.ends_with(b"@odata.type")
        })
}

/// The record without what stands for the tenant.
pub(in crate::intake) fn in_graph(record: Node<'_>) -> Node<'_> {
    let Node::Object(mut members) = record else { return record };
    let mut lost = Vec::new();
    members.retain(|(name, value)| {
        let placeholder = value.text().is_some_and(|text| text == PLACEHOLDER);
        if placeholder {
            lost.push(name.clone());
        }
        !placeholder && name != LOST
    });
    if !lost.is_empty() {
        members.push((LOST.to_owned(), Node::list(lost)));
    }
    Node::Object(members)
}

impl Reader<'_> {
    /// Reads the table of names; false if the envelope is none.
    pub(in crate::intake) fn migration_table(&mut self, envelope: &Record) -> bool {
        let tenant = envelope.string(self.text, "TenantId").filter(|id| is_guid(id));
        let objects = envelope.member(self.text, "Objects").map(|member| member.value.kind);
        let Some(tenant) =
            tenant.filter(|_| matches!(objects, Some(Kind::Array | Kind::EmptyArray)))
        else {
            return false;
        };
        self.note_names(envelope);
        self.intake.tenants.push(tenant.to_ascii_lowercase());
        self.intake.format = Some(Format::IntuneManagement);
        self.count_aside(TABLE_OF_NAMES);
        true
    }

    /// Notes the pairs of id and name; whatever else stands in the list is passed over.
    fn note_names(&mut self, table: &Record) {
        let Some(objects) = table.member(self.text, "Objects") else { return };
        let mut items = Scanner::new(self.text, objects.value.span.start);
        let (mut item, mut first) = (Record::default(), true);
        if !items.take(b'[') {
            return;
        }
        while let Ok(true) = items.next_item(&mut first, b']') {
            if item.scan(self.text, &mut items).is_err() {
                return;
            }
            let told = |name: &str| item.string(self.text, name).filter(|told| !told.is_empty());
            if let (Some(id), Some(name)) = (told("Id"), told("DisplayName")) {
                self.intake.beside.names.push((id, name));
            }
        }
    }
}
