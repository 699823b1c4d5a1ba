//! Everyday changes of groups, administrative units and devices.

use serde_json::{Value, json};

use super::super::build;
use super::super::clock::rfc3339;
use super::super::kinds::{Obj, Ty};
use super::super::sim::Sim;
use super::super::tenant::{Place, Relation};

pub(super) fn edit(sim: &mut Sim, at: i64) {
    let Some(group) = sim.any(Ty::Group, at) else { return };
    let number = sim.fresh();
    let (path, after) = match sim.rng.below(4) {
        0 => ("description", json!(format!("Renewed text {number}"))),
        1 => ("displayName", json!(format!("Renamed Team {number}"))),
        2 => ("membershipRule", json!(format!("(user.city -eq \"Eastvale {number}\")"))),
        _ => ("visibility", if number.is_multiple_of(2) { json!("Public") } else { Value::Null }),
    };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update group", admin);
    sim.tenant.set(act, group, path, &after);
}

fn toggle(sim: &mut Sim, at: i64, relation: Relation, target: Obj, activities: [&'static str; 2]) {
    let there = sim.tenant.targets(relation.0, relation.1, at).contains(&target);
    let admin = sim.admin();
    let [add, remove] = activities;
    let act = sim.tenant.act(at, if there { remove } else { add }, admin);
    sim.tenant.link(act, relation, target, !there);
}

/// A target that is there now, or somebody else.
fn target(sim: &mut Sim, at: i64, relation: Relation) -> Option<Obj> {
    let now: Vec<Obj> = sim.tenant.targets(relation.0, relation.1, at).into_iter().collect();
    if now.len() > 1 && sim.rng.chance(1, 2) {
        sim.rng.pick(&now).copied()
    } else {
        sim.any(Ty::User, at)
    }
}

pub(super) fn members(sim: &mut Sim, at: i64) {
    let Some(group) = sim.any(Ty::Group, at) else { return };
    let Some(user) = target(sim, at, (group, "members")) else { return };
    toggle(sim, at, (group, "members"), user, ["Add member to group", "Remove member from group"]);
}

pub(super) fn owners(sim: &mut Sim, at: i64) {
    let Some(group) = sim.any(Ty::Group, at) else { return };
    let Some(user) = target(sim, at, (group, "owners")) else { return };
    toggle(sim, at, (group, "owners"), user, ["Add owner to group", "Remove owner from group"]);
}

pub(super) fn unit_members(sim: &mut Sim, at: i64) {
    let Some(unit) = sim.any(Ty::AdminUnit, at) else { return };
    let Some(user) = target(sim, at, (unit, "members")) else { return };
    let names = ["Add member to administrative unit", "Remove member from administrative unit"];
    toggle(sim, at, (unit, "members"), user, names);
}

pub(super) fn create(sim: &mut Sim, at: i64) {
    let number = sim.fresh();
    let record = build::group(&sim.tenant, number, &format!("New Team {number}"), &rfc3339(at));
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Add group", admin);
    let group = sim.tenant.create(act, Ty::Group, None, record);
    if let Some(user) = sim.any(Ty::User, at) {
        sim.tenant.link(act, (group, "members"), user, true);
    }
}

pub(super) fn delete(sim: &mut Sim, at: i64) {
    let Some(group) = sim.any(Ty::Group, at).filter(|group| group.ix > 12) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Delete group", admin);
    sim.tenant.delete(act, group);
}

pub(super) fn restore(sim: &mut Sim, at: i64) {
    let all = sim.tenant.all(Ty::Group);
    let Some(group) = all.into_iter().find(|obj| sim.tenant.place(*obj, at) == Place::Bin) else {
        return;
    };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Restore group", admin);
    sim.tenant.restore(act, group);
}

pub(super) fn device(sim: &mut Sim, at: i64) {
    let Some(device) = sim.any(Ty::Device, at) else { return };
    let path = *sim.rng.pick(&["isCompliant", "accountEnabled"]).unwrap_or(&"isCompliant");
    let on = sim.tenant.value(device, path, at) == json!(true);
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update device", admin);
    sim.tenant.set(act, device, path, &json!(!on));
}

pub(super) fn device_gone(sim: &mut Sim, at: i64) {
    let admin = sim.admin();
    if sim.rng.chance(1, 2) {
        let Some(device) = sim.any(Ty::Device, at) else { return };
        let act = sim.tenant.act(at, "Delete device", admin);
        sim.tenant.delete(act, device);
    } else {
        let number = sim.fresh();
        let record = build::device(&sim.tenant, number);
        let act = sim.tenant.act(at, "Add device", admin);
        sim.tenant.create(act, Ty::Device, None, record);
    }
}
