//! The first state of the tenant.

mod access;
mod apps;
mod groups;
mod policies;
mod roles;

use super::clock::{DAY, FIRST_DAY, rfc3339};
use super::people;
use super::rng::{Rng, guid, hash, scale, tag};
use super::tenant::Tenant;

pub(super) use access::app_role_assignment;
pub(super) use apps::{federated_record as federated, password, service_principal};
pub(super) use groups::{device_record as device, group};
pub(super) use policies::{ca_policy, partner};
pub(super) use roles::{GLOBAL_ADMINISTRATOR, ROLES, assignment, eligibility};

/// How much of everything there is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) users: u32,
    pub(super) groups: u32,
    pub(super) apps: u32,
    pub(super) foreign: u32,
    pub(super) devices: u32,
}

impl Extent {
    /// What suits a tenant of this many users.
    pub(super) fn of(users: u32) -> Self {
        Self {
            users,
            groups: (users / 10).clamp(22, 160),
            apps: (users / 12).clamp(20, 80),
            foreign: (users / 20).clamp(8, 60),
            devices: (users / 6).clamp(20, 400),
        }
    }
}

/// A tenant in its first state.
pub(super) fn tenant(seed: u64, users: u32) -> Tenant {
    let mut tenant = Tenant::new(seed, users);
    let extent = Extent::of(users);
    let mut rng = Rng::new(seed, &[tag("build")]);
    policies::build(&mut tenant);
    groups::build(&mut tenant, &mut rng, extent);
    apps::build(&mut tenant, &mut rng, extent);
    roles::build(&mut tenant, &mut rng);
    access::build(&mut tenant, &mut rng, extent);
    for ix in 0..users.min(200_000) {
        if let Some(manager) = people::manager(seed, ix, users) {
            let user = |ix| super::kinds::Obj { ty: super::kinds::Ty::User, ix };
            if users <= super::LARGE {
                tenant.links.entry((user(ix), "manager")).or_default().first.insert(user(manager));
            }
        }
    }
    tenant
}

/// A GUID for a thing of this name and number.
pub(super) fn fixed(tenant: &Tenant, name: &str, number: u32) -> String {
    guid(tenant.seed, &[tag(name), u64::from(number)])
}

/// A time in the years before the first day.
pub(super) fn past(tenant: &Tenant, name: &str, number: u32) -> String {
    let back = scale(hash(tenant.seed, &[tag("past"), tag(name), u64::from(number)]), 100_000_000);
    rfc3339(FIRST_DAY - 3 * DAY - i64::try_from(back).unwrap_or(0))
}
