//! The index of one exhibit: an entry per record, made while its bytes are at hand.

mod links;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::fingerprint::{FingerprintKey, whole_seconds};
use super::identity::{ObjectId, canonical};
use crate::directory::{Catalogue, Identity, ObjectType, RelationKind};
use crate::intake::{Fate, Format, Kind, Record, Request, Sink, Subject, is_annotation, string_at};

/// What a member says, as far as a shape tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// A value.
    Value,
    /// `null`
    Null,
    /// `[]` or `{}`
    Empty,
}

/// The names of an object's members with their state, sorted; interned, since few differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape(pub Box<[(Arc<str>, MemberState)]>);

impl Shape {
    /// The state of a member; `None` if the object does not have it.
    #[must_use]
    pub fn state(&self, name: &str) -> Option<MemberState> {
        let place = self.0.binary_search_by(|(member, _)| (**member).cmp(name)).ok()?;
        self.0.get(place).map(|(_, state)| *state)
    }
}

/// One record of an object.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Identity.
    pub id: ObjectId,
    /// Position of its request: in the exhibit, later in the index.
    pub request: u32,
    /// Offset in the decoded text.
    pub offset: u64,
    /// Length in the decoded text.
    pub length: u32,
    /// Position of its shape: in the exhibit, later in the index.
    pub shape: u32,
    /// Order-free fingerprint of all members but annotations, empties and volatile ones.
    pub content: u128,
    /// Order-free fingerprint of the volatile members.
    pub volatile: u64,
    /// Whether it is in the recycle bin.
    pub deleted: bool,
}

/// A link between two objects, in canonical direction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkKey {
    /// Type of the source.
    pub source_type: Arc<str>,
    /// Identity of the source.
    pub source: ObjectId,
    /// Relation name.
    pub relation: Arc<str>,
}

/// A list of links that one request gave for one object.
#[derive(Debug, Clone)]
pub struct LinkList {
    /// The object that the request was made for, and the relation.
    pub key: LinkKey,
    /// Whether the canonical source is the other end.
    pub inverse: bool,
    /// Request of the exhibit.
    pub request: u32,
    /// Where the list stands in the decoded text (an expansion), for its receipt.
    pub span: Option<(u64, u32)>,
    /// Whether more links exist than are shown.
    pub partial: bool,
    /// The other ends: type (or empty), identity, offset and length of the record.
    pub others: Vec<(Arc<str>, ObjectId, u64, u32)>,
}

/// The index of one exhibit.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// Entries by object type.
    pub entries: BTreeMap<Arc<str>, Vec<Entry>>,
    /// Link lists.
    pub links: Vec<LinkList>,
    /// Shapes.
    pub shapes: Vec<Shape>,
    /// Ids of `organization` objects.
    pub tenants: Vec<String>,
    /// For requests whose format does not tell: whether any record has an explicit null or empty list, by type.
    pub explicit_empty: BTreeMap<(u32, Arc<str>), bool>,
}

/// What a member of a type is to the index.
#[derive(Debug, Clone)]
enum Role {
    Annotation,
    Ignored,
    Plain(Arc<str>),
    Volatile(Arc<str>),
    Links(Arc<str>, Arc<str>, bool),
}

/// The members of a record in the order of the text.
type Members = Vec<(Arc<str>, MemberState)>;

/// Builds a segment from the records of an exhibit.
pub(super) struct SegmentBuilder<'a> {
    catalogue: &'a Catalogue,
    key: &'a FingerprintKey,
    segment: Segment,
    roles: HashMap<(Arc<str>, Box<[u8]>), Role>,
    /// The members of the record before: the next record's are most often the same.
    predicted: Vec<(Box<[u8]>, Role)>,
    predicted_type: Option<Arc<str>>,
    shapes: HashMap<Members, u32>,
    sequence: Members,
    last_shape: Option<(Members, u32)>,
    names: HashMap<Box<str>, Arc<str>>,
}

impl std::fmt::Debug for SegmentBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentBuilder").finish_non_exhaustive()
    }
}

impl<'a> SegmentBuilder<'a> {
    /// A builder for one exhibit.
    #[must_use]
    pub(super) fn new(catalogue: &'a Catalogue, key: &'a FingerprintKey) -> Self {
        Self {
            catalogue,
            key,
            segment: Segment::default(),
            roles: HashMap::new(),
            predicted: Vec::new(),
            predicted_type: None,
            shapes: HashMap::new(),
            sequence: Vec::new(),
            last_shape: None,
            names: HashMap::new(),
        }
    }

    /// The finished segment.
    #[must_use]
    pub(super) fn finish(mut self) -> Segment {
        let mut shapes: Vec<(u32, Shape)> = self
            .shapes
            .drain()
            .map(|(mut members, position)| {
                members.sort();
                (position, Shape(members.into()))
            })
            .collect();
        shapes.sort();
        self.segment.shapes = shapes.into_iter().map(|(_, shape)| shape).collect();
        self.segment
    }

    fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(name) = self.names.get(text) {
            return Arc::clone(name);
        }
        let name: Arc<str> = text.into();
        self.names.insert(text.into(), Arc::clone(&name));
        name
    }

    /// The role of a member, predicted from the record before.
    fn role(&mut self, object_type: &Arc<str>, place: usize, key: &[u8]) -> Role {
        if self.predicted_type.as_ref() != Some(object_type) {
            self.predicted.clear();
            self.predicted_type = Some(Arc::clone(object_type));
        }
        if let Some((predicted, role)) = self.predicted.get(place)
            && **predicted == *key
        {
            return role.clone();
        }
        let slot = (Arc::clone(object_type), key.into());
        let role = match self.roles.get(&slot) {
            Some(role) => role.clone(),
            None => {
                let role = self.classify(object_type, key);
                self.roles.insert(slot, role.clone());
                role
            }
        };
        self.predicted.truncate(place);
        if self.predicted.len() == place {
            self.predicted.push((key.into(), role.clone()));
        }
        role
    }

    fn classify(&mut self, object_type: &str, key: &[u8]) -> Role {
        // A key with escapes is resolved, so that `\u0069d` is `id`.
        let text = if key.contains(&b'\\') {
            serde_json::from_slice::<String>(&[b"\"", key, b"\""].concat()).unwrap_or_default()
        } else {
            String::from_utf8_lossy(key).into_owned()
        };
        if is_annotation(&text) {
            return Role::Annotation;
        }
        let catalogue = self.catalogue;
        if let Some(relation) = catalogue.relation(object_type, &text) {
            let inverse = matches!(relation.kind, RelationKind::InverseLinks { .. });
            if let RelationKind::Links { relation, target_type: other }
            | RelationKind::InverseLinks { relation, source_type: other } = &relation.kind
            {
                return Role::Links(self.name(relation), self.name(other), inverse);
            }
        }
        let attribute = catalogue.attribute(object_type, &text);
        let (ignored, volatile) = (attribute.ignored, attribute.volatile);
        let name = self.name(&text);
        if ignored {
            Role::Ignored
        } else if volatile {
            Role::Volatile(name)
        } else {
            Role::Plain(name)
        }
    }

    fn shape(&mut self) -> u32 {
        if let Some((members, position)) = &self.last_shape
            && *members == self.sequence
        {
            return *position;
        }
        let next = u32::try_from(self.shapes.len()).unwrap_or(u32::MAX);
        let position = *self.shapes.entry(self.sequence.clone()).or_insert(next);
        self.last_shape = Some((self.sequence.clone(), position));
        position
    }

    /// The type of a record: what it says itself, else what the request says, else what its members tell.
    fn type_of(&mut self, request: &Request, text: &[u8], record: &Record) -> Arc<str> {
        let own = record
            .string(text, "@odata.type")
            .and_then(|name| self.catalogue.of_odata_type(&name).map(str::to_owned));
        let found = match (&request.subject, own) {
            (Subject::Objects { object_type, .. }, Some(own))
                if self.catalogue.object_type(object_type).is_none()
                    || object_type == "directoryObject" =>
            {
                own
            }
            (
                Subject::Objects { object_type, .. }
                | Subject::ObjectsOf { object_type, .. }
                | Subject::Part { object_type, .. },
                _,
            ) => object_type.clone(),
            (_, Some(own)) => own,
            (Subject::Links { other_type, .. }, None) => other_type.clone(),
            (Subject::Untyped { fallback }, None) => {
                let has = |name: &str| record.member(text, name).is_some();
                self.catalogue.of_members(&has).map_or_else(|| fallback.clone(), str::to_owned)
            }
            (Subject::Orphan { .. }, None) => String::new(),
        };
        self.name(&found)
    }

    /// The identity of a record, or the rule that sets it aside.
    fn identity(
        &self,
        object_type: &str,
        request: &Request,
        text: &[u8],
        record: &Record,
    ) -> Result<ObjectId, &'static str> {
        if let Subject::Part { parent_id, .. } = &request.subject {
            return Ok(ObjectId::of(parent_id));
        }
        let known = self.catalogue.object_type(object_type);
        match known.map(|known: &ObjectType| &known.identity) {
            Some(Identity::Singleton) => Ok(ObjectId::of(object_type)),
            Some(Identity::NaturalKey(parts)) => {
                natural_key(parts, request, text, record).ok_or("natural-key-incomplete")
            }
            Some(Identity::Property(name)) => match scalar(text, record, name) {
                Some(id) => Ok(ObjectId::of(&id)),
                None => Err("entity-without-id"),
            },
            Some(Identity::Id) | None => match scalar(text, record, "id") {
                Some(id) if !id.is_empty() => Ok(ObjectId::of(&id)),
                _ if matches!(request.format, Format::GraphEntity | Format::Object) => {
                    Err("entity-without-id")
                }
                _ => Err("record-without-id"),
            },
        }
    }

    fn members(
        &mut self,
        object: (&Arc<str>, &ObjectId),
        position: u32,
        text: &[u8],
        record: &Record,
    ) -> (u128, u64, bool) {
        let (mut content, mut volatile, mut explicit_empty) = (0_u128, 0_u64, false);
        self.sequence.clear();
        for (place, member) in record.members.iter().enumerate() {
            let key = text.get(member.key.clone()).unwrap_or_default();
            let role = self.role(object.0, place, key);
            let state = match member.value.kind {
                Kind::Null => MemberState::Null,
                Kind::EmptyArray | Kind::EmptyObject => MemberState::Empty,
                Kind::Bool | Kind::Number | Kind::String | Kind::Array | Kind::Object => {
                    MemberState::Value
                }
            };
            let value = text.get(member.value.span.clone()).unwrap_or_default();
            match role {
                Role::Annotation | Role::Ignored => {}
                Role::Links(relation, other, inverse) => {
                    if let Some(list) = self.expansion(
                        object,
                        (&relation, &other, inverse),
                        position,
                        text,
                        (record, member),
                    ) {
                        self.segment.links.push(list);
                    }
                }
                Role::Plain(name) => {
                    explicit_empty |= state != MemberState::Value;
                    if state == MemberState::Value {
                        content = content.wrapping_add(self.key.member(name.as_bytes(), value));
                    }
                    self.sequence.push((name, state));
                }
                Role::Volatile(name) => {
                    explicit_empty |= state != MemberState::Value;
                    if state == MemberState::Value {
                        let value = whole_seconds(value).unwrap_or(value);
                        let print = self.key.member(name.as_bytes(), value);
                        let half = u64::try_from(print & u128::from(u64::MAX)).unwrap_or(0);
                        volatile = volatile.wrapping_add(half);
                    }
                    self.sequence.push((name, state));
                }
            }
        }
        (content, volatile, explicit_empty)
    }
}

impl Sink for SegmentBuilder<'_> {
    fn record(&mut self, position: usize, request: &Request, text: &[u8], record: &Record) -> Fate {
        let position = u32::try_from(position).unwrap_or(u32::MAX);
        if let Subject::Orphan { rule } = request.subject {
            return Fate::SetAside(rule);
        }
        if matches!(request.subject, Subject::Links { .. }) {
            return self.link(position, request, text, record);
        }
        if record.member(text, "@removed").is_some() {
            return Fate::SetAside("delta-removed");
        }
        let object_type = self.type_of(request, text, record);
        if let Some(known) = self.catalogue.object_type(&object_type) {
            if known.event {
                return Fate::SetAside("audit-event");
            }
            if known.service_record {
                return Fate::SetAside("recovery-record");
            }
        }
        let id = match self.identity(&object_type, request, text, record) {
            Ok(id) => id,
            Err(rule) => return Fate::SetAside(rule),
        };
        if &*object_type == "organization"
            && let Some(tenant) = scalar(text, record, "id")
        {
            self.segment.tenants.push(canonical(&tenant));
        }
        let (content, volatile, explicit_empty) =
            self.members((&object_type, &id), position, text, record);
        self.empty_expansions((&object_type, &id), position, request, text, record);
        let habit = (position, Arc::clone(&object_type));
        *self.segment.explicit_empty.entry(habit).or_default() |= explicit_empty;
        let in_bin = matches!(request.subject, Subject::Objects { bin: true, .. });
        let stamped = record
            .member(text, "deletedDateTime")
            .is_some_and(|member| member.value.kind == Kind::String);
        let entry = Entry {
            id,
            request: position,
            offset: as_u64(record.span.start),
            length: as_u32(record.span.len()),
            shape: self.shape(),
            content,
            volatile,
            deleted: in_bin || stamped,
        };
        self.segment.entries.entry(object_type).or_default().push(entry);
        Fate::Used
    }
}

fn natural_key(
    parts: &[String],
    request: &Request,
    text: &[u8],
    record: &Record,
) -> Option<ObjectId> {
    let mut values = Vec::with_capacity(parts.len());
    let mut found = false;
    for part in parts {
        let value = scalar(text, record, part).or_else(|| {
            let Subject::ObjectsOf { parent_property, parent_id, .. } = &request.subject else {
                return None;
            };
            (parent_property == part).then(|| parent_id.clone())
        });
        found |= value.is_some();
        values.push(value.unwrap_or_default());
    }
    let leading = values.first().is_some_and(|first| !first.is_empty());
    (found && leading).then(|| ObjectId::of_parts(&values))
}

/// A string as it reads, a number or boolean as it is written.
fn scalar(text: &[u8], record: &Record, name: &str) -> Option<String> {
    let value = &record.member(text, name)?.value;
    match value.kind {
        Kind::String => string_at(text, value),
        Kind::Number | Kind::Bool => String::from_utf8(text.get(value.span.clone())?.to_vec()).ok(),
        Kind::Null | Kind::EmptyArray | Kind::Array | Kind::EmptyObject | Kind::Object => None,
    }
}

fn last_guid(url: &str) -> Option<String> {
    url.split(['/', '(', ')', '\'']).rfind(|part| crate::intake::is_guid(part)).map(str::to_owned)
}

pub(super) fn as_u64(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

pub(super) fn as_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
