//! What can be done to a tenant, and what follows from it.

use serde_json::{Value, json};

use super::clock::rfc3339;
use super::kinds::{Obj, Ty};
use super::rng::{guid, tag};
use super::tenant::{
    Actor, Effect, Linked, Moved, Operation, Place, Relation, Setting, Tenant, What,
};
use super::value;

/// An operation under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Act {
    pub(super) number: usize,
    pub(super) at: i64,
}

impl Tenant {
    /// Begins an operation.
    pub(super) fn act(&mut self, at: i64, activity: &'static str, actor: Actor) -> Act {
        let number = self.operations.len();
        self.operations.push(Operation { at, activity, actor, story: None });
        Act { number, at }
    }

    /// Marks an operation as part of a story.
    pub(super) fn story(&mut self, act: Act, story: Option<&'static str>) {
        if let Some(operation) = self.operations.get_mut(act.number) {
            operation.story = story;
        }
    }

    fn effect(&mut self, act: Act, what: What) -> usize {
        self.effects.push(Effect { operation: act.number, what });
        self.effects.len() - 1
    }

    /// Sets a value; a complex value is set leaf by leaf. False where nothing changed.
    pub(super) fn set(&mut self, act: Act, obj: Obj, path: &str, after: &Value) -> bool {
        let before = self.value(obj, path, act.at);
        if before.is_object() || after.is_object() {
            let mut paths = Vec::new();
            for side in [&before, after] {
                let mut leaves = Vec::new();
                value::leaves(path, side, &mut leaves);
                paths.extend(leaves.into_iter().map(|(leaf, _)| leaf).filter(|leaf| leaf != path));
            }
            paths.sort();
            paths.dedup();
            let mut any = false;
            for leaf in paths {
                let inner = leaf.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'));
                let new = match (after, inner) {
                    (Value::Object(members), Some(inner)) => value::at(members, inner),
                    _ => Value::Null,
                };
                any |= self.set_leaf(act, obj, &leaf, new);
            }
            return any;
        }
        self.set_leaf(act, obj, path, after.clone())
    }

    fn set_leaf(&mut self, act: Act, obj: Obj, path: &str, after: Value) -> bool {
        let before = self.value(obj, path, act.at);
        let words = obj.ty.is_words(path);
        if value::column(&before, words) == value::column(&after, words) {
            return false;
        }
        let first = self.first_value(obj, path);
        let what = What::Set { obj, path: path.to_owned(), before, after: after.clone() };
        let effect = self.effect(act, what);
        let log = self
            .settings
            .entry(obj)
            .or_default()
            .entry(path.to_owned())
            .or_insert_with(|| vec![Setting { at: i64::MIN, value: first, effect: None }]);
        log.push(Setting { at: act.at, value: after, effect: Some(effect) });
        true
    }

    /// Adds or removes a link. False where nothing changed.
    pub(super) fn link(
        &mut self,
        act: Act,
        (source, relation): Relation,
        target: Obj,
        add: bool,
    ) -> bool {
        if self.targets(source, relation, act.at).contains(&target) == add {
            return false;
        }
        let effect = self.effect(act, What::Link { source, relation, target, add });
        let event = Linked { at: act.at, target, add, effect };
        self.links.entry((source, relation)).or_default().log.push(event);
        true
    }

    fn shift(&mut self, act: Act, obj: Obj, to: Place) {
        let from = match (self.moves.contains_key(&obj), to) {
            (true, _) | (false, Place::Bin | Place::Absent) => self.place(obj, act.at),
            (false, Place::Live) => Place::Absent,
        };
        let effect = self.effect(act, What::Move { obj, from, to });
        self.moves.entry(obj).or_default().push(Moved { at: act.at, to, effect });
    }

    /// Creates an object; one of equal natural key comes back under a new id.
    pub(super) fn create(&mut self, act: Act, ty: Ty, parent: Option<Obj>, base: Value) -> Obj {
        let id = base.get("id").cloned();
        let known = self.count(ty);
        let obj = self.found(ty, parent, base);
        if obj.ix < known {
            if let (Some(id), true) = (id, ty.is_natural()) {
                self.set(act, obj, "id", &id);
            }
            if self.is_live(obj, act.at) {
                return obj;
            }
        }
        self.shift(act, obj, Place::Live);
        obj
    }

    /// Creates a user with these attributes beside those of its number.
    pub(super) fn create_user(&mut self, act: Act, attributes: &[(&str, Value)]) -> Obj {
        let obj = self.new_user();
        self.describe(obj.ix, &[("createdDateTime", json!(rfc3339(act.at)))]);
        self.describe(obj.ix, attributes);
        self.shift(act, obj, Place::Live);
        obj
    }

    /// Deletes an object: into its recycle bin if its type has one. What pointed at it points no more.
    pub(super) fn delete(&mut self, act: Act, obj: Obj) {
        let to = if obj.ty.spec().bin.is_some() { Place::Bin } else { Place::Absent };
        self.shift(act, obj, to);
        self.detach(act, obj);
    }

    /// Removes an object from its recycle bin.
    pub(super) fn purge(&mut self, act: Act, obj: Obj) {
        self.shift(act, obj, Place::Absent);
    }

    /// Brings an object back from its recycle bin, with the links that its deletion took.
    pub(super) fn restore(&mut self, act: Act, obj: Obj) {
        let deleted = self.moves.get(&obj).and_then(|moves| {
            moves.iter().rev().find(|moved| moved.to == Place::Bin).map(|moved| moved.effect)
        });
        let operation = deleted.and_then(|effect| self.effects.get(effect)).map(|e| e.operation);
        self.shift(act, obj, Place::Live);
        let lost: Vec<Relation> = self
            .effects
            .iter()
            .filter(|effect| Some(effect.operation) == operation)
            .filter_map(|effect| match &effect.what {
                What::Link { source, relation, target, add: false } if *target == obj => {
                    Some((*source, *relation))
                }
                What::Link { .. } | What::Set { .. } | What::Move { .. } => None,
            })
            .collect();
        for relation in lost {
            if self.is_live(relation.0, act.at) {
                self.link(act, relation, obj, true);
            }
        }
    }

    fn detach(&mut self, act: Act, obj: Obj) {
        let sources: Vec<Relation> = self
            .links
            .iter()
            .filter(|(_, links)| {
                links.first.contains(&obj) || links.log.iter().any(|event| event.target == obj)
            })
            .map(|(relation, _)| *relation)
            .collect();
        for relation in sources {
            self.link(act, relation, obj, false);
        }
        let key = self.key(obj);
        for ty in [Ty::RoleAssignment, Ty::Eligibility, Ty::Grant, Ty::AppRoleAssignment] {
            for edge in self.live(ty, act.at) {
                let names = ["principalId", "clientId", "resourceId"];
                let held = |name: &str| self.word(edge, name, act.at).eq_ignore_ascii_case(&key);
                if names.iter().any(|name| held(name)) {
                    self.shift(act, edge, Place::Absent);
                }
            }
        }
    }

    /// Deletes an edge or another object and creates it again under a new id.
    pub(super) fn recreate(&mut self, act: Act, obj: Obj) {
        let id = guid(self.seed, &[tag("again"), u64::from(obj.ix), tag(&rfc3339(act.at))]);
        self.set(act, obj, "id", &json!(id));
    }
}
