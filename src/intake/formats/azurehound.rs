//! `AzureHound`: `{"data":[{"kind":"AZUser","data":{…}},…],"meta":{…}}`, or one such item per line.
//!
//! Recognised by items that have a `kind` that begins with `AZ`, and `data`. Habits: null, empty, zero and false are left
//! out, so absent may mean any of them; the tables name what is surely false then. A relation is one item per parent with
//! a list; `null` for it may also mean that reading failed.
//! Loses: from version 3 on the letter case of ids and display names; which attributes were asked for; errors.

use std::collections::BTreeMap;

use crate::directory::{Catalogue, HoundKind};
use crate::intake::scan::Scanner;
use crate::intake::spelling::{BARE_ITEMS, CASE_LOST, Node};
use crate::intake::{Format, Kind, Member, Place, Reader, Record, Request, Spelling, is_guid};

/// How far the items of an exhibit were read.
#[derive(Debug, Default)]
pub(in crate::intake) struct Progress {
    /// Position of the request of each kind.
    requests: BTreeMap<String, usize>,
    /// Ids of applications by their `appId`.
    applications: BTreeMap<String, String>,
    items: u64,
}

/// Whether the record is an item.
pub(in crate::intake) fn is_item(text: &[u8], record: &Record) -> bool {
    let kind = record.member(text, "kind").and_then(|kind| text.get(kind.value.span.clone()));
    record.members.len() == 2
        && kind.is_some_and(|kind| kind.starts_with(b"\"AZ"))
        && record.member(text, "data").is_some_and(|data| data.value.kind == Kind::Object)
}

/// The object of an item in Graph's spelling.
pub(in crate::intake) fn in_graph<'t>(item: Node<'t>, catalogue: &Catalogue) -> Option<Node<'t>> {
    let Node::Object(members) = item else { return None };
    let (mut kind, mut data) = (None, None);
    for (name, value) in members {
        match (name.as_str(), value) {
            ("kind", value) => kind = value.text(),
            ("data", Node::Object(members)) => data = Some(members),
            _ => return None,
        }
    }
    let (kind, mut data) = (kind?, data?);
    let row = catalogue.azurehound_kind(&kind)?;
    let tenant = row.collection == "organization";
    data.retain(|(name, _)| {
        let own = matches!(name.as_str(), "tenantId" | "tenantName" | "collected");
        !(own || name.starts_with('@') && !name.starts_with("@odata."))
    });
    for name in &row.false_if_absent {
        if data.iter().all(|(known, _)| known != name) {
            data.push((name.clone(), Node::Scalar(b"false")));
        }
    }
    let place = data.iter().position(|(name, _)| name == "id");
    let id = place.and_then(|place| data.get(place)?.1.text()).unwrap_or_default();
    if let Some((_, value)) = place.filter(|_| tenant).and_then(|place| data.get_mut(place)) {
        *value = Node::Text(
            id.trim_start_matches("/tenants/").trim_start_matches("/TENANTS/").to_ascii_lowercase(),
        );
    }
    let name =
        data.iter().find(|(name, _)| name == "displayName").and_then(|(_, name)| name.text());
    let upper = |text: &str| !text.chars().any(char::is_lowercase);
    let lettered = id.chars().any(|c| c.is_ascii_alphabetic());
    // Structures are written even if all that is in them was left out: that may have been empty or false.
    drop_bare(&mut data);
    let mut lists = Vec::new();
    Node::lists_of_objects(&data, "", &mut lists);
    if !lists.is_empty() {
        data.push((BARE_ITEMS.to_owned(), Node::list(lists)));
    }
    if lettered && upper(&id) && name.is_some_and(|name| upper(&name)) {
        data.push((CASE_LOST.to_owned(), Node::list(vec!["displayName".to_owned()])));
    }
    Some(Node::Object(data))
}

/// Leaves out structures with nothing in them, and those that hold nothing else.
fn drop_bare(members: &mut Vec<(String, Node<'_>)>) {
    members.retain_mut(|(_, value)| match value {
        Node::Object(inner) => {
            drop_bare(inner);
            !inner.is_empty()
        }
        Node::Array(_) | Node::Scalar(_) | Node::Text(_) => true,
    });
}

impl Reader<'_> {
    /// Whether the list before the scanner is one of items.
    pub(in crate::intake) fn begins_azurehound(&self) -> bool {
        let mut ahead = Scanner::new(self.text, self.scanner.position());
        let mut item = Record::default();
        ahead.take(b'[') && item.scan(self.text, &mut ahead).is_ok() && is_item(self.text, &item)
    }

    /// Marks what was read as damaged if the count at the end does not agree.
    pub(in crate::intake) fn close_azurehound(&mut self, envelope: &Record) {
        let Some(meta) = envelope.member(self.text, "meta") else { return };
        let mut facts = Record::default();
        if facts.scan(self.text, &mut Scanner::new(self.text, meta.value.span.start)).is_err() {
            return;
        }
        let count: Option<u64> = facts
            .member(self.text, "count")
            .and_then(|count| self.text.get(count.value.span.clone()))
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        if count.is_some_and(|count| count != self.intake.azurehound.items) {
            for request in &mut self.intake.requests {
                request.damaged |= request.format == Format::AzureHound;
            }
        }
    }

    /// Hands on what an item holds; `position` is the request of the list of items.
    pub(in crate::intake) fn deliver_azurehound(&mut self, position: usize) {
        self.intake.azurehound.items += 1;
        let item = self.record.clone();
        if !is_item(self.text, &item) {
            return self.count_aside("not-an-object-of-entra");
        }
        let kind = item.string(self.text, "kind").unwrap_or_default();
        let mut data = Record::default();
        let scanned = item.member(self.text, "data").is_some_and(|member| {
            data.scan(self.text, &mut Scanner::new(self.text, member.value.span.start)).is_ok()
        });
        let catalogue = self.catalogue;
        let Some(row) = catalogue.azurehound_kind(&kind).filter(|_| scanned) else {
            return self.count_aside("not-an-object-of-entra");
        };
        let tenant = data.string(self.text, "tenantId").filter(|id| is_guid(id));
        if row.collection == "organization" {
            let collected = data.member(self.text, "collected");
            let yes = collected.and_then(|member| self.text.get(member.value.span.clone()));
            if yes != Some(b"true") {
                return self.count_aside("not-an-object-of-entra");
            }
        } else if let Some(tenant) = tenant.map(|id| id.to_ascii_lowercase())
            && !self.intake.tenants.contains(&tenant)
        {
            self.intake.tenants.push(tenant);
        }
        if row.list.is_empty() {
            self.note_application(row, &data);
            let position = self.kind_request(position, &kind, row);
            self.deliver_respelt(position);
        } else {
            self.relation_items(position, &kind, row, &data);
        }
    }

    fn note_application(&mut self, row: &HoundKind, data: &Record) {
        if row.collection == "applications"
            && let (Some(app), Some(id)) =
                (data.string(self.text, "appId"), data.string(self.text, "id"))
        {
            self.intake.azurehound.applications.insert(app.to_ascii_lowercase(), id);
        }
    }

    /// The items of one list: links of a parent, or objects.
    fn relation_items(&mut self, position: usize, kind: &str, row: &HoundKind, data: &Record) {
        let list = data.member(self.text, &row.list).map(|member| member.value.clone());
        let position = if row.relation.is_empty() {
            self.kind_request(position, kind, row)
        } else {
            let named = data.string(self.text, &row.parent).unwrap_or_default();
            let parent = if row.parent == "appId" {
                self.intake.azurehound.applications.get(&named.to_ascii_lowercase()).cloned()
            } else {
                Some(named).filter(|id| !id.is_empty())
            };
            let Some(parent) = parent else { return self.count_aside("page-without-parent") };
            let place = Place {
                parent: Some((row.collection.clone(), parent, row.relation.clone())),
                collection: Some(row.collection.clone()),
                tree_folder: None,
                ..self.place.clone()
            };
            let request = Request::new(Format::AzureHound, None, &place, self.catalogue);
            self.push_request(position, request, kind)
        };
        match list {
            Some(list) if list.kind == Kind::Array => {
                self.list_items(position, row, list.span.start);
            }
            Some(list) if list.kind == Kind::EmptyArray => {}
            // Nothing, or nothing could be read: that cannot be told.
            _ => {
                if let Some(request) = self.intake.requests.get_mut(position) {
                    request.damaged |= !row.relation.is_empty();
                }
            }
        }
    }

    fn list_items(&mut self, position: usize, row: &HoundKind, start: usize) {
        let behind = std::mem::replace(&mut self.scanner, Scanner::new(self.text, start));
        let mut first = true;
        if self.scanner.expect_byte(b'[').is_ok() {
            // The item was scanned as a whole before, so that nothing in it can fail.
            while self.scanner.next_item(&mut first, b']').unwrap_or(false) {
                let mut item = Record::default();
                if item.scan(self.text, &mut self.scanner).is_err() {
                    break;
                }
                let inner: Option<&Member> = item.member(self.text, &row.item);
                let start = match inner {
                    Some(member) => member.value.span.start,
                    None => item.span.start,
                };
                let mut record = std::mem::take(&mut self.record);
                let scanned = record.scan(self.text, &mut Scanner::new(self.text, start));
                self.record = record;
                if scanned.is_err() {
                    break;
                }
                self.hand_on(position);
            }
        }
        self.scanner = behind;
    }

    /// The request that all items of a kind belong to.
    fn kind_request(&mut self, position: usize, kind: &str, row: &HoundKind) -> usize {
        if let Some(known) = self.intake.azurehound.requests.get(kind) {
            return *known;
        }
        let place = Place {
            parent: None,
            collection: Some(row.collection.clone()),
            tree_folder: None,
            ..self.place.clone()
        };
        let mut request = Request::new(Format::AzureHound, None, &place, self.catalogue);
        if row.list.is_empty() {
            request.spelling = Spelling::AzureHound;
        }
        let position = self.push_request(position, request, kind);
        self.intake.azurehound.requests.insert(kind.to_owned(), position);
        position
    }

    /// Adds a request; the first one takes the place of that of the list of items.
    fn push_request(&mut self, list: usize, mut request: Request, kind: &str) -> usize {
        request.context = Some(kind.into());
        request.keeps_nulls = Some(false);
        match self.intake.requests.get_mut(list) {
            Some(holder) if holder.context.is_none() => {
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
