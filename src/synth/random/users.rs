//! Everyday changes of users.

use serde_json::{Value, json};

use super::super::clock::rfc3339;
use super::super::kinds::{Obj, Ty};
use super::super::people::{self, DEPARTMENTS, DOMAIN, SKUS, Sort};
use super::super::sim::Sim;
use super::super::tenant::{Actor, Place};
use super::days_on;

const SYNC: Actor = Actor::Service("DirectorySync");

fn actor(sim: &mut Sim, user: Obj) -> Actor {
    if people::sort(user.ix) == Sort::Synced { SYNC } else { sim.admin() }
}

fn set(sim: &mut Sim, at: i64, user: Obj, path: &str, after: &Value) {
    let actor = actor(sim, user);
    let act = sim.tenant.act(at, "Update user", actor);
    sim.tenant.set(act, user, path, after);
}

pub(super) fn edit(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let number = sim.fresh();
    let (path, after) = match sim.rng.below(8) {
        0 => ("jobTitle", json!(format!("Senior Analyst {}", number % 7))),
        1 => ("department", json!(sim.rng.pick(DEPARTMENTS))),
        2 => ("officeLocation", json!(format!("Eastvale {}", number % 50))),
        3 => ("mobilePhone", json!(format!("+1 555 07{number}"))),
        4 => (
            "displayName",
            json!(format!(
                "{} (Branch {})",
                people::display_name(sim.tenant.seed, user.ix),
                number % 90
            )),
        ),
        5 => ("city", json!("Southwick Harbour")),
        6 => ("usageLocation", json!(sim.rng.pick(&["US", "GB", "DE"]))),
        _ => ("companyName", json!("Woodgrove Trust \"North\" \\ Ünit")),
    };
    set(sim, at, user, path, &after);
}

pub(super) fn clear(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let path = *sim.rng.pick(&["jobTitle", "mobilePhone", "city", "department"]).unwrap_or(&"city");
    set(sim, at, user, path, &Value::Null);
}

pub(super) fn fill(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let number = sim.fresh();
    if sim.tenant.value(user, "mobilePhone", at).is_null() {
        set(sim, at, user, "mobilePhone", &json!(format!("+1 555 08{number}")));
    } else {
        let note = json!(format!("attribute {number}"));
        set(sim, at, user, "onPremisesExtensionAttributes.extensionAttribute3", &note);
    }
}

pub(super) fn lists(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let number = sim.fresh();
    let path =
        *sim.rng.pick(&["proxyAddresses", "otherMails", "businessPhones"]).unwrap_or(&"otherMails");
    let mut items = sim.tenant.value(user, path, at).as_array().cloned().unwrap_or_default();
    if items.len() > 1 && sim.rng.chance(1, 2) {
        items.pop();
    } else {
        items.push(match path {
            "proxyAddresses" => json!(format!("smtp:alias{number}@{DOMAIN}")),
            "otherMails" => json!(format!("other{number}@contoso.example")),
            _ => json!(format!("+1 555 09{number}")),
        });
    }
    set(sim, at, user, path, &Value::Array(items));
}

pub(super) fn licence(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let mut items =
        sim.tenant.value(user, "assignedLicenses", at).as_array().cloned().unwrap_or_default();
    let held = |sku: &&str, items: &[Value]| {
        items.iter().any(|item| item.get("skuId") == Some(&json!(sku)))
    };
    match SKUS.iter().find(|sku| !held(sku, &items)) {
        Some(sku) => items.push(json!({"disabledPlans": [], "skuId": sku})),
        None => items.truncate(1),
    }
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Change user license", admin);
    sim.tenant.set(act, user, "assignedLicenses", &Value::Array(items));
}

/// A value that is changed, and changed back on the next day.
pub(super) fn there_and_back(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let before = sim.tenant.value(user, "officeLocation", at);
    set(sim, at, user, "officeLocation", &json!("Temporary desk"));
    sim.later(days_on(at, 1), move |sim, at| {
        if sim.tenant.is_live(user, at) {
            set(sim, at, user, "officeLocation", &before);
        }
    });
}

/// A value that is changed, and changed back before anybody looks.
pub(super) fn blink(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let before = sim.tenant.value(user, "jobTitle", at);
    set(sim, at, user, "jobTitle", &json!("Acting Treasurer"));
    sim.later(at + 60, move |sim, at| {
        if sim.tenant.is_live(user, at) {
            set(sim, at, user, "jobTitle", &before);
        }
    });
}

pub(super) fn enabled(sim: &mut Sim, at: i64) {
    let Some(user) = sim.anybody(at) else { return };
    let on = sim.tenant.value(user, "accountEnabled", at) == json!(true);
    let admin = sim.admin();
    let act = sim.tenant.act(at, if on { "Disable account" } else { "Enable account" }, admin);
    sim.tenant.set(act, user, "accountEnabled", &json!(!on));
}

pub(super) fn to_member(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    if sim.tenant.word(user, "userType", at) == "Guest" {
        set(sim, at, user, "userType", &json!("Member"));
    }
}

fn newcomer(sim: &mut Sim, at: i64, attributes: &[(&str, Value)]) -> Obj {
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Add user", admin);
    sim.tenant.create_user(act, attributes)
}

pub(super) fn create(sim: &mut Sim, at: i64) {
    let user = newcomer(sim, at, &[]);
    if let Some(group) = sim.any(Ty::Group, at) {
        let admin = sim.admin();
        let act = sim.tenant.act(at, "Add member to group", admin);
        sim.tenant.link(act, (group, "members"), user, true);
    }
}

/// Created and deleted before anybody looks.
pub(super) fn short_lived(sim: &mut Sim, at: i64) {
    let user = newcomer(sim, at, &[]);
    sim.later(at + 90, move |sim, at| remove(sim, at, user));
    if sim.rng.chance(1, 2) {
        sim.later(at + 150, move |sim, at| erase(sim, at, user));
    }
}

fn remove(sim: &mut Sim, at: i64, user: Obj) {
    if sim.tenant.is_live(user, at) {
        let actor = actor(sim, user);
        let act = sim.tenant.act(at, "Delete user", actor);
        sim.tenant.delete(act, user);
    }
}

fn erase(sim: &mut Sim, at: i64, user: Obj) {
    if sim.tenant.place(user, at) == Place::Bin {
        let admin = sim.admin();
        let act = sim.tenant.act(at, "Hard Delete user", admin);
        sim.tenant.purge(act, user);
    }
}

fn deleted(sim: &mut Sim, at: i64) -> Option<Obj> {
    let all: Vec<Obj> = sim
        .tenant
        .moves
        .keys()
        .copied()
        .filter(|obj| obj.ty == Ty::User && sim.tenant.place(*obj, at) == Place::Bin)
        .collect();
    sim.rng.pick(&all).copied()
}

pub(super) fn delete(sim: &mut Sim, at: i64) {
    if let Some(user) = sim.anybody(at) {
        remove(sim, at, user);
    }
}

pub(super) fn restore(sim: &mut Sim, at: i64) {
    match deleted(sim, at) {
        Some(user) => {
            let admin = sim.admin();
            let act = sim.tenant.act(at, "Restore user", admin);
            sim.tenant.restore(act, user);
        }
        None => {
            let Some(user) = sim.anybody(at) else { return };
            remove(sim, at, user);
            sim.later(days_on(at, 1), move |sim, at| {
                if sim.tenant.place(user, at) == Place::Bin {
                    let admin = sim.admin();
                    let act = sim.tenant.act(at, "Restore user", admin);
                    sim.tenant.restore(act, user);
                }
            });
        }
    }
}

pub(super) fn purge(sim: &mut Sim, at: i64) {
    match deleted(sim, at) {
        Some(user) => erase(sim, at, user),
        None => {
            let Some(user) = sim.anybody(at) else { return };
            remove(sim, at, user);
            sim.later(days_on(at, 1), move |sim, at| erase(sim, at, user));
        }
    }
}

pub(super) fn delete_and_purge(sim: &mut Sim, at: i64) {
    let Some(user) = sim.anybody(at) else { return };
    remove(sim, at, user);
    sim.later(at + 120, move |sim, at| erase(sim, at, user));
}

/// The same name under a new id.
pub(super) fn rebirth(sim: &mut Sim, at: i64) {
    let Some(user) = sim.anybody(at) else { return };
    let name = sim.tenant.value(user, "userPrincipalName", at);
    let display = sim.tenant.value(user, "displayName", at);
    remove(sim, at, user);
    sim.later(at + 300, move |sim, at| {
        newcomer(sim, at, &[("userPrincipalName", name), ("displayName", display)]);
    });
}

pub(super) fn manager(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let targets = sim.tenant.targets(user, "manager", at);
    let Some(old) = targets.first().copied() else { return };
    let managers = u64::from(sim.tenant.first_users / 10);
    let ix = u32::try_from(sim.rng.below(managers)).unwrap_or(0);
    let new = Obj { ty: Ty::User, ix };
    if new == old {
        return;
    }
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Set user manager", admin);
    sim.tenant.link(act, (user, "manager"), old, false);
    sim.tenant.link(act, (user, "manager"), new, true);
}

pub(super) fn sessions(sim: &mut Sim, at: i64) {
    let Some(user) = sim.any(Ty::User, at) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update StsRefreshTokenValidFrom Timestamp", admin);
    sim.tenant.set(act, user, "signInSessionsValidFromDateTime", &json!(rfc3339(at)));
}

pub(super) fn requirement(sim: &mut Sim, at: i64) {
    let Some(part) = sim.any(Ty::Requirements, at) else { return };
    let off = sim.tenant.word(part, "perUserMfaState", at) == "disabled";
    let admin = sim.admin();
    let act = sim.tenant.act(
        at,
        if off { "Enable Strong Authentication" } else { "Disable Strong Authentication" },
        admin,
    );
    sim.tenant.set(act, part, "perUserMfaState", &json!(if off { "enforced" } else { "disabled" }));
}
