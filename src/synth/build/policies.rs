//! The organization, its domains and its policies.

use serde_json::{Value, json};

use super::super::kinds::{Obj, Ty};
use super::super::people::{DOMAIN, INITIAL_DOMAIN};
use super::super::tenant::Tenant;
use super::{fixed, past};

/// The record of a Conditional Access policy.
pub(in super::super) fn ca_policy(
    tenant: &Tenant,
    number: u32,
    name: &str,
    created: &str,
) -> Value {
    let glass = tenant.key(Obj { ty: Ty::User, ix: 0 });
    let admin = tenant.key(Obj { ty: Ty::User, ix: 1 });
    let controls = if number % 3 == 2 { json!(["block"]) } else { json!(["mfa"]) };
    let session = if number % 2 == 1 {
        json!({"applicationEnforcedRestrictions": null, "persistentBrowser": null,
               "signInFrequency": {"authenticationType": "primaryAndSecondaryAuthentication", "frequencyInterval": "timeBased", "isEnabled": true, "type": "hours", "value": 8}})
    } else {
        Value::Null
    };
    json!({
        "id": fixed(tenant, "policy", number),
        "displayName": name,
        "createdDateTime": created,
        "modifiedDateTime": null,
        "state": if number == 7 { "enabledForReportingButNotEnforced" } else { "enabled" },
        "templateId": null,
        "conditions": {
            "applications": {"applicationFilter": null, "excludeApplications": [], "includeApplications": ["All"], "includeUserActions": []},
            "clientAppTypes": if number % 3 == 2 { json!(["exchangeActiveSync", "other"]) } else { json!(["all"]) },
            "devices": null,
            "locations": if number % 4 == 1 { json!({"excludeLocations": ["AllTrusted"], "includeLocations": ["All"]}) } else { Value::Null },
            "platforms": null,
            "signInRiskLevels": [],
            "userRiskLevels": if number % 4 == 3 { json!(["high"]) } else { json!([]) },
            "users": {
                "excludeGroups": [],
                "excludeGuestsOrExternalUsers": null,
                "excludeRoles": [],
                "excludeUsers": [glass, admin],
                "includeGroups": [],
                "includeGuestsOrExternalUsers": null,
                "includeRoles": if number % 2 == 1 { json!([super::GLOBAL_ADMINISTRATOR]) } else { json!([]) },
                "includeUsers": if number % 2 == 1 { json!([]) } else { json!(["All"]) },
            },
        },
        "grantControls": {"authenticationStrength": null, "builtInControls": controls, "customAuthenticationFactors": [], "operator": "OR", "termsOfUse": []},
        "sessionControls": session,
    })
}

/// The record of a named location by addresses.
fn ip_location(tenant: &Tenant, number: u32, name: &str, created: &str) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.ipNamedLocation",
        "id": fixed(tenant, "location", number),
        "createdDateTime": created,
        "displayName": name,
        "ipRanges": [
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": format!("203.0.113.{}/28", number * 16)},
            {"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": format!("198.51.100.{}/28", number * 16)},
        ],
        "isTrusted": number == 0,
        "modifiedDateTime": null,
    })
}

pub(super) fn build(tenant: &mut Tenant) {
    organization(tenant);
    let names = [
        "Require MFA for everybody",
        "Require MFA for administrators",
        "Block legacy sign-in",
        "Risky users must prove themselves",
        "Require MFA for guests",
        "Block unknown places",
        "Require MFA for management",
        "Sign-in frequency of administrators",
    ];
    for (number, name) in (0..).zip(names) {
        let created = past(tenant, "policy", number);
        let record = ca_policy(tenant, number, name, &created);
        tenant.found(Ty::CaPolicy, None, record);
    }
    for (number, name) in (0..).zip(["Head office", "Branches", "Partner VPN"]) {
        let created = past(tenant, "location", number);
        let record = ip_location(tenant, number, name, &created);
        tenant.found(Ty::NamedLocation, None, record);
    }
    let record = json!({
        "@odata.type": "#microsoft.graph.countryNamedLocation",
        "id": fixed(tenant, "location", 3),
        "countriesAndRegions": ["AQ", "BV"],
        "countryLookupMethod": "clientIpAddress",
        "createdDateTime": past(tenant, "location", 3),
        "displayName": "Far away",
        "includeUnknownCountriesAndRegions": false,
        "modifiedDateTime": null,
    });
    tenant.found(Ty::NamedLocation, None, record);
    tenant_policies(tenant);
    cross_tenant(tenant);
}

fn organization(tenant: &mut Tenant) {
    let id = tenant.id.clone();
    tenant.found(Ty::Organization, None, json!({
        "id": id,
        "deletedDateTime": null,
        "businessPhones": ["+1 555 0100000"],
        "city": "Northmere",
        "countryLetterCode": "US",
        "createdDateTime": "2019-03-04T05:06:07Z",
        "displayName": "Woodgrove Bank",
        "onPremisesSyncEnabled": true,
        "preferredLanguage": "en",
        "securityComplianceNotificationMails": [],
        "technicalNotificationMails": [format!("directory@{DOMAIN}")],
        "tenantType": "AAD",
        "verifiedDomains": [
            {"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": true, "isInitial": false, "name": DOMAIN, "type": "Federated"},
            {"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": false, "isInitial": true, "name": INITIAL_DOMAIN, "type": "Managed"},
        ],
    }));
    for (name, kind) in
        [(DOMAIN, "Federated"), (INITIAL_DOMAIN, "Managed"), ("loans.woodgrove.example", "Managed")]
    {
        tenant.found(
            Ty::Domain,
            None,
            json!({
                "id": name,
                "authenticationType": kind,
                "availabilityStatus": null,
                "isAdminManaged": true,
                "isDefault": name == DOMAIN,
                "isInitial": name == INITIAL_DOMAIN,
                "isRoot": name != "loans.woodgrove.example",
                "isVerified": true,
                "passwordNotificationWindowInDays": 14,
                "passwordValidityPeriodInDays": 2_147_483_647,
                "supportedServices": ["Email"],
            }),
        );
    }
    let record = json!({
        "id": fixed(tenant, "federation", 0),
        "activeSignInUri": "https://sts.woodgrove.example/adfs/services/trust/2005/usernamemixed",
        "displayName": "Woodgrove STS",
        "federatedIdpMfaBehavior": "rejectMfaByFederatedIdp",
        "issuerUri": "http://sts.woodgrove.example/adfs/services/trust",
        "nextSigningCertificate": null,
        "passiveSignInUri": "https://sts.woodgrove.example/adfs/ls/",
        "preferredAuthenticationProtocol": "wsFed",
        "promptLoginBehavior": "nativeSupport",
        "signingCertificate": "bWFkZSB1cCBjZXJ0aWZpY2F0ZSBudW1iZXIgb25l",
    });
    tenant.found(Ty::DomainFederation, Some(Obj { ty: Ty::Domain, ix: 0 }), record);
}

fn method(id: &str, state: &str) -> Value {
    json!({
        "@odata.type": format!("#microsoft.graph.{}AuthenticationMethodConfiguration", id.to_ascii_lowercase()),
        "excludeTargets": [],
        "id": id,
        "includeTargets": [{"id": "all_users", "isRegistrationRequired": false, "targetType": "group"}],
        "state": state,
    })
}

fn tenant_policies(tenant: &mut Tenant) {
    tenant.found(Ty::AuthMethods, None, json!({
        "id": "authenticationMethodsPolicy",
        "displayName": "Authentication Methods Policy",
        "description": "The tenant-wide policy of authentication methods",
        "policyVersion": "1.5",
        "policyMigrationState": "migrationComplete",
        "registrationEnforcement": {"authenticationMethodsRegistrationCampaign": {"excludeTargets": [], "includeTargets": [], "snoozeDurationInDays": 1, "state": "default"}},
        "authenticationMethodConfigurations": [
            method("Fido2", "enabled"), method("MicrosoftAuthenticator", "enabled"), method("Sms", "disabled"),
            method("TemporaryAccessPass", "disabled"), method("Voice", "disabled"), method("Email", "enabled"),
        ],
    }));
    for (number, name, combinations) in [
        (0, "Phishing-resistant for vault staff", json!(["fido2", "windowsHelloForBusiness"])),
        (1, "Branch staff", json!(["password,microsoftAuthenticatorPush", "fido2"])),
    ] {
        let record = json!({
            "id": fixed(tenant, "strength", number),
            "allowedCombinations": combinations,
            "combinationConfigurations": [],
            "createdDateTime": past(tenant, "strength", number),
            "description": "",
            "displayName": name,
            "modifiedDateTime": null,
            "policyType": "custom",
            "requirementsSatisfied": "mfa",
        });
        tenant.found(Ty::AuthStrength, None, record);
    }
    tenant.found(Ty::Authorization, None, json!({
        "id": "authorizationPolicy",
        "allowEmailVerifiedUsersToJoinOrganization": false,
        "allowInvitesFrom": "adminsAndGuestInviters",
        "allowUserConsentForRiskyApps": null,
        "allowedToSignUpEmailBasedSubscriptions": true,
        "allowedToUseSSPR": true,
        "blockMsolPowerShell": true,
        "defaultUserRolePermissions": {"allowedToCreateApps": false, "allowedToCreateSecurityGroups": false, "allowedToReadOtherUsers": true, "permissionGrantPoliciesAssigned": ["ManagePermissionGrantsForSelf.microsoft-user-default-low"]},
        "description": "Used to manage authorization related settings across the company.",
        "displayName": "Authorization Policy",
        "guestUserRoleId": "2af84b1e-32c8-42b7-82bc-daa82404023b",
    }));
    tenant.found(
        Ty::SecurityDefaults,
        None,
        json!({
            "id": "00000000-0000-0000-0000-000000000005",
            "description": "Security defaults is a set of basic identity security mechanisms.",
            "displayName": "Security Defaults",
            "isEnabled": false,
        }),
    );
}

fn side(kind: &str) -> Value {
    let targets = json!([{"target": "AllUsers", "targetType": "user"}]);
    let apps = json!([{"target": "AllApplications", "targetType": "application"}]);
    json!({
        "applications": {"accessType": kind, "targets": apps},
        "usersAndGroups": {"accessType": kind, "targets": targets},
    })
}

fn cross_tenant(tenant: &mut Tenant) {
    tenant.found(Ty::XtapDefault, None, json!({
        "isServiceDefault": false,
        "b2bCollaborationInbound": side("allowed"),
        "b2bCollaborationOutbound": side("allowed"),
        "b2bDirectConnectInbound": side("blocked"),
        "b2bDirectConnectOutbound": side("blocked"),
        "inboundTrust": {"isCompliantDeviceAccepted": false, "isHybridAzureADJoinedDeviceAccepted": false, "isMfaAccepted": false},
        "tenantRestrictions": null,
    }));
    for number in 0..3 {
        let record = partner(tenant, number);
        tenant.found(Ty::XtapPartner, None, record);
    }
}

/// The record of a cross-tenant partner.
pub(in super::super) fn partner(tenant: &Tenant, number: u32) -> Value {
    json!({
        "tenantId": fixed(tenant, "partner", number),
        "automaticUserConsentSettings": {"inboundAllowed": null, "outboundAllowed": null},
        "b2bCollaborationInbound": side("allowed"),
        "b2bCollaborationOutbound": null,
        "b2bDirectConnectInbound": null,
        "b2bDirectConnectOutbound": null,
        "inboundTrust": null,
        "isServiceProvider": null,
        "tenantRestrictions": null,
    })
}
