//! The state of the tenant as a first state and a log of effects, so that it can be asked for at any time.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::kinds::{Identity, Obj, Ty};
use super::people::{self, User};
use super::recovery::Recovery;
use super::rng::{guid, tag};
use super::value;

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere.
    Absent,
    /// In the directory.
    Live,
    /// In its recycle bin.
    Bin,
}

/// Something that was done: one call, with all that it caused.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) at: i64,
    /// Name of the activity, as the audit log knows it.
    pub(super) activity: &'static str,
    pub(super) actor: Actor,
    pub(super) story: Option<&'static str>,
}

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Actor {
    /// A user.
    User(u32),
    /// An application, by its service principal.
    App(Obj),
    /// The service itself.
    Service(&'static str),
}

/// What an operation did to one thing.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) operation: usize,
    pub(super) what: What,
}

/// The thing and what became of it.
#[derive(Debug)]
pub(super) enum What {
    Set { obj: Obj, path: String, before: Value, after: Value },
    Link { source: Obj, relation: &'static str, target: Obj, add: bool },
    Move { obj: Obj, from: Place, to: Place },
}

#[derive(Debug)]
pub(super) struct Setting {
    pub(super) at: i64,
    pub(super) value: Value,
    pub(super) effect: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Moved {
    pub(super) at: i64,
    pub(super) to: Place,
    pub(super) effect: usize,
}

#[derive(Debug)]
pub(super) struct Linked {
    pub(super) at: i64,
    pub(super) target: Obj,
    pub(super) add: bool,
    pub(super) effect: usize,
}

/// The targets of one relation of one source.
#[derive(Debug, Default)]
pub(super) struct Links {
    pub(super) first: BTreeSet<Obj>,
    pub(super) log: Vec<Linked>,
}

impl Links {
    /// The targets at a time.
    pub(super) fn at(&self, at: i64) -> BTreeSet<Obj> {
        let mut targets = self.first.clone();
        for event in self.log.iter().filter(|event| event.at <= at) {
            if event.add {
                targets.insert(event.target);
            } else {
                targets.remove(&event.target);
            }
        }
        targets
    }
}

/// An object that is held in memory.
#[derive(Debug)]
pub(super) struct Record {
    /// Identity, as the tables print it.
    pub(super) key: String,
    pub(super) base: Map<String, Value>,
    pub(super) parent: Option<Obj>,
}

/// A relation of a source object.
pub(super) type Relation = (Obj, &'static str);

/// The tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) seed: u64,
    pub(super) id: String,
    /// Users at the start.
    pub(super) first_users: u32,
    user_count: u32,
    records: BTreeMap<Ty, Vec<Record>>,
    keys: BTreeMap<(Ty, String), u32>,
    people: BTreeMap<u32, Map<String, Value>>,
    /// Whoever holds a role or grant, by id.
    principals: BTreeMap<String, Obj>,
    pub(super) moves: BTreeMap<Obj, Vec<Moved>>,
    pub(super) settings: BTreeMap<Obj, BTreeMap<String, Vec<Setting>>>,
    pub(super) links: BTreeMap<Relation, Links>,
    pub(super) operations: Vec<Operation>,
    pub(super) effects: Vec<Effect>,
    /// The recovery that is planned or done.
    pub(super) recovery: Option<Recovery>,
}

impl Tenant {
    /// A tenant with this many users and nothing else.
    pub(super) fn new(seed: u64, users: u32) -> Self {
        Self {
            seed,
            id: guid(seed, &[tag("tenant")]),
            first_users: users,
            user_count: users,
            records: BTreeMap::new(),
            keys: BTreeMap::new(),
            people: BTreeMap::new(),
            principals: BTreeMap::new(),
            moves: BTreeMap::new(),
            settings: BTreeMap::new(),
            links: BTreeMap::new(),
            operations: Vec::new(),
            effects: Vec::new(),
            recovery: None,
        }
    }

    /// How many objects of a type ever were.
    pub(super) fn count(&self, ty: Ty) -> u32 {
        if ty == Ty::User {
            return self.user_count;
        }
        self.records.get(&ty).map_or(0, |all| u32::try_from(all.len()).unwrap_or(0))
    }

    /// All objects of a type, present or not.
    pub(super) fn all(&self, ty: Ty) -> impl Iterator<Item = Obj> + use<> {
        (0..self.count(ty)).map(move |ix| Obj { ty, ix })
    }

    /// The record of an object that is held in memory.
    pub(super) fn record(&self, obj: Obj) -> Option<&Record> {
        self.records.get(&obj.ty)?.get(usize::try_from(obj.ix).ok()?)
    }

    /// The object with this identity.
    pub(super) fn find(&self, ty: Ty, key: &str) -> Option<Obj> {
        self.keys.get(&(ty, key.to_owned())).map(|ix| Obj { ty, ix: *ix })
    }

    /// Finds out who holds roles and grants, once everything has happened.
    pub(super) fn index_principals(&mut self) {
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for ty in [Ty::RoleAssignment, Ty::Eligibility, Ty::Grant, Ty::AppRoleAssignment] {
            for record in self.records.get(&ty).into_iter().flatten() {
                for name in ["principalId", "clientId"] {
                    let id = record.base.get(name).and_then(Value::as_str).unwrap_or_default();
                    wanted.insert(id.to_owned());
                }
            }
        }
        for ty in [Ty::Group, Ty::ServicePrincipal, Ty::User] {
            for obj in self.all(ty) {
                let key = self.key(obj);
                if wanted.contains(&key) {
                    self.principals.insert(key, obj);
                }
            }
        }
    }

    /// The user with this id.
    pub(super) fn find_user(&self, id: &str) -> Option<Obj> {
        self.all(Ty::User).find(|user| self.key(*user) == id)
    }

    /// The user, group or service principal with this id, if it holds a role or grant.
    pub(super) fn principal(&self, id: &str) -> Option<Obj> {
        self.principals.get(id).copied()
    }

    /// Identity, as the tables print it.
    pub(super) fn key(&self, obj: Obj) -> String {
        if obj.ty == Ty::User {
            return people::id(self.seed, obj.ix);
        }
        self.record(obj).map(|record| record.key.clone()).unwrap_or_default()
    }

    /// The object above, for those whose lists are read below another object.
    pub(super) fn parent(&self, obj: Obj) -> Option<Obj> {
        self.record(obj).and_then(|record| record.parent)
    }

    /// Puts an object into the first state; an object of equal identity is kept as it is.
    pub(super) fn found(&mut self, ty: Ty, parent: Option<Obj>, base: Value) -> Obj {
        let Value::Object(base) = base else { return Obj { ty, ix: 0 } };
        let key = identity(self, ty, parent, &base);
        if let Some(obj) = self.find(ty, &key) {
            return obj;
        }
        let all = self.records.entry(ty).or_default();
        let ix = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.push(Record { key: key.clone(), base, parent });
        self.keys.insert((ty, key), ix);
        Obj { ty, ix }
    }

    /// Gives a user attributes of its own in the first state.
    pub(super) fn describe(&mut self, ix: u32, attributes: &[(&str, Value)]) {
        let own = self.people.entry(ix).or_default();
        for (name, value) in attributes {
            own.insert((*name).to_owned(), value.clone());
        }
    }

    /// Whether a user has attributes that its number does not tell.
    pub(super) fn is_derived(&self, obj: Obj) -> bool {
        obj.ty == Ty::User
            && !self.people.contains_key(&obj.ix)
            && !self.settings.contains_key(&obj)
    }

    /// Where an object is at a time.
    pub(super) fn place(&self, obj: Obj, at: i64) -> Place {
        let Some(moves) = self.moves.get(&obj) else { return Place::Live };
        moves.iter().rev().find(|moved| moved.at <= at).map_or_else(
            || match moves.first().map(|moved| moved.effect).and_then(|e| self.effects.get(e)) {
                Some(Effect { what: What::Move { from, .. }, .. }) => *from,
                _ => Place::Live,
            },
            |moved| moved.to,
        )
    }

    /// Whether an object is live at a time.
    pub(super) fn is_live(&self, obj: Obj, at: i64) -> bool {
        self.place(obj, at) == Place::Live
    }

    /// The live objects of a type.
    pub(super) fn live(&self, ty: Ty, at: i64) -> Vec<Obj> {
        self.all(ty).filter(|obj| self.is_live(*obj, at)).collect()
    }

    /// The value at a path, without the log.
    pub(super) fn first_value(&self, obj: Obj, path: &str) -> Value {
        if obj.ty == Ty::User {
            let head = path.split('.').next().unwrap_or(path);
            return value::at(&self.user_map(obj.ix, i64::MIN, &[head]), path);
        }
        self.record(obj).map_or(Value::Null, |record| value::at(&record.base, path))
    }

    /// The value at a path at a time.
    pub(super) fn value(&self, obj: Obj, path: &str, at: i64) -> Value {
        let logged = self.settings.get(&obj).and_then(|paths| paths.get(path));
        match logged.and_then(|all| all.iter().rev().find(|setting| setting.at <= at)) {
            Some(setting) => setting.value.clone(),
            None if logged.is_some() => Value::Null,
            None => {
                let head = path.split('.').next().unwrap_or(path);
                value::at(&self.attributes(obj, &[head], at), path)
            }
        }
    }

    /// A value as text; empty where it is none.
    pub(super) fn word(&self, obj: Obj, path: &str, at: i64) -> String {
        self.value(obj, path, at).as_str().unwrap_or_default().to_owned()
    }

    fn user_map(&self, ix: u32, at: i64, names: &[&str]) -> Map<String, Value> {
        let at = if at == i64::MIN { super::clock::FIRST_DAY } else { at };
        let mut map = User { seed: self.seed, ix, at }.map(names);
        if let Some(own) = self.people.get(&ix) {
            for (name, value) in own.iter().filter(|(name, _)| names.contains(&name.as_str())) {
                map.insert(name.clone(), value.clone());
            }
        }
        map
    }

    /// The attributes of an object at a time: those named, or all where none is named.
    pub(super) fn attributes(&self, obj: Obj, names: &[&str], at: i64) -> Map<String, Value> {
        let mut map = match (obj.ty, self.record(obj)) {
            (Ty::User, _) => self.user_map(obj.ix, at, names),
            (_, Some(record)) if names.is_empty() => record.base.clone(),
            (_, Some(record)) => {
                let named = |name: &&String| names.contains(&name.as_str());
                let members = record.base.iter().filter(|(name, _)| named(name));
                members.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
            (_, None) => Map::new(),
        };
        for (path, settings) in self.settings.get(&obj).into_iter().flatten() {
            let head = path.split('.').next().unwrap_or(path);
            if !names.is_empty() && !names.contains(&head) {
                continue;
            }
            if let Some(setting) = settings.iter().rev().find(|setting| setting.at <= at) {
                value::put(&mut map, path, &setting.value);
            }
        }
        map
    }

    /// Whether any effect ever touched an attribute.
    pub(super) fn is_touched(&self, obj: Obj, attribute: &str) -> bool {
        self.settings.get(&obj).is_some_and(|paths| {
            paths.keys().any(|path| {
                path.strip_prefix(attribute)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
        })
    }

    /// The targets of a relation at a time.
    pub(super) fn targets(&self, source: Obj, relation: &'static str, at: i64) -> BTreeSet<Obj> {
        self.links.get(&(source, relation)).map(|links| links.at(at)).unwrap_or_default()
    }

    /// Makes room for one more user, who is nowhere yet.
    pub(super) fn new_user(&mut self) -> Obj {
        let ix = self.user_count;
        self.user_count += 1;
        Obj { ty: Ty::User, ix }
    }
}

/// The identity of a record, as the tables print it.
fn identity(tenant: &Tenant, ty: Ty, parent: Option<Obj>, base: &Map<String, Value>) -> String {
    let part = |name: &str| {
        let word = base.get(name).and_then(Value::as_str).unwrap_or_default();
        if value::is_guid(word) { word.to_ascii_lowercase() } else { word.to_owned() }
    };
    match ty.spec().identity {
        Identity::Id => part("id"),
        Identity::Singleton => ty.name().to_owned(),
        Identity::Natural(parts) => {
            parts.iter().map(|name| part(name)).collect::<Vec<_>>().join("|")
        }
        Identity::Key if ty == Ty::XtapPartner => part("tenantId"),
        Identity::Key => parent.map(|parent| tenant.key(parent)).unwrap_or_default(),
    }
}
