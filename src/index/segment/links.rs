//! Links in records: pages of a relation, and relations expanded inside objects.

use std::ops::Range;
use std::sync::Arc;

use super::{SegmentBuilder, as_u32, as_u64, identity_at, last_guid};
use crate::index::identity::ObjectId;
use crate::index::layout::{Layout, Role};
use crate::index::row::{LinkHead, LinkRow, mark};
use crate::intake::{Fate, Kind, LinkList, Record, Request, Scanner, Subject, string_at};

/// Expansions that show this many items may have more (Microsoft Graph: `$expand` gives at most 20 of a directory object's
/// relation).
pub(in crate::index) const EXPANDED_ITEMS: u32 = 20;

impl SegmentBuilder<'_, '_> {
    /// The links of all relations that are expanded inside an object.
    pub(super) fn expansions(
        &mut self,
        object: (&Arc<str>, &ObjectId),
        position: u32,
        text: &[u8],
        record: &Record,
        layout: &Layout,
    ) {
        let relations: Vec<(usize, Role)> = self
            .layouts
            .roles(layout)
            .enumerate()
            .filter(|(_, role)| matches!(role, Role::Links { .. }))
            .map(|(place, role)| (place, role.clone()))
            .collect();
        for (place, role) in &relations {
            if let Role::Links { relation, other_type, inverse, patch } = role {
                let first = self.segment.links.len();
                let read = self.expanded_items(text, record, *place, other_type);
                let Some((span, more)) = read else {
                    self.segment.links.truncate(first);
                    continue;
                };
                let (offset, length) = self.span(text, &span);
                let count = as_u32(self.segment.links.len() - first);
                let head = LinkHead {
                    offset,
                    length,
                    count,
                    first: as_u64(first),
                    request: position,
                    marks: mark::EXPANSION
                        | if *inverse { mark::INVERSE } else { 0 }
                        | if *patch { mark::PARTIAL | mark::PATCH } else { 0 }
                        | if more || count == EXPANDED_ITEMS { mark::PARTIAL } else { 0 },
                    ..self.head(object.0, object.1, relation)
                };
                self.segment.heads.push(head);
            }
        }
    }

    /// Takes in the items of an expanded relation; gives where it stands and whether it says that there are more, or
    /// nothing if it is none.
    fn expanded_items(
        &mut self,
        text: &[u8],
        record: &Record,
        place: usize,
        other_type: &Arc<str>,
    ) -> Option<(Range<usize>, bool)> {
        let member = record.members.get(place)?;
        let value = &member.value;
        let mut scanner = Scanner::new(text, value.span.start);
        let mut item = Record::default();
        match value.kind {
            Kind::Array => {
                scanner.expect_byte(b'[').ok()?;
                let mut first = true;
                while scanner.next_item(&mut first, b']').ok()? {
                    item.scan(text, &mut scanner).ok()?;
                    let link = self.other_end(other_type, text, &item)?;
                    self.segment.links.push(link);
                }
            }
            Kind::Object => {
                item.scan(text, &mut scanner).ok()?;
                let link = self.other_end(other_type, text, &item)?;
                self.segment.links.push(link);
            }
            Kind::Null | Kind::EmptyArray => {}
            Kind::EmptyObject | Kind::Bool | Kind::Number | Kind::String => return None,
        }
        let name = text.get(member.key.clone()).unwrap_or_default();
        let more = [name, b"@odata.nextLink"].concat();
        let has_more =
            record.members.iter().any(|m| text.get(m.key.clone()) == Some(more.as_slice()));
        Some((value.span.clone(), has_more))
    }

    /// A relation that was expanded and is absent has no links: Graph leaves out an empty `manager`.
    pub(super) fn empty_expansions(
        &mut self,
        object: (&Arc<str>, &ObjectId),
        position: u32,
        request: &Request,
        text: &[u8],
        record: &Record,
    ) {
        for name in &request.expanded {
            if record.member(text, name).is_some() {
                continue;
            }
            if let Role::Links { relation, inverse, patch: false, .. } =
                self.layouts.classify(object.0, name.as_bytes())
            {
                let (offset, length) = self.span(text, &record.span);
                let head = LinkHead {
                    offset,
                    length,
                    first: as_u64(self.segment.links.len()),
                    request: position,
                    marks: mark::EXPANSION | if inverse { mark::INVERSE } else { 0 },
                    ..self.head(object.0, object.1, &relation)
                };
                self.segment.heads.push(head);
            }
        }
    }

    /// A head without place and links.
    fn head(&mut self, source_type: &Arc<str>, source: &ObjectId, relation: &Arc<str>) -> LinkHead {
        LinkHead {
            source: source.key().1,
            text: self.text_of(source),
            source_type: self.name(source_type),
            relation: self.name(relation),
            offset: 0,
            first: 0,
            count: 0,
            length: 0,
            request: 0,
            marks: 0,
            reserved: 0,
        }
    }

    fn text_of(&mut self, id: &ObjectId) -> u32 {
        match id {
            ObjectId::Guid(_) => u32::MAX,
            ObjectId::Text(text) => self.text(text),
        }
    }

    fn other_end(&mut self, other_type: &Arc<str>, text: &[u8], item: &Record) -> Option<LinkRow> {
        let id = item.member(text, "id").and_then(|id| identity_at(text, id)).or_else(|| {
            let url = item.string(text, "@odata.id")?;
            last_guid(&url).map(|id| ObjectId::of(&id))
        })?;
        let own = item.member(text, "@odata.type");
        let written = own.and_then(|own| text.get(own.value.span.clone())).unwrap_or_default();
        let known = self
            .last_other_type
            .as_ref()
            .filter(|(as_written, _)| !written.is_empty() && **as_written == *written);
        let object_type = match known {
            Some((_, object_type)) => Arc::clone(object_type),
            None => {
                let own = own
                    .and_then(|own| string_at(text, &own.value))
                    .and_then(|name| self.layouts.catalogue.of_odata_type(&name));
                match own {
                    Some(own) => {
                        let own = self.layouts.name(own);
                        self.last_other_type = Some((written.into(), Arc::clone(&own)));
                        own
                    }
                    None => Arc::clone(other_type),
                }
            }
        };
        let (offset, length) = self.span(text, &item.span);
        Some(LinkRow {
            other: id.key().1,
            offset,
            length,
            object_type: self.name(&object_type),
            text: self.text_of(&id),
            marks: if item.member(text, "@removed").is_some() { mark::LINK_GONE } else { 0 },
        })
    }

    pub(super) fn link(
        &mut self,
        position: u32,
        request: &Request,
        text: &[u8],
        record: &Record,
    ) -> Fate {
        let Subject::Links { parent_type, parent_id, relation, other_type, inverse } =
            &request.subject
        else {
            return Fate::SetAside("relation-unknown");
        };
        let other_type = self.layouts.name(other_type);
        let Some(other) = self.other_end(&other_type, text, record) else {
            return Fate::SetAside("record-without-id");
        };
        let same = |list: &LinkHead| list.request == position && list.marks & mark::EXPANSION == 0;
        if !self.segment.heads.last().is_some_and(same) {
            let (parent_type, relation) =
                (self.layouts.name(parent_type), self.layouts.name(relation));
            let head = LinkHead {
                first: as_u64(self.segment.links.len()),
                request: position,
                marks: if *inverse { mark::INVERSE } else { 0 },
                ..self.head(&parent_type, &ObjectId::of(parent_id), &relation)
            };
            self.segment.heads.push(head);
        }
        self.segment.links.push(other);
        if let Some(list) = self.segment.heads.last_mut() {
            list.count += 1;
        }
        Fate::Used
    }

    /// Takes in links that stand in rows of their own. The list is as whole as the object that it belongs to is known.
    pub(super) fn link_list(&mut self, list: &LinkList) {
        let place = |source: &Range<u64>| {
            let length = source.end.saturating_sub(source.start);
            (source.start, u32::try_from(length).unwrap_or(u32::MAX))
        };
        let (parent_type, relation) =
            (self.layouts.name(&list.parent_type), self.layouts.name(&list.relation));
        let (offset, length) = place(&list.source);
        let head = LinkHead {
            offset,
            length,
            first: as_u64(self.segment.links.len()),
            count: as_u32(list.others.len()),
            request: as_u32(list.position),
            marks: mark::EXPANSION | if list.is_whole { 0 } else { mark::PARTIAL },
            ..self.head(&parent_type, &ObjectId::of(&list.parent_id), &relation)
        };
        self.segment.heads.push(head);
        for other in &list.others {
            let (offset, length) = place(&other.source);
            let (id, object_type) =
                (ObjectId::of(&other.id), self.layouts.name(&other.object_type));
            let link = LinkRow {
                other: id.key().1,
                offset,
                length,
                object_type: self.name(&object_type),
                text: self.text_of(&id),
                marks: 0,
            };
            self.segment.links.push(link);
        }
    }
}
