//! Everyday changes of applications, service principals and what they are granted.

use serde_json::{Value, json};

use super::super::build;
use super::super::clock::rfc3339;
use super::super::kinds::{Obj, Ty};
use super::super::sim::Sim;
use super::super::tenant::Place;

fn list(sim: &Sim, obj: Obj, path: &str, at: i64) -> Vec<Value> {
    sim.tenant.value(obj, path, at).as_array().cloned().unwrap_or_default()
}

pub(super) fn secret(sim: &mut Sim, at: i64) {
    let ty = if sim.rng.chance(1, 4) { Ty::ServicePrincipal } else { Ty::Application };
    let Some(app) = sim.any(ty, at) else { return };
    let mut items = list(sim, app, "passwordCredentials", at);
    if !items.is_empty() && sim.rng.chance(1, 2) {
        items.remove(0);
    } else {
        let number = sim.fresh();
        let key = build::fixed(&sim.tenant, "new secret", number);
        items.push(build::password(&key, "added", &rfc3339(at), "2028-01-01T00:00:00Z"));
    }
    let activity = if ty == Ty::Application {
        "Update application – Certificates and secrets management"
    } else {
        "Add service principal credentials"
    };
    let admin = sim.admin();
    let act = sim.tenant.act(at, activity, admin);
    sim.tenant.set(act, app, "passwordCredentials", &Value::Array(items));
}

pub(super) fn addresses(sim: &mut Sim, at: i64) {
    let Some(app) = sim.any(Ty::Application, at) else { return };
    let number = sim.fresh();
    let path = *sim
        .rng
        .pick(&["web.redirectUris", "spa.redirectUris", "identifierUris"])
        .unwrap_or(&"identifierUris");
    let mut items = list(sim, app, path, at);
    if items.len() > 1 && sim.rng.chance(1, 2) {
        items.truncate(1);
    } else {
        items.push(json!(format!("https://new{number}.woodgrove.example/auth")));
    }
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update application", admin);
    sim.tenant.set(act, app, path, &Value::Array(items));
}

pub(super) fn permissions(sim: &mut Sim, at: i64) {
    let Some(app) = sim.any(Ty::Application, at) else { return };
    let graph = "00000003-0000-0000-c000-000000000000";
    let more = sim.rng.chance(1, 2);
    let extra = json!({"id": "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8", "type": "Role"});
    let mut access = vec![json!({"id": "df021288-bdef-4463-88db-98f22de89214", "type": "Role"})];
    if more {
        access.push(extra);
    }
    let after = json!([{"resourceAppId": graph, "resourceAccess": access}]);
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update application", admin);
    sim.tenant.set(act, app, "requiredResourceAccess", &after);
    if more {
        let audience = json!("AzureADMultipleOrgs");
        sim.tenant.set(act, app, "signInAudience", &audience);
    }
}

pub(super) fn federated(sim: &mut Sim, at: i64) {
    let admin = sim.admin();
    if sim.rng.chance(1, 3) {
        let Some(one) = sim.any(Ty::FederatedCredential, at) else { return };
        let act = sim.tenant.act(at, "Update application", admin);
        sim.tenant.delete(act, one);
        return;
    }
    let Some(one) = sim.any(Ty::FederatedCredential, at) else { return };
    let number = sim.fresh();
    let act = sim.tenant.act(at, "Update application", admin);
    if sim.rng.chance(1, 2) {
        let after = json!(format!("repo:fabrikam/fork{number}:ref:refs/heads/main"));
        sim.tenant.set(act, one, "subject", &after);
    } else {
        let parent = sim.tenant.parent(one);
        let record = build::federated(&sim.tenant, number, "side");
        sim.tenant.create(act, Ty::FederatedCredential, parent, record);
    }
}

pub(super) fn owners(sim: &mut Sim, at: i64) {
    let ty = if sim.rng.chance(1, 2) { Ty::ServicePrincipal } else { Ty::Application };
    let Some(app) = sim.any(ty, at) else { return };
    let Some(user) = sim.any(Ty::User, at) else { return };
    let there = sim.tenant.targets(app, "owners", at).contains(&user);
    let activity = match (ty, there) {
        (Ty::Application, false) => "Add owner to application",
        (Ty::Application, true) => "Remove owner from application",
        (_, false) => "Add owner to service principal",
        (_, true) => "Remove owner from service principal",
    };
    let admin = sim.admin();
    let act = sim.tenant.act(at, activity, admin);
    sim.tenant.link(act, (app, "owners"), user, !there);
}

pub(super) fn create(sim: &mut Sim, at: i64) {
    let Some(model) = sim.any(Ty::Application, at) else { return };
    let number = sim.fresh();
    let app_id = build::fixed(&sim.tenant, "new app", number);
    let mut base = sim.tenant.attributes(model, &[], at);
    let name = format!("New Tool {number}");
    for (key, value) in [
        ("id", json!(build::fixed(&sim.tenant, "new application", number))),
        ("appId", json!(app_id)),
        ("displayName", json!(name)),
        ("createdDateTime", json!(rfc3339(at))),
        ("passwordCredentials", json!([])),
    ] {
        base.insert(key.to_owned(), value);
    }
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Add application", admin);
    sim.tenant.create(act, Ty::Application, None, Value::Object(base));
    let home = sim.tenant.id.clone();
    let mut record = build::service_principal(&sim.tenant, number, (&app_id, &name, &home));
    if let Some(members) = record.as_object_mut() {
        members.insert("createdDateTime".to_owned(), json!(rfc3339(at)));
    }
    let act = sim.tenant.act(at, "Add service principal", admin);
    sim.tenant.create(act, Ty::ServicePrincipal, None, record);
}

pub(super) fn delete(sim: &mut Sim, at: i64) {
    let (ty, activity) = if sim.rng.chance(1, 2) {
        (Ty::Application, "Delete application")
    } else {
        (Ty::ServicePrincipal, "Remove service principal")
    };
    let Some(app) = sim.any(ty, at).filter(|app| app.ix > 6) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, activity, admin);
    sim.tenant.delete(act, app);
}

pub(super) fn restore(sim: &mut Sim, at: i64) {
    for (ty, activity) in [
        (Ty::Application, "Restore application"),
        (Ty::ServicePrincipal, "Restore service principal"),
    ] {
        let all = sim.tenant.all(ty);
        let found = all.into_iter().find(|obj| sim.tenant.place(*obj, at) == Place::Bin);
        if let Some(app) = found {
            let admin = sim.admin();
            let act = sim.tenant.act(at, activity, admin);
            sim.tenant.restore(act, app);
            return;
        }
    }
}

pub(super) fn principal(sim: &mut Sim, at: i64) {
    let Some(app) = sim.any(Ty::ServicePrincipal, at) else { return };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Update service principal", admin);
    match sim.rng.below(3) {
        0 => {
            let on = sim.tenant.value(app, "accountEnabled", at) == json!(true);
            sim.tenant.set(act, app, "accountEnabled", &json!(!on));
        }
        1 => {
            let on = sim.tenant.value(app, "appRoleAssignmentRequired", at) == json!(true);
            sim.tenant.set(act, app, "appRoleAssignmentRequired", &json!(!on));
        }
        _ => {
            let number = sim.fresh();
            let mut tags = list(sim, app, "tags", at);
            tags.push(json!(format!("tag{number}")));
            sim.tenant.set(act, app, "tags", &Value::Array(tags));
        }
    }
}

pub(super) fn scope(sim: &mut Sim, at: i64) {
    let Some(grant) = sim.any(Ty::Grant, at) else { return };
    let before = sim.tenant.word(grant, "scope", at);
    let after = if before.contains("Directory.AccessAsUser.All") {
        "User.Read".to_owned()
    } else {
        format!(" {} Directory.AccessAsUser.All Mail.Read", before.trim())
    };
    let admin = sim.admin();
    let act = sim.tenant.act(at, "Add delegated permission grant", admin);
    sim.tenant.set(act, grant, "scope", &json!(after));
}

pub(super) fn grant(sim: &mut Sim, at: i64) {
    let Some(grant) = sim.any(Ty::Grant, at) else { return };
    let admin = sim.admin();
    if sim.rng.chance(1, 2) {
        let act = sim.tenant.act(at, "Remove delegated permission grant", admin);
        sim.tenant.delete(act, grant);
        return;
    }
    let Some(user) = sim.any(Ty::User, at) else { return };
    let number = sim.fresh();
    let mut base = sim.tenant.attributes(grant, &[], at);
    let id = build::fixed(&sim.tenant, "new grant", number).replace('-', "");
    base.insert("id".to_owned(), json!(id));
    base.insert("consentType".to_owned(), json!("Principal"));
    base.insert("principalId".to_owned(), json!(sim.tenant.key(user)));
    let client = base.get("clientId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let client = sim.tenant.find(Ty::ServicePrincipal, &client);
    if !client.is_some_and(|client| sim.tenant.is_live(client, at)) {
        return;
    }
    let act = sim.tenant.act(at, "Add delegated permission grant", admin);
    sim.tenant.create(act, Ty::Grant, None, Value::Object(base));
}

pub(super) fn role_grant(sim: &mut Sim, at: i64) {
    let admin = sim.admin();
    if sim.rng.chance(1, 2) {
        let Some(one) = sim.any(Ty::AppRoleAssignment, at) else { return };
        let act = sim.tenant.act(at, "Remove app role assignment from service principal", admin);
        sim.tenant.delete(act, one);
        return;
    }
    let Some(one) = sim.any(Ty::AppRoleAssignment, at) else { return };
    let Some(resource) = sim.tenant.parent(one) else { return };
    let Some(principal) = sim.any(Ty::ServicePrincipal, at) else { return };
    let role = sim.tenant.word(one, "appRoleId", at);
    let number = sim.fresh();
    let record = build::app_role_assignment(&sim.tenant, number, principal, resource, &role);
    let act = sim.tenant.act(at, "Add app role assignment to service principal", admin);
    sim.tenant.create(act, Ty::AppRoleAssignment, Some(resource), record);
}
