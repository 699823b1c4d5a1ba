//! Planted stories: what an investigator is to find.

use serde_json::{Value, json};

use super::build::{self, GLOBAL_ADMINISTRATOR};
use super::clock::rfc3339;
use super::export::start_of;
use super::kinds::{Obj, Ty};
use super::recovery;
use super::sim::Sim;
use super::tenant::{Actor, Place};
use super::{Incident, SynthOptions};

const BULK: &str = "bulk-import";
const LOCK_OUT: &str = "lock-out";
const COMPROMISED: &str = "compromised-account";
pub(super) const RECOVERY: &str = "recovery";
/// The account that is taken over.
pub(super) const VICTIM: u32 = 6;
/// Users that the intruder deletes; the first is purged.
const DELETED: [u32; 4] = [17, 23, 31, 44];

/// The first day on which there is a backup, damage since, and a recovery.
const FIRST_RECOVERY: usize = 2;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;

/// Plans the stories that the options ask for.
pub(super) fn plan(sim: &mut Sim, options: &SynthOptions) {
    let days = usize::try_from(options.snapshots).unwrap_or(0);
    if days < 2 {
        return;
    }
    let middle = (days - 1) / 2;
    match options.incident {
        None => {}
        Some(Incident::BulkImport) => bulk_import(sim, middle),
        Some(Incident::LockOut) => lock_out(sim, middle),
        Some(Incident::CompromisedAccount) => compromised(sim, middle),
        Some(Incident::Woodgrove) => {
            let last = days - 2;
            bulk_import(sim, last.min(1));
            lock_out(sim, last.min(2));
            compromised(sim, last.min(3));
            if last >= FIRST_RECOVERY {
                recovery::plan(sim, options, last.min(4));
            }
        }
        Some(Incident::Recovery) => {
            bulk_import(sim, 1);
            lock_out(sim, 1);
            compromised(sim, 1);
            if days >= FIRST_RECOVERY + 2 {
                recovery::plan(sim, options, FIRST_RECOVERY);
            }
        }
    }
}

pub(super) fn step(
    sim: &mut Sim,
    at: i64,
    story: &'static str,
    (activity, actor): (&'static str, Actor),
    work: impl FnOnce(&mut Sim, super::acts::Act) + 'static,
) {
    sim.later(at, move |sim, at| {
        let act = sim.tenant.act(at, activity, actor);
        sim.tenant.story(act, Some(story));
        work(sim, act);
    });
}

pub(super) fn user(ix: u32) -> Obj {
    Obj { ty: Ty::User, ix }
}

/// An import with its columns shifted overwrites half the directory.
fn bulk_import(sim: &mut Sim, day: usize) {
    let start = start_of(day) + 11 * HOUR;
    let actor = Actor::User(3);
    step(sim, start - MINUTE, BULK, ("Bulk update users - started (bulk)", actor), |_, _| {});
    for ix in (8..sim.tenant.first_users.min(20_000)).filter(|ix| ix % 2 == 0) {
        step(sim, start + i64::from(ix % 1_500), BULK, ("Update user", actor), move |sim, act| {
            let target = user(ix);
            if !sim.tenant.is_live(target, act.at) {
                return;
            }
            let department = sim.tenant.value(target, "department", act.at);
            let office = sim.tenant.value(target, "officeLocation", act.at);
            sim.tenant.set(act, target, "jobTitle", &department);
            sim.tenant.set(act, target, "department", &office);
            sim.tenant.set(act, target, "officeLocation", &json!("#N/A"));
            sim.tenant.set(act, target, "mobilePhone", &Value::Null);
        });
    }
    let end = start + 30 * MINUTE;
    step(sim, end, BULK, ("Bulk update users - finished (bulk)", actor), |_, _| {});
}

/// A policy change that locks everybody out, and what is done in haste after it.
fn lock_out(sim: &mut Sim, day: usize) {
    let start = start_of(day) + 9 * HOUR;
    let actor = Actor::User(7);
    let update = ("Update conditional access policy", actor);
    let policy = |ix| Obj { ty: Ty::CaPolicy, ix };
    step(sim, start, LOCK_OUT, update, move |sim, act| {
        let all = policy(0);
        sim.tenant.set(act, all, "conditions.users.excludeUsers", &json!([]));
        sim.tenant.set(
            act,
            all,
            "grantControls.builtInControls",
            &json!(["compliantDevice", "mfa"]),
        );
        sim.tenant.set(act, all, "grantControls.operator", &json!("AND"));
    });
    step(sim, start + 4 * MINUTE, LOCK_OUT, ("Update named location", actor), |sim, act| {
        let office = Obj { ty: Ty::NamedLocation, ix: 0 };
        sim.tenant.set(act, office, "isTrusted", &json!(false));
    });
    step(sim, start + 6 * MINUTE, LOCK_OUT, ("Delete named location", actor), |sim, act| {
        sim.tenant.delete(act, Obj { ty: Ty::NamedLocation, ix: 0 });
    });
    step(sim, start + 9 * MINUTE, LOCK_OUT, update, move |sim, act| {
        let places = policy(5);
        sim.tenant.set(act, places, "conditions.locations.excludeLocations", &json!([]));
        sim.tenant.set(act, places, "grantControls.builtInControls", &json!(["block"]));
        sim.tenant.set(act, places, "conditions.users.includeUsers", &json!(["All"]));
    });
    step(sim, start + 40 * MINUTE, LOCK_OUT, ("Disable account", Actor::User(4)), |sim, act| {
        sim.tenant.set(act, user(2), "accountEnabled", &json!(false));
    });
    step(
        sim,
        start + 3 * HOUR,
        LOCK_OUT,
        ("Delete conditional access policy", Actor::User(0)),
        move |sim, act| {
            sim.tenant.delete(act, policy(7));
        },
    );
}

/// A taken-over account: weaker sign-in, a credential, a role, deletions, a purge.
fn compromised(sim: &mut Sim, day: usize) {
    let start = start_of(day) + 17 * HOUR;
    let actor = Actor::User(VICTIM);
    weaken(sim, start, actor);
    credential(sim, start + 10 * MINUTE, actor);
    let principal = Obj { ty: Ty::ServicePrincipal, ix: 5 };
    step(
        sim,
        start + 20 * MINUTE,
        COMPROMISED,
        ("Add member to role", Actor::App(principal)),
        |sim, act| {
            let id = build::fixed(&sim.tenant, "stolen role", 0);
            let record =
                build::assignment(&id, &sim.tenant.key(user(VICTIM)), GLOBAL_ADMINISTRATOR, "/");
            sim.tenant.create(act, Ty::RoleAssignment, None, record);
        },
    );
    step(sim, start + 22 * MINUTE, COMPROMISED, ("Invite external user", actor), |sim, act| {
        let attributes = [
            (
                "userPrincipalName",
                json!("help.desk_fabrikam.example#EXT#@woodgrove.onmicrosoft.example"),
            ),
            ("displayName", json!("Help Desk")),
            ("userType", json!("Guest")),
            ("department", Value::Null),
        ];
        sim.tenant.create_user(act, &attributes);
    });
    for (number, ix) in (0..).zip(DELETED) {
        step(
            sim,
            start + (30 + number) * MINUTE,
            COMPROMISED,
            ("Delete user", actor),
            move |sim, act| {
                if sim.tenant.is_live(user(ix), act.at) {
                    sim.tenant.delete(act, user(ix));
                }
            },
        );
    }
    step(sim, start + 40 * MINUTE, COMPROMISED, ("Hard Delete user", actor), |sim, act| {
        let [first, ..] = DELETED;
        if sim.tenant.place(user(first), act.at) == Place::Bin {
            sim.tenant.purge(act, user(first));
        }
    });
    step(sim, start + 45 * MINUTE, COMPROMISED, ("Delete group", actor), |sim, act| {
        sim.tenant.delete(act, Obj { ty: Ty::Group, ix: 13 });
    });
}

fn weaken(sim: &mut Sim, start: i64, actor: Actor) {
    let policy = |ix| Obj { ty: Ty::CaPolicy, ix };
    step(sim, start, COMPROMISED, ("Authentication Methods Policy Update", actor), |sim, act| {
        let methods = Obj { ty: Ty::AuthMethods, ix: 0 };
        let path = "authenticationMethodConfigurations";
        let mut items =
            sim.tenant.value(methods, path, act.at).as_array().cloned().unwrap_or_default();
        for item in &mut items {
            let weak = ["Sms", "Voice"].iter().any(|id| item.get("id") == Some(&json!(id)));
            if let (true, Some(state)) = (weak, item.get_mut("state")) {
                *state = json!("enabled");
            }
        }
        sim.tenant.set(act, methods, path, &Value::Array(items));
    });
    let update = ("Update conditional access policy", actor);
    step(sim, start + 2 * MINUTE, COMPROMISED, update, move |sim, act| {
        let after = json!("enabledForReportingButNotEnforced");
        sim.tenant.set(act, policy(1), "state", &after);
    });
    step(sim, start + 3 * MINUTE, COMPROMISED, update, move |sim, act| {
        let after = json!([sim.tenant.key(user(VICTIM))]);
        sim.tenant.set(act, policy(0), "conditions.users.excludeUsers", &after);
    });
    step(
        sim,
        start + 5 * MINUTE,
        COMPROMISED,
        ("Disable Strong Authentication", actor),
        |sim, act| {
            let part = Obj { ty: Ty::Requirements, ix: 0 };
            sim.tenant.set(act, part, "perUserMfaState", &json!("disabled"));
        },
    );
}

fn credential(sim: &mut Sim, start: i64, actor: Actor) {
    let activity = "Update application – Certificates and secrets management";
    let app = Obj { ty: Ty::Application, ix: 0 };
    step(sim, start, COMPROMISED, (activity, actor), move |sim, act| {
        let path = "passwordCredentials";
        let mut items = sim.tenant.value(app, path, act.at).as_array().cloned().unwrap_or_default();
        let key = build::fixed(&sim.tenant, "stolen secret", 0);
        items.push(build::password(&key, "maintenance", &rfc3339(act.at), "2036-11-01T00:00:00Z"));
        sim.tenant.set(act, app, path, &Value::Array(items));
    });
    step(sim, start + MINUTE, COMPROMISED, ("Update application", actor), move |sim, act| {
        let record = build::federated(&sim.tenant, 9_000, "hidden");
        sim.tenant.create(
            act,
            Ty::FederatedCredential,
            Some(Obj { ty: Ty::Application, ix: 1 }),
            record,
        );
    });
    step(
        sim,
        start + 3 * MINUTE,
        COMPROMISED,
        ("Add owner to application", actor),
        move |sim, act| {
            sim.tenant.link(act, (app, "owners"), user(VICTIM), true);
        },
    );
    step(
        sim,
        start + 5 * MINUTE,
        COMPROMISED,
        ("Add delegated permission grant", actor),
        |sim, act| {
            let grant = Obj { ty: Ty::Grant, ix: 0 };
            let after = json!("User.Read openid profile Directory.AccessAsUser.All Mail.ReadWrite");
            sim.tenant.set(act, grant, "scope", &after);
        },
    );
    let grant = "Add app role assignment to service principal";
    step(sim, start + 6 * MINUTE, COMPROMISED, (grant, actor), |sim, act| {
        let graph = Obj { ty: Ty::ServicePrincipal, ix: 0 };
        let client = Obj { ty: Ty::ServicePrincipal, ix: 5 };
        let role = "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8";
        let record = build::app_role_assignment(&sim.tenant, 9_000, client, graph, role);
        sim.tenant.create(act, Ty::AppRoleAssignment, Some(graph), record);
    });
}
