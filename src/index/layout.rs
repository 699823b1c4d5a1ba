//! Layouts: what the keys of a record are to the index, worked out once for every sequence of keys.

use std::collections::HashMap;
use std::hash::Hasher;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::fingerprint::{FingerprintKey, low};
use super::identity::guid;
use crate::directory::{Catalogue, RelationKind};
use crate::intake::{CASE_LOST, Kind, LOST, Member, Record, Scanner, is_annotation};
use crate::model::instant;

/// Sequences of keys that one reader keeps; evidence that shows more is read all the same, only slower.
const MOST_LAYOUTS: usize = 256;

/// Names, roles and sets of names that one reader keeps.
const MOST_NAMES: usize = 65_536;

/// A member that is compared.
#[derive(Debug, Clone)]
pub(super) struct Compared {
    pub(super) name: Arc<str>,
    /// Has taken in the name.
    hasher: SipHasher13,
    null: u128,
    empty: u128,
    ordered: bool,
}

/// What a member of a type is to the index.
#[derive(Debug, Clone)]
pub(super) enum Role {
    Annotation,
    /// What the format lost: no attribute, but it tells records apart that say the same otherwise.
    Loss(Compared),
    Ignored,
    Plain(Compared),
    Volatile(Compared),
    Links {
        relation: Arc<str>,
        other_type: Arc<str>,
        inverse: bool,
        /// Whether it holds what came and went (`members@delta`), not all there is.
        patch: bool,
    },
}

/// The attributes of a record of a type, in whatever order.
#[derive(Debug)]
pub(super) struct NameSet {
    pub(super) object_type: Arc<str>,
    /// Sorted.
    pub(super) names: Arc<[Arc<str>]>,
    /// The one volatile attribute, if its rows need no more than that it moved.
    pub(super) lone_volatile: Option<Arc<str>>,
    /// Its position among those that all threads know.
    number: OnceLock<u32>,
}

impl NameSet {
    /// Its position among those that all threads know; `give` gives it one.
    pub(super) fn number(&self, give: impl FnOnce() -> u32) -> u32 {
        *self.number.get_or_init(give)
    }

    /// A set of names of which no more is known than what rows tell of it.
    pub(super) fn told(
        object_type: Arc<str>,
        names: Arc<[Arc<str>]>,
        lone_volatile: Option<Arc<str>>,
    ) -> Self {
        Self { object_type, names, lone_volatile, number: OnceLock::new() }
    }

    /// The fingerprint of a value of the one volatile member.
    pub(super) fn volatile_print(&self, key: &FingerprintKey, value: &[u8]) -> Option<u64> {
        let mut hasher = key.member(self.lone_volatile.as_ref()?.as_bytes());
        meaning(value, &mut hasher);
        Some(low(hasher.finish128().as_u128()).max(1))
    }
}

/// The keys of a record of a type, in their order.
#[derive(Debug)]
pub(super) struct Layout {
    /// Positions of roles.
    roles: Vec<u32>,
    pub(super) set: Arc<NameSet>,
    pub(super) has_links: bool,
    /// Places of the members that every record is asked for.
    sought: [Option<usize>; SOUGHT.len()],
}

/// What the name of a relation ends with whose links a delta page patches.
const DELTA: &str = "@delta";

/// Members that identity and type are taken from.
const SOUGHT: [&str; 3] = ["id", "@removed", "deletedDateTime"];

impl Layout {
    /// The member of this name, one of those that every record is asked for.
    pub(super) fn member<'r>(&self, record: &'r Record, name: &str) -> Option<&'r Member> {
        let place = SOUGHT.iter().position(|sought| *sought == name)?;
        record.members.get((*self.sought.get(place)?)?)
    }
}

/// The fingerprints of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prints {
    pub(super) content: u128,
    pub(super) volatile: u64,
    pub(super) order: u32,
    /// Where the value of the one volatile member stands in the record.
    pub(super) value_start: u32,
    pub(super) value_length: u32,
    /// Whether exactly one member is volatile and it has a string for value.
    pub(super) lone_volatile: bool,
    /// Whether a member is null or an empty list.
    pub(super) explicit_empty: bool,
}

impl Prints {
    /// Where the value of the one volatile member stands in the record; empty where there is none.
    pub(super) fn volatile_value(&self) -> Range<usize> {
        let start = self.value_start as usize;
        start..start + self.value_length as usize
    }

    /// Takes the value of the one volatile member for a part of the rest.
    pub(super) fn forget_volatile_value(&mut self) {
        self.value_start = 0;
        self.value_length = 0;
    }
}

/// Layouts by type and keys; lives as long as its thread reads.
#[derive(Debug)]
pub(super) struct Layouts<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) key: &'a FingerprintKey,
    types: Vec<OfType>,
    last: Option<(u64, Arc<str>, Arc<Layout>)>,
    roles: Vec<Role>,
    names: HashMap<Box<str>, Arc<str>>,
}

/// What is known of one type.
#[derive(Debug)]
struct OfType {
    object_type: Arc<str>,
    /// By keys, as they follow one another.
    layouts: HashMap<Box<[u8]>, Arc<Layout>>,
    /// Positions of roles by key.
    roles: HashMap<Box<[u8]>, u32>,
    /// By the sum of the prints of the names.
    sets: HashMap<u128, Arc<NameSet>>,
    /// How many records had keys in an order that was not known, since one had.
    missed: u32,
}

impl OfType {
    /// Where every record has its keys in an order of its own, known orders are looked at now and then only.
    fn is_worth_a_look(&mut self) -> Option<&mut Self> {
        let hopeless = self.missed >= 1024 && self.layouts.len() >= MOST_LAYOUTS;
        if hopeless && !self.missed.is_multiple_of(32) {
            self.missed = self.missed.saturating_add(1);
            return None;
        }
        Some(self)
    }
}

/// The keys of a record, one behind the other.
fn joined_keys(text: &[u8], record: &Record) -> Vec<u8> {
    let mut keys = Vec::new();
    for member in &record.members {
        keys.extend_from_slice(text.get(member.key.clone()).unwrap_or_default());
        // No key holds this byte: it is a control character.
        keys.push(0);
    }
    keys
}

impl<'a> Layouts<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, key: &'a FingerprintKey) -> Self {
        let (types, roles, names) = (Vec::new(), Vec::new(), HashMap::new());
        Self { catalogue, key, types, last: None, roles, names }
    }

    /// A shared spelling of a name.
    pub(super) fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(name) = self.names.get(text) {
            return Arc::clone(name);
        }
        let name: Arc<str> = text.into();
        if self.names.len() < MOST_NAMES {
            self.names.insert(text.into(), Arc::clone(&name));
        }
        name
    }

    /// The layout of a record of this type.
    pub(super) fn of(
        &mut self,
        object_type: &Arc<str>,
        text: &[u8],
        record: &Record,
    ) -> Arc<Layout> {
        let sequence = record.key_sequence();
        if let (Some(sequence), Some((last, of_type, layout))) = (sequence, &self.last)
            && *last == sequence
            && of_type == object_type
        {
            return Arc::clone(layout);
        }
        if self.roles.len() > MOST_NAMES {
            self.types.clear();
            self.roles.clear();
        }
        let known = self.types.iter().position(|of_type| of_type.object_type == *object_type);
        let place = known.unwrap_or_else(|| {
            self.types.push(OfType {
                object_type: Arc::clone(object_type),
                layouts: HashMap::new(),
                roles: HashMap::new(),
                sets: HashMap::new(),
                missed: 0,
            });
            self.types.len() - 1
        });
        let layout = match self.types.get_mut(place).and_then(OfType::is_worth_a_look) {
            Some(of_type) => {
                let keys = joined_keys(text, record);
                let known = of_type.layouts.get(keys.as_slice()).map(Arc::clone);
                of_type.missed = if known.is_some() { 0 } else { of_type.missed.saturating_add(1) };
                known.ok_or(keys)
            }
            None => Err(Vec::new()),
        };
        let layout = layout.unwrap_or_else(|keys| {
            let layout = Arc::new(self.work_out(place, object_type, text, record));
            if let Some(of_type) = self.types.get_mut(place)
                && of_type.layouts.len() < MOST_LAYOUTS
            {
                of_type.layouts.insert(keys.into_boxed_slice(), Arc::clone(&layout));
            }
            layout
        });
        self.last = sequence.map(|number| (number, Arc::clone(object_type), Arc::clone(&layout)));
        layout
    }

    fn work_out(
        &mut self,
        place: usize,
        object_type: &Arc<str>,
        text: &[u8],
        record: &Record,
    ) -> Layout {
        let mut sought = [None; SOUGHT.len()];
        let mut roles = Vec::with_capacity(record.members.len());
        let (mut print, mut has_links) = (0_u128, false);
        for (at, member) in record.members.iter().enumerate() {
            let key = text.get(member.key.clone()).unwrap_or_default();
            let wanted = SOUGHT.iter().position(|name| name.as_bytes() == key);
            if let Some(slot) = wanted.and_then(|wanted| sought.get_mut(wanted)) {
                *slot = Some(at);
            }
            let number = self.role_number(place, object_type, key);
            match self.roles.get(number as usize) {
                // What a member of this name adds where it is null tells the name as well as anything.
                Some(Role::Plain(compared) | Role::Volatile(compared)) => {
                    print = print.wrapping_add(compared.null);
                }
                Some(Role::Links { .. }) => has_links = true,
                Some(Role::Annotation | Role::Loss(_) | Role::Ignored) | None => {}
            }
            roles.push(number);
        }
        let set = self.types.get(place).and_then(|of_type| of_type.sets.get(&print)).cloned();
        let set = set.unwrap_or_else(|| {
            let set = Arc::new(self.name_set(object_type, &roles));
            if let Some(of_type) = self.types.get_mut(place)
                && of_type.sets.len() < MOST_NAMES
            {
                of_type.sets.insert(print, Arc::clone(&set));
            }
            set
        });
        Layout { roles, set, has_links, sought }
    }

    /// The position of the role of a member.
    fn role_number(&mut self, place: usize, object_type: &Arc<str>, key: &[u8]) -> u32 {
        let known = self.types.get(place).and_then(|of_type| of_type.roles.get(key)).copied();
        known.unwrap_or_else(|| {
            let role = self.classify(object_type, key);
            let number = u32::try_from(self.roles.len()).unwrap_or(u32::MAX);
            self.roles.push(role);
            if let Some(of_type) = self.types.get_mut(place) {
                of_type.roles.insert(key.into(), number);
            }
            number
        })
    }

    fn name_set(&self, object_type: &Arc<str>, roles: &[u32]) -> NameSet {
        let (mut names, mut volatiles) = (Vec::new(), Vec::new());
        for role in roles.iter().filter_map(|role| self.roles.get(*role as usize)) {
            match role {
                Role::Plain(compared) => names.push(Arc::clone(&compared.name)),
                Role::Volatile(compared) => {
                    names.push(Arc::clone(&compared.name));
                    volatiles.push(Arc::clone(&compared.name));
                }
                Role::Annotation | Role::Loss(_) | Role::Ignored | Role::Links { .. } => {}
            }
        }
        names.sort();
        let lone_volatile = volatiles.pop().filter(|name| {
            let attribute = self.catalogue.attribute(object_type, name);
            let told_apart = attribute.words
                || attribute.security
                || attribute.inherited_from_publisher
                || name.contains(['.', '%']);
            volatiles.is_empty() && !told_apart
        });
        NameSet {
            object_type: Arc::clone(object_type),
            names: names.into(),
            lone_volatile,
            number: OnceLock::new(),
        }
    }

    /// The role of each member of a record of this layout.
    pub(super) fn roles<'l>(&'l self, layout: &'l Layout) -> impl Iterator<Item = &'l Role> {
        layout.roles.iter().filter_map(|role| self.roles.get(*role as usize))
    }

    /// What a member with this key is.
    pub(super) fn classify(&mut self, object_type: &str, key: &[u8]) -> Role {
        // A key with escapes is resolved, so that `\u0069d` is `id`.
        let text = if key.contains(&b'\\') {
            serde_json::from_slice::<String>(&[b"\"", key, b"\""].concat()).unwrap_or_default()
        } else {
            String::from_utf8_lossy(key).into_owned()
        };
        if let Some(relation) = text.strip_suffix(DELTA)
            && let Role::Links { relation, other_type, inverse, .. } =
                self.classify(object_type, relation.as_bytes())
        {
            return Role::Links { relation, other_type, inverse, patch: true };
        }
        if is_annotation(&text) {
            let is_loss = matches!(text.as_str(), LOST | CASE_LOST);
            return if is_loss {
                Role::Loss(self.compared(&text, false))
            } else {
                Role::Annotation
            };
        }
        let catalogue = self.catalogue;
        if let Some(relation) = catalogue.relation(object_type, &text) {
            let inverse = matches!(relation.kind, RelationKind::InverseLinks { .. });
            if let RelationKind::Links { relation, target_type: other }
            | RelationKind::InverseLinks { relation, source_type: other } = &relation.kind
            {
                let (relation, other_type) = (self.name(relation), self.name(other));
                return Role::Links { relation, other_type, inverse, patch: false };
            }
        }
        let attribute = catalogue.attribute(object_type, &text);
        if attribute.ignored {
            return Role::Ignored;
        }
        let compared = self.compared(&text, catalogue.has_ordered_list(object_type, &text));
        if attribute.volatile { Role::Volatile(compared) } else { Role::Plain(compared) }
    }

    fn compared(&mut self, name: &str, ordered: bool) -> Compared {
        let hasher = self.key.member(name.as_bytes());
        let state = |word: &[u8]| {
            let mut hasher = hasher;
            hasher.write(word);
            hasher.finish128().as_u128()
        };
        let (null, empty) = (state(b"null"), state(b"[]"));
        Compared { name: self.name(name), hasher, null, empty, ordered }
    }

    /// Whether any of its members says what came and went.
    pub(super) fn is_patch(&self, layout: &Layout) -> bool {
        layout.has_links
            && self.roles(layout).any(|role| matches!(role, Role::Links { patch: true, .. }))
    }

    /// The fingerprints of a record of this layout.
    pub(super) fn prints(&self, layout: &Layout, text: &[u8], record: &Record) -> Prints {
        let mut prints = Prints::default();
        let mut order = 0_u64;
        for (member, role) in record.members.iter().zip(self.roles(layout)) {
            let (compared, volatile) = match role {
                Role::Plain(compared) | Role::Loss(compared) => (compared, false),
                Role::Volatile(compared) => (compared, true),
                Role::Annotation | Role::Ignored | Role::Links { .. } => continue,
            };
            let state = match member.value.kind {
                Kind::Null => Some(compared.null),
                Kind::EmptyArray | Kind::EmptyObject => Some(compared.empty),
                Kind::Bool | Kind::Number | Kind::String | Kind::Array | Kind::Object => None,
            };
            if let Some(state) = state {
                prints.explicit_empty = true;
                prints.content = prints.content.wrapping_add(state);
                continue;
            }
            let mut hasher = compared.hasher;
            let value = text.get(member.value.span.clone()).unwrap_or_default();
            let nested = matches!(member.value.kind, Kind::Array | Kind::Object);
            if nested {
                let mut scanner = Scanner::new(text, member.value.span.start);
                if let Ok(print) = self.key.value(text, &mut scanner, compared.ordered) {
                    hasher.write_u128(print.value);
                    order = order.wrapping_add(print.order.wrapping_mul(0x9E37_79B9_7F4A_7C15));
                }
            } else if volatile {
                meaning(value, &mut hasher);
            } else {
                hasher.write(value);
            }
            let print = hasher.finish128().as_u128();
            if volatile {
                if layout.set.lone_volatile.is_some() && member.value.kind == Kind::String {
                    let start = member.value.span.start.saturating_sub(record.span.start);
                    prints.lone_volatile = true;
                    prints.value_start = u32::try_from(start).unwrap_or(0);
                    prints.value_length = u32::try_from(value.len()).unwrap_or(0);
                }
                prints.volatile = prints.volatile.wrapping_add(low(print)).max(1);
            } else {
                prints.content = prints.content.wrapping_add(print);
            }
        }
        prints.order = u32::try_from(order >> 32).unwrap_or(0);
        prints
    }
}

/// Takes in what a scalar means rather than how it is spelt: an instant as its second, a GUID in lower case, anything else
/// as its text.
fn meaning(written: &[u8], hasher: &mut SipHasher13) {
    let word: Option<String> =
        if written.starts_with(b"\"") { serde_json::from_slice(written).ok() } else { None };
    match word {
        Some(word) => match (instant(&word), guid(&word)) {
            (Some(at), _) => {
                hasher.write_u8(b't');
                hasher.write_i64(at.as_second());
            }
            (None, Some(bytes)) => {
                hasher.write_u8(b'g');
                hasher.write(&bytes);
            }
            (None, None) => {
                hasher.write_u8(b's');
                hasher.write(word.as_bytes());
            }
        },
        None => {
            hasher.write_u8(b'v');
            hasher.write(written);
        }
    }
}
