//! The index of one exhibit: a row per record, made while its bytes are at hand.

mod events;
mod links;

pub(super) use links::EXPANDED_ITEMS;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::identity::{ObjectId, canonical, guid};
use super::known::{Cursor, Known, Memo, Sought};
use super::layout::{Layout, Layouts, NameSet, Prints};
use super::row::{EventRow, LinkHead, LinkRow, Row, mark};
use crate::directory::{GRAPH_DIALECT, Identity, ObjectType};
use crate::evidence::{Encoding, SourceOffsets};
use crate::intake::{
    Fate, Format, Kind, LinkList, Member, Record, Request, Scanner, Sink, Spelling, Subject,
    string_at,
};

/// Rows that room is made for before they come.
const MOST_EXPECTED: usize = 1024;

/// A layout that is not told: more than a row has room for.
pub(super) const UNTOLD: u32 = 0xFFFF;

/// What the records of one type show of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Position of the request in the segment.
    pub request: u32,
    /// Type of the objects.
    pub object_type: Arc<str>,
    /// Records.
    pub records: u64,
    /// First and last identity, as far as they ascend.
    pub first: ObjectId,
    /// See `first`.
    pub last: ObjectId,
    /// Whether every identity is greater than the one before.
    pub ascending: bool,
    /// Positions of the layouts that occur, in the segment.
    pub layouts: Vec<u32>,
    /// Whether any record has an explicit null or empty list.
    pub explicit_empty: bool,
}

/// The attributes that a record has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Names {
    /// Sorted.
    pub names: Arc<[Arc<str>]>,
    /// The one volatile attribute, if there is just one.
    pub lone_volatile: Option<Arc<str>>,
}

/// What the index keeps of an exhibit, or of many.
#[derive(Debug, Default)]
pub(super) struct Segment {
    /// By object type, in the order of the text.
    pub(super) rows: BTreeMap<Arc<str>, Vec<Row>>,
    /// Identities that are no GUIDs.
    pub(super) texts: Vec<Box<str>>,
    /// Types and relations of links.
    pub(super) names: Vec<Arc<str>>,
    /// Layouts of rows.
    pub(super) layouts: Vec<Names>,
    /// What each request shows of each type.
    pub(super) pages: Vec<Page>,
    /// Lists of links.
    pub(super) heads: Vec<LinkHead>,
    /// Their links.
    pub(super) links: Vec<LinkRow>,
    /// Records of logs.
    pub(super) events: Vec<EventRow>,
    /// Ids of `organization` objects.
    pub(super) tenants: Vec<String>,
    /// Position in the index of each of its requests; `u32::MAX` for one that is not in the evidence.
    pub(super) requests: Vec<u32>,
}

impl Segment {
    /// What it takes of memory, by and large.
    pub(super) fn bytes(&self) -> usize {
        let rows: usize = self.rows.values().map(Vec::capacity).sum();
        let texts: usize = self.texts.iter().map(|text| text.len() + size_of::<Box<str>>()).sum();
        let tenants: usize = self.names.iter().map(|name| name.len() + size_of::<Arc<str>>()).sum();
        let names: usize = self.layouts.iter().map(|layout| layout.names.len()).sum();
        rows * size_of::<Row>()
            + texts
            + tenants
            + names * size_of::<Arc<str>>()
            + self.pages.len() * size_of::<Page>()
            + self.heads.capacity() * size_of::<LinkHead>()
            + self.links.capacity() * size_of::<LinkRow>()
            + self.events.capacity() * size_of::<EventRow>()
    }
}

/// Builds a segment from the records of an exhibit.
pub(super) struct SegmentBuilder<'a, 'l> {
    pub(super) layouts: &'l mut Layouts<'a>,
    known: &'l Known,
    segment: Segment,
    offsets: SourceOffsets,
    /// Where the record being read stands in the source, if it was respelt or rendered.
    stands_at: Option<(u64, u32)>,
    /// Positions in the segment of layouts, by their position among all that are known; the last one asked for.
    numbers: HashMap<u32, u32>,
    last_number: Option<(u32, u32)>,
    /// The layout of the last record that was recalled.
    recalled: Option<(u32, Arc<NameSet>)>,
    /// Where it stands among what is known.
    cursor: Cursor,
    /// Where the record being read begins, and what it was looked up by.
    sought: Option<(usize, Sought)>,
    names: HashMap<Arc<str>, u32>,
    /// Type of the records of the last request, its `@odata.type` as written, and where its rows and page are.
    last_type: Option<(usize, Box<[u8]>, Arc<str>)>,
    last_page: usize,
    /// Where the `@odata.type` of records with these keys is.
    last_own_type: Option<(u64, Option<usize>)>,
    /// The dialect of logs that these keys give away.
    last_dialect: Option<(u64, Option<u8>)>,
    /// `@odata.type` of the last other end, as written, and the type.
    last_other_type: Option<(Box<[u8]>, Arc<str>)>,
}

impl std::fmt::Debug for SegmentBuilder<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SegmentBuilder").finish_non_exhaustive()
    }
}

impl<'a, 'l> SegmentBuilder<'a, 'l> {
    /// A builder for an exhibit, or for a part of one, whose text begins at `start` of the source.
    #[must_use]
    pub(super) fn new(
        layouts: &'l mut Layouts<'a>,
        known: &'l Known,
        encoding: Encoding,
        start: u64,
    ) -> Self {
        Self {
            layouts,
            known,
            segment: Segment::default(),
            offsets: SourceOffsets::new(encoding, start),
            stands_at: None,
            numbers: HashMap::new(),
            last_number: None,
            recalled: None,
            cursor: Cursor::default(),
            sought: None,
            names: HashMap::new(),
            last_type: None,
            last_page: usize::MAX,
            last_own_type: None,
            last_dialect: None,
            last_other_type: None,
        }
    }

    /// What follows is a text of its own that begins at `start` of the source.
    pub(super) fn go_on_at(&mut self, encoding: Encoding, start: u64) {
        self.offsets = SourceOffsets::new(encoding, start);
        self.sought = None;
    }

    /// The finished segment.
    #[must_use]
    pub(super) fn finish(self) -> Segment {
        self.segment
    }

    fn span(&self, text: &[u8], span: &Range<usize>) -> (u64, u32) {
        if let Some(place) = self.stands_at {
            return place;
        }
        let start = self.offsets.source_offset(text, span.start);
        let end = self.offsets.source_offset(text, span.end);
        (start, u32::try_from(end.saturating_sub(start)).unwrap_or(u32::MAX))
    }

    /// The position of a name among the segment's.
    fn name(&mut self, name: &Arc<str>) -> u32 {
        if let Some(number) = self.names.get(name) {
            return *number;
        }
        let number = as_u32(self.segment.names.len());
        self.segment.names.push(Arc::clone(name));
        self.names.insert(Arc::clone(name), number);
        number
    }

    fn text(&mut self, text: &str) -> u32 {
        self.segment.texts.push(text.into());
        as_u32(self.segment.texts.len() - 1)
    }

    /// The position of a layout in the segment.
    fn layout_number(&mut self, set: &Arc<NameSet>) -> u32 {
        let known = set.number(|| self.known.number(set));
        if let Some((last, number)) = self.last_number
            && last == known
        {
            return number;
        }
        let number = match self.numbers.get(&known) {
            Some(number) => *number,
            None => {
                let names = Names {
                    names: Arc::clone(&set.names),
                    lone_volatile: set.lone_volatile.clone(),
                };
                let same = self.segment.layouts.iter().position(|known| *known == names);
                let number = as_u32(same.unwrap_or(self.segment.layouts.len()));
                if same.is_none() {
                    self.segment.layouts.push(names);
                }
                self.numbers.insert(known, number);
                number
            }
        };
        self.last_number = Some((known, number));
        number
    }

    /// The type of a record: what it says itself, else what the request says, else what its members tell.
    fn type_of(
        &mut self,
        position: usize,
        request: &Request,
        text: &[u8],
        record: &Record,
    ) -> Arc<str> {
        let sequence = record.key_sequence();
        let own = match self.last_own_type {
            Some((known, place)) if Some(known) == sequence => {
                place.and_then(|place| record.members.get(place))
            }
            _ => {
                let is_own = |member: &Member| {
                    text.get(member.key.clone()) == Some(b"@odata.type".as_slice())
                };
                let place = record.members.iter().position(is_own);
                self.last_own_type = sequence.map(|sequence| (sequence, place));
                place.and_then(|place| record.members.get(place))
            }
        };
        let written = own.and_then(|own| text.get(own.value.span.clone())).unwrap_or_default();
        if let Some((of_request, as_written, object_type)) = &self.last_type
            && *of_request == position
            && **as_written == *written
            && !matches!(request.subject, Subject::Untyped { .. })
        {
            return Arc::clone(object_type);
        }
        let catalogue = self.layouts.catalogue;
        let own = own
            .and_then(|own| string_at(text, &own.value))
            .and_then(|name| catalogue.of_odata_type(&name).map(str::to_owned));
        let found = match (&request.subject, own) {
            (Subject::Objects { object_type, .. }, Some(own))
                if catalogue.object_type(object_type).is_none()
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
                catalogue.of_members(&has).map_or_else(|| fallback.clone(), str::to_owned)
            }
            (Subject::Orphan { .. }, None) => String::new(),
        };
        let object_type = self.layouts.name(&found);
        self.last_type = Some((position, written.into(), Arc::clone(&object_type)));
        object_type
    }

    /// The identity of a record, or the rule that sets it aside.
    fn identity(
        &self,
        layout: &Layout,
        request: &Request,
        text: &[u8],
        record: &Record,
    ) -> Result<ObjectId, &'static str> {
        if let Subject::Part { parent_id, .. } = &request.subject {
            return Ok(ObjectId::of(parent_id));
        }
        let object_type = &*layout.set.object_type;
        let known = self.layouts.catalogue.object_type(object_type);
        match known.map(|known: &ObjectType| &known.identity) {
            Some(Identity::Singleton) => Ok(ObjectId::of(object_type)),
            Some(Identity::NaturalKey(parts)) => {
                natural_key(parts, request, text, record).ok_or("natural-key-incomplete")
            }
            Some(Identity::Property(name)) => record
                .member(text, name)
                .and_then(|member| identity_at(text, member))
                .ok_or("entity-without-id"),
            Some(Identity::Id) | None => {
                match layout.member(record, "id").and_then(|member| identity_at(text, member)) {
                    Some(id) if id != ObjectId::Text("".into()) => Ok(id),
                    _ if request.by_path => {
                        Ok(ObjectId::Text(format!("path:{}", request.path).into()))
                    }
                    _ if matches!(request.format, Format::GraphEntity | Format::Object) => {
                        Err("entity-without-id")
                    }
                    _ => Err("record-without-id"),
                }
            }
        }
    }

    /// Keeps the row of a record.
    fn keep(
        &mut self,
        id: &ObjectId,
        request: u32,
        (text, span): (&[u8], &Range<usize>),
        (prints, mut marks): (Prints, u32),
        set: &Arc<NameSet>,
    ) {
        let object_type = &set.object_type;
        if prints.lone_volatile {
            marks |= mark::LONE_VOLATILE;
        }
        let (key, text_or_order) = match id {
            ObjectId::Guid(key) => (*key, prints.order),
            ObjectId::Text(text) => {
                marks |= mark::TEXT;
                (id.key().1, self.text(text))
            }
        };
        let (offset, length) = self.span(text, span);
        let layout = self.layout_number(set).min(UNTOLD);
        self.note(object_type, id, (request, layout, prints.explicit_empty));
        let row = Row {
            content: prints.content,
            id: key,
            volatile: prints.volatile,
            offset,
            length,
            request,
            text_or_order,
            layout_and_marks: layout << 16 | marks,
        };
        match self.segment.rows.get_mut(object_type) {
            Some(rows) => rows.push(row),
            None => {
                // Most pages hold records of one type and of like length.
                let left = text.len().saturating_sub(span.start);
                let expected = left / (span.len() + 1) + 1;
                let mut rows = Vec::with_capacity(expected.min(MOST_EXPECTED));
                rows.push(row);
                self.segment.rows.insert(Arc::clone(object_type), rows);
            }
        }
    }

    /// Notes what the record tells of its request.
    fn note(
        &mut self,
        object_type: &Arc<str>,
        id: &ObjectId,
        (request, layout, explicit_empty): (u32, u32, bool),
    ) {
        let fits = |page: &Page| page.request == request && page.object_type == *object_type;
        if !self.segment.pages.get(self.last_page).is_some_and(fits) {
            self.last_page = self.segment.pages.iter().position(fits).unwrap_or_else(|| {
                self.segment.pages.push(Page {
                    request,
                    object_type: Arc::clone(object_type),
                    records: 0,
                    first: id.clone(),
                    last: id.clone(),
                    ascending: true,
                    layouts: Vec::new(),
                    explicit_empty: false,
                });
                self.segment.pages.len() - 1
            });
        }
        if let Some(page) = self.segment.pages.get_mut(self.last_page) {
            page.ascending &= page.records == 0 || *id > page.last;
            page.last.clone_from(id);
            page.records += 1;
            page.explicit_empty |= explicit_empty;
            if !page.layouts.contains(&layout) {
                page.layouts.push(layout);
            }
        }
    }
}

impl SegmentBuilder<'_, '_> {
    fn take(&mut self, position: usize, request: &Request, text: &[u8], record: &Record) -> Fate {
        let place = position;
        let position = as_u32(position);
        let sought = self.sought.take().filter(|(start, _)| *start == record.span.start);
        if let Subject::Orphan { rule } = request.subject {
            return Fate::SetAside(rule);
        }
        if matches!(request.subject, Subject::Links { .. }) {
            return self.link(position, request, text, record);
        }
        if let Some(dialect) = self.dialect_of(request, text, record)
            && self.event(position, request, (dialect, ""), text, record)
        {
            return Fate::Used;
        }
        let object_type = self.type_of(place, request, text, record);
        let known = self.layouts.catalogue.object_type(&object_type);
        if known.is_some_and(|known| known.event || known.service_record)
            && self.event(position, request, (GRAPH_DIALECT, &object_type), text, record)
        {
            return Fate::Used;
        }
        let layout = self.layouts.of(&object_type, text, record);
        let removal = removal(&layout, text, record);
        let id = match self.identity(&layout, request, text, record) {
            Ok(id) => id,
            Err(_) if removal != 0 => return Fate::SetAside("delta-removed"),
            Err(rule) => return Fate::SetAside(rule),
        };
        if removal != 0 {
            let prints = self.layouts.prints(&layout, text, record);
            self.keep(&id, position, (text, &record.span), (prints, removal), &layout.set);
            return Fate::Patch;
        }
        if &*object_type == "organization"
            && let Some(tenant) = scalar(text, record, "id")
        {
            self.segment.tenants.push(canonical(&tenant));
        }
        let prints = self.layouts.prints(&layout, text, record);
        if layout.has_links {
            self.expansions((&object_type, &id), position, text, record, &layout);
        }
        if !request.delta {
            self.empty_expansions((&object_type, &id), position, request, text, record);
        }
        let in_bin = matches!(request.subject, Subject::Objects { bin: true, .. });
        let stamped = layout
            .member(record, "deletedDateTime")
            .is_some_and(|member| member.value.kind == Kind::String);
        let deleted = in_bin || stamped;
        if let (ObjectId::Guid(key), Some((_, sought)), Some(asked)) =
            (&id, sought, plain_list(request))
            && !layout.has_links
            && &*object_type != "organization"
        {
            let bytes = text.get(record.span.clone()).unwrap_or_default();
            let number = layout.set.number(|| self.known.number(&layout.set));
            let memo = Memo::new(*key, prints, as_u32(bytes.len()), number, deleted);
            self.known.learn(&mut self.cursor, sought, asked, bytes, memo);
        }
        let place = (text, &record.span);
        let marks = if deleted { mark::DELETED } else { 0 };
        self.keep(&id, position, place, (prints, marks), &layout.set);
        if self.layouts.is_patch(&layout) { Fate::Patch } else { Fate::Used }
    }
}

impl Sink for SegmentBuilder<'_, '_> {
    fn record(&mut self, position: usize, request: &Request, text: &[u8], record: &Record) -> Fate {
        self.offsets.advance(text, record.span.start);
        self.take(position, request, text, record)
    }

    fn respelt(
        &mut self,
        position: usize,
        request: &Request,
        (source, span): (&[u8], &Range<usize>),
        text: &[u8],
        record: &Record,
    ) -> Fate {
        self.sought = None;
        self.offsets.advance(source, span.start);
        self.stands_at = Some(self.span(source, span));
        let fate = self.take(position, request, text, record);
        self.stands_at = None;
        fate
    }

    fn recall(
        &mut self,
        position: usize,
        request: &Request,
        text: &[u8],
        start: usize,
    ) -> Option<usize> {
        let asked = plain_list(request)?;
        let rest = text.get(start..)?;
        let (mut memo, moved) = match self.known.recall(&mut self.cursor, asked, rest) {
            Ok(found) => found,
            Err(sought) => {
                self.sought = Some((start, sought));
                return None;
            }
        };
        let set = match self.recalled.take() {
            Some((number, set)) if number == memo.set => set,
            _ => self.known.set(memo.set)?,
        };
        if moved {
            let value = rest.get(memo.prints.volatile_value()).unwrap_or_default();
            memo.prints.volatile = set.volatile_print(self.known.key(), value)?;
        }
        let length = memo.length as usize;
        self.offsets.advance(text, start);
        let id = ObjectId::Guid(memo.id);
        let kept = (memo.prints, if memo.deleted { mark::DELETED } else { 0 });
        self.keep(&id, as_u32(position), (text, &(start..start + length)), kept, &set);
        self.recalled = Some((memo.set, set));
        Some(length)
    }

    fn rendered(&mut self, source: &Range<u64>) {
        let length = source.end.saturating_sub(source.start);
        self.stands_at = Some((source.start, u32::try_from(length).unwrap_or(u32::MAX)));
    }

    fn links(&mut self, list: &LinkList) {
        self.link_list(list);
    }
}

/// Type and bin of a request that lists whole objects and nothing expanded in them: what its records are does not depend on
/// anything but their own bytes.
fn plain_list(request: &Request) -> Option<(&str, bool)> {
    match &request.subject {
        Subject::Objects { object_type, bin }
            if request.expanded.is_empty() && request.spelling == Spelling::Graph =>
        {
            Some((object_type, *bin))
        }
        Subject::Objects { .. }
        | Subject::ObjectsOf { .. }
        | Subject::Part { .. }
        | Subject::Links { .. }
        | Subject::Untyped { .. }
        | Subject::Orphan { .. } => None,
    }
}

/// The marks of a record that says that its object left the view of a delta page; 0 for any other.
fn removal(layout: &Layout, text: &[u8], record: &Record) -> u32 {
    let Some(removed) = layout.member(record, "@removed") else { return 0 };
    let told = text.get(removed.value.span.clone()).unwrap_or_default();
    let reason: Option<serde_json::Value> = serde_json::from_slice(told).ok();
    let reason = reason.as_ref().and_then(|told| told.get("reason")?.as_str());
    mark::GONE | if reason == Some("deleted") { mark::GONE_FOR_GOOD } else { 0 }
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
        let value = value.or_else(|| expanded_id(text, record, part));
        found |= value.is_some();
        values.push(value.unwrap_or_default());
    }
    let leading = values.first().is_some_and(|first| !first.is_empty());
    (found && leading).then(|| ObjectId::of_parts(&values))
}

/// The id of what was expanded in the place of a property: `roleDefinition` for `roleDefinitionId`.
fn expanded_id(text: &[u8], record: &Record, part: &str) -> Option<String> {
    let member = record.member(text, part.strip_suffix("Id")?)?;
    let mut inner = Record::default();
    let scanned = member.value.kind == Kind::Object
        && inner.scan(text, &mut Scanner::new(text, member.value.span.start)).is_ok();
    scanned.then(|| inner.string(text, "id"))?
}

/// A string as it reads, a number or boolean as it is written.
fn scalar(text: &[u8], record: &Record, name: &str) -> Option<String> {
    scalar_at(text, record.member(text, name)?)
}

fn scalar_at(text: &[u8], member: &Member) -> Option<String> {
    let value = &member.value;
    match value.kind {
        Kind::String => string_at(text, value),
        Kind::Number | Kind::Bool => String::from_utf8(text.get(value.span.clone())?.to_vec()).ok(),
        Kind::Null | Kind::EmptyArray | Kind::Array | Kind::EmptyObject | Kind::Object => None,
    }
}

/// The identity that a member gives; a GUID without a detour.
fn identity_at(text: &[u8], member: &Member) -> Option<ObjectId> {
    let value = &member.value;
    if value.kind == Kind::String && value.span.len() == 38 {
        let inner = text.get(value.span.start + 1..value.span.end - 1)?;
        if let Some(bytes) = std::str::from_utf8(inner).ok().and_then(guid) {
            return Some(ObjectId::Guid(bytes));
        }
    }
    scalar_at(text, member).map(|id| ObjectId::of(&id))
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
