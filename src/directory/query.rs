//! Questions to the catalogue.

use super::names::spellings;
use super::{Attribute, Catalogue, ListSemantics, ObjectType, Relation, Role};

static ORDINARY: Attribute = Attribute {
    list: ListSemantics::Set,
    words: false,
    volatile: false,
    security: false,
    open: false,
    secret: false,
    ignored: false,
    introduced: false,
    default_value: None,
    inherited_from_publisher: false,
};

impl Catalogue {
    /// The type of this name, as spelt by Graph.
    #[must_use]
    pub fn object_type(&self, name: &str) -> Option<&ObjectType> {
        self.types.get(name)
    }

    /// All types, by name.
    pub fn object_types(&self) -> impl Iterator<Item = &ObjectType> {
        self.types.values()
    }

    /// The type of a collection or singleton, and whether the path is its recycle bin.
    ///
    /// Takes the path below the service root in any case: of a request, of an `@odata.context` (with select lists,
    /// keys and `/$entity`, or as `Collection(microsoft.graph.user)`), or as the other methods return it. A path below one object (`groups('ID')/members`) is
    /// a relation and not found here.
    #[must_use]
    pub fn of_collection(&self, path: &str) -> Option<(&str, bool)> {
        if let Some((_, items)) = path.split_once("Collection(") {
            return self.of_odata_type(items.trim_end_matches(')')).map(|name| (name, false));
        }
        self.collections.get(&path_key(path)).map(|(name, bin)| (name.as_str(), *bin))
    }

    /// The collection path in which objects of a type are listed live.
    #[must_use]
    pub fn collection_of(&self, object_type: &str) -> Option<&str> {
        self.primary.get(object_type).map(String::as_str)
    }

    /// The collection path of a type's recycle bin, where Graph has one.
    #[must_use]
    pub fn bin_of(&self, object_type: &str) -> Option<&str> {
        self.bins.get(object_type).map(String::as_str)
    }

    /// The type of an `@odata.type`, subtypes united to their base; with or without `#microsoft.graph.`, in any case;
    /// also one of Azure AD Graph (`Microsoft.DirectoryServices.User`, `User`).
    #[must_use]
    pub fn of_odata_type(&self, odata_type: &str) -> Option<&str> {
        let name = odata_type.trim_start_matches('#').to_ascii_lowercase();
        let name = ["microsoft.graph.", "microsoft.directoryservices."]
            .iter()
            .find_map(|space| name.strip_prefix(space))
            .unwrap_or(&name);
        self.odata_types.get(name).map(String::as_str)
    }

    /// The collection path of a folder of the EntraExporter tree, from its components below the export's root.
    ///
    /// An id may stand as itself or as `*`. For a folder below an object the path is that of a relation with `*` for
    /// the parent's id, e.g. `groups/*/members`: what stands before `/*/` is the parent's collection, what stands
    /// after it the segment that [`Catalogue::relation`] takes.
    #[must_use]
    pub fn of_folder(&self, components: &[&str]) -> Option<&str> {
        let literal = components.join("/").to_ascii_lowercase();
        if let Some(path) = self.folders.get(&literal) {
            return Some(path);
        }
        let patterns = self.folder_patterns.get(&components.len())?;
        let fits = patterns.iter().find(|(parts, _)| {
            let mut pairs = parts.iter().zip(components);
            pairs.all(|(part, given)| part == "*" || part.eq_ignore_ascii_case(given))
        });
        fits.map(|(_, path)| path.as_str())
    }

    /// The collection path that a file or folder name without its extension stands for.
    ///
    /// Counters, stamps, hashes, page marks and words such as `export` around the name are passed over.
    #[must_use]
    pub fn of_name(&self, stem: &str) -> Option<&str> {
        spellings(stem).iter().find_map(|spelling| self.names.get(spelling)).map(String::as_str)
    }

    /// The type of an object by the members that it has, the most specific signature first.
    #[must_use]
    pub fn of_members(&self, has: &dyn Fn(&str) -> bool) -> Option<&str> {
        let found = self.signatures.iter().find(|(members, _)| members.iter().all(|m| has(m)));
        found.map(|(_, name)| name.as_str())
    }

    /// How an attribute compares: the row for the type and path, else for any type and the path, else the nearest
    /// row for a path above that ends in `.*`, else a plain attribute whose lists are sets.
    #[must_use]
    pub fn attribute(&self, object_type: &str, path: &str) -> &Attribute {
        let rules = self.rules.get(object_type).unwrap_or(&self.any_type);
        rules.get(path).unwrap_or(&ORDINARY)
    }

    /// Whether the order of a list carries meaning in the member of this name or anywhere below it.
    #[must_use]
    pub fn has_ordered_list(&self, object_type: &str, member: &str) -> bool {
        let within = |path: &str| {
            path.strip_prefix(member).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.attributes.iter().any(|((of_type, path), attribute)| {
            attribute.list == ListSemantics::Ordered
                && (of_type == object_type || of_type == "*")
                && within(path)
        })
    }

    /// The relation of a path segment (or two: `authentication/methods`) below an object, in any case.
    #[must_use]
    pub fn relation(&self, parent_type: &str, segment: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| {
            relation.parent_type == parent_type && relation.segment.eq_ignore_ascii_case(segment)
        })
    }

    /// The built-in directory role of a template id.
    #[must_use]
    pub fn role(&self, template_id: &str) -> Option<&Role> {
        self.roles.get(&template_id.to_ascii_lowercase())
    }

    /// All built-in roles by template id.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &Role)> {
        self.roles.iter().map(|(id, role)| (id.as_str(), role))
    }

    /// Whether a role is control of the tenant.
    #[must_use]
    pub fn is_tier0_role(&self, template_id: &str) -> bool {
        self.role(template_id).is_some_and(|role| role.tier == 0)
    }

    /// What was wrong with the embedded tables; empty in a sound build.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// Lower case, without keys, select lists, ids and `$entity`.
pub(super) fn path_key(path: &str) -> String {
    let mut depth = 0_usize;
    let bare: String = path
        .chars()
        .filter(|c| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => return depth == 0,
            }
            false
        })
        .collect();
    let parts = bare.split('/').filter(|part| !matches!(*part, "" | "*" | "$entity"));
    let parts: Vec<&str> = parts.filter(|part| !is_guid(part)).collect();
    parts.join("/").to_ascii_lowercase()
}

fn is_guid(part: &str) -> bool {
    part.len() == 36
        && part.char_indices().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::super::{Bin, Identity, RelationKind, catalogue};
    use super::*;

    #[test]
    fn collections_are_found_in_every_spelling() {
        for (path, name, bin) in [
            ("users", "user", false),
            ("Users(id,displayName,signInActivity/lastSignInDateTime)", "user", false),
            ("/users/$entity", "user", false),
            ("identity/conditionalAccess/policies", "conditionalAccessPolicy", false),
            ("conditionalAccess/policies/$entity", "conditionalAccessPolicy", false),
            ("roleManagement/directory/roleAssignments", "unifiedRoleAssignment", false),
            ("Collection(microsoft.graph.directoryRole)", "directoryRole", false),
            ("directory/deletedItems/microsoft.graph.user", "user", true),
            ("identity/conditionalAccess/deletedItems/namedLocations", "namedLocation", true),
        ] {
            assert_eq!(catalogue().of_collection(path), Some((name, bin)), "{path}");
        }
        for path in ["groups('1')/members", "directoryObjects", "", "me/messages"] {
            assert_eq!(catalogue().of_collection(path), None, "{path}");
        }
    }

    #[test]
    fn subtypes_unite_to_their_base() {
        for (given, name) in [
            ("#microsoft.graph.user", "user"),
            ("microsoft.graph.User", "user"),
            ("user", "user"),
            ("#microsoft.graph.agentIdentity", "servicePrincipal"),
            ("#microsoft.graph.ipNamedLocation", "namedLocation"),
            ("#microsoft.graph.fido2AuthenticationMethod", "authenticationMethod"),
            (
                "#microsoft.graph.fido2AuthenticationMethodConfiguration",
                "authenticationMethodConfiguration",
            ),
            ("#microsoft.graph.entraRecoveryServices.recoveryJob", "recoveryJob"),
        ] {
            assert_eq!(catalogue().of_odata_type(given), Some(name), "{given}");
        }
        assert_eq!(catalogue().of_odata_type("#microsoft.graph.message"), None);
    }

    #[test]
    fn folders_lead_to_collections_and_relations() {
        let of = |components: &[&str]| catalogue().of_folder(components);
        assert_eq!(of(&["Users"]), Some("users"));
        assert_eq!(
            of(&["identity", "Conditional", "AccessPolicies"]),
            Some("identity/conditionalAccess/policies")
        );
        assert_eq!(of(&["Groups", "a1", "Members"]), Some("groups/*/members"));
        assert_eq!(of(&["Groups", "*", "Owners"]), Some("groups/*/owners"));
        assert_eq!(of(&["Groups", "a1"]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn members_tell_the_type() {
        let of = |members: &[&str]| catalogue().of_members(&|name| members.contains(&name));
        assert_eq!(of(&["id", "userPrincipalName", "userType"]), Some("user"));
        assert_eq!(of(&["id", "groupTypes", "securityEnabled"]), Some("group"));
        assert_eq!(
            of(&["id", "roleDefinitionId", "principalId", "directoryScopeId"]),
            Some("unifiedRoleAssignment")
        );
        assert_eq!(
            of(&["id", "createdDateTime", "userPrincipalName", "appId", "status", "ipAddress"]),
            Some("signIn")
        );
        assert_eq!(of(&["id", "displayName"]), None);
    }

    #[test]
    fn the_nearest_attribute_row_wins() {
        let of = |name, path| catalogue().attribute(name, path);
        assert_eq!(
            of("user", "passwordCredentials").list,
            ListSemantics::Keyed("keyId".to_owned())
        );
        assert!(of("user", "accountEnabled").security);
        assert!(!of("user", "displayName").security);
        assert!(of("user", "signInActivity.lastSignInDateTime").volatile);
        assert!(of("strangerType", "deletedDateTime").ignored);
        assert!(of("conditionalAccessPolicy", "conditions.users.excludeUsers").security);
        assert!(of("conditionalAccessPolicy", "conditions").security);
        assert!(of("conditionalAccessPolicy", "modifiedDateTime").volatile);
        assert!(of("user", "customSecurityAttributes.Engineering.Project").open);
        assert!(of("oAuth2PermissionGrant", "scope").words);
        assert!(of("servicePrincipal", "info.logoUrl").inherited_from_publisher);
        assert!(of("appRoleAssignment", "id").ignored);
        assert_eq!(of("user", "department"), &Attribute::default());
        assert_eq!(&ORDINARY, &Attribute::default());
    }

    #[test]
    fn types_know_their_identity_and_bin() {
        let of = |name| catalogue().object_type(name).unwrap();
        assert_eq!(of("user").identity, Identity::Id);
        assert_eq!(of("user").bin, Some(Bin { days: 30 }));
        assert_eq!(of("user").rebirth_property.as_deref(), Some("userPrincipalName"));
        assert_eq!(of("device").bin, None);
        assert_eq!(of("organization").identity, Identity::Singleton);
        assert_eq!(
            of("crossTenantAccessPolicyConfigurationPartner").identity,
            Identity::Property("tenantId".to_owned())
        );
        let parts = ["principalId", "resourceId", "appRoleId"].map(str::to_owned).to_vec();
        assert_eq!(of("appRoleAssignment").identity, Identity::NaturalKey(parts));
        assert!(of("signIn").event && of("recoveryJob").service_record);
        assert!(catalogue().object_type("User").is_none());
        assert_eq!(
            catalogue().collection_of("unifiedRoleDefinition").unwrap(),
            "roleManagement/directory/roleDefinitions"
        );
    }

    #[test]
    fn relations_say_what_their_items_are() {
        let kind = |name, segment| catalogue().relation(name, segment).map(|r| r.kind.clone());
        assert_eq!(
            kind("servicePrincipal", "APPROLEASSIGNEDTO"),
            Some(RelationKind::Objects {
                object_type: "appRoleAssignment".to_owned(),
                parent_property: "resourceId".to_owned(),
            })
        );
        assert_eq!(
            kind("user", "memberOf"),
            Some(RelationKind::InverseLinks {
                relation: "members".to_owned(),
                source_type: "group".to_owned(),
            })
        );
        assert_eq!(
            kind("user", "authentication/requirements"),
            Some(RelationKind::Part { object_type: "strongAuthenticationRequirements".to_owned() })
        );
        assert_eq!(kind("user", "members"), None);
    }

    #[test]
    fn control_of_the_tenant_is_tier_0() {
        assert!(catalogue().is_tier0_role("62E90394-69F5-4237-9190-012177145E10"));
        assert!(!catalogue().is_tier0_role("88d8e3e3-8f55-4a1e-953a-9b9898b8876b"));
        assert!(!catalogue().is_tier0_role("no such role"));
        assert_eq!(catalogue().roles().filter(|(_, role)| role.tier == 0).count(), 31);
        assert!(catalogue().roles().all(|(_, role)| role.tier > 0 || role.control_plane));
    }
}
