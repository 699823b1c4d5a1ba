//! What the service covers, for the tenants that are made here: the answer key must not judge by the tables of those who
//! are judged by it.

use serde_json::json;

use super::super::kinds::{Obj, Ty};
use super::super::tenant::Tenant;

static TABLE: &str = include_str!("covered.csv");

/// The row of a type: name of the service's own, and properties.
fn row(ty: Ty) -> Option<(&'static str, &'static str)> {
    TABLE.lines().skip(1).find_map(|line| {
        let mut cells = line.split(',');
        let name = cells.next()?;
        (name == ty.name()).then_some((cells.next()?, cells.next()?))
    })
}

/// What the service calls objects of a type; `None` where it knows none.
pub(in super::super) fn entity(ty: Ty) -> Option<&'static str> {
    row(ty).map(|(entity, _)| entity)
}

/// Whether the service covers an attribute of a type.
pub(in super::super) fn covers(ty: Ty, path: &str) -> bool {
    let head = path.split('.').next().unwrap_or(path);
    row(ty).is_some_and(|(_, names)| names == "*" || names.split(' ').any(|name| name == head))
}

/// Whether an object is synchronised from on premises at a time.
pub(in super::super) fn is_synced(tenant: &Tenant, obj: Obj, at: i64) -> bool {
    let holder = if obj.ty == Ty::Requirements { tenant.parent(obj) } else { Some(obj) };
    holder.is_some_and(|one| {
        matches!(one.ty, Ty::User | Ty::Group)
            && tenant.value(one, "onPremisesSyncEnabled", at) == json!(true)
    })
}

/// Whether the members of a group are said by a rule.
pub(in super::super) fn is_dynamic(tenant: &Tenant, group: Obj, at: i64) -> bool {
    let types = tenant.value(group, "groupTypes", at);
    types.as_array().is_some_and(|all| all.contains(&json!("DynamicMembership")))
}

/// Whether a grant is the consent of one user.
pub(in super::super) fn is_of_one_user(tenant: &Tenant, obj: Obj) -> bool {
    obj.ty == Ty::Grant && tenant.word(obj, "consentType", i64::MAX) != "AllPrincipals"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    #[test]
    fn the_catalogue_says_the_same() {
        for line in TABLE.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            for name in cells[2].split(' ').filter(|name| *name != "*") {
                assert!(catalogue().supported_property(cells[0], "", name).is_some(), "{name}");
            }
            assert!(Ty::ALL.iter().any(|ty| ty.name() == cells[0]), "{line}");
        }
        assert!(!covers(Ty::Organization, "displayName"));
        assert!(covers(Ty::CaPolicy, "conditions.users.excludeUsers"));
        assert!(!covers(Ty::Group, "membershipRule"));
    }
}
