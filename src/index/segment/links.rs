//! Links in records: pages of a relation, and relations expanded inside objects.

use std::sync::Arc;

use super::{LinkKey, LinkList, Role, SegmentBuilder, as_u32, as_u64, last_guid, scalar};
use crate::index::ObjectId;
use crate::intake::{Fate, Kind, Member, Record, Request, Scanner, Subject};

impl SegmentBuilder<'_> {
    /// The links of an expanded relation inside an object.
    pub(super) fn expansion(
        &mut self,
        object: (&Arc<str>, &ObjectId),
        (relation, other, inverse): (&Arc<str>, &Arc<str>, bool),
        position: u32,
        text: &[u8],
        (record, member): (&Record, &Member),
    ) -> Option<LinkList> {
        let mut others = Vec::new();
        let value = &member.value;
        let mut scanner = Scanner::new(text, value.span.start);
        let mut item = Record::default();
        match value.kind {
            Kind::Array => {
                scanner.expect_byte(b'[').ok()?;
                let mut first = true;
                while scanner.next_item(&mut first, b']').ok()? {
                    item.scan(text, &mut scanner).ok()?;
                    others.push(self.other_end(other, text, &item)?);
                }
            }
            Kind::Object => {
                item.scan(text, &mut scanner).ok()?;
                others.push(self.other_end(other, text, &item)?);
            }
            Kind::Null | Kind::EmptyArray => {}
            Kind::EmptyObject | Kind::Bool | Kind::Number | Kind::String => return None,
        }
        let name = text.get(member.key.clone()).unwrap_or_default();
        let more = [name, b"@odata.nextLink"].concat();
        let has_more =
            record.members.iter().any(|m| text.get(m.key.clone()) == Some(more.as_slice()));
        let span = (as_u64(value.span.start), as_u32(value.span.len()));
        Some(LinkList {
            key: LinkKey {
                source_type: Arc::clone(object.0),
                source: object.1.clone(),
                relation: Arc::clone(relation),
            },
            inverse,
            request: position,
            span: Some(span),
            partial: has_more || others.len() == 20,
            others,
        })
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
            if let Role::Links(relation, _, inverse) = self.classify(object.0, name.as_bytes()) {
                let key = LinkKey {
                    source_type: Arc::clone(object.0),
                    source: object.1.clone(),
                    relation,
                };
                let span = Some((as_u64(record.span.start), as_u32(record.span.len())));
                let others = Vec::new();
                let list =
                    LinkList { key, inverse, request: position, span, partial: false, others };
                self.segment.links.push(list);
            }
        }
    }

    fn other_end(
        &mut self,
        other_type: &Arc<str>,
        text: &[u8],
        item: &Record,
    ) -> Option<(Arc<str>, ObjectId, u64, u32)> {
        let id = scalar(text, item, "id")
            .or_else(|| item.string(text, "@odata.id").and_then(|url| last_guid(&url)))?;
        let own = item
            .string(text, "@odata.type")
            .and_then(|name| self.catalogue.of_odata_type(&name).map(str::to_owned));
        let object_type = match own {
            Some(own) => self.name(&own),
            None => Arc::clone(other_type),
        };
        Some((object_type, ObjectId::of(&id), as_u64(item.span.start), as_u32(item.span.len())))
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
        let other_type = self.name(other_type);
        let Some(other) = self.other_end(&other_type, text, record) else {
            return Fate::SetAside("record-without-id");
        };
        let same = |list: &LinkList| list.request == position && list.span.is_none();
        if !self.segment.links.last().is_some_and(same) {
            let key = LinkKey {
                source_type: self.name(parent_type),
                source: ObjectId::of(parent_id),
                relation: self.name(relation),
            };
            self.segment.links.push(LinkList {
                key,
                inverse: *inverse,
                request: position,
                span: None,
                partial: false,
                others: Vec::new(),
            });
        }
        if let Some(list) = self.segment.links.last_mut() {
            list.others.push(other);
        }
        Fate::Used
    }
}
