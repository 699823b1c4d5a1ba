//! Users as a function of seed and number, so that a million of them need no memory.
//!
//! All names are invented words put together by the generator.

use std::io::Write as _;

use serde_json::{Map, Value};

use super::clock::{DAY, FIRST_DAY, rfc3339};
use super::rng::{choose, guid, hash, scale, tag};

/// The verified domain of the tenant.
pub(super) const DOMAIN: &str = "woodgrove.example";
/// The initial domain of the tenant.
pub(super) const INITIAL_DOMAIN: &str = "woodgrove.onmicrosoft.example";

const GIVEN: &[&str] = &[
    "Arvenna",
    "Belquist",
    "Corwenna",
    "Dallimor",
    "Eskander",
    "Fennimara",
    "Gorvath",
    "Hesperine",
    "Ivorell",
    "Jasquelle",
    "Kelvandor",
    "Lumireth",
    "Morwynne",
    "Norquay",
    "Ophirelle",
    "Perrivan",
    "Quillon",
    "Rosmerta",
    "Sylvandir",
    "Tamsilda",
    "Ulverine",
    "Vexley",
    "Wrenolda",
    "Xanthir",
    "Yoravel",
    "Zephrina",
];
const FAMILY: &[&str] = &[
    "Applewhistle",
    "Bramblecote",
    "Cobbleshaw",
    "Dapplemere",
    "Eddlestorm",
    "Fiddlewick",
    "Gooseberrow",
    "Hollowbell",
    "Inkpennant",
    "Jellicroft",
    "Kettlebrim",
    "Larkspindle",
    "Mossgather",
    "Nettlebright",
    "Oatensmith",
    "Puddlefrost",
    "Quiverdale",
    "Rumblethorn",
    "Saltmarrow",
    "Thimbleford",
    "Umberknoll",
    "Velvetpine",
    "Wobblestone",
    "Yarrowgate",
    "Zigglesworth",
];
const TITLES: &[&str] = &[
    "Analyst",
    "Accountant",
    "Branch Manager",
    "Clerk",
    "Engineer",
    "Loan Officer",
    "Recruiter",
    "Security Guard",
    "Teller",
    "Treasurer",
];
/// Departments, by which dynamic groups are built.
pub(super) const DEPARTMENTS: &[&str] =
    &["Finance", "Human Resources", "IT", "Legal", "Marketing", "Operations", "Retail", "Sales"];
const CITIES: &[(&str, &str, &str)] = &[
    ("Northmere", "NM", "US"),
    ("Eastvale", "EV", "US"),
    ("Southwick Harbour", "SH", "GB"),
    ("Westerbrück", "WB", "DE"),
    ("Saint-Éloi-sur-Lac", "SE", "FR"),
];
/// Licence units.
pub(super) const SKUS: &[&str] = &[
    "06ebc4ee-1bb5-47dd-8120-11324bc54e06",
    "c7df2760-2c81-4ef7-b578-5b5392b571df",
    "efccb6f7-5641-4e0e-bd10-b4976e1bf68e",
];

/// What sort of user a number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Made in the cloud.
    Cloud,
    /// From the directory on premises.
    Synced,
    /// Invited.
    Guest,
}

/// The sort of this user.
pub(super) fn sort(ix: u32) -> Sort {
    if ix >= 8 && ix % 11 == 7 {
        Sort::Guest
    } else if ix >= 8 && (ix.wrapping_mul(7)) % 10 < 6 {
        Sort::Synced
    } else {
        Sort::Cloud
    }
}

/// The id of this user.
pub(super) fn id(seed: u64, ix: u32) -> String {
    guid(seed, &[tag("user"), u64::from(ix)])
}

fn number(seed: u64, ix: u32, what: &str) -> u64 {
    hash(seed, &[tag(what), u64::from(ix)])
}

fn given(seed: u64, ix: u32) -> &'static str {
    choose(GIVEN, number(seed, ix, "given")).copied().unwrap_or_default()
}

fn family(seed: u64, ix: u32) -> &'static str {
    choose(FAMILY, number(seed, ix, "family")).copied().unwrap_or_default()
}

/// Display name.
pub(super) fn display_name(seed: u64, ix: u32) -> String {
    match ix {
        0 => "Break Glass".to_owned(),
        _ => format!("{} {}", given(seed, ix), family(seed, ix)),
    }
}

fn nick(seed: u64, ix: u32) -> String {
    match ix {
        0 => "breakglass".to_owned(),
        _ => format!(
            "{}.{}{ix}",
            given(seed, ix).to_ascii_lowercase(),
            family(seed, ix).to_ascii_lowercase()
        ),
    }
}

/// User principal name.
pub(super) fn upn(seed: u64, ix: u32) -> String {
    match sort(ix) {
        Sort::Guest => format!("{}_fabrikam.example#EXT#@{INITIAL_DOMAIN}", nick(seed, ix)),
        Sort::Cloud | Sort::Synced if ix == 0 => format!("breakglass@{INITIAL_DOMAIN}"),
        Sort::Cloud | Sort::Synced => format!("{}@{DOMAIN}", nick(seed, ix)),
    }
}

/// Department.
pub(super) fn department(seed: u64, ix: u32) -> &'static str {
    choose(DEPARTMENTS, number(seed, ix, "department")).copied().unwrap_or_default()
}

fn place(seed: u64, ix: u32) -> (&'static str, &'static str, &'static str) {
    choose(CITIES, number(seed, ix, "city")).copied().unwrap_or_default()
}

fn created(seed: u64, ix: u32) -> i64 {
    let back = scale(number(seed, ix, "created"), 86_400 * 1_500);
    FIRST_DAY - DAY - i64::try_from(back).unwrap_or(0)
}

/// The number of the user's manager, for those who have one.
pub(super) fn manager(seed: u64, ix: u32, users: u32) -> Option<u32> {
    let managers = users / 10;
    if managers < 2 || ix < 8.max(managers) || sort(ix) == Sort::Guest || ix >= users {
        return None;
    }
    u32::try_from(scale(number(seed, ix, "manager"), u64::from(managers))).ok()
}

/// When the user was last synchronised, seen at `at`: about a third of the synced users move each day.
fn last_sync(seed: u64, ix: u32, at: i64) -> i64 {
    let today = at.div_euclid(DAY);
    let moved = |day: &i64| {
        let day = u64::try_from(*day).unwrap_or(0);
        hash(seed, &[tag("sync"), u64::from(ix), day]) % 100 < 57
    };
    let day = (today - 20..=today).rev().find(moved).unwrap_or(today - 20);
    day * DAY + i64::from(ix % 3_600)
}

fn text(out: &mut Vec<u8>, word: &str) {
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

fn print(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    // Writing to a vector cannot fail.
    let written = out.write_fmt(arguments);
    debug_assert!(written.is_ok());
}

/// The attributes of a list of users at `at`, each with its JSON text.
#[derive(Debug)]
pub(super) struct User {
    pub(super) seed: u64,
    pub(super) ix: u32,
    pub(super) at: i64,
}

impl User {
    /// Writes the JSON text of one attribute.
    pub(super) fn write(&self, out: &mut Vec<u8>, attribute: &str) {
        match sort(self.ix) {
            Sort::Guest if self.guest(out, attribute) => {}
            Sort::Synced if self.synced(out, attribute) => {}
            Sort::Guest | Sort::Synced | Sort::Cloud => {
                if !self.name(out, attribute) && !self.work(out, attribute) {
                    Self::rest(out, attribute);
                }
            }
        }
    }

    /// All of these attributes as values.
    pub(super) fn map(&self, attributes: &[&str]) -> Map<String, Value> {
        let mut buffer = Vec::new();
        attributes
            .iter()
            .map(|attribute| {
                buffer.clear();
                self.write(&mut buffer, attribute);
                let value = serde_json::from_slice(&buffer).unwrap_or_default();
                ((*attribute).to_owned(), value)
            })
            .collect()
    }

    fn name(&self, out: &mut Vec<u8>, attribute: &str) -> bool {
        let (seed, ix) = (self.seed, self.ix);
        match attribute {
            "id" => text(out, &id(seed, ix)),
            "displayName" => text(out, &display_name(seed, ix)),
            "givenName" => text(out, given(seed, ix)),
            "surname" => text(out, family(seed, ix)),
            "userPrincipalName" => text(out, &upn(seed, ix)),
            "mail" => print(out, format_args!("\"{}@{DOMAIN}\"", nick(seed, ix))),
            "mailNickname" => text(out, &nick(seed, ix)),
            "proxyAddresses" => print(
                out,
                format_args!(
                    "[\"SMTP:{0}@{DOMAIN}\",\"smtp:{0}@{INITIAL_DOMAIN}\"]",
                    nick(seed, ix)
                ),
            ),
            "identities" => print(
                out,
                format_args!(
                    "[{{\"signInType\":\"userPrincipalName\",\"issuer\":\"{INITIAL_DOMAIN}\",\"issuerAssignedId\":\"{}\"}}]",
                    upn(seed, ix)
                ),
            ),
            "imAddresses" => print(out, format_args!("[\"{}@{DOMAIN}\"]", nick(seed, ix))),
            _ => return false,
        }
        true
    }

    fn work(&self, out: &mut Vec<u8>, attribute: &str) -> bool {
        let (seed, ix) = (self.seed, self.ix);
        let (city, state, country) = place(seed, ix);
        match attribute {
            "accountEnabled" => print(out, format_args!("{}", ix % 29 != 13)),
            "businessPhones" => print(out, format_args!("[\"+1 555 01{:05}\"]", ix % 100_000)),
            "city" => text(out, city),
            "companyName" => text(out, "Woodgrove Bank"),
            "country" | "usageLocation" => text(out, country),
            "createdDateTime" => text(out, &rfc3339(created(seed, ix))),
            "department" => text(out, department(seed, ix)),
            "employeeId" => print(out, format_args!("\"W{ix:07}\"")),
            "employeeType" => {
                text(out, if ix.is_multiple_of(5) { "Contractor" } else { "Employee" });
            }
            "jobTitle" => {
                text(out, choose(TITLES, number(seed, ix, "title")).copied().unwrap_or_default());
            }
            "assignedLicenses" => {
                let sku = choose(SKUS, number(seed, ix, "sku")).copied().unwrap_or_default();
                print(out, format_args!("[{{\"disabledPlans\":[],\"skuId\":\"{sku}\"}}]"));
            }
            "mobilePhone" if ix.is_multiple_of(3) => {
                print(out, format_args!("\"+1 555 02{:05}\"", ix % 100_000));
            }
            "officeLocation" => print(out, format_args!("\"{city} {}\"", ix % 40)),
            "otherMails" if ix.is_multiple_of(4) => {
                print(out, format_args!("[\"{}@contoso.example\"]", nick(seed, ix)));
            }
            "postalCode" => print(out, format_args!("\"{:05}\"", ix % 90_000 + 1_000)),
            "signInSessionsValidFromDateTime" | "lastPasswordChangeDateTime" => {
                text(out, &rfc3339(created(seed, ix) + 60));
            }
            "state" => text(out, state),
            "streetAddress" => print(out, format_args!("\"{} Invented Street\"", ix % 999 + 1)),
            _ => return false,
        }
        true
    }

    fn rest(out: &mut Vec<u8>, attribute: &str) {
        match attribute {
            "businessPhones"
            | "otherMails"
            | "proxyAddresses"
            | "identities"
            | "imAddresses"
            | "assignedLicenses"
            | "onPremisesProvisioningErrors" => out.extend_from_slice(b"[]"),
            "userType" => text(out, "Member"),
            "preferredLanguage" => text(out, "en-US"),
            "passwordPolicies" => text(out, "DisablePasswordExpiration"),
            "onPremisesExtensionAttributes" => {
                out.push(b'{');
                for number in 1..=15 {
                    let comma = if number == 1 { "" } else { "," };
                    print(out, format_args!("{comma}\"extensionAttribute{number}\":null"));
                }
                out.push(b'}');
            }
            _ => out.extend_from_slice(b"null"),
        }
    }

    fn synced(&self, out: &mut Vec<u8>, attribute: &str) -> bool {
        let (seed, ix) = (self.seed, self.ix);
        match attribute {
            "onPremisesSyncEnabled" => out.extend_from_slice(b"true"),
            "onPremisesLastSyncDateTime" => text(out, &rfc3339(last_sync(seed, ix, self.at))),
            "onPremisesDomainName" => text(out, "corp.woodgrove.example"),
            "onPremisesSamAccountName" => print(out, format_args!("\"u{ix}\"")),
            "onPremisesUserPrincipalName" => text(out, &upn(seed, ix)),
            "onPremisesDistinguishedName" => print(
                out,
                format_args!(
                    "\"CN={},OU={},OU=People,DC=corp,DC=woodgrove,DC=example\"",
                    display_name(seed, ix),
                    department(seed, ix)
                ),
            ),
            "onPremisesImmutableId" => {
                print(out, format_args!("\"{:020x}==\"", number(seed, ix, "anchor")));
            }
            "onPremisesSecurityIdentifier" => {
                print(out, format_args!("\"S-1-5-21-1004336348-1177238915-682003330-{ix}\""));
            }
            _ => return false,
        }
        true
    }

    fn guest(&self, out: &mut Vec<u8>, attribute: &str) -> bool {
        match attribute {
            "userType" => text(out, "Guest"),
            "creationType" => text(out, "Invitation"),
            "externalUserState" => text(out, "Accepted"),
            "mail" => {
                print(out, format_args!("\"{}@fabrikam.example\"", nick(self.seed, self.ix)));
            }
            "companyName" => text(out, "Fabrikam"),
            "assignedLicenses" | "proxyAddresses" | "businessPhones" => {
                out.extend_from_slice(b"[]");
            }
            "employeeId" | "employeeType" | "mobilePhone" => out.extend_from_slice(b"null"),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_json() {
        for ix in 0..40 {
            let map = User { seed: 3, ix, at: FIRST_DAY }.map(super::super::plan::USER_ALL);
            assert!(map.get("id").is_some_and(Value::is_string));
            assert!(map.get("userType").is_some_and(Value::is_string));
        }
    }
}
