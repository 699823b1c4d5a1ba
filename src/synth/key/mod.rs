//! The answer key: the operations, projected through what was written of them.
//!
//! Nothing here compares two exports. For each thing that an operation touched, the log tells its value at the time of
//! each capture that could show it; for each page that was lost, the exporter tells who stood on it.

mod attributes;
mod hidden;
mod links;
mod presence;
mod verdicts;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::{Certainty, ChangeKind, Lane};

use super::capture::{Capture, LinkCapture};
use super::clock::rfc3339;
use super::export::Written;
use super::kinds::{Obj, Ty};
use super::tenant::{Actor, Effect, Relation, Tenant, What};
use super::{SynthOptions, audit, people, value};

/// A row that the evidence supports.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) obj: Obj,
    pub(super) change: ChangeKind,
    pub(super) attribute: String,
    pub(super) target: String,
    pub(super) before: Option<String>,
    pub(super) after: Option<String>,
    pub(super) added: Option<String>,
    pub(super) removed: Option<String>,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) lane: Lane,
    pub(super) certainty: Certainty,
    /// The effects that it shows, the last of which made the new state.
    pub(super) effects: Vec<usize>,
}

impl Row {
    fn of(obj: Obj, change: ChangeKind, (not_before, not_after): (i64, i64)) -> Self {
        Self {
            obj,
            change,
            attribute: String::new(),
            target: String::new(),
            before: None,
            after: None,
            added: None,
            removed: None,
            not_before,
            not_after,
            lane: Lane::Change,
            certainty: Certainty::Proven,
            effects: Vec::new(),
        }
    }
}

/// What the projection looks at.
pub(super) struct View<'a> {
    pub(super) tenant: &'a Tenant,
    captures: BTreeMap<Ty, Vec<&'a Capture>>,
    links: BTreeMap<Relation, Vec<&'a LinkCapture>>,
    role_members: &'a [(usize, i64, Vec<Obj>)],
}

impl<'a> View<'a> {
    fn new(tenant: &'a Tenant, written: &'a Written) -> Self {
        let mut captures: BTreeMap<Ty, Vec<&Capture>> = BTreeMap::new();
        for capture in &written.captures {
            captures.entry(capture.ty).or_default().push(capture);
        }
        let mut links: BTreeMap<Relation, Vec<&LinkCapture>> = BTreeMap::new();
        for link in &written.links {
            links.entry(link.relation).or_default().push(link);
        }
        Self { tenant, captures, links, role_members: &written.role_members }
    }

    fn captures(&self, ty: Ty) -> &[&'a Capture] {
        self.captures.get(&ty).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Every row of the key, sorted.
pub(super) fn rows(tenant: &Tenant, written: &Written) -> Vec<Row> {
    let view = View::new(tenant, written);
    let mut rows = Vec::new();
    for ty in Ty::ALL.iter().copied() {
        presence::project(&view, ty, &mut rows);
    }
    attributes::project(&view, &mut rows);
    links::project(&view, &mut rows);
    for row in &mut rows {
        if matches!(row.obj.ty, Ty::RoleAssignment | Ty::Eligibility) {
            row.target = part(tenant, row.obj, "roleDefinitionId");
        } else if matches!(row.obj.ty, Ty::AppRoleAssignment | Ty::Grant) {
            row.target = part(tenant, row.obj, "resourceId");
        }
    }
    rows.sort_by_cached_key(|row| {
        let id = tenant.key(row.obj);
        (
            row.not_after,
            row.obj.ty.name(),
            id,
            row.attribute.clone(),
            row.target.clone(),
            row.change,
        )
    });
    rows
}

fn part(tenant: &Tenant, obj: Obj, name: &str) -> String {
    tenant.word(obj, name, i64::MAX).to_ascii_lowercase()
}

fn operation_id(number: usize) -> String {
    format!("op-{:04}", number + 1)
}

/// The key as JSON.
pub(super) fn document(
    tenant: &Tenant,
    options: &SynthOptions,
    written: &Written,
    rows: &[Row],
) -> Value {
    let snapshots: Vec<Value> = written
        .snapshots
        .iter()
        .map(|(label, start, end)| json!({"label": label, "start": rfc3339(*start), "end": rfc3339(*end)}))
        .collect();
    let expected: Vec<Value> = rows.iter().map(|row| row_json(tenant, row)).collect();
    let hidden: Vec<Value> = hidden::effects(tenant, written, rows)
        .into_iter()
        .map(|(effect, why)| {
            let operation = tenant.effects.get(effect).map_or(0, |one| one.operation);
            let mut entry =
                tenant.effects.get(effect).map_or(Value::Null, |e| effect_json(tenant, e));
            if let Some(members) = entry.as_object_mut() {
                members.insert("operation".to_owned(), json!(operation_id(operation)));
                members.insert("why".to_owned(), json!(why));
            }
            entry
        })
        .collect();
    let mut document = json!({
        "tool": concat!("entrace synth ", env!("CARGO_PKG_VERSION")),
        "seed": options.seed,
        "users": options.users,
        "incident": options.incident.map(super::Incident::as_str),
        "format": options.format.as_str(),
        "tenant_id": tenant.id,
        "snapshots": snapshots,
        "expected": expected,
        "hidden": hidden,
        "operations": operations(tenant),
    });
    if let (Some((recovery, verdicts)), Some(members)) =
        (verdicts::sections(tenant, written, rows), document.as_object_mut())
    {
        members.insert("recovery".to_owned(), recovery);
        members.insert("verdicts".to_owned(), Value::Array(verdicts));
    }
    document
}

/// The key as text: one line for each row.
pub(super) fn text(document: &Value) -> String {
    let mut lines = Vec::new();
    for (name, value) in document.as_object().into_iter().flatten() {
        let name = Value::String(name.clone());
        lines.push(match value.as_array().filter(|items| !items.is_empty()) {
            Some(items) => {
                let items: Vec<String> = items.iter().map(ToString::to_string).collect();
                format!("{name}:[\n{}\n]", items.join(",\n"))
            }
            None => format!("{name}:{value}"),
        });
    }
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

fn row_json(tenant: &Tenant, row: &Row) -> Value {
    let operation = row.effects.last().and_then(|e| tenant.effects.get(*e)).map(|e| e.operation);
    let story =
        operation.and_then(|number| tenant.operations.get(number)).and_then(|one| one.story);
    json!({
        "object_type": row.obj.ty.name(),
        "object_id": tenant.key(row.obj),
        "change": row.change.as_str(),
        "attribute": row.attribute,
        "target_id": row.target,
        "before": row.before,
        "after": row.after,
        "added": row.added,
        "removed": row.removed,
        "not_before": rfc3339(row.not_before),
        "not_after": rfc3339(row.not_after),
        "lane": row.lane.as_str(),
        "certainty": row.certainty.as_str(),
        "operation": operation.map_or_else(|| "mess".to_owned(), operation_id),
        "story": story,
    })
}

fn effect_json(tenant: &Tenant, effect: &Effect) -> Value {
    let thing = |obj: Obj| (obj.ty.name(), tenant.key(obj));
    match &effect.what {
        What::Set { obj, path, before, after } => {
            let (name, id) = thing(*obj);
            let words = obj.ty.is_words(path);
            json!({"object_type": name, "object_id": id, "attribute": path,
                   "before": value::column(before, words), "after": value::column(after, words)})
        }
        What::Link { source, relation, target, add } => {
            let (name, id) = thing(*source);
            json!({"object_type": name, "object_id": id, "attribute": relation,
                   "target_id": tenant.key(*target), "link": if *add { "added" } else { "removed" }})
        }
        What::Move { obj, from, to } => {
            let (name, id) = thing(*obj);
            let word = |place: &super::tenant::Place| match place {
                super::tenant::Place::Absent => "absent",
                super::tenant::Place::Live => "live",
                super::tenant::Place::Bin => "bin",
            };
            json!({"object_type": name, "object_id": id, "from": word(from), "to": word(to)})
        }
    }
}

fn operations(tenant: &Tenant) -> Vec<Value> {
    let mut effects: Vec<Vec<Value>> = tenant.operations.iter().map(|_| Vec::new()).collect();
    for effect in &tenant.effects {
        if let Some(all) = effects.get_mut(effect.operation) {
            all.push(effect_json(tenant, effect));
        }
    }
    tenant
        .operations
        .iter()
        .enumerate()
        .zip(effects)
        .map(|((number, one), effects)| {
            let actor = match one.actor {
                Actor::User(ix) => people::id(tenant.seed, ix),
                Actor::App(obj) => tenant.key(obj),
                Actor::Service(name) => name.to_owned(),
            };
            let event =
                (!audit::is_missing(tenant, number)).then(|| audit::event_id(tenant, number));
            json!({"id": operation_id(number), "time": rfc3339(one.at), "activity": one.activity,
                   "actor": actor, "audit_event": event, "story": one.story, "effects": effects})
        })
        .collect()
}
