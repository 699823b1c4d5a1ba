//! Everyday changes of policies and roles.

use serde_json::{Value, json};

use super::super::build::{self, GLOBAL_ADMINISTRATOR, ROLES};
use super::super::clock::rfc3339;
use super::super::kinds::{Obj, Ty};
use super::super::sim::Sim;
use super::super::tenant::Place;

const CA: &str = "Update conditional access policy";

fn list(sim: &Sim, obj: Obj, path: &str, at: i64) -> Vec<Value> {
    sim.tenant.value(obj, path, at).as_array().cloned().unwrap_or_default()
}

pub(super) fn conditional(sim: &mut Sim, at: i64) {
    let Some(policy) = sim.any(Ty::CaPolicy, at) else { return };
    let Some(user) = sim.any(Ty::User, at) else { return };
    let (path, after) = match sim.rng.below(5) {
        0 => (
            "state",
            json!(sim.rng.pick(&["enabled", "disabled", "enabledForReportingButNotEnforced"])),
        ),
        1 => {
            let mut users = list(sim, policy, "conditions.users.excludeUsers", at);
            users.push(json!(sim.tenant.key(user)));
            ("conditions.users.excludeUsers", Value::Array(users))
        }
        2 => ("grantControls.builtInControls", json!(["compliantDevice", "mfa"])),
        3 => ("conditions.clientAppTypes", json!(["browser", "mobileAppsAndDesktopClients"])),
        _ => (
            "conditions.users.includeRoles",
            json!([GLOBAL_ADMINISTRATOR, "fe930be7-5e62-47db-91af-98c3a49a38b1"]),
        ),
    };
    let admin = sim.admin();
    let act = sim.tenant.act(at, CA, admin);
    sim.tenant.set(act, policy, path, &after);
}

/// A whole complex value comes or goes.
pub(super) fn session(sim: &mut Sim, at: i64) {
    let Some(policy) = sim.any(Ty::CaPolicy, at) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, CA, admin);
    let frequency = sim.tenant.value(policy, "sessionControls.signInFrequency.value", at);
    if frequency.is_null() {
        let after = json!({"authenticationType": "primaryAndSecondaryAuthentication", "frequencyInterval": "timeBased", "isEnabled": true, "type": "hours", "value": 4});
        sim.tenant.set(act, policy, "sessionControls.signInFrequency", &after);
    } else {
        sim.tenant.set(act, policy, "sessionControls", &Value::Null);
    }
}

pub(super) fn create(sim: &mut Sim, at: i64) {
    let number = sim.fresh();
    let record =
        build::ca_policy(&sim.tenant, number, &format!("New policy {number}"), &rfc3339(at));
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Add conditional access policy", admin);
    sim.tenant.create(act, Ty::CaPolicy, None, record);
}

pub(super) fn delete(sim: &mut Sim, at: i64) {
    let (ty, activity) = if sim.rng.chance(2, 3) {
        (Ty::CaPolicy, "Delete conditional access policy")
    } else {
        (Ty::NamedLocation, "Delete named location")
    };
    let Some(obj) = sim.any(ty, at) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, activity, admin);
    sim.tenant.delete(act, obj);
}

pub(super) fn restore(sim: &mut Sim, at: i64) {
    for ty in [Ty::CaPolicy, Ty::NamedLocation] {
        let all = sim.tenant.all(ty);
        let Some(obj) = all.into_iter().find(|obj| sim.tenant.place(*obj, at) == Place::Bin) else {
            continue;
        };
        let admin = sim.admin();
        let act = sim.tenant.act(at, "Restore policy", admin);
        sim.tenant.restore(act, obj);
        if ty == Ty::NamedLocation && sim.tenant.value(obj, "isTrusted", at) == json!(true) {
            sim.tenant.set(act, obj, "isTrusted", &json!(false));
        }
        return;
    }
}

pub(super) fn location(sim: &mut Sim, at: i64) {
    let Some(place) = sim.any(Ty::NamedLocation, at) else { return };
    let number = sim.fresh();
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update named location", admin);
    if sim.tenant.value(place, "ipRanges", at).is_null() {
        let after = json!(["AQ", "BV", "HM"]);
        sim.tenant.set(act, place, "countriesAndRegions", &after);
        sim.tenant.set(
            act,
            place,
            "includeUnknownCountriesAndRegions",
            &json!(number.is_multiple_of(2)),
        );
        return;
    }
    let mut ranges = list(sim, place, "ipRanges", at);
    ranges.push(json!({"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": format!("192.0.2.{}/32", number % 250)}));
    sim.tenant.set(act, place, "ipRanges", &Value::Array(ranges));
}

pub(super) fn authorization(sim: &mut Sim, at: i64) {
    let policy = Obj { ty: Ty::Authorization, ix: 0 };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update authorization policy", admin);
    match sim.rng.below(3) {
        0 => {
            let path = "defaultUserRolePermissions.allowedToCreateApps";
            let on = sim.tenant.value(policy, path, at) == json!(true);
            sim.tenant.set(act, policy, path, &json!(!on));
        }
        1 => {
            let after = json!(sim.rng.pick(&["everyone", "none", "adminsAndGuestInviters"]));
            sim.tenant.set(act, policy, "allowInvitesFrom", &after);
        }
        _ => {
            let after = json!("a0b1b346-4d3e-4e8b-98f8-753987be4970");
            sim.tenant.set(act, policy, "guestUserRoleId", &after);
        }
    }
}

pub(super) fn methods(sim: &mut Sim, at: i64) {
    let policy = Obj { ty: Ty::AuthMethods, ix: 0 };
    let path = "authenticationMethodConfigurations";
    let mut items = list(sim, policy, path, at);
    let at_random = sim.rng.position(items.len());
    if let Some(state) = items.get_mut(at_random).and_then(|item| item.get_mut("state")) {
        *state = json!(if *state == json!("enabled") { "disabled" } else { "enabled" });
    }
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Authentication Methods Policy Update", admin);
    sim.tenant.set(act, policy, path, &Value::Array(items));
}

pub(super) fn strength(sim: &mut Sim, at: i64) {
    let Some(policy) = sim.any(Ty::AuthStrength, at) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Authentication Strength Policy Update", admin);
    let after = json!(["fido2", "password,sms"]);
    sim.tenant.set(act, policy, "allowedCombinations", &after);
}

pub(super) fn trust(sim: &mut Sim, at: i64) {
    let policy = Obj { ty: Ty::XtapDefault, ix: 0 };
    let on = sim.tenant.value(policy, "inboundTrust.isMfaAccepted", at) == json!(true);
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update the company default cross-tenant access setting", admin);
    sim.tenant.set(act, policy, "inboundTrust.isMfaAccepted", &json!(!on));
}

pub(super) fn partner(sim: &mut Sim, at: i64) {
    let admin = sim.admin();
    match sim.rng.below(3) {
        0 => {
            let number = sim.fresh();
            let record = build::partner(&sim.tenant, number);
            let act = sim.tenant.act(at, "Add a partner to cross-tenant access setting", admin);
            sim.tenant.create(act, Ty::XtapPartner, None, record);
        }
        1 => {
            let Some(one) = sim.any(Ty::XtapPartner, at) else { return };
            let act = sim.tenant.act(at, "Update a partner cross-tenant access setting", admin);
            let path = "b2bCollaborationInbound.usersAndGroups.accessType";
            let open = sim.tenant.word(one, path, at) == "allowed";
            sim.tenant.set(act, one, path, &json!(if open { "blocked" } else { "allowed" }));
        }
        _ => {
            let Some(one) = sim.any(Ty::XtapPartner, at) else { return };
            let act =
                sim.tenant.act(at, "Delete partner specific cross-tenant access setting", admin);
            sim.tenant.delete(act, one);
        }
    }
}

pub(super) fn federation(sim: &mut Sim, at: i64) {
    let number = sim.fresh();
    let admin = sim.admin();
    if sim.rng.chance(1, 2) {
        let one = Obj { ty: Ty::DomainFederation, ix: 0 };
        let act = sim.tenant.act(at, "Set federation settings on domain", admin);
        let after = json!(format!("bWFkZSB1cCBjZXJ0aWZpY2F0ZSBudW1iZXIg{number}"));
        sim.tenant.set(act, one, "signingCertificate", &after);
    } else {
        let one = Obj { ty: Ty::Domain, ix: 2 };
        let managed = sim.tenant.word(one, "authenticationType", at) == "Managed";
        let act = sim.tenant.act(at, "Set domain authentication", admin);
        let after = json!(if managed { "Federated" } else { "Managed" });
        sim.tenant.set(act, one, "authenticationType", &after);
    }
}

pub(super) fn security_defaults(sim: &mut Sim, at: i64) {
    let policy = Obj { ty: Ty::SecurityDefaults, ix: 0 };
    let on = sim.tenant.value(policy, "isEnabled", at) == json!(true);
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update security defaults", admin);
    sim.tenant.set(act, policy, "isEnabled", &json!(!on));
}

pub(super) fn custom_role(sim: &mut Sim, at: i64) {
    let ix = u32::try_from(ROLES.len()).unwrap_or(0);
    let role = Obj { ty: Ty::RoleDefinition, ix };
    let number = sim.fresh();
    let after = json!([{"allowedResourceActions": ["microsoft.directory/applications/credentials/update", format!("microsoft.directory/made{number}/read")], "condition": null}]);
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update role definition", admin);
    sim.tenant.set(act, role, "rolePermissions", &after);
}

pub(super) fn assignment(sim: &mut Sim, at: i64) {
    let admin = sim.admin();
    if sim.rng.chance(1, 3) {
        let Some(one) = sim.any(Ty::RoleAssignment, at).filter(|one| one.ix > 7) else { return };
        let act = sim.tenant.act(at, "Remove member from role", admin);
        sim.tenant.delete(act, one);
        return;
    }
    let Some(user) = sim.any(Ty::User, at) else { return };
    let (role, _) = sim.rng.pick(ROLES).copied().unwrap_or_default();
    let number = sim.fresh();
    let id = build::fixed(&sim.tenant, "new assignment", number);
    let record = build::assignment(&id, &sim.tenant.key(user), role, "/");
    let act = sim.tenant.act(at, "Add member to role", admin);
    sim.tenant.create(act, Ty::RoleAssignment, None, record);
}

/// An assignment over a unit becomes one over the tenant.
pub(super) fn widen(sim: &mut Sim, at: i64) {
    let scoped = sim.tenant.live(Ty::RoleAssignment, at).into_iter().find(|one| {
        sim.tenant.word(*one, "directoryScopeId", at).starts_with("/administrativeUnits/")
    });
    let Some(one) = scoped else { return };
    let number = sim.fresh();
    let id = build::fixed(&sim.tenant, "new assignment", number);
    let principal = sim.tenant.word(one, "principalId", at);
    let role = sim.tenant.word(one, "roleDefinitionId", at);
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Remove scoped member from role", admin);
    sim.tenant.delete(act, one);
    let act = sim.tenant.act(at, "Add member to role", admin);
    let record = build::assignment(&id, &principal, &role, "/");
    sim.tenant.create(act, Ty::RoleAssignment, None, record);
}

/// The same assignment under a new id: no change.
pub(super) fn assign_again(sim: &mut Sim, at: i64) {
    let Some(one) = sim.any(Ty::RoleAssignment, at) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Add member to role", admin);
    sim.tenant.recreate(act, one);
}

pub(super) fn eligibility(sim: &mut Sim, at: i64) {
    let admin = sim.admin();
    if sim.rng.chance(1, 3) {
        let Some(one) = sim.any(Ty::Eligibility, at) else { return };
        let act = sim.tenant.act(
            at,
            "Remove eligible member from role in PIM completed (permanent)",
            admin,
        );
        sim.tenant.delete(act, one);
        return;
    }
    let Some(user) = sim.anybody(at) else { return };
    let (role, _) = sim.rng.pick(ROLES).copied().unwrap_or_default();
    let number = sim.fresh();
    let id = build::fixed(&sim.tenant, "new eligibility", number);
    let record = build::eligibility(&id, &sim.tenant.key(user), role, &rfc3339(at));
    if sim.tenant.find(Ty::Eligibility, &format!("{}|{role}|/|", sim.tenant.key(user))).is_some() {
        return;
    }
    let act = sim.tenant.act(at, "Add eligible member to role in PIM completed (permanent)", admin);
    sim.tenant.create(act, Ty::Eligibility, None, record);
}
