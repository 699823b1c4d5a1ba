//! Resources of `Microsoft365DSC`: its JSON report (a list of `{"ResourceName":"AADGroup",…}`), and snapshots of tenant
//! configuration by the service (`resources[]` of `{"displayName","resourceType","properties"}`, or such items by themselves).
//!
//! Recognised by `ResourceName` beside members that begin with a capital, or by `resourceType`, `displayName` and
//! `properties`. Habits: null and empty text are one and left out, so that a value gone is possibly cleared, never proven.
//! Members keep a name of Graph only where they surely mean the same; the others stand below `dsc`, most of them because
//! they name users, groups and roles by name where Graph has ids. A resource without id is told apart by its name, which is
//! said: a rename is then removed and added.
//! The configuration itself (`M365TenantConfig.ps1`, `ConfigurationData.psd1`) is a program and is not read: it is named with
//! the advice to make the report of it.
//! Loses: what lies deeper than the report was written (`System.Collections.…`) is named as lost; ids of other objects.

use super::azure_ad_graph::put;
use super::powershell;
use crate::directory::{Catalogue, Identity};
use crate::intake::scan::{ScanError, Scanner};
use crate::intake::spelling::{BY_NAME, LOST, Node};
use crate::intake::{Format, Kind, Member, Reader, Record, Subject, is_guid};

/// What holds the properties of a resource that Graph has nothing for.
const OWN: &str = "dsc";

/// Members of a report that name the resource itself.
const ENVELOPE: [&str; 3] = ["ResourceName", "ResourceInstanceName", "InstanceName"];

/// What is not read although an export wrote it.
const SCRIPT: &str = "dsc-script";

/// As much of a text is looked at for the words of a script; the resources follow some lines behind its beginning.
const HEAD_BYTES: usize = 64 * 1024;

/// Words that stand together in what an export of `Microsoft365DSC` writes for PowerShell.
const OF_SCRIPT: [[&str; 2]; 3] = [
    ["Configuration ", "Import-DscResource"],
    ["Configuration M365TenantConfig", ""],
    ["AllNodes", "NonNodeData"],
];

/// The code of a script of PowerShell that an export wrote, with the cause in words; `None` for any other text.
#[must_use]
pub fn script(text: &[u8]) -> Option<(&'static str, &'static str)> {
    let head = text.get(..HEAD_BYTES).unwrap_or(text);
    let has = |word: &&str| memchr::memmem::find(head, word.as_bytes()).is_some();
    let found = OF_SCRIPT.iter().any(|words| words.iter().all(has));
    found.then_some((SCRIPT, "a configuration of Microsoft365DSC, which is a program and no JSON"))
}

/// Whether the record is a resource of a configuration snapshot.
fn is_of_snapshot(text: &[u8], record: &Record) -> bool {
    record.string(text, "resourceType").is_some_and(|name| name.starts_with("microsoft."))
        && record.member(text, "displayName").is_some()
        && record.member(text, "properties").is_some_and(|m| m.value.kind == Kind::Object)
}

/// Whether the record is a resource.
pub(in crate::intake) fn is_resource(text: &[u8], record: &Record) -> bool {
    let capital = |member: &Member| {
        text.get(member.key.clone()).and_then(|key| key.first()).is_some_and(u8::is_ascii_uppercase)
    };
    is_of_snapshot(text, record)
        || record.string(text, "ResourceName").is_some() && record.members.iter().all(capital)
}

/// Which resource the record is.
fn resource_of(text: &[u8], record: &Record) -> Option<String> {
    record.string(text, "resourceType").or_else(|| record.string(text, "ResourceName"))
}

/// What the resource is an object of.
fn type_of<'c>(resource: &'c str, catalogue: &'c Catalogue) -> &'c str {
    catalogue.dsc_type(resource).unwrap_or(resource)
}

/// A resource in Graph's spelling.
pub(in crate::intake) fn in_graph<'t>(record: Node<'t>, catalogue: &Catalogue) -> Option<Node<'t>> {
    let Node::Object(mut members) = record else { return None };
    let text = |members: &[(String, Node<'t>)], name: &str| {
        members.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.text())
    };
    let (resource, name, properties) = match text(&members, "resourceType") {
        Some(resource) => {
            let name = text(&members, "displayName");
            let place = members.iter().position(|(name, _)| name == "properties")?;
            let Node::Object(properties) = members.swap_remove(place).1 else { return None };
            (resource, name, properties)
        }
        None => {
            let resource = text(&members, "ResourceName")?;
            let name = ["DisplayName", "Identity", "Name", "ResourceInstanceName", "InstanceName"]
                .iter()
                .find_map(|name| text(&members, name));
            members.retain(|(name, _)| !ENVELOPE.contains(&name.as_str()));
            (resource, name, members)
        }
    };
    let Node::Object(spelt) = powershell::in_graph(Node::Object(properties), catalogue) else {
        return None;
    };
    let known = catalogue.dsc_type(&resource).is_some();
    let place = |name: &str| match catalogue.dsc_name(&resource, name) {
        Some(path) => path.to_vec(),
        None if known => vec![OWN.to_owned(), name.to_owned()],
        None => vec![name.to_owned()],
    };
    let mut found = Vec::with_capacity(spelt.len());
    let mut lost = Vec::new();
    for (name, value) in spelt {
        if name == LOST {
            lost = cut_off(&value, &place);
        } else if value.text().is_none_or(|text| !text.is_empty()) {
            put(&mut found, &place(&name), value);
        }
    }
    if !lost.is_empty() {
        found.push((LOST.to_owned(), Node::list(lost)));
    }
    let by_id = catalogue
        .object_type(type_of(&resource, catalogue))
        .is_none_or(|known| known.identity == Identity::Id);
    if by_id && found.iter().all(|(name, _)| name != "id") {
        let name = name.filter(|name| !name.is_empty())?;
        found.push(("id".to_owned(), Node::Text(format!("{resource}|{name}"))));
        found.push((BY_NAME.to_owned(), Node::Scalar(b"true")));
    }
    Some(Node::Object(found))
}

/// The paths that the format cut off, as Graph calls them.
fn cut_off(value: &Node<'_>, place: &dyn Fn(&str) -> Vec<String>) -> Vec<String> {
    let Node::Array(paths) = value else { return Vec::new() };
    let moved = |path: String| {
        let (top, below) = path.split_once('.').unwrap_or((&path, ""));
        let mut moved = place(top);
        moved.extend((!below.is_empty()).then(|| below.to_owned()));
        moved.join(".")
    };
    paths.iter().filter_map(Node::text).map(moved).collect()
}

impl Reader<'_> {
    /// Reads a configuration snapshot; false if the envelope is none.
    pub(in crate::intake) fn configuration(
        &mut self,
        envelope: &Record,
    ) -> Result<bool, ScanError> {
        let Some(resources) = envelope.member(self.text, "resources") else { return Ok(false) };
        if resources.value.kind != Kind::Array {
            return Ok(false);
        }
        let start = resources.value.span.start;
        let mut ahead = Scanner::new(self.text, start);
        let mut first = Record::default();
        let begins = ahead.take(b'[')
            && first.scan(self.text, &mut ahead).is_ok()
            && is_of_snapshot(self.text, &first);
        if !begins {
            return Ok(false);
        }
        let request = self.request(Format::Array, None);
        self.intake.requests.push(request);
        let position = self.intake.requests.len() - 1;
        let behind = std::mem::replace(&mut self.scanner, Scanner::new(self.text, start));
        let read = self.items(position);
        self.scanner = behind;
        read?;
        self.intake.beside.ids.extend(envelope.string(self.text, "id"));
        self.intake.format = Some(Format::Dsc);
        Ok(true)
    }

    /// Hands on a resource; `position` is the request of the list of resources.
    pub(in crate::intake) fn deliver_resource(&mut self, position: usize) {
        let resource = resource_of(self.text, &self.record);
        let Some(resource) = resource.filter(|_| is_resource(self.text, &self.record)) else {
            return self.count_aside("not-an-object-of-entra");
        };
        self.intake.beside.is_configuration |= is_of_snapshot(self.text, &self.record);
        let tenant = self.record.string(self.text, "TenantId").filter(|id| is_guid(id));
        if let Some(tenant) = tenant.map(|id| id.to_ascii_lowercase())
            && !self.intake.tenants.contains(&tenant)
        {
            self.intake.tenants.push(tenant);
        }
        let object_type = type_of(&resource, self.catalogue).to_owned();
        let subject = Subject::Objects { object_type, bin: false };
        let known = self.intake.requests.iter().enumerate().skip(position);
        let mut known = known.filter(|(_, request)| request.format == Format::Dsc);
        let place = match known.find(|(_, request)| request.subject == subject) {
            Some((place, _)) => place,
            None => self.resource_request(position, subject),
        };
        self.deliver_respelt(place);
    }

    /// The request of a type; the first one takes the place of that of the list.
    fn resource_request(&mut self, list: usize, subject: Subject) -> usize {
        let mut request = self.request(Format::Dsc, None);
        request.format = Format::Dsc;
        request.subject = subject;
        request.spelling = crate::intake::Spelling::Dsc;
        request.keeps_nulls = Some(false);
        match self.intake.requests.get_mut(list) {
            Some(holder) if holder.records == 0 && holder.format != Format::Dsc => {
                *holder = request;
                list
            }
            _ => {
                self.intake.requests.push(request);
                self.intake.requests.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::directory::catalogue;
    use crate::intake::Spelling;

    fn graph(text: &str) -> serde_json::Value {
        let respelt = Spelling::Dsc.in_graph(text.as_bytes(), catalogue()).unwrap();
        serde_json::from_slice(&respelt).unwrap()
    }

    #[test]
    fn what_surely_means_the_same_has_its_name_in_graph() {
        let text = r#"{"ResourceName":"AADConditionalAccessPolicy","ResourceInstanceName":"x","DisplayName":"P",
            "Id":"1","State":"enabled","IncludeUsers":["a@contoso.com"],"BuiltInControls":["mfa"],"DeviceFilterRule":"",
            "Ensure":"Present","TenantId":"contoso.com","Nested":"System.Collections.Hashtable"}"#;
        assert_eq!(
            graph(text),
            serde_json::json!({"displayName": "P", "id": "1", "state": "enabled",
                "dsc": {"includeUsers": ["a@contoso.com"]},
                "grantControls": {"builtInControls": ["mfa"]}, "@lost": ["dsc.nested"]})
        );
    }

    #[test]
    fn a_resource_without_id_is_told_apart_by_name() {
        let text = r#"{"displayName":"EXOMailbox-M","resourceType":"microsoft.exchange.mailbox","properties":{"Size":1}}"#;
        assert_eq!(
            graph(text),
            serde_json::json!({"size": 1, "id": "microsoft.exchange.mailbox|EXOMailbox-M", "@byName": true})
        );
    }
}
