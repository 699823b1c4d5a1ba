//! Applications, service principals, their credentials and owners.

use serde_json::{Value, json};

use super::super::kinds::{Obj, Ty};
use super::super::people::DOMAIN;
use super::super::rng::Rng;
use super::super::tenant::Tenant;
use super::{Extent, fixed, past};

const APP_NAMES: &[&str] = &[
    "Ledger Sync",
    "Branch Portal",
    "Vault Reports",
    "Payroll Bridge",
    "Teller Kiosk",
    "Loan Desk",
    "Backup Runner",
    "Mail Archive",
    "Fraud Watch",
    "Build Agent",
];

/// Microsoft's own applications: application id and name.
const FIRST_PARTY: &[(&str, &str)] = &[
    ("00000003-0000-0000-c000-000000000000", "Microsoft Graph"),
    ("00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online"),
    ("00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online"),
    ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "Windows Azure Service Management API"),
    ("01fc33a7-78ba-4d2f-a4b7-768e336e890e", "MS-PIM"),
];

/// Roles of Microsoft Graph that applications are granted: id and value.
const GRAPH_ROLES: &[(&str, &str)] = &[
    ("7ab1d382-f21e-4acd-a863-ba3e13f7da61", "Directory.Read.All"),
    ("19dbc75e-c2e2-444c-a770-ec69d8559fc7", "Directory.ReadWrite.All"),
    ("9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8", "RoleManagement.ReadWrite.Directory"),
    ("df021288-bdef-4463-88db-98f22de89214", "User.Read.All"),
    ("810c84a8-4a9e-49e6-bf7d-12d183f40d01", "Mail.Read"),
];

/// A secret of an application.
pub(in super::super) fn password(key_id: &str, name: &str, start: &str, end: &str) -> Value {
    json!({
        "customKeyIdentifier": null,
        "displayName": name,
        "endDateTime": end,
        "hint": key_id.get(..3),
        "keyId": key_id,
        "secretText": null,
        "startDateTime": start,
    })
}

pub(super) fn build(tenant: &mut Tenant, rng: &mut Rng, extent: Extent) {
    first_party(tenant);
    for number in 0..extent.apps {
        let record = application(tenant, number);
        let app_id = record.get("appId").and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = record.get("displayName").and_then(Value::as_str).unwrap_or_default().to_owned();
        let app = tenant.found(Ty::Application, None, record);
        let owner = Obj { ty: Ty::User, ix: u32::try_from(rng.below(8)).unwrap_or(0) };
        tenant.links.entry((app, "owners")).or_default().first.insert(owner);
        if number % 4 == 1 {
            federated(tenant, app, number);
        }
        let home = tenant.id.clone();
        let record = service_principal(tenant, number, (&app_id, &name, &home));
        let own = tenant.found(Ty::ServicePrincipal, None, record);
        tenant.links.entry((own, "owners")).or_default().first.insert(owner);
    }
    for number in 0..extent.foreign {
        let app_id = fixed(tenant, "foreignApp", number);
        let home = fixed(tenant, "foreignTenant", number % 3);
        let name = format!("Fabrikam Add-in {number}");
        let record = service_principal(tenant, 10_000 + number, (&app_id, &name, &home));
        tenant.found(Ty::ServicePrincipal, None, record);
    }
}

fn first_party(tenant: &mut Tenant) {
    for (number, (app_id, name)) in (20_000..).zip(FIRST_PARTY) {
        let home = "f8cdef31-a31e-4b4a-93e4-5f571e91255a";
        let mut record = service_principal(tenant, number, (app_id, name, home));
        if let (Some(members), 20_000) = (record.as_object_mut(), number) {
            let roles: Vec<Value> = GRAPH_ROLES.iter().map(|(id, value)| role(id, value)).collect();
            members.insert("appRoles".to_owned(), Value::Array(roles));
        }
        tenant.found(Ty::ServicePrincipal, None, record);
    }
}

fn role(id: &str, value: &str) -> Value {
    json!({
        "allowedMemberTypes": ["Application"],
        "description": format!("Allows {value}"),
        "displayName": value,
        "id": id,
        "isEnabled": true,
        "origin": "Application",
        "value": value,
    })
}

fn application(tenant: &Tenant, number: u32) -> Value {
    let name =
        APP_NAMES.get(usize::try_from(number % 10).unwrap_or(0)).copied().unwrap_or_default();
    let secret = password(
        &fixed(tenant, "secret", number),
        "rotation",
        &past(tenant, "secret", number),
        "2027-06-30T00:00:00Z",
    );
    let (graph, _) = FIRST_PARTY.first().copied().unwrap_or_default();
    let (scope, _) = GRAPH_ROLES.get(3).copied().unwrap_or_default();
    let (other, _) = GRAPH_ROLES.first().copied().unwrap_or_default();
    json!({
        "id": fixed(tenant, "application", number),
        "deletedDateTime": null,
        "appId": fixed(tenant, "appId", number),
        "addIns": [],
        "api": {"acceptMappedClaims": null, "knownClientApplications": [], "oauth2PermissionScopes": [], "preAuthorizedApplications": [], "requestedAccessTokenVersion": 2},
        "appRoles": [],
        "createdDateTime": past(tenant, "application", number),
        "displayName": format!("{name} {number}"),
        "groupMembershipClaims": null,
        "identifierUris": if number.is_multiple_of(3) { json!([format!("api://{DOMAIN}/{number}")]) } else { json!([]) },
        "isFallbackPublicClient": null,
        "keyCredentials": [],
        "notes": null,
        "passwordCredentials": if number.is_multiple_of(2) { json!([secret]) } else { json!([]) },
        "publicClient": {"redirectUris": []},
        "publisherDomain": DOMAIN,
        "requiredResourceAccess": [{"resourceAppId": graph, "resourceAccess": [{"id": scope, "type": "Role"}, {"id": other, "type": "Role"}]}],
        "signInAudience": "AzureADMyOrg",
        "spa": {"redirectUris": []},
        "tags": [],
        "web": {"homePageUrl": null, "implicitGrantSettings": {"enableAccessTokenIssuance": false, "enableIdTokenIssuance": false}, "logoutUrl": null, "redirectUris": [format!("https://app{number}.{DOMAIN}/auth"), format!("https://app{number}.{DOMAIN}/silent")]},
    })
}

/// The record of a service principal: application id, name, home tenant.
pub(in super::super) fn service_principal(
    tenant: &Tenant,
    number: u32,
    (app_id, name, home): (&str, &str, &str),
) -> Value {
    let audience = if home == tenant.id { "AzureADMyOrg" } else { "AzureADMultipleOrgs" };
    json!({
        "id": fixed(tenant, "servicePrincipal", number),
        "deletedDateTime": null,
        "accountEnabled": true,
        "alternativeNames": [],
        "appDisplayName": name,
        "appId": app_id,
        "appOwnerOrganizationId": home,
        "appRoleAssignmentRequired": number.is_multiple_of(5),
        "appRoles": [],
        "createdDateTime": past(tenant, "servicePrincipal", number),
        "displayName": name,
        "homepage": null,
        "info": {"logoUrl": null, "privacyStatementUrl": null, "supportUrl": null},
        "keyCredentials": [],
        "loginUrl": null,
        "notes": null,
        "oauth2PermissionScopes": [],
        "passwordCredentials": [],
        "preferredSingleSignOnMode": null,
        "replyUrls": [],
        "servicePrincipalNames": [app_id],
        "servicePrincipalType": "Application",
        "signInAudience": audience,
        "tags": ["WindowsAzureActiveDirectoryIntegratedApp"],
    })
}

fn federated(tenant: &mut Tenant, app: Obj, number: u32) {
    let record = federated_record(tenant, number, "main");
    tenant.found(Ty::FederatedCredential, Some(app), record);
}

pub(in super::super) fn federated_record(tenant: &Tenant, number: u32, branch: &str) -> Value {
    json!({
        "id": fixed(tenant, &format!("federated/{branch}"), number),
        "audiences": ["api://AzureADTokenExchange"],
        "description": null,
        "issuer": "https://token.actions.fabrikam.example",
        "name": format!("deploy-{branch}-{number}"),
        "subject": format!("repo:woodgrove/app{number}:ref:refs/heads/{branch}"),
    })
}
