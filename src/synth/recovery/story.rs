//! What a recovery finds, what it does and misses, and what happens after it.

use serde_json::{Value, json};

use super::super::SynthOptions;
use super::super::acts::Act;
use super::super::export::start_of;
use super::super::kinds::{Obj, Ty};
use super::super::sim::Sim;
use super::super::story::{RECOVERY, VICTIM, step, user};
use super::super::tenant::{Actor, Place};
use super::list::of_object;
use super::{
    ACTOR, Action, Failure, HOUR, Listed, MINUTE, Recovery, Ticket, difference, is_synced,
};

const WANTED: &str = "wanted";
const ATTACK: &str = "compromised-account";
const AFTERMATH: &str = "aftermath";

/// Whom the recovery gives a title that is not that of the backup.
const MISTAKEN: u32 = 24;
/// Whom an administrator gives another title after the recovery.
const RETITLED: u32 = 28;
/// Users whose values cannot be written; the second is deleted later.
const REFUSED: [u32; 2] = [34, 38];
/// Who is changed again on the next day.
const CHANGED_AGAIN: u32 = 48;
/// Whom the import meets again on the next day.
const IMPORTED_AGAIN: u32 = 54;
/// Who is no longer synchronised when the recovery runs.
const CONVERTED: u32 = 16;
/// Who is promoted.
const PROMOTED: u32 = 57;
/// Who gets another manager.
const REASSIGNED: u32 = 47;
/// Who is purged before the recovery, and who cannot be restored.
const PURGED: u32 = 31;
const STUCK: u32 = 44;
/// The group that the intruder joins.
const TIER_ZERO: Obj = Obj { ty: Ty::Group, ix: 2 };
/// The policy that cannot be written.
const REFUSED_POLICY: Obj = Obj { ty: Ty::CaPolicy, ix: 5 };
/// The policy that is deleted, restored, and deleted again.
const DELETED_POLICY: Obj = Obj { ty: Ty::CaPolicy, ix: 7 };
const AUTHORIZATION: Obj = Obj { ty: Ty::Authorization, ix: 0 };
/// The application that gets a credential and an owner.
const ATTACKED_APP: Obj = Obj { ty: Ty::Application, ix: 0 };

/// Objects that a recovery of selected objects is limited to.
pub(super) const SELECTED: &[Obj] = &[
    Obj { ty: Ty::User, ix: 8 },
    Obj { ty: Ty::User, ix: 14 },
    Obj { ty: Ty::User, ix: MISTAKEN },
    Obj { ty: Ty::User, ix: RETITLED },
    Obj { ty: Ty::User, ix: REFUSED[0] },
    TIER_ZERO,
];

/// Plans the recovery of a day, the damage that only it shows, and what follows.
pub(in super::super) fn plan(sim: &mut Sim, options: &SynthOptions, day: usize) {
    sim.tenant.recovery = Some(Recovery::new(day, options));
    intrude(sim, start_of(day - 1) + 17 * HOUR);
    want(sim, start_of(day - 1) + 5 * HOUR);
    let start = start_of(day) + 8 * HOUR;
    purge(sim, start - 2 * HOUR);
    sim.later(start + MINUTE, recover);
    aftermath(sim, start + 3 * HOUR);
    next_day(sim, start_of(day + 1) + 6 * HOUR);
}

/// More of what the taken-over account does.
fn intrude(sim: &mut Sim, start: i64) {
    let actor = Actor::User(VICTIM);
    step(sim, start + 50 * MINUTE, ATTACK, ("Add member to group", actor), |sim, act| {
        sim.tenant.link(act, (TIER_ZERO, "members"), user(VICTIM), true);
    });
    step(sim, start + 51 * MINUTE, ATTACK, ("Remove member from group", actor), |sim, act| {
        sim.tenant.link(act, (TIER_ZERO, "members"), user(3), false);
    });
    let update = ("Update authorization policy", actor);
    step(sim, start + 52 * MINUTE, ATTACK, update, |sim, act| {
        let member = json!("a0b1b346-4d3e-4e8b-98f8-753987be4970");
        sim.tenant.set(act, AUTHORIZATION, "guestUserRoleId", &member);
        sim.tenant.set(act, AUTHORIZATION, "allowInvitesFrom", &json!("everyone"));
    });
    for ix in 0..3 {
        step(sim, start + 53 * MINUTE, ATTACK, ("Update device", actor), move |sim, act| {
            let device = Obj { ty: Ty::Device, ix };
            if sim.tenant.is_live(device, act.at) {
                let off = sim.tenant.value(device, "accountEnabled", act.at) == json!(false);
                sim.tenant.set(act, device, "accountEnabled", &json!(off));
            }
        });
    }
    let service = Actor::Service("DirectorySync");
    step(sim, start + 55 * MINUTE, WANTED, ("Update user", service), |sim, act| {
        if sim.tenant.is_live(user(CONVERTED), act.at) {
            sim.tenant.set(act, user(CONVERTED), "onPremisesSyncEnabled", &json!(false));
        }
    });
}

/// Changes that are on a ticket.
fn want(sim: &mut Sim, start: i64) {
    let actor = Actor::User(2);
    step(sim, start, WANTED, ("Add user", actor), |sim, act| {
        let attributes = [
            ("jobTitle", json!("Teller")),
            ("onPremisesSyncEnabled", Value::Null),
            ("onPremisesLastSyncDateTime", Value::Null),
        ];
        let newcomer = sim.tenant.create_user(act, &attributes);
        wanted(sim, act, "CHG-1001", newcomer, "");
    });
    step(sim, start + MINUTE, WANTED, ("Update user", actor), |sim, act| {
        if sim.tenant.is_live(user(PROMOTED), act.at) {
            sim.tenant.set(act, user(PROMOTED), "jobTitle", &json!("Head of Lending"));
            wanted(sim, act, "CHG-1002", user(PROMOTED), "jobTitle");
        }
    });
    step(sim, start + 2 * MINUTE, WANTED, ("Set user manager", actor), |sim, act| {
        let person = user(REASSIGNED);
        let old = sim.tenant.targets(person, "manager", act.at).first().copied();
        if let (Some(old), true) = (old, sim.tenant.is_live(person, act.at)) {
            let new = user(if old.ix == 1 { 2 } else { 1 });
            sim.tenant.link(act, (person, "manager"), old, false);
            sim.tenant.link(act, (person, "manager"), new, true);
            wanted(sim, act, "CHG-1003", person, "manager");
        }
    });
}

fn wanted(sim: &mut Sim, act: Act, name: &'static str, obj: Obj, attribute: &'static str) {
    let (since, until) = (act.at - HOUR, act.at + HOUR);
    if let Some(recovery) = sim.tenant.recovery.as_mut() {
        recovery.tickets.push(Ticket { name, obj, attribute, since, until });
    }
}

fn purge(sim: &mut Sim, at: i64) {
    step(sim, at, ATTACK, ("Hard Delete user", Actor::User(VICTIM)), |sim, act| {
        if sim.tenant.place(user(PURGED), act.at) == Place::Bin {
            sim.tenant.purge(act, user(PURGED));
        }
    });
}

/// Goes through what differs and puts it back, object by object; synchronised objects, grants and assignments are listed
/// and left as they are.
fn recover(sim: &mut Sim, start: i64) {
    let rows = difference(&sim.tenant, Recovery::target(), start);
    let rows: Vec<Listed> = rows
        .into_iter()
        .filter(|row| sim.tenant.recovery.as_ref().is_some_and(|one| one.holds(row.obj)))
        .filter(|row| !is_synced(&sim.tenant, row.obj, start))
        .filter(|row| !matches!(row.obj.ty, Ty::Grant | Ty::AppRoleAssignment))
        .collect();
    let rank = |row: &Listed| match (row.action, row.members.is_empty()) {
        (Action::Restore, _) => 0,
        (Action::Update, true) => 1,
        (Action::Update, false) => 2,
        (Action::SoftDelete, _) => 3,
    };
    let mut rows = rows;
    rows.sort_by_key(rank);
    let seconds = 17 * MINUTE / i64::try_from(rows.len().max(1)).unwrap_or(1);
    for (number, row) in (0..).zip(rows) {
        sim.later(start + number * seconds.max(1), move |sim, at| one(sim, at, row.obj));
    }
}

fn refusal(row: &Listed) -> Option<&'static str> {
    match row.action {
        Action::Restore if row.obj == user(STUCK) => {
            Some("400: Conflict on deletedDateTime: the object is being purged.")
        }
        Action::Update if REFUSED.iter().any(|ix| row.obj == user(*ix)) => {
            Some("400: Another object with the same value for property proxyAddresses exists.")
        }
        Action::Update if row.obj == REFUSED_POLICY => {
            Some("400: The policy refers to a named location that does not exist.")
        }
        Action::Update | Action::Restore | Action::SoftDelete => None,
    }
}

fn activity(obj: Obj, action: Action) -> &'static str {
    const NAMES: &[(Ty, [&str; 3])] = &[
        (Ty::User, ["Update user", "Restore user", "Delete user"]),
        (Ty::Group, ["Update group", "Restore group", "Delete group"]),
        (Ty::Application, ["Update application", "Restore application", "Delete application"]),
        (
            Ty::ServicePrincipal,
            ["Update service principal", "Restore service principal", "Remove service principal"],
        ),
        (
            Ty::CaPolicy,
            [
                "Update conditional access policy",
                "Restore policy",
                "Delete conditional access policy",
            ],
        ),
        (Ty::NamedLocation, ["Update named location", "Restore policy", "Delete named location"]),
        (Ty::AuthMethods, ["Authentication Methods Policy Update", "", ""]),
        (Ty::Authorization, ["Update authorization policy", "", ""]),
    ];
    let names = NAMES.iter().find(|(ty, _)| *ty == obj.ty).map_or([""; 3], |(_, names)| *names);
    let [update, restore, delete] = names;
    match action {
        Action::Update => update,
        Action::Restore => restore,
        Action::SoftDelete => delete,
    }
}

fn begin(sim: &mut Sim, at: i64, activity: &'static str) -> Act {
    let act = sim.tenant.act(at, activity, Actor::Service(ACTOR));
    sim.tenant.story(act, Some(RECOVERY));
    act
}

/// Puts one object back, from what it is now.
fn one(sim: &mut Sim, at: i64, obj: Obj) {
    let mut row = of_object(&sim.tenant, obj, Recovery::target(), at);
    for part in sim.tenant.all(Ty::Requirements).filter(|_| obj.ty == Ty::User) {
        if sim.tenant.parent(part) != Some(obj) {
            continue;
        }
        if let Some(found) = of_object(&sim.tenant, part, Recovery::target(), at) {
            let row = row.get_or_insert_with(|| Listed { obj, ..found.clone() });
            if row.attributes.iter().all(|(holder, ..)| *holder != part) {
                row.attributes.extend(found.attributes);
            }
        }
    }
    let Some(mut row) = row else { return };
    if let Some(message) = refusal(&row) {
        fail(sim, row, message);
        return;
    }
    if obj == TIER_ZERO {
        let intruder = row.members.iter().position(|(one, remove)| *one == user(VICTIM) && *remove);
        if let Some(place) = intruder {
            let members = vec![row.members.remove(place)];
            let failed = Listed { attributes: Vec::new(), members, ..row.clone() };
            fail(sim, failed, "403: The member of a role-assignable group cannot be removed.");
        }
    }
    if row.action != Action::Update || !row.attributes.is_empty() {
        whole(sim, at, &row);
    }
    for (target, remove) in &row.members {
        if *remove || sim.tenant.is_live(*target, at) {
            let name = if *remove { "Remove member from group" } else { "Add member to group" };
            let act = begin(sim, at, name);
            sim.tenant.link(act, (obj, "members"), *target, !remove);
            count(sim, 0, 1);
        }
    }
}

fn whole(sim: &mut Sim, at: i64, row: &Listed) {
    let act = begin(sim, at, activity(row.obj, row.action));
    match row.action {
        Action::Update => {}
        Action::Restore => sim.tenant.restore(act, row.obj),
        Action::SoftDelete => sim.tenant.delete(act, row.obj),
    }
    for (holder, path, old, _) in &row.attributes {
        let mistaken = row.obj == user(MISTAKEN) && path == "jobTitle";
        let value = if mistaken { &json!("Analyst (restored)") } else { old };
        sim.tenant.set(act, *holder, path, value);
    }
    // The service never restores the trust in a location.
    if row.obj.ty == Ty::NamedLocation && row.action == Action::Restore {
        sim.tenant.set(act, row.obj, "isTrusted", &json!(false));
    }
    count(sim, 1, 0);
}

fn count(sim: &mut Sim, objects: u64, links: u64) {
    if let Some(recovery) = sim.tenant.recovery.as_mut() {
        recovery.objects_modified += objects;
        recovery.links_modified += links;
    }
}

fn fail(sim: &mut Sim, listed: Listed, message: &'static str) {
    if let Some(recovery) = sim.tenant.recovery.as_mut() {
        recovery.failures.push(Failure { listed, message });
    }
}

/// What administrators do after the recovery, before anybody looks.
fn aftermath(sim: &mut Sim, start: i64) {
    let actor = Actor::User(2);
    step(sim, start, AFTERMATH, ("Update user", actor), |sim, act| {
        change(sim, act, user(RETITLED), "jobTitle", &json!("Deputy Treasurer"));
    });
    step(sim, start + MINUTE, AFTERMATH, ("Delete user", actor), |sim, act| {
        let [_, second] = REFUSED;
        if sim.tenant.is_live(user(second), act.at) {
            sim.tenant.delete(act, user(second));
        }
    });
    step(sim, start + 2 * MINUTE, AFTERMATH, ("Add member to group", actor), |sim, act| {
        sim.tenant.link(act, (TIER_ZERO, "members"), user(7), true);
    });
    step(sim, start + 3 * MINUTE, AFTERMATH, ("Add owner to application", actor), |sim, act| {
        let owners = sim.tenant.targets(ATTACKED_APP, "owners", act.at);
        let other = (1..4).map(user).find(|one| !owners.contains(one));
        if let Some(other) = other {
            sim.tenant.link(act, (ATTACKED_APP, "owners"), other, true);
        }
    });
    step(sim, start + 4 * MINUTE, AFTERMATH, ("Update application", actor), |sim, act| {
        change(sim, act, ATTACKED_APP, "notes", &json!("Under review"));
    });
}

/// What comes back a day later.
fn next_day(sim: &mut Sim, start: i64) {
    let actor = Actor::User(2);
    step(sim, start, AFTERMATH, ("Update user", actor), |sim, act| {
        change(sim, act, user(CHANGED_AGAIN), "jobTitle", &json!("Branch Coordinator"));
    });
    step(sim, start + MINUTE, AFTERMATH, ("Update user", Actor::User(3)), |sim, act| {
        change(sim, act, user(IMPORTED_AGAIN), "officeLocation", &json!("#N/A"));
    });
    let delete = ("Delete conditional access policy", Actor::User(0));
    step(sim, start + 2 * MINUTE, AFTERMATH, delete, |sim, act| {
        if sim.tenant.is_live(DELETED_POLICY, act.at) {
            sim.tenant.delete(act, DELETED_POLICY);
        }
    });
}

fn change(sim: &mut Sim, act: Act, obj: Obj, path: &str, after: &Value) {
    if sim.tenant.is_live(obj, act.at) {
        sim.tenant.set(act, obj, path, after);
    }
}
