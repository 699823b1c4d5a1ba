//! What the exporter asks for on each day, and what goes wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Ty;
use super::rng::{Rng, tag};
use super::{Incident, Mess, SynthOptions};

/// Every attribute of a user that an export can hold.
pub(super) const USER_ALL: &[&str] = &[
    "id",
    "accountEnabled",
    "ageGroup",
    "assignedLicenses",
    "businessPhones",
    "city",
    "companyName",
    "country",
    "createdDateTime",
    "creationType",
    "department",
    "displayName",
    "employeeId",
    "employeeType",
    "externalUserState",
    "faxNumber",
    "givenName",
    "identities",
    "imAddresses",
    "jobTitle",
    "legalAgeGroupClassification",
    "mail",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesExtensionAttributes",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "onPremisesUserPrincipalName",
    "otherMails",
    "passwordPolicies",
    "postalCode",
    "preferredLanguage",
    "proxyAddresses",
    "showInAddressList",
    "signInSessionsValidFromDateTime",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "userPrincipalName",
    "userType",
];
/// The list of users of a large tenant.
pub(super) const USER_LARGE: &[&str] = &[
    "id",
    "accountEnabled",
    "assignedLicenses",
    "businessPhones",
    "city",
    "companyName",
    "country",
    "createdDateTime",
    "creationType",
    "department",
    "displayName",
    "employeeId",
    "employeeType",
    "externalUserState",
    "givenName",
    "identities",
    "jobTitle",
    "mail",
    "mailNickname",
    "mobilePhone",
    "officeLocation",
    "onPremisesDistinguishedName",
    "onPremisesDomainName",
    "onPremisesImmutableId",
    "onPremisesLastSyncDateTime",
    "onPremisesSamAccountName",
    "onPremisesSecurityIdentifier",
    "onPremisesSyncEnabled",
    "otherMails",
    "passwordPolicies",
    "postalCode",
    "preferredLanguage",
    "proxyAddresses",
    "showInAddressList",
    "signInSessionsValidFromDateTime",
    "state",
    "streetAddress",
    "surname",
    "usageLocation",
    "userPrincipalName",
    "userType",
];
/// The main list of users.
pub(super) const USER_MAIN: &[&str] = &[
    "id",
    "accountEnabled",
    "businessPhones",
    "city",
    "createdDateTime",
    "department",
    "displayName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "onPremisesLastSyncDateTime",
    "onPremisesSyncEnabled",
    "otherMails",
    "proxyAddresses",
    "usageLocation",
    "userPrincipalName",
    "userType",
];
/// The main list of users after the exporter was updated.
pub(super) const USER_GROWN: &[&str] = &[
    "id",
    "accountEnabled",
    "businessPhones",
    "city",
    "companyName",
    "createdDateTime",
    "department",
    "displayName",
    "employeeType",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "onPremisesLastSyncDateTime",
    "onPremisesSyncEnabled",
    "otherMails",
    "proxyAddresses",
    "showInAddressList",
    "usageLocation",
    "userPrincipalName",
    "userType",
];
/// The second list of users: what sign-in depends on.
pub(super) const USER_SECOND: &[&str] = &[
    "id",
    "createdDateTime",
    "accountEnabled",
    "assignedLicenses",
    "passwordPolicies",
    "signInSessionsValidFromDateTime",
    "userType",
];
/// The third list of users: their managers.
pub(super) const USER_MANAGER: &[&str] = &["id", "createdDateTime", "displayName"];
/// Users in the recycle bin: what the service answers by default.
pub(super) const USER_BIN: &[&str] = &[
    "businessPhones",
    "displayName",
    "givenName",
    "jobTitle",
    "mail",
    "mobilePhone",
    "officeLocation",
    "preferredLanguage",
    "surname",
    "userPrincipalName",
    "id",
];
/// A list of guests.
pub(super) const USER_GUEST: &[&str] = &["id", "createdDateTime", "displayName", "userType"];
/// One user in detail.
pub(super) const USER_DETAIL: &[&str] =
    &["id", "createdDateTime", "department", "jobTitle", "accountEnabled"];
/// One user in detail, asked for without id.
pub(super) const USER_NAMELESS: &[&str] = &["department", "jobTitle", "usageLocation"];

/// A list that can lose a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Series {
    UsersMain,
    UsersSecond,
    Type(Ty),
}

/// Which page is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    First,
    Middle,
    Last,
}

/// All that goes wrong.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    pub(super) lost: BTreeMap<(usize, Series), Lost>,
    pub(super) not_collected: BTreeSet<(usize, Ty)>,
    /// Answered with an error body.
    pub(super) denied: BTreeSet<(usize, Ty)>,
    /// Day of the page in UTF-16.
    pub(super) utf16: Option<usize>,
    /// First day of the grown select list.
    pub(super) grown: Option<usize>,
    /// Day of the filtered list.
    pub(super) filtered: Option<usize>,
    /// Day on which only the first list of users was read.
    pub(super) short: Option<usize>,
    /// Whether spellings vary.
    pub(super) spelling: bool,
    /// Whether users are read with several selects.
    pub(super) several: bool,
}

impl Trouble {
    /// What goes wrong with these options.
    pub(super) fn of(options: &SynthOptions, days: usize) -> Self {
        if options.mess == Mess::None
            || options.users >= super::LARGE
            || options.format.is_foreign()
        {
            return Self::default();
        }
        let mut rng = Rng::new(options.seed, &[tag("trouble")]);
        let mut trouble = Self {
            utf16: (days > 1).then_some(1),
            grown: (days > 2).then(|| 1 + rng.position(days - 2)),
            filtered: (days > 1).then(|| rng.position(days)),
            spelling: true,
            several: true,
            ..Self::default()
        };
        if options.incident == Some(Incident::Woodgrove) && days >= 7 {
            trouble.grown = Some(2);
            trouble.filtered = Some(5);
            trouble.lose(1, Series::UsersMain, Lost::First);
            trouble.lose(2, Series::Type(Ty::ServicePrincipal), Lost::Middle);
            trouble.lose(3, Series::UsersSecond, Lost::Last);
            trouble.lose(6, Series::Type(Ty::Device), Lost::Last);
            trouble.not_collected.insert((4, Ty::NamedLocation));
            trouble.denied.insert((5, Ty::Device));
            return trouble;
        }
        trouble.at_random(&mut rng, days);
        trouble
    }

    fn lose(&mut self, day: usize, series: Series, page: Lost) {
        self.lost.insert((day, series), page);
    }

    fn at_random(&mut self, rng: &mut Rng, days: usize) {
        let pages = [Lost::First, Lost::Middle, Lost::Last];
        for _ in 0..=rng.below(3) {
            let page = rng.pick(&pages).copied().unwrap_or(Lost::Last);
            let any = rng.position(days);
            match rng.below(4) {
                0 => self.lose(any, Series::UsersMain, page),
                1 => self.lose(any, Series::UsersSecond, page),
                2 => self.lose(any, Series::Type(Ty::Device), page),
                _ if days > 2 => {
                    let ty = if rng.chance(1, 2) { Ty::ServicePrincipal } else { Ty::Group };
                    self.lose(1 + rng.position(days - 2), Series::Type(ty), page);
                }
                _ => {}
            }
        }
        if days > 2 {
            let types = [
                Ty::CaPolicy,
                Ty::NamedLocation,
                Ty::AdminUnit,
                Ty::Grant,
                Ty::Authorization,
                Ty::Device,
            ];
            let ty = rng.pick(&types).copied().unwrap_or(Ty::CaPolicy);
            self.not_collected.insert((1 + rng.position(days - 2), ty));
            let ty = rng.pick(&types).copied().unwrap_or(Ty::Device);
            self.denied.insert((1 + rng.position(days - 2), ty));
        }
        if rng.chance(1, 3) && days > 1 {
            self.short = Some(days - 1);
            self.lose(days - 1, Series::UsersMain, Lost::Last);
        }
    }
}
