//! What a difference report lists: the backup against a later state, for what the service covers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::super::clock::rfc3339;
use super::super::kinds::{Obj, Ty};
use super::super::tenant::{Place, Tenant};
use super::super::value;
use super::{covers, entity, is_dynamic, is_of_one_user, listed_as};

/// What a recovery does to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Action {
    Update,
    Restore,
    SoftDelete,
}

impl Action {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Restore => "restore",
            Self::SoftDelete => "softDelete",
        }
    }
}

/// An object that differs.
#[derive(Debug, Clone)]
pub(in super::super) struct Listed {
    pub(in super::super) obj: Obj,
    pub(in super::super) action: Action,
    /// Holder, path, value in the backup, current value.
    pub(in super::super) attributes: Vec<(Obj, String, Value, Value)>,
    /// Members; true where a recovery removes one.
    pub(in super::super) members: Vec<(Obj, bool)>,
}

impl Listed {
    fn new(obj: Obj, action: Action) -> Self {
        Self { obj, action, attributes: Vec::new(), members: Vec::new() }
    }
}

/// Every object that differs between a backup and a time.
pub(in super::super) fn difference(tenant: &Tenant, target: i64, now: i64) -> Vec<Listed> {
    let mut objects: BTreeSet<Obj> = BTreeSet::new();
    objects.extend(tenant.settings.keys().chain(tenant.moves.keys()));
    objects.extend(tenant.links.keys().map(|(source, _)| *source));
    let mut rows: BTreeMap<Obj, Listed> = BTreeMap::new();
    for obj in objects.into_iter().filter(|obj| entity(obj.ty).is_some()) {
        if is_of_one_user(tenant, obj) {
            continue;
        }
        let Some(found) = of_object(tenant, obj, target, now) else { continue };
        let shown = listed_as(tenant, obj);
        let row = rows.entry(shown).or_insert_with(|| Listed::new(shown, found.action));
        if shown == obj {
            row.action = found.action;
        }
        row.attributes.extend(found.attributes);
        row.members.extend(found.members);
    }
    rows.into_values().collect()
}

/// One object that differs.
pub(super) fn of_object(tenant: &Tenant, obj: Obj, target: i64, now: i64) -> Option<Listed> {
    let holder = listed_as(tenant, obj);
    let action = match (tenant.place(holder, target), tenant.place(holder, now)) {
        (Place::Live, Place::Live) => Action::Update,
        (Place::Live, Place::Bin) => Action::Restore,
        (Place::Absent | Place::Bin, Place::Live) => Action::SoftDelete,
        _ => return None,
    };
    let mut row = Listed::new(obj, action);
    if action != Action::SoftDelete {
        row.attributes = attributes(tenant, obj, target, now);
    }
    if action == Action::Update && obj.ty == Ty::Group && !is_dynamic(tenant, obj, now) {
        let old = tenant.targets(obj, "members", target);
        let new = tenant.targets(obj, "members", now);
        row.members.extend(new.difference(&old).map(|one| (*one, true)));
        row.members.extend(old.difference(&new).map(|one| (*one, false)));
    }
    let same = row.attributes.is_empty() && row.members.is_empty();
    (action != Action::Update || !same).then_some(row)
}

fn attributes(
    tenant: &Tenant,
    obj: Obj,
    target: i64,
    now: i64,
) -> Vec<(Obj, String, Value, Value)> {
    let paths = tenant.settings.get(&obj).into_iter().flat_map(BTreeMap::keys);
    paths
        .filter(|path| covers(obj.ty, path) && path.as_str() != "id")
        .filter_map(|path| {
            let (old, new) = (tenant.value(obj, path, target), tenant.value(obj, path, now));
            let words = obj.ty.is_words(path);
            (value::column(&old, words) != value::column(&new, words))
                .then(|| (obj, path.clone(), old, new))
        })
        .collect()
}

/// Writes a value at a path, a null too.
fn put(members: &mut Map<String, Value>, path: &str, value: &Value) {
    let Some((head, rest)) = path.split_once('.') else {
        members.insert(path.to_owned(), value.clone());
        return;
    };
    let inner = members.entry(head.to_owned()).or_insert_with(|| json!({}));
    if !inner.is_object() {
        *inner = json!({});
    }
    if let Value::Object(inner) = inner {
        put(inner, rest, value);
    }
}

/// A row as the service sends it.
pub(super) fn json(tenant: &Tenant, row: &Listed, now: i64) -> Value {
    let obj = row.obj;
    let kind = format!("#microsoft.graph.{}", obj.ty.name());
    let (mut backup, mut current) = (Map::new(), Map::new());
    for side in [&mut backup, &mut current] {
        side.insert("@odata.type".to_owned(), json!(kind));
    }
    for (_, path, old, new) in &row.attributes {
        put(&mut backup, path, old);
        put(&mut current, path, new);
    }
    if matches!(obj.ty, Ty::Grant | Ty::AppRoleAssignment) {
        let names = ["clientId", "consentType", "principalId", "resourceId", "appRoleId"];
        current.extend(tenant.attributes(obj, &names, now));
    }
    match row.action {
        Action::Update => {}
        Action::Restore => {
            let moves = tenant.moves.get(&obj).map(Vec::as_slice).unwrap_or_default();
            let deleted = moves.iter().rev().find(|moved| moved.at <= now);
            let time = deleted.map_or(Value::Null, |moved| json!(rfc3339(moved.at)));
            backup.insert("deletedDateTime".to_owned(), Value::Null);
            current.insert("deletedDateTime".to_owned(), time);
        }
        Action::SoftDelete => {
            backup.insert("@removed".to_owned(), json!({"reason": "changed"}));
            backup.insert("deletedDateTime".to_owned(), json!(rfc3339(now)));
            current.insert("deletedDateTime".to_owned(), Value::Null);
        }
    }
    if !row.members.is_empty() {
        let members: Vec<Value> = row.members.iter().map(|one| member(tenant, *one)).collect();
        backup.insert("members@delta".to_owned(), Value::Array(members));
    }
    let id = tenant.word(obj, "id", now);
    json!({
        "@odata.type": "#microsoft.graph.entraRecoveryServices.recoveryChangeObjectBase",
        "id": if id.is_empty() { tenant.key(obj) } else { id },
        "entityTypeName": entity(obj.ty),
        "displayName": tenant.word(obj, "displayName", now),
        "recoveryAction": row.action.word(),
        "deltaFromCurrent": backup,
        "currentState": current,
    })
}

fn member(tenant: &Tenant, (target, remove): (Obj, bool)) -> Value {
    let mut entry = json!({
        "@odata.type": format!("#microsoft.graph.{}", target.ty.name()),
        "id": tenant.key(target),
    });
    if let (true, Some(members)) = (remove, entry.as_object_mut()) {
        members.insert("@removed".to_owned(), json!({"reason": "changed"}));
    }
    entry
}
