//! Grants of applications and per-user requirements.

use serde_json::{Value, json};

use super::super::kinds::{Obj, Ty};
use super::super::rng::Rng;
use super::super::tenant::Tenant;
use super::{Extent, fixed, past};

/// The record of an app role assignment: principal, resource, role.
pub(in super::super) fn app_role_assignment(
    tenant: &Tenant,
    number: u32,
    principal: Obj,
    resource: Obj,
    role: &str,
) -> Value {
    let kind = if principal.ty == Ty::User { "User" } else { "ServicePrincipal" };
    json!({
        "id": fixed(tenant, "appRoleAssignment", number).replace('-', ""),
        "deletedDateTime": null,
        "appRoleId": role,
        "principalId": tenant.key(principal),
        "principalType": kind,
        "resourceId": tenant.key(resource),
    })
}

pub(super) fn build(tenant: &mut Tenant, rng: &mut Rng, extent: Extent) {
    let all: Vec<Obj> = tenant.all(Ty::ServicePrincipal).collect();
    let Some(graph) = all.first().copied() else { return };
    let roles: Vec<String> = tenant
        .record(graph)
        .and_then(|record| record.base.get("appRoles"))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|role| Some(role.get("id")?.as_str()?.to_owned()))
        .collect();
    let own: Vec<Obj> =
        all.iter().copied().skip(5).take(usize::try_from(extent.apps).unwrap_or(0)).collect();
    let mut number = 0;
    for (step, client) in own.iter().enumerate().filter(|(step, _)| step % 2 == 0) {
        let role = roles.get(step % roles.len().max(1)).cloned().unwrap_or_default();
        let record = app_role_assignment(tenant, number, *client, graph, &role);
        tenant.found(Ty::AppRoleAssignment, Some(graph), record);
        number += 1;
    }
    for resource in own.iter().step_by(3) {
        for _ in 0..3 {
            let ix = u32::try_from(rng.below(u64::from(extent.users))).unwrap_or(0);
            let user = Obj { ty: Ty::User, ix };
            let none = "00000000-0000-0000-0000-000000000000";
            let record = app_role_assignment(tenant, number, user, *resource, none);
            tenant.found(Ty::AppRoleAssignment, Some(*resource), record);
            number += 1;
        }
    }
    for (number, client) in (0..).zip(all.iter().skip(5)) {
        grant(tenant, number, *client, graph);
    }
    for number in 0..6 {
        let user = Obj { ty: Ty::User, ix: number * 2 + 1 };
        let record = json!({"perUserMfaState": if number < 4 { "enforced" } else { "disabled" }});
        tenant.found(Ty::Requirements, Some(user), record);
    }
}

fn grant(tenant: &mut Tenant, number: u32, client: Obj, resource: Obj) {
    let user = Obj { ty: Ty::User, ix: number % 8 };
    let personal = number % 3 == 1;
    let record = json!({
        "id": fixed(tenant, "grant", number).replace('-', ""),
        "clientId": tenant.key(client),
        "consentType": if personal { "Principal" } else { "AllPrincipals" },
        "principalId": if personal { json!(tenant.key(user)) } else { Value::Null },
        "resourceId": tenant.key(resource),
        "scope": if number.is_multiple_of(2) { "User.Read openid profile" } else { " User.Read offline_access" },
        "startTime": past(tenant, "grant", number),
        "expiryTime": "2027-11-01T00:00:00Z",
    });
    tenant.found(Ty::Grant, None, record);
}
