//! Layouts: what the keys of a record are to the index, worked out once for every sequence of keys.

use std::collections::HashMap;
use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip128::{Hasher128, SipHasher13};

use super::fingerprint::{FingerprintKey, low};
use super::identity::guid;
use crate::directory::{Catalogue, RelationKind};
use crate::intake::{Kind, Member, Record, Scanner, is_annotation, string_at};
use crate::model::instant;

/// Layouts that one reader keeps; evidence that shows more is read all the same, only slower.
const MOST_LAYOUTS: usize = 4096;

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
    Ignored,
    Plain(Compared),
    Volatile(Compared),
    Links { relation: Arc<str>, other_type: Arc<str>, inverse: bool },
}

/// The keys of a record of a type, in their order.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) object_type: Arc<str>,
    pub(super) roles: Vec<Role>,
    /// Names of the attributes, sorted.
    pub(super) names: Arc<[Arc<str>]>,
    /// The one volatile attribute, if its rows need no more than that it moved.
    pub(super) lone_volatile: Option<Arc<str>>,
    pub(super) has_links: bool,
    places: HashMap<&'static str, usize>,
}

/// Members that identity and type are taken from.
const SOUGHT: [&str; 4] = ["id", "@odata.type", "@removed", "deletedDateTime"];

impl Layout {
    /// A layout of which no more is known than what rows tell of it.
    pub(super) fn told(
        object_type: Arc<str>,
        names: Arc<[Arc<str>]>,
        lone: Option<Arc<str>>,
    ) -> Self {
        Self {
            object_type,
            roles: Vec::new(),
            names,
            lone_volatile: lone,
            has_links: false,
            places: HashMap::new(),
        }
    }

    /// The member of this name, one of those that every record is asked for.
    pub(super) fn member<'r>(&self, record: &'r Record, name: &str) -> Option<&'r Member> {
        record.members.get(*self.places.get(name)?)
    }
}

/// The fingerprints of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Prints {
    pub(super) content: u128,
    pub(super) volatile: u64,
    pub(super) order: u32,
    /// Whether exactly one member is volatile and it has a string for value.
    pub(super) lone_volatile: bool,
    /// Whether a member is null or an empty list.
    pub(super) explicit_empty: bool,
}

/// Layouts by type and keys; lives as long as its thread reads.
#[derive(Debug)]
pub(super) struct Layouts<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) key: &'a FingerprintKey,
    known: HashMap<(Arc<str>, Box<[u8]>), Arc<Layout>>,
    last: Option<(u64, Arc<str>, Arc<Layout>)>,
    names: HashMap<Box<str>, Arc<str>>,
}

impl<'a> Layouts<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, key: &'a FingerprintKey) -> Self {
        Self { catalogue, key, known: HashMap::new(), last: None, names: HashMap::new() }
    }

    /// A shared spelling of a name.
    pub(super) fn name(&mut self, text: &str) -> Arc<str> {
        if let Some(name) = self.names.get(text) {
            return Arc::clone(name);
        }
        let name: Arc<str> = text.into();
        if self.names.len() < MOST_LAYOUTS {
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
        let mut keys = Vec::new();
        for member in &record.members {
            keys.extend_from_slice(text.get(member.key.clone()).unwrap_or_default());
            // No key holds this byte: it is a control character.
            keys.push(0);
        }
        let slot = (Arc::clone(object_type), keys.into_boxed_slice());
        let layout = match self.known.get(&slot) {
            Some(layout) => Arc::clone(layout),
            None => {
                let layout = Arc::new(self.work_out(object_type, text, record));
                if self.known.len() >= MOST_LAYOUTS {
                    self.known.clear();
                }
                self.known.insert(slot, Arc::clone(&layout));
                layout
            }
        };
        self.last = sequence.map(|number| (number, Arc::clone(object_type), Arc::clone(&layout)));
        layout
    }

    fn work_out(&mut self, object_type: &Arc<str>, text: &[u8], record: &Record) -> Layout {
        let roles: Vec<Role> = record
            .members
            .iter()
            .map(|member| {
                self.classify(object_type, text.get(member.key.clone()).unwrap_or_default())
            })
            .collect();
        let compared = |role: &Role| match role {
            Role::Plain(compared) | Role::Volatile(compared) => Some(Arc::clone(&compared.name)),
            Role::Annotation | Role::Ignored | Role::Links { .. } => None,
        };
        let mut names: Vec<Arc<str>> = roles.iter().filter_map(compared).collect();
        names.sort();
        let volatile = |role: &&Role| matches!(role, Role::Volatile(_));
        let mut volatiles = roles.iter().filter(volatile).filter_map(compared);
        let lone_volatile = volatiles.next().filter(|name| {
            let attribute = self.catalogue.attribute(object_type, name);
            let told_apart = attribute.words
                || attribute.security
                || attribute.inherited_from_publisher
                || name.contains(['.', '%']);
            volatiles.next().is_none() && !told_apart
        });
        let place = |name: &&'static str| {
            let key = |member: &Member| text.get(member.key.clone()) == Some(name.as_bytes());
            record.members.iter().position(key).map(|place| (*name, place))
        };
        Layout {
            object_type: Arc::clone(object_type),
            has_links: roles.iter().any(|role| matches!(role, Role::Links { .. })),
            names: names.into(),
            lone_volatile,
            places: SOUGHT.iter().filter_map(place).collect(),
            roles,
        }
    }

    /// What a member with this key is.
    pub(super) fn classify(&mut self, object_type: &str, key: &[u8]) -> Role {
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
                let (relation, other_type) = (self.name(relation), self.name(other));
                return Role::Links { relation, other_type, inverse };
            }
        }
        let attribute = catalogue.attribute(object_type, &text);
        if attribute.ignored {
            return Role::Ignored;
        }
        let hasher = self.key.member(text.as_bytes());
        let state = |word: &[u8]| {
            let mut hasher = hasher;
            hasher.write(word);
            hasher.finish128().as_u128()
        };
        let compared = Compared {
            name: self.name(&text),
            hasher,
            null: state(b"null"),
            empty: state(b"[]"),
            ordered: catalogue.has_ordered_list(object_type, &text),
        };
        if attribute.volatile { Role::Volatile(compared) } else { Role::Plain(compared) }
    }

    /// The fingerprints of a record of this layout.
    pub(super) fn prints(&self, layout: &Layout, text: &[u8], record: &Record) -> Prints {
        let mut prints = Prints::default();
        let mut order = 0_u64;
        for (member, role) in record.members.iter().zip(&layout.roles) {
            let (compared, volatile) = match role {
                Role::Plain(compared) => (compared, false),
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
                meaning(text, member, &mut hasher);
            } else {
                hasher.write(value);
            }
            let print = hasher.finish128().as_u128();
            if volatile {
                prints.lone_volatile =
                    layout.lone_volatile.is_some() && member.value.kind == Kind::String;
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
fn meaning(text: &[u8], member: &Member, hasher: &mut SipHasher13) {
    let written = text.get(member.value.span.clone()).unwrap_or_default();
    match string_at(text, &member.value) {
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
