//! File and folder names as collectors spell them.

/// Words that collectors put around a name and that say nothing of the type.
const NOISE: [&str; 21] = [
    "aad", "all", "azuread", "batch", "chunk", "data", "dump", "entity", "entra", "entraid",
    "export", "full", "get", "graph", "list", "mg", "msgraph", "output", "page", "part", "raw",
];

/// Letters and digits only, lower case.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The spellings under which a file stem may be known, the most literal first.
pub(super) fn spellings(stem: &str) -> Vec<String> {
    let parts: Vec<String> = stem
        .split(|c: char| !c.is_ascii_alphanumeric())
        .map(plain)
        .filter(|p| !p.is_empty())
        .collect();
    let mut found = vec![parts.concat()];
    let mut core = parts.as_slice();
    while let [rest @ .., last] = core
        && is_noise(last)
    {
        core = rest;
    }
    while let [first, rest @ ..] = core
        && is_noise(first)
    {
        core = rest;
    }
    found.push(core.concat());
    if let [rest @ .., last] = core {
        let mut bare = rest.concat();
        bare.push_str(last.trim_end_matches(|c: char| c.is_ascii_digit()));
        found.push(bare);
    }
    found.retain(|spelling| !spelling.is_empty());
    found
}

/// A counter, a stamp, a hash or one of [`NOISE`].
fn is_noise(part: &str) -> bool {
    let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let stamp = part.chars().all(|c| c.is_ascii_digit() || matches!(c, 't' | 'z'))
        && part.chars().any(|c| c.is_ascii_digit());
    let hash = part.len() >= 4 && part.chars().all(|c| c.is_ascii_hexdigit());
    stamp || hash || letters == "p" || letters == "v" || NOISE.contains(&letters)
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;

    #[test]
    fn decorations_are_passed_over() {
        for (stem, path) in [
            ("users", "users"),
            ("users_1", "users"),
            ("Users-2", "users"),
            ("users3", "users"),
            ("users__140543__abcd", "users"),
            ("20261102T030000Z_users_page2", "users"),
            ("users (3)", "users"),
            ("ConditionalAccessPolicies_page3", "identity/conditionalAccess/policies"),
            ("conditionalAccess_policies", "identity/conditionalAccess/policies"),
            ("conditional_access_policies", "identity/conditionalAccess/policies"),
            ("oauth2PermissionGrants", "oauth2PermissionGrants"),
            ("oauth2PermissionGrants_2", "oauth2PermissionGrants"),
            (
                "policies_identitySecurityDefaultsEnforcementPolicy_entity__140543__c13fd05b",
                "policies/identitySecurityDefaultsEnforcementPolicy",
            ),
            (
                "roleManagement_directory_roleAssignments",
                "roleManagement/directory/roleAssignments",
            ),
            ("deletedUsers", "directory/deletedItems/microsoft.graph.user"),
            (
                "directory_deletedItems_microsoft.graph.user",
                "directory/deletedItems/microsoft.graph.user",
            ),
            ("signIns", "auditLogs/signIns"),
        ] {
            assert_eq!(catalogue().of_name(stem), Some(path), "{stem}");
        }
    }

    #[test]
    fn relation_files_and_strangers_stay_unnamed() {
        let id = "5f0d1a52-9d68-4b49-8a05-1d54f42f3a11";
        for stem in
            [&format!("groups_{id}_members"), "members", "export_2", "_", "", "notes", "settings"]
        {
            assert_eq!(catalogue().of_name(stem), None, "{stem}");
        }
    }
}
