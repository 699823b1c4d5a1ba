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
    const NAMES: &[(&str, &[Ty])] = &[
        ("GroupManagement", &[Ty::Group]),
        ("Device", &[Ty::Device]),
        (
            "ApplicationManagement",
            &[
                Ty::Application,
                Ty::ServicePrincipal,
                Ty::Grant,
                Ty::AppRoleAssignment,
                Ty::FederatedCredential,
                Ty::AuthMethods,
            ],
        ),
        ("Policy", &[Ty::CaPolicy, Ty::NamedLocation, Ty::SecurityDefaults]),
        ("RoleManagement", &[Ty::RoleAssignment, Ty::Eligibility, Ty::RoleDefinition]),
        ("AuthorizationPolicy", &[Ty::Authorization]),
        ("DirectoryManagement", &[Ty::Domain, Ty::DomainFederation]),
    ];
    let first = effects.first().map(|effect| match &effect.what {
        What::Set { obj, .. } | What::Move { obj, .. } => obj.ty,
        What::Link { source, .. } => source.ty,
    });
    let named = |types: &[Ty]| first.is_some_and(|ty| types.contains(&ty));
    NAMES.iter().find(|(_, types)| named(types)).map_or("UserManagement", |(name, _)| name)
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
    const NAMES: &[(&str, &[Ty])] = &[
        ("User", &[Ty::User, Ty::Requirements]),
        ("Group", &[Ty::Group]),
        ("Application", &[Ty::Application, Ty::FederatedCredential]),
        ("ServicePrincipal", &[Ty::ServicePrincipal, Ty::Grant, Ty::AppRoleAssignment]),
        ("Policy", &[Ty::CaPolicy, Ty::NamedLocation, Ty::AuthMethods, Ty::Authorization]),
        ("Device", &[Ty::Device]),
        ("Role", &[Ty::RoleAssignment, Ty::Eligibility, Ty::RoleDefinition]),
    ];
    NAMES.iter().find(|(_, types)| types.contains(&ty)).map_or("Other", |(name, _)| name)
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

/// Types whose events carry the whole object on both sides.
const WHOLE: &[Ty] = &[Ty::CaPolicy, Ty::AuthMethods, Ty::NamedLocation];
/// Types that the log knows by what they join.
const EDGES: &[Ty] = &[Ty::RoleAssignment, Ty::Eligibility, Ty::AppRoleAssignment, Ty::Grant];

/// Targets of an event, each with its properties.
#[derive(Default)]
struct Targets(Vec<(Obj, Vec<Value>)>);

impl Targets {
    fn note(&mut self, obj: Obj, property: Option<Value>) {
        match self.0.iter_mut().find(|(known, _)| *known == obj) {
            Some((_, all)) => all.extend(property),
            None => self.0.push((obj, property.into_iter().collect())),
        }
    }

    /// Both ends of an edge, the end that the log names first in front.
    fn edge(&mut self, tenant: &Tenant, one: &Operation, obj: Obj, (old, new): (Value, Value)) {
        let word = |name: &str| tenant.word(obj, name, one.at);
        let name = if matches!(obj.ty, Ty::RoleAssignment | Ty::Eligibility) {
            "Role.TemplateId"
        } else if obj.ty == Ty::AppRoleAssignment {
            "AppRole.Id"
        } else {
            "DelegatedPermissionGrant.Scope"
        };
        let property = json!({"displayName": name, "oldValue": old, "newValue": new});
        let resource = tenant.find(Ty::ServicePrincipal, &word("resourceId"));
        let client = [word("clientId"), word("principalId")];
        let client = client.iter().find_map(|id| tenant.principal(id));
        let role = tenant.find(Ty::RoleDefinition, &word("roleDefinitionId"));
        let mut ends = resource.into_iter().chain(client).chain(role);
        if let Some(first) = ends.next() {
            self.note(first, Some(property));
        }
        ends.for_each(|end| self.note(end, None));
    }

    fn set(&mut self, tenant: &Tenant, one: &Operation, what: (Obj, &str, &Value, &Value)) {
        let (obj, path, before, after) = what;
        if WHOLE.contains(&obj.ty) {
            self.note(obj, None);
            return;
        }
        let (old, new) = if path == "passwordCredentials" {
            (key_description(before), key_description(after))
        } else if path == "scope" {
            (json!(before.to_string()), json!(after.to_string()))
        } else {
            (side(before), side(after))
        };
        if EDGES.contains(&obj.ty) {
            self.edge(tenant, one, obj, (old, new));
            return;
        }
        let property = json!({"displayName": log_name(path), "oldValue": old, "newValue": new});
        self.note(tenant.parent(obj).unwrap_or(obj), Some(property));
    }

    fn moved(&mut self, tenant: &Tenant, one: &Operation, obj: Obj, to: Place) {
        if EDGES.contains(&obj.ty) {
            let word = |name: &str| tenant.word(obj, name, one.at);
            let words = [word("roleDefinitionId"), word("appRoleId"), word("scope")];
            let text = words.iter().find(|word| !word.is_empty()).cloned().unwrap_or_default();
            let text = json!(json!(text).to_string());
            let sides = match to {
                Place::Live => (Value::Null, text),
                Place::Absent | Place::Bin => (text, Value::Null),
            };
            self.edge(tenant, one, obj, sides);
            return;
        }
        let hard = json!(if to == Place::Absent { "True" } else { "False" });
        let property = json!({"displayName": "Is Hard Deleted", "oldValue": null, "newValue": hard.to_string()});
        let deleted = obj.ty == Ty::User && to != Place::Live;
        self.note(tenant.parent(obj).unwrap_or(obj), deleted.then_some(property));
    }

    fn link(&mut self, tenant: &Tenant, (source, target): (Obj, Obj), add: bool) {
        let name = format!("{}.ObjectID", log_type(source.ty));
        let id = json!(json!(tenant.key(source)).to_string());
        let (old, new) = if add { (Value::Null, id) } else { (id, Value::Null) };
        let property = json!({"displayName": name, "oldValue": old, "newValue": new});
        self.note(target, Some(property));
        self.note(source, None);
    }
}

fn targets(tenant: &Tenant, one: &Operation, effects: &[&Effect]) -> Vec<Value> {
    let mut all = Targets::default();
    // What a deletion takes along has no event of its own.
    let links_only = effects.iter().all(|effect| matches!(effect.what, What::Link { .. }));
    for effect in effects {
        match &effect.what {
            What::Set { path, .. } if path == "id" => {}
            What::Set { obj, path, before, after } => {
                all.set(tenant, one, (*obj, path, before, after));
            }
            What::Link { source, target, add, .. } if links_only => {
                all.link(tenant, (*source, *target), *add);
            }
            What::Link { .. } => {}
            What::Move { obj, to, .. } => all.moved(tenant, one, *obj, *to),
        }
    }
    all.0
        .iter()
        .map(|(obj, properties)| {
            if WHOLE.contains(&obj.ty) {
                whole(tenant, one, *obj)
            } else {
                target(tenant, *obj, one.at, properties)
            }
        })
        .collect()
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
    let name = if obj.ty == Ty::CaPolicy {
        "ConditionalAccessPolicy"
    } else if obj.ty == Ty::NamedLocation {
        "NamedLocation"
    } else {
        "AuthenticationMethodsPolicy"
    };
    let property =
        json!({"displayName": name, "oldValue": text(one.at - 1), "newValue": text(one.at)});
    target(tenant, obj, one.at, &[property])
}
