//! Groups, administrative units and devices.

use serde_json::{Value, json};

use super::super::kinds::{Obj, Ty};
use super::super::people::{self, DEPARTMENTS, DOMAIN, Sort};
use super::super::rng::{Rng, hash, tag};
use super::super::tenant::Tenant;
use super::{Extent, fixed, past};

/// What sort of group a number stands for.
fn flavour(number: u32) -> &'static str {
    match number {
        0 => "everybody",
        1..=4 => "role",
        5..=12 => "dynamic",
        _ if number.is_multiple_of(3) => "unified",
        _ if number % 7 == 3 => "synced",
        _ => "assigned",
    }
}

/// The record of a group.
pub(in super::super) fn group(tenant: &Tenant, number: u32, name: &str, created: &str) -> Value {
    let flavour = if name.is_empty() { flavour(number) } else { "assigned" };
    let department = DEPARTMENTS.get(usize::try_from(number.saturating_sub(5)).unwrap_or(0));
    let nick = format!("group{number}");
    let unified = flavour == "unified";
    let label = match (name, flavour) {
        ("", "everybody") => "All Employees".to_owned(),
        ("", "role") => format!("Tier Zero Operators {number}"),
        ("", "dynamic") => format!("Department {}", department.unwrap_or(&"None")),
        ("", _) => format!("Project Team {number}"),
        _ => name.to_owned(),
    };
    let mail = if unified { json!(format!("{nick}@{DOMAIN}")) } else { Value::Null };
    let types = match flavour {
        "dynamic" => json!(["DynamicMembership"]),
        "unified" => json!(["Unified"]),
        _ => json!([]),
    };
    let rule = match (flavour, department) {
        ("dynamic", Some(name)) => json!(format!("(user.department -eq \"{name}\")")),
        _ => Value::Null,
    };
    json!({
        "id": fixed(tenant, "group", number),
        "deletedDateTime": null,
        "classification": null,
        "createdDateTime": created,
        "creationOptions": [],
        "description": format!("{label} of Woodgrove Bank"),
        "displayName": label,
        "expirationDateTime": null,
        "groupTypes": types,
        "isAssignableToRole": if flavour == "role" { json!(true) } else { Value::Null },
        "mail": mail,
        "mailEnabled": unified,
        "mailNickname": nick,
        "membershipRule": rule,
        "membershipRuleProcessingState": if rule.is_null() { Value::Null } else { json!("On") },
        "onPremisesSyncEnabled": if flavour == "synced" { json!(true) } else { Value::Null },
        "onPremisesSecurityIdentifier": if flavour == "synced" {
            json!(format!("S-1-5-21-1004336348-1177238915-682003330-9{number}"))
        } else {
            Value::Null
        },
        "preferredLanguage": null,
        "proxyAddresses": if unified { json!([format!("SMTP:{nick}@{DOMAIN}")]) } else { json!([]) },
        "resourceProvisioningOptions": [],
        "securityEnabled": !unified,
        "visibility": if unified { json!("Private") } else { Value::Null },
    })
}

pub(super) fn build(tenant: &mut Tenant, rng: &mut Rng, extent: Extent) {
    for number in 0..extent.groups {
        let created = past(tenant, "group", number);
        let record = group(tenant, number, "", &created);
        let group = tenant.found(Ty::Group, None, record);
        let members = members(tenant, rng, number, extent);
        tenant.links.entry((group, "members")).or_default().first.extend(members);
        let owner = Obj { ty: Ty::User, ix: u32::try_from(rng.below(8)).unwrap_or(0) };
        tenant.links.entry((group, "owners")).or_default().first.insert(owner);
    }
    for number in 0..3 {
        unit(tenant, rng, number, extent);
    }
    for number in 0..extent.devices {
        device(tenant, number);
    }
}

fn members(tenant: &Tenant, rng: &mut Rng, number: u32, extent: Extent) -> Vec<Obj> {
    let user = |ix| Obj { ty: Ty::User, ix };
    let limit = usize::try_from(extent.users.min(400)).unwrap_or(0);
    match flavour(number) {
        "everybody" => (0..extent.users)
            .filter(|ix| people::sort(*ix) != Sort::Guest && ix % 5 != 4)
            .take(limit)
            .map(user)
            .collect(),
        "role" => (1 + number..4 + number).map(user).collect(),
        "dynamic" => {
            let wanted = DEPARTMENTS.get(usize::try_from(number - 5).unwrap_or(0));
            (0..extent.users.min(4_000))
                .filter(|ix| Some(&people::department(tenant.seed, *ix)) == wanted)
                .filter(|ix| ix % 5 != 4)
                .take(40)
                .map(user)
                .collect()
        }
        _ => (0..rng.below(9))
            .map(|_| user(u32::try_from(rng.below(u64::from(extent.users))).unwrap_or(0)))
            .filter(|obj| obj.ix % 5 != 4)
            .collect(),
    }
}

fn unit(tenant: &mut Tenant, rng: &mut Rng, number: u32, extent: Extent) {
    let name = ["Branches North", "Branches South", "Executives"]
        .get(usize::try_from(number).unwrap_or(0))
        .copied()
        .unwrap_or_default();
    let record = json!({
        "id": fixed(tenant, "unit", number),
        "deletedDateTime": null,
        "displayName": name,
        "description": format!("Unit of {name}"),
        "isMemberManagementRestricted": number == 2,
        "membershipRule": null,
        "membershipType": null,
        "visibility": null,
    });
    let unit = tenant.found(Ty::AdminUnit, None, record);
    let members = (0..6 + rng.below(5))
        .map(|_| u32::try_from(rng.below(u64::from(extent.users))).unwrap_or(0))
        .filter(|ix| ix % 5 != 4)
        .map(|ix| Obj { ty: Ty::User, ix });
    tenant.links.entry((unit, "members")).or_default().first.extend(members);
}

/// Puts a device into the first state.
fn device(tenant: &mut Tenant, number: u32) -> Obj {
    let record = device_record(tenant, number);
    tenant.found(Ty::Device, None, record)
}

pub(in super::super) fn device_record(tenant: &Tenant, number: u32) -> Value {
    let joined = if number.is_multiple_of(3) { "ServerAd" } else { "AzureAd" };
    json!({
        "id": fixed(tenant, "device", number),
        "deletedDateTime": null,
        "accountEnabled": true,
        "deviceId": fixed(tenant, "deviceId", number),
        "deviceVersion": 2,
        "displayName": format!("WG-PC-{number:04}"),
        "isCompliant": number % 4 != 1,
        "isManaged": true,
        "manufacturer": "Contoso Devices",
        "model": "Slate 4",
        "operatingSystem": "Windows",
        "operatingSystemVersion": format!("10.0.226{}.1", hash(tenant.seed, &[tag("os"), u64::from(number)]) % 90 + 10),
        "physicalIds": [],
        "profileType": "RegisteredDevice",
        "registrationDateTime": past(tenant, "device", number),
        "trustType": joined,
    })
}
