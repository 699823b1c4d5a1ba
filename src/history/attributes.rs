//! The attributes of one object over its observations.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::census::pages;
use super::draft::Draft;
use super::leaves::{has_members, leaf_paths, level};
use super::path_rows::PathRows;
use super::timeline::{Observation, Said, follow};
use super::value::{Attributes, Json, Speller, attributes, top_member};
use crate::directory::Catalogue;
use crate::index::{Entry, Index, ObjectId, Opened};
use crate::intake::{
    BARE_ITEMS, CASE_LOST, Format, LOST, Member, PARTIAL_ITEMS, Record, Request, Scanner, Spelling,
    listed,
};
use crate::model::{BinRow, ConflictRow, instant};

/// Which attribute names the captures of a type hold: the base of every statement about a whole type.
#[derive(Debug, Default)]
pub(super) struct TypeNames {
    by_capture: BTreeMap<usize, BTreeSet<Arc<str>>>,
    /// Requests whose records have an explicit null or empty list.
    explicit_empty: BTreeSet<u32>,
}

impl TypeNames {
    pub(super) fn gather(index: &Index, tenant: usize, object_type: &str) -> Self {
        let mut names = Self::default();
        for page in pages(index, tenant, object_type) {
            if page.page.explicit_empty {
                names.explicit_empty.extend(u32::try_from(page.request));
            }
            let known = names.by_capture.entry(page.capture).or_default();
            for layout in &page.names {
                for name in layout.iter() {
                    if !known.contains(name) {
                        known.insert(Arc::clone(name));
                    }
                }
            }
        }
        names
    }

    /// Whether any object of the capture has the attribute.
    pub(super) fn has(&self, capture: usize, name: &str) -> bool {
        self.by_capture.get(&capture).is_some_and(|names| names.contains(name))
    }

    /// The names that any capture of the type holds, by capture.
    pub(super) fn captures(&self) -> impl Iterator<Item = (usize, &BTreeSet<Arc<str>>)> {
        self.by_capture.iter().map(|(capture, names)| (*capture, names))
    }
}

/// What attribute comparison needs to know of the type.
#[derive(Debug)]
pub(super) struct TypeContext<'a> {
    pub(super) index: &'a Index,
    pub(super) catalogue: &'a Catalogue,
    pub(super) tenant: &'a str,
    pub(super) object_type: &'a Arc<str>,
    pub(super) names: &'a TypeNames,
}

/// A distinct content among the observations of an object.
pub(super) struct Version<'a> {
    pub(super) attributes: Attributes,
    select: Option<&'a [String]>,
    keeps_nulls: bool,
    /// Paths that the format cut off, `*` for whatever it does not show.
    lost: Vec<String>,
    /// Attributes whose letter case it does not keep.
    case_lost: Vec<String>,
    /// Lists of objects whose items it does not know all members of.
    partial_items: Vec<String>,
    /// Lists of objects whose items it shows without members that are empty or false.
    bare_items: Vec<String>,
}

/// What makes two records of an object equal without opening them.
pub(super) type Signature = (u128, u64, u32, bool);

/// The select list of a request, and whether its format keeps nulls.
type Asked = (Option<Arc<[String]>>, Option<bool>);

/// Gives requests that ask for the same attributes in formats of the same habit the same number.
#[derive(Debug, Default)]
pub(super) struct Askings {
    known: BTreeMap<Asked, u32>,
    of_request: Vec<u32>,
}

impl Askings {
    pub(super) fn gather(index: &Index) -> Self {
        let mut askings = Self::default();
        for indexed in &index.requests {
            let asked = (indexed.request.select.clone(), indexed.request.keeps_nulls);
            let next = u32::try_from(askings.known.len()).unwrap_or(u32::MAX);
            let number = *askings.known.entry(asked).or_insert(next);
            askings.of_request.push(number);
        }
        askings
    }

    /// The number of a request.
    pub(super) fn of(&self, request: u32) -> u32 {
        self.of_request.get(request as usize).copied().unwrap_or(u32::MAX)
    }

    /// The signature of an entry.
    pub(super) fn signature(&self, entry: &Entry) -> Signature {
        (entry.content, entry.volatile, self.of(entry.request), entry.deleted)
    }
}

impl<'a> TypeContext<'a> {
    fn request(&self, entry: &Entry) -> Option<&'a Request> {
        let request = usize::try_from(entry.request).ok()?;
        self.index.requests.get(request).map(|indexed| &indexed.request)
    }

    pub(super) fn version(
        &self,
        entry: &Entry,
        attributes: Attributes,
        text: &[u8],
    ) -> Option<Version<'a>> {
        // What stands beside the word that an object is gone is no state of it.
        let request = self.request(entry).filter(|_| entry.removal.is_none())?;
        let told = |annotation| match request.spelling {
            Spelling::Graph if request.format != Format::Roadrecon => Vec::new(),
            Spelling::Goose | Spelling::DfirO365rc => Vec::new(),
            Spelling::Graph
            | Spelling::AzureAdGraph
            | Spelling::PowerShell
            | Spelling::AzureHound
            | Spelling::Dsc
            | Spelling::Nameless
            | Spelling::IntuneManagement => listed(text, annotation),
        };
        let explicit = || self.names.explicit_empty.contains(&entry.request);
        Some(Version {
            attributes,
            select: request.select.as_deref(),
            keeps_nulls: request.keeps_nulls.unwrap_or_else(explicit),
            lost: told(LOST),
            case_lost: told(CASE_LOST),
            partial_items: told(PARTIAL_ITEMS),
            bare_items: told(BARE_ITEMS),
        })
    }

    /// The rows of one object's attributes; `entries` are its observations in order, `distinct` those with a signature of
    /// their own, and where each of all is among them.
    pub(super) fn rows(
        &self,
        entries: &[Entry],
        (distinct, version_of): (&[&Entry], &[usize]),
        (opened, records): (&Opened, &mut Vec<Record>),
        aside: &mut Aside,
    ) -> Vec<Draft> {
        let texts: Vec<Option<&[u8]>> = distinct.iter().map(|entry| opened.record(entry)).collect();
        let differing = differing_members(distinct, &texts, records);
        let mut versions: Vec<Option<Version<'_>>> = distinct
            .iter()
            .zip(&texts)
            .enumerate()
            .map(|(place, (entry, text))| {
                let text = (*text)?;
                let only = differing.as_ref().zip(records.get(place));
                let attributes = self.attributes(entry, text, only)?;
                self.version(entry, attributes, text)
            })
            .collect();
        level(versions.iter_mut().flatten().map(|version| &mut version.attributes).collect());
        let mut rows = Vec::new();
        for path in leaf_paths(versions.iter().flatten().map(|version| &version.attributes)) {
            self.path_rows(&path, entries, (&versions, version_of), &mut rows, aside);
        }
        rows
    }

    /// The attributes of a record; of the members in `only`, if it is given with what was scanned of the record.
    fn attributes(
        &self,
        entry: &Entry,
        text: &[u8],
        only: Option<(&Vec<&[u8]>, &Record)>,
    ) -> Option<Attributes> {
        let Some((only, record)) = only else {
            let mut found = attributes(&Json::parse(text).ok()?, self.object_type, self.catalogue);
            if entry.deleted {
                strip_bin_prefix(&mut found, &entry.id.to_string());
            }
            return Some(found);
        };
        let mut members = Vec::new();
        for member in &record.members {
            let key = text.get(member.key.clone())?;
            if only.contains(&key) {
                let name = std::str::from_utf8(key).ok()?;
                members
                    .push((name.into(), Json::parse(text.get(member.value.span.clone())?).ok()?));
            }
        }
        Some(attributes(&Json::Object(members), self.object_type, self.catalogue))
    }

    fn path_rows(
        &self,
        path: &str,
        entries: &[Entry],
        (versions, version_of): (&[Option<Version<'_>>], &[usize]),
        rows: &mut Vec<Draft>,
        aside: &mut Aside,
    ) {
        let speller = Speller { object_type: self.object_type, path, catalogue: self.catalogue };
        let items = Items::of(versions, path);
        let said: Vec<Option<Said>> = versions
            .iter()
            .map(|version| self.said(version.as_ref()?, path, &speller, &items))
            .collect();
        let said = fold_case(said, versions, path);
        let same = said.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
        if same {
            let values = versions.iter().flatten().map(|version| version.attributes.get(path));
            for pair in values.collect::<Vec<_>>().windows(2) {
                if let Some(rule) = pair.first().zip(pair.last()).and_then(|(a, b)| respelt(*a, *b))
                {
                    *aside.same_meaning.entry(rule).or_default() += 1;
                }
            }
            return;
        }
        let observations: Vec<Observation> = entries
            .iter()
            .zip(version_of)
            .enumerate()
            .filter_map(|(place, (entry, version))| {
                let said = said.get(*version)?.clone()?;
                let (capture, _) = self.index.capture_of(entry)?;
                Some(Observation { entry: place, capture, said })
            })
            .collect();
        let maker = PathRows {
            context: self,
            path,
            speller,
            entries,
            versions,
            version_of,
            observations: &observations,
        };
        rows.extend(maker.first_collection());
        let before = |a, b| self.index.before(a, b);
        let turns = follow(&observations, &before);
        rows.extend(turns.iter().filter_map(|turn| maker.row(turn)));
        aside.conflicts.extend(turns.iter().filter_map(|turn| maker.conflict(turn)));
    }

    pub(super) fn said(
        &self,
        version: &Version<'_>,
        path: &str,
        speller: &Speller<'_>,
        items: &Items,
    ) -> Option<Said> {
        if version.has_lost(path) {
            return None;
        }
        if let Some(value) = version.attributes.get(path) {
            return Some(Said::Value(speller.meaning(&items.shown(value))));
        }
        let mut above = path;
        let mut inside = false;
        while let Some((parent, _)) = above.rsplit_once('.') {
            above = parent;
            if let Some(value) = version.attributes.get(parent) {
                return value.is_empty().then(|| Said::Value(String::new()));
            }
            if has_members(&version.attributes, parent) {
                if self.catalogue.attribute(self.object_type, parent).open {
                    return Some(Said::Value(String::new()));
                }
                inside = true;
                break;
            }
        }
        if !inside && let Some(select) = &version.select {
            let asked = select.iter().any(|name| *name == top_member(above));
            return asked.then_some(Said::AbsentThoughAsked);
        }
        (!version.keeps_nulls).then_some(Said::Dropped)
    }
}

impl Version<'_> {
    /// Whether the format cut the attribute off, or a part of it.
    fn has_lost(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.lost.iter().any(|lost| match lost.strip_suffix('*') {
            Some(above) => path.starts_with(above) && !self.attributes.contains_key(path),
            None => within(path, lost) || within(lost, path),
        })
    }
}

/// What all versions of an object show of the items of a list: no version is held to what another does not have.
pub(super) struct Items {
    /// Members that all know; `None` for any.
    known: Option<BTreeSet<Box<str>>>,
    /// Whether one leaves out members that are empty or false.
    bare: bool,
}

impl Items {
    pub(super) fn of(versions: &[Option<Version<'_>>], path: &str) -> Self {
        let names = |lists: &[String]| lists.iter().any(|list| list == path);
        let mut known: Option<BTreeSet<Box<str>>> = None;
        let versions = || versions.iter().flatten();
        for version in versions().filter(|version| names(&version.partial_items)) {
            let Some(Json::Array(items)) = version.attributes.get(path) else { continue };
            let members = items.iter().filter_map(|item| {
                if let Json::Object(members) = item { Some(members) } else { None }
            });
            let own: BTreeSet<Box<str>> = members.flatten().map(|(name, _)| name.clone()).collect();
            known = Some(match known {
                Some(known) => known.intersection(&own).cloned().collect(),
                None => own,
            });
        }
        Self { known, bare: versions().any(|version| names(&version.bare_items)) }
    }

    pub(super) fn shown<'v>(&self, value: &'v Json) -> Cow<'v, Json> {
        if let Json::Array(items) = value
            && (self.known.is_some() || self.bare)
        {
            return Cow::Owned(Json::Array(items.iter().map(|item| self.item(item)).collect()));
        }
        Cow::Borrowed(value)
    }

    fn item(&self, item: &Json) -> Json {
        let Json::Object(members) = item else { return item.clone() };
        let is_known = |name| self.known.as_ref().is_none_or(|known| known.contains(name));
        let kept = members.iter().filter(|(name, value)| {
            is_known(name) && !(self.bare && (value.is_empty() || *value == Json::Bool(false)))
        });
        Json::Object(kept.cloned().collect())
    }
}

/// Where one of the versions does not keep the letter case of an attribute, none is held to it.
fn fold_case(
    said: Vec<Option<Said>>,
    versions: &[Option<Version<'_>>],
    path: &str,
) -> Vec<Option<Said>> {
    let lost = |version: &Version<'_>| version.case_lost.iter().any(|name| name == path);
    if !versions.iter().flatten().any(lost) {
        return said;
    }
    let fold = |said| match said {
        Said::Value(meaning) => Said::Value(meaning.to_uppercase()),
        other @ (Said::AbsentThoughAsked | Said::Dropped) => other,
    };
    said.into_iter().map(|said| said.map(fold)).collect()
}

/// The owner of an application, which tells who sets what its service principal inherits.
const OWNER: &[u8] = b"appOwnerOrganizationId";

/// The keys under which the records differ, as their text shows, and that of the owner; `None` where the text alone cannot
/// tell: a record of the recycle bin changes its name, and a key may be spelt with escapes. Leaves in `records` what was
/// scanned of each text.
fn differing_members<'t>(
    entries: &[&Entry],
    texts: &[Option<&'t [u8]>],
    records: &mut Vec<Record>,
) -> Option<Vec<&'t [u8]>> {
    records.resize_with(records.len().max(texts.len()), Record::default);
    for (text, record) in texts.iter().zip(records.iter_mut()) {
        let text = (*text)?;
        record.scan(text, &mut Scanner::new(text, 0)).ok()?;
    }
    if entries.iter().any(|entry| entry.deleted) {
        return None;
    }
    let mut differing = vec![OWNER];
    let (first_text, first) = ((*texts.first()?)?, records.first()?);
    for (text, record) in texts.iter().zip(records.iter()) {
        let text = (*text)?;
        for (place, member) in record.members.iter().enumerate() {
            let key = text.get(member.key.clone())?;
            if key.contains(&b'\\') {
                return None;
            }
            let value = text.get(member.value.span.clone())?;
            let in_first = same_member(first_text, first, place, key);
            let same = in_first
                .is_some_and(|member| first_text.get(member.value.span.clone()) == Some(value));
            if !same && !differing.contains(&key) {
                differing.push(key);
            }
        }
    }
    for (place, member) in first.members.iter().enumerate() {
        let key = first_text.get(member.key.clone())?;
        let lacks = |(text, record): (&Option<&[u8]>, &Record)| {
            text.is_none_or(|text| same_member(text, record, place, key).is_none())
        };
        if texts.iter().zip(records.iter()).any(lacks) && !differing.contains(&key) {
            differing.push(key);
        }
    }
    Some(differing)
}

/// The member with this key, which is most often in the same place.
fn same_member<'r>(
    text: &[u8],
    record: &'r Record,
    place: usize,
    key: &[u8],
) -> Option<&'r Member> {
    let has_key = |member: &&Member| text.get(member.key.clone()) == Some(key);
    record.members.get(place).filter(has_key).or_else(|| record.members.iter().find(has_key))
}

/// A soft-deleted user carries its id, without dashes, before its UPN.
pub(super) fn strip_bin_prefix(found: &mut Attributes, id: &str) {
    let prefix = id.replace('-', "");
    if let Some(Json::String(name)) = found.get_mut("userPrincipalName") {
        let head = name.get(..prefix.len()).unwrap_or_default();
        if head.eq_ignore_ascii_case(&prefix) {
            *name = name.get(prefix.len()..).unwrap_or_default().into();
        }
    }
}

/// What comparison met beside changes.
#[derive(Debug, Default)]
pub(super) struct Aside {
    /// Attributes on which captures disagree.
    pub(super) conflicts: Vec<ConflictRow>,
    /// What lies in recycle bins.
    pub(super) bin: Vec<(ObjectId, BinRow)>,
    /// Differences without a difference in meaning, by the rule that set them aside.
    pub(super) same_meaning: BTreeMap<&'static str, u64>,
    /// Objects created after they were captured, as the times are told.
    pub(super) late: Vec<super::times::Late>,
}

impl Aside {
    /// Adds what another part of the comparison met.
    pub(super) fn take_in(&mut self, other: Self) {
        self.conflicts.extend(other.conflicts);
        self.bin.extend(other.bin);
        self.late.extend(other.late);
        for (rule, count) in other.same_meaning {
            *self.same_meaning.entry(rule).or_default() += count;
        }
    }
}

/// The rule by which two spellings of the same meaning are no change; `None` for the same spelling.
fn respelt(a: Option<&Json>, b: Option<&Json>) -> Option<&'static str> {
    if a == b {
        return None;
    }
    Some(match (a, b) {
        (Some(Json::String(a)), Some(Json::String(b))) if a.eq_ignore_ascii_case(b) => "GUID case",
        (Some(Json::String(a)), Some(Json::String(_))) if instant(a).is_some() => {
            "spelling of timestamps"
        }
        (Some(Json::String(_)), Some(Json::String(_))) => "order of words",
        (Some(Json::Number(_)), Some(Json::Number(_))) => "spelling of numbers",
        (Some(Json::Array(a)), Some(Json::Array(b))) if a.len() == b.len() => "order of sets",
        _ => "empty against empty",
    })
}
