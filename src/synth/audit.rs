//! Directory audit events of the operations.

use serde_json::{Value, json};

use super::clock::rfc3339;
use super::kinds::{Obj, Ty};
use super::people;
use super::rng::{guid, hash, tag};
use super::tenant::{Actor, Effect, Operation, Place, Tenant, What};
use super::value;

/// Whether the log lost the event of an operation.
pub(super) fn is_missing(tenant: &Tenant, operation: usize) -> bool {
    let number = u64::try_from(operation).unwrap_or(0);
    let planted = tenant.operations.get(operation).is_some_and(|one| one.story.is_some());
    !planted && hash(tenant.seed, &[tag("missing event"), number]).is_multiple_of(12)
}

/// Id of the event of an operation.
pub(super) fn event_id(tenant: &Tenant, operation: usize) -> String {
    format!(
        "Directory_{}",
        guid(tenant.seed, &[tag("event"), u64::try_from(operation).unwrap_or(0)])
    )
}

/// The events of a time, newest first as the service lists them.
pub(super) fn events(tenant: &Tenant, since: i64, until: i64) -> Vec<Value> {
    let mut effects: Vec<Vec<&Effect>> = tenant.operations.iter().map(|_| Vec::new()).collect();
    for effect in &tenant.effects {
        if let Some(all) = effects.get_mut(effect.operation) {
            all.push(effect);
        }
    }
    let mut events: Vec<(i64, usize, Value)> = tenant
        .operations
        .iter()
        .enumerate()
        .zip(effects)
        .filter(|((number, one), _)| {
            one.at >= since && one.at < until && !is_missing(tenant, *number)
        })
        .map(|((number, one), effects)| (one.at, number, event(tenant, number, one, &effects)))
        .collect();
    events.sort_by_key(|(at, number, _)| std::cmp::Reverse((*at, *number)));
    events.into_iter().map(|(_, _, event)| event).collect()
}

fn event(tenant: &Tenant, number: usize, one: &Operation, effects: &[&Effect]) -> Value {
    let service = match one.activity {
        name if name.contains("conditional access") || name.contains("named location") => {
            "Conditional Access"
        }
        name if name.starts_with("Authentication") => "Authentication Methods",
        name if name.contains("PIM") => "PIM",
        _ => "Core Directory",
    };
    let word = one.activity.split(' ').next().unwrap_or_default();
    let kind = match word {
        "Add" | "Invite" => "Add",
        "Delete" | "Hard" | "Remove" => "Delete",
        _ => "Update",
    };
    json!({
        "id": event_id(tenant, number),
        "category": category(effects),
        "correlationId": guid(tenant.seed, &[tag("correlation"), u64::try_from(number).unwrap_or(0)]),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": one.activity,
        "activityDateTime": rfc3339(one.at).replace('Z', ".1234567Z"),
        "loggedByService": service,
        "operationType": kind,
        "initiatedBy": initiator(tenant, one),
        "targetResources": targets(tenant, one, effects),
        "additionalDetails": [{"key": "User-Agent", "value": "Mozilla/5.0"}],
    })
}

fn category(effects: &[&Effect]) -> &'static str {
    let obj = effects.first().map(|effect| match &effect.what {
        What::Set { obj, .. } | What::Move { obj, .. } => *obj,
        What::Link { source, .. } => *source,
    });
    match obj.map(|obj| obj.ty) {
        Some(Ty::Group) => "GroupManagement",
        Some(Ty::Device) => "Device",
        Some(
            Ty::Application
            | Ty::ServicePrincipal
            | Ty::Grant
            | Ty::AppRoleAssignment
            | Ty::FederatedCredential
            | Ty::AuthMethods,
        ) => "ApplicationManagement",
        Some(Ty::CaPolicy | Ty::NamedLocation | Ty::SecurityDefaults) => "Policy",
        Some(Ty::RoleAssignment | Ty::Eligibility | Ty::RoleDefinition) => "RoleManagement",
        Some(Ty::Authorization) => "AuthorizationPolicy",
        Some(Ty::Domain | Ty::DomainFederation) => "DirectoryManagement",
        _ => "UserManagement",
    }
}

fn initiator(tenant: &Tenant, one: &Operation) -> Value {
    match one.actor {
        Actor::User(ix) => json!({"app": null, "user": {
            "id": people::id(tenant.seed, ix),
            "displayName": null,
            "userPrincipalName": people::upn(tenant.seed, ix),
            "ipAddress": if one.story == Some("compromised-account") { "203.0.113.77" } else { "198.51.100.9" },
        }}),
        Actor::App(obj) => json!({"user": null, "app": {
            "appId": null,
            "displayName": tenant.word(obj, "displayName", one.at),
            "servicePrincipalId": tenant.key(obj),
            "servicePrincipalName": null,
        }}),
        Actor::Service("DirectorySync") => json!({"user": null, "app": null}),
        Actor::Service(name) => json!({"user": null, "app": {
            "appId": null, "displayName": name, "servicePrincipalId": null, "servicePrincipalName": null,
        }}),
    }
}

/// Name of a type in the log.
fn log_type(ty: Ty) -> &'static str {
    match ty {
        Ty::User | Ty::Requirements => "User",
        Ty::Group => "Group",
        Ty::Application | Ty::FederatedCredential => "Application",
        Ty::ServicePrincipal | Ty::Grant | Ty::AppRoleAssignment => "ServicePrincipal",
        Ty::CaPolicy | Ty::NamedLocation | Ty::AuthMethods | Ty::Authorization => "Policy",
        Ty::Device => "Device",
        Ty::RoleAssignment | Ty::Eligibility | Ty::RoleDefinition => "Role",
        _ => "Other",
    }
}

fn target(tenant: &Tenant, obj: Obj, at: i64, properties: &[Value]) -> Value {
    let name = tenant.word(obj, "userPrincipalName", at);
    json!({
        "id": tenant.key(obj),
        "displayName": tenant.word(obj, "displayName", at),
        "type": log_type(obj.ty),
        "userPrincipalName": if name.is_empty() { Value::Null } else { json!(name) },
        "groupType": null,
        "modifiedProperties": properties,
    })
}

fn side(value: &Value) -> Value {
    match value {
        Value::Null => json!("[]"),
        Value::Array(_) => json!(value.to_string()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            json!(json!([value]).to_string())
        }
    }
}

/// Directory name of a Graph property.
fn log_name(path: &str) -> String {
    match path {
        "passwordCredentials" | "keyCredentials" => "KeyDescription".to_owned(),
        "scope" => "DelegatedPermissionGrant.Scope".to_owned(),
        "otherMails" => "OtherMail".to_owned(),
        "mobilePhone" => "Mobile".to_owned(),
        "assignedLicenses" => "LicenseAssignmentDetail".to_owned(),
        "perUserMfaState" => "StrongAuthenticationRequirement".to_owned(),
        _ => {
            let mut letters = path.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect()
        }
    }
}

fn key_description(value: &Value) -> Value {
    let texts: Vec<String> = value
        .as_array()
        .into_iter()
        .flatten()
        .map(|key| {
            let part = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
            format!(
                "[KeyIdentifier={},KeyType=Password,KeyUsage=Verify,DisplayName={}]",
                part("keyId"),
                part("displayName")
            )
        })
        .collect();
    json!(json!(texts).to_string())
}

fn targets(tenant: &Tenant, one: &Operation, effects: &[&Effect]) -> Vec<Value> {
    let mut properties: Vec<(Obj, Vec<Value>)> = Vec::new();
    let mut note = |obj: Obj, property: Option<Value>| match properties
        .iter_mut()
        .find(|(known, _)| *known == obj)
    {
        Some((_, all)) => all.extend(property),
        None => properties.push((obj, property.into_iter().collect())),
    };
    for effect in effects {
        match &effect.what {
            What::Set { obj, path, .. }
                if matches!(obj.ty, Ty::CaPolicy | Ty::AuthMethods | Ty::NamedLocation) =>
            {
                let _ = path;
                note(*obj, None);
            }
            What::Set { obj, path, before, after } => {
                let (old, new) = if path == "passwordCredentials" {
                    (key_description(before), key_description(after))
                } else {
                    (side(before), side(after))
                };
                note(
                    *obj,
                    Some(json!({"displayName": log_name(path), "oldValue": old, "newValue": new})),
                );
            }
            What::Link { source, target, add, .. } => {
                let name = format!("{}.ObjectID", log_type(source.ty));
                let id = json!(json!(tenant.key(*source)).to_string());
                let (old, new) = if *add { (Value::Null, id) } else { (id, Value::Null) };
                // What a deletion takes along has no event of its own.
                if effects.iter().all(|effect| matches!(effect.what, What::Link { .. })) {
                    note(
                        *target,
                        Some(json!({"displayName": name, "oldValue": old, "newValue": new})),
                    );
                    note(*source, None);
                }
            }
            What::Move { obj, .. }
                if matches!(
                    obj.ty,
                    Ty::RoleAssignment | Ty::Eligibility | Ty::AppRoleAssignment | Ty::Grant
                ) =>
            {
                edge(tenant, one, *obj, &mut note);
            }
            What::Move { obj, to, .. } => {
                let hard = json!({"displayName": "Is Hard Deleted", "oldValue": null, "newValue": if *to == Place::Absent { "\"True\"" } else { "\"False\"" }});
                note(*obj, (obj.ty == Ty::User && *to != Place::Live).then_some(hard));
            }
        }
    }
    properties
        .iter()
        .map(|(obj, all)| match obj.ty {
            Ty::CaPolicy | Ty::AuthMethods | Ty::NamedLocation => whole(tenant, one, *obj),
            _ => target(tenant, *obj, one.at, all),
        })
        .collect()
}

fn edge(tenant: &Tenant, one: &Operation, obj: Obj, note: &mut impl FnMut(Obj, Option<Value>)) {
    let word = |name: &str| tenant.word(obj, name, one.at);
    let (name, id) = match obj.ty {
        Ty::RoleAssignment | Ty::Eligibility => ("Role.TemplateId", word("roleDefinitionId")),
        Ty::AppRoleAssignment => ("AppRole.Id", word("appRoleId")),
        _ => ("DelegatedPermissionGrant.Scope", word("scope")),
    };
    let principal = [word("principalId"), word("clientId")].into_iter().find_map(|id| {
        tenant.find(Ty::ServicePrincipal, &id).or_else(|| tenant.find(Ty::Group, &id)).or_else(
            || {
                tenant
                    .all(Ty::User)
                    .take(20_000)
                    .find(|user| !id.is_empty() && tenant.key(*user) == id)
            },
        )
    });
    let there = tenant.is_live(obj, one.at);
    let text = json!(json!(id).to_string());
    let (old, new) = if there { (Value::Null, text) } else { (text, Value::Null) };
    let property = json!({"displayName": name, "oldValue": old, "newValue": new});
    if obj.ty == Ty::AppRoleAssignment
        && let Some(resource) = tenant.parent(obj)
    {
        note(resource, Some(property.clone()));
    }
    if let Some(principal) = principal {
        note(principal, Some(property));
    }
}

/// A policy event carries the whole policy on both sides.
fn whole(tenant: &Tenant, one: &Operation, obj: Obj) -> Value {
    let text = |at: i64| {
        if tenant.is_live(obj, at) {
            json!(value::text(&Value::Object(tenant.attributes(obj, &[], at))))
        } else {
            Value::Null
        }
    };
    let name = match obj.ty {
        Ty::CaPolicy => "ConditionalAccessPolicy",
        Ty::NamedLocation => "NamedLocation",
        _ => "AuthenticationMethodsPolicy",
    };
    let property =
        json!({"displayName": name, "oldValue": text(one.at - 1), "newValue": text(one.at)});
    target(tenant, obj, one.at, &[property])
}
