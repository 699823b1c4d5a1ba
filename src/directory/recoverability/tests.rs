use super::*;
use crate::directory::catalogue;

fn count(object_type: &str, standing: Standing) -> usize {
    let rows = catalogue().recoverable_properties(object_type);
    rows.filter(|row| row.standing == standing).count()
}

#[test]
fn every_documented_property_is_there() {
    for (object_type, listed) in [
        ("user", 33),
        ("group", 12),
        ("authorizationPolicy", 2),
        ("authenticationMethodsPolicy", 8),
        ("application", 19),
        ("servicePrincipal", 14),
        ("organization", 6),
    ] {
        assert_eq!(count(object_type, Standing::Listed), listed, "{object_type}");
        assert_eq!(count(object_type, Standing::All), 0, "{object_type}");
    }
    for (object_type, members) in [
        ("conditionalAccessPolicy", 56),
        ("namedLocation", 10),
        ("oAuth2PermissionGrant", 6),
        ("appRoleAssignment", 9),
    ] {
        assert_eq!(count(object_type, Standing::Listed), 0, "{object_type}");
        assert_eq!(count(object_type, Standing::All), 1, "{object_type}");
        assert_eq!(count(object_type, Standing::Member), members, "{object_type}");
    }
    assert_eq!(count("group", Standing::Link), 1);
    assert_eq!(count("authenticationStrengthPolicy", Standing::Unclear), 1);
}

#[test]
fn every_row_has_a_source_and_a_date() {
    for row in &catalogue().recoverable {
        let source = ["learn: ", "Microsoft Graph: "];
        assert!(source.iter().any(|known| row.source.starts_with(known)), "{row:?}");
        assert!(day(&row.source_date).is_some(), "{row:?}");
        assert_eq!(row.since.to_string(), "2026-03-19T00:00:00Z", "{row:?}");
        assert!(!row.request.contains("{property}") || row.property == ANY, "{row:?}");
        let said = row.standing != Standing::Unlisted && row.standing != Standing::Unclear;
        assert!(said || !row.note.is_empty(), "{row:?}");
    }
    for known in catalogue().recovery_types() {
        assert!(!known.source.is_empty() && day(&known.source_date).is_some(), "{known:?}");
    }
}

#[test]
fn no_property_has_two_rows() {
    let rows = &catalogue().recoverable;
    let key =
        |row: &RecoverableProperty| (row.carrier.clone(), row.object.clone(), row.property.clone());
    let mut keys: Vec<_> = rows.iter().map(key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), rows.len());
}

#[test]
fn a_property_is_found_by_the_nearest_row_above_it() {
    let of = |object_type: &str, id: &str, path: &str| {
        let row = catalogue().recoverable_property(object_type, id, path)?;
        Some((row.standing, row.property.as_str()))
    };
    assert_eq!(
        of("user", "a", "employeeOrgData.division"),
        Some((Standing::Listed, "employeeOrgData"))
    );
    assert_eq!(of("user", "a", "mailboxSettings"), None);
    assert_eq!(of("user", "a", "mailFolder"), None);
    assert_eq!(
        of("conditionalAccessPolicy", "a", "conditions.users.includeUsers"),
        Some((Standing::Member, "conditions.users.includeUsers"))
    );
    assert_eq!(
        of("conditionalAccessPolicy", "a", "partialEnablementStrategy"),
        Some((Standing::All, ANY))
    );
    assert_eq!(of("servicePrincipal", "a", "displayName").unwrap().0, Standing::Unlisted);
    assert_eq!(of("group", "a", "members").unwrap().0, Standing::Link);
    assert_eq!(of("group", "a", "owners").unwrap().0, Standing::Excluded);
}

#[test]
fn a_carrier_is_told_by_its_object() {
    let of = |id: &str| {
        catalogue().recoverable_property("authenticationMethodConfiguration", id, "state")
    };
    assert_eq!(of("sms").unwrap().standing, Standing::Listed);
    assert_eq!(of("HardwareOath").unwrap().standing, Standing::Unlisted);
    assert!(of("a9c2b7e0-0000-4000-8000-000000000001").is_none());
    let password = "u|28c10230-6103-485e-b985-444c60001490";
    let row = catalogue().recoverable_property("authenticationMethod", password, "createdDateTime");
    assert_eq!(row.unwrap().standing, Standing::Excluded);
    let state =
        catalogue().supported_property("strongAuthenticationRequirements", "u", "perUserMfaState");
    assert_eq!(state.unwrap().request, "GET /beta/users/{id}/authentication/requirements");
    assert!(!state.unwrap().is_in_dumps());
}

#[test]
fn requests_name_the_property() {
    let row = catalogue().supported_property("user", "", "department").unwrap();
    assert_eq!(row.request, "GET /users?$select=id,department");
    assert!(row.is_in_dumps());
}

#[test]
fn types_of_the_service_are_types_of_the_index() {
    for known in catalogue().recovery_types() {
        let bin = catalogue().object_type(&known.name).unwrap().bin.is_some();
        let expected = matches!(known.bin, BinKind::Every | BinKind::Some);
        assert_eq!(bin, expected, "{}", known.name);
        let conditions = catalogue().recovery_conditions(&known.name);
        let told = conditions.iter().any(|test| test.rule == Rule::Bin);
        assert_eq!(told, known.bin == BinKind::Some, "{}", known.name);
    }
    let lists = catalogue().recoverable.iter().filter(|r| r.standing == Standing::Elements);
    for row in lists {
        let element = catalogue().element_type(&row.object_type).unwrap();
        assert!(catalogue().recoverable.iter().any(|row| row.carrier == element.name));
    }
}
