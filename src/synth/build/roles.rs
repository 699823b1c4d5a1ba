//! Roles, assignments and eligibilities.

use serde_json::{Value, json};

use super::super::kinds::{Obj, Ty};
use super::super::rng::Rng;
use super::super::tenant::Tenant;
use super::{fixed, past};

/// Template of the role that controls the tenant.
pub(in super::super) const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// Built-in roles: template id and name.
pub(in super::super) const ROLES: &[(&str, &str)] = &[
    (GLOBAL_ADMINISTRATOR, "Global Administrator"),
    ("e8611ab8-c189-46e8-94e1-60213ab1f814", "Privileged Role Administrator"),
    ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator"),
    ("729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator"),
    ("fdd7a751-b60b-444a-984c-02652fe8fa1c", "Groups Administrator"),
    ("9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "Application Administrator"),
    ("b1be1c3e-b65d-4f19-8427-f6fa0d97feb9", "Conditional Access Administrator"),
    ("f2ef992c-3afb-46b9-b7cf-a126ee74c451", "Global Reader"),
    ("5d6b6bb7-de71-4623-b4af-96380a352509", "Security Reader"),
];

/// The record of an assignment: principal, role, scope.
pub(in super::super) fn assignment(id: &str, principal: &str, role: &str, scope: &str) -> Value {
    json!({
        "id": id,
        "principalId": principal,
        "roleDefinitionId": role,
        "directoryScopeId": scope,
        "appScopeId": null,
    })
}

/// The record of an eligibility: principal, role, scope.
pub(in super::super) fn eligibility(id: &str, principal: &str, role: &str, since: &str) -> Value {
    json!({
        "id": id,
        "principalId": principal,
        "roleDefinitionId": role,
        "directoryScopeId": "/",
        "appScopeId": null,
        "createdUsing": id,
        "memberType": "Direct",
        "status": "Provisioned",
        "scheduleInfo": {
            "startDateTime": since,
            "recurrence": null,
            "expiration": {"type": "noExpiration", "endDateTime": null, "duration": null},
        },
    })
}

pub(super) fn build(tenant: &mut Tenant, rng: &mut Rng) {
    for (number, (template, name)) in (0..).zip(ROLES) {
        definition(tenant, template, name, &[]);
        let record = json!({
            "id": fixed(tenant, "directoryRole", number),
            "deletedDateTime": null,
            "description": format!("{name} role"),
            "displayName": name,
            "roleTemplateId": template,
        });
        tenant.found(Ty::DirectoryRole, None, record);
    }
    let custom = fixed(tenant, "customRole", 0);
    let actions = [
        "microsoft.directory/applications/basic/read",
        "microsoft.directory/applications/credentials/update",
    ];
    definition(tenant, &custom, "Application Secret Keeper", &actions);
    let mut number = 0;
    let mut add = |tenant: &mut Tenant, ix: u32, role: &str, scope: &str| {
        let principal = tenant.key(Obj { ty: Ty::User, ix });
        let id = fixed(tenant, "assignment", number);
        number += 1;
        tenant.found(Ty::RoleAssignment, None, assignment(&id, &principal, role, scope));
    };
    add(tenant, 0, GLOBAL_ADMINISTRATOR, "/");
    add(tenant, 1, GLOBAL_ADMINISTRATOR, "/");
    for (ix, (role, _)) in (2..8).zip(ROLES.iter().skip(1)) {
        add(tenant, ix, role, "/");
    }
    let units: Vec<String> = tenant
        .all(Ty::AdminUnit)
        .map(|unit| format!("/administrativeUnits/{}", tenant.key(unit)))
        .collect();
    let users = u64::from(tenant.first_users);
    for number in 0..14_usize {
        let ix = u32::try_from(8 + rng.below(users.saturating_sub(8))).unwrap_or(8);
        let (role, _) = ROLES.get(2 + number % 7).copied().unwrap_or_default();
        let scope =
            if number % 3 == 0 { units.get(number % 3).map_or("/", String::as_str) } else { "/" };
        add(tenant, ix, role, scope);
    }
    for number in 0..4 {
        let principal = tenant.key(Obj { ty: Ty::User, ix: number + 2 });
        let (role, _) =
            ROLES.get(usize::try_from(number).unwrap_or(0)).copied().unwrap_or_default();
        let since = past(tenant, "eligibility", number);
        let id = fixed(tenant, "eligibility", number);
        tenant.found(Ty::Eligibility, None, eligibility(&id, &principal, role, &since));
    }
}

fn definition(tenant: &mut Tenant, id: &str, name: &str, actions: &[&str]) {
    let built_in = actions.is_empty();
    let allowed = if built_in { &["microsoft.directory/users/standard/read"] } else { actions };
    let record = json!({
        "id": id,
        "description": format!("Can do what {name} can do"),
        "displayName": name,
        "isBuiltIn": built_in,
        "isEnabled": true,
        "resourceScopes": ["/"],
        "rolePermissions": [{"allowedResourceActions": allowed, "condition": null}],
        "templateId": id,
        "version": "1",
    });
    tenant.found(Ty::RoleDefinition, None, record);
}
