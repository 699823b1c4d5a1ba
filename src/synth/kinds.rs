//! The object types of a synthetic tenant, and where exports keep them.

/// An object type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ty {
    User,
    Group,
    Application,
    ServicePrincipal,
    CaPolicy,
    NamedLocation,
    RoleDefinition,
    RoleAssignment,
    Eligibility,
    DirectoryRole,
    AdminUnit,
    Device,
    Grant,
    AppRoleAssignment,
    FederatedCredential,
    Domain,
    DomainFederation,
    XtapDefault,
    XtapPartner,
    AuthMethods,
    AuthStrength,
    Authorization,
    SecurityDefaults,
    Organization,
    Requirements,
}

/// How objects of a type are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// By `id`, which is unique.
    Id,
    /// By a property that is not called `id`, or by the object above.
    Key,
    /// By several properties joined by `|`; `id` is re-created at will.
    Natural(&'static [&'static str]),
    /// One per tenant.
    Singleton,
}

/// What is known of a type.
#[derive(Debug)]
pub(super) struct Spec {
    /// Graph resource name.
    pub(super) name: &'static str,
    /// Collection path below the service root; the last segments only, where it lies below another object.
    pub(super) path: &'static str,
    /// How objects are told apart.
    pub(super) identity: Identity,
    /// Path of the recycle bin.
    pub(super) bin: Option<&'static str>,
    /// Lists come ascending by id.
    pub(super) ascending: bool,
    /// The service sets `createdDateTime`.
    pub(super) created: bool,
    /// Folder in the tree format.
    pub(super) folder: Option<&'static str>,
    /// Collection of the object above, if its lists are read one by one.
    pub(super) parent: Option<&'static str>,
}

const BASE: Spec = Spec {
    name: "",
    path: "",
    identity: Identity::Id,
    bin: None,
    ascending: false,
    created: false,
    folder: None,
    parent: None,
};

const ASSIGNMENT_KEY: &[&str] =
    &["principalId", "roleDefinitionId", "directoryScopeId", "appScopeId"];

static USER: Spec = Spec {
    name: "user",
    path: "users",
    bin: Some("directory/deletedItems/microsoft.graph.user"),
    created: true,
    folder: Some("Users"),
    ..BASE
};
static GROUP: Spec = Spec {
    name: "group",
    path: "groups",
    bin: Some("directory/deletedItems/microsoft.graph.group"),
    ascending: true,
    created: true,
    folder: Some("Groups"),
    ..BASE
};
static APPLICATION: Spec = Spec {
    name: "application",
    path: "applications",
    bin: Some("directory/deletedItems/microsoft.graph.application"),
    ascending: true,
    created: true,
    folder: Some("Applications"),
    ..BASE
};
static SERVICE_PRINCIPAL: Spec = Spec {
    name: "servicePrincipal",
    path: "servicePrincipals",
    bin: Some("directory/deletedItems/microsoft.graph.servicePrincipal"),
    ascending: true,
    created: true,
    folder: Some("ServicePrincipals"),
    ..BASE
};
static CA_POLICY: Spec = Spec {
    name: "conditionalAccessPolicy",
    path: "identity/conditionalAccess/policies",
    bin: Some("identity/conditionalAccess/deletedItems/policies"),
    created: true,
    folder: Some("Identity/Conditional/AccessPolicies"),
    ..BASE
};
static NAMED_LOCATION: Spec = Spec {
    name: "namedLocation",
    path: "identity/conditionalAccess/namedLocations",
    bin: Some("identity/conditionalAccess/deletedItems/namedLocations"),
    created: true,
    folder: Some("Identity/Conditional/NamedLocations"),
    ..BASE
};
static ROLE_DEFINITION: Spec = Spec {
    name: "unifiedRoleDefinition",
    path: "roleManagement/directory/roleDefinitions",
    folder: Some("RoleManagement/Directory/RoleDefinitions"),
    ..BASE
};
static ROLE_ASSIGNMENT: Spec = Spec {
    name: "unifiedRoleAssignment",
    path: "roleManagement/directory/roleAssignments",
    identity: Identity::Natural(ASSIGNMENT_KEY),
    folder: Some("RoleManagement/Directory/RoleAssignments"),
    ..BASE
};
static ELIGIBILITY: Spec = Spec {
    name: "unifiedRoleEligibilitySchedule",
    path: "roleManagement/directory/roleEligibilitySchedules",
    identity: Identity::Natural(ASSIGNMENT_KEY),
    ..BASE
};
static DIRECTORY_ROLE: Spec = Spec { name: "directoryRole", path: "directoryRoles", ..BASE };
static ADMIN_UNIT: Spec = Spec {
    name: "administrativeUnit",
    path: "directory/administrativeUnits",
    bin: Some("directory/deletedItems/microsoft.graph.administrativeUnit"),
    folder: Some("AdministrativeUnits"),
    ..BASE
};
static DEVICE: Spec = Spec { name: "device", path: "devices", folder: Some("Devices"), ..BASE };
static GRANT: Spec = Spec {
    name: "oAuth2PermissionGrant",
    path: "oauth2PermissionGrants",
    identity: Identity::Natural(&["clientId", "resourceId", "consentType", "principalId"]),
    ..BASE
};
static APP_ROLE_ASSIGNMENT: Spec = Spec {
    name: "appRoleAssignment",
    path: "appRoleAssignedTo",
    identity: Identity::Natural(&["principalId", "resourceId", "appRoleId"]),
    parent: Some("servicePrincipals"),
    folder: Some("AppRoleAssignedTo"),
    ..BASE
};
static FEDERATED_CREDENTIAL: Spec = Spec {
    name: "federatedIdentityCredential",
    path: "federatedIdentityCredentials",
    parent: Some("applications"),
    ..BASE
};
static DOMAIN: Spec = Spec { name: "domain", path: "domains", folder: Some("Domains"), ..BASE };
static DOMAIN_FEDERATION: Spec = Spec {
    name: "internalDomainFederation",
    path: "federationConfiguration",
    parent: Some("domains"),
    ..BASE
};
static XTAP_DEFAULT: Spec = Spec {
    name: "crossTenantAccessPolicyConfigurationDefault",
    path: "policies/crossTenantAccessPolicy/default",
    identity: Identity::Singleton,
    folder: Some("Policies/CrossTenantAccessPolicy/Default"),
    ..BASE
};
static XTAP_PARTNER: Spec = Spec {
    name: "crossTenantAccessPolicyConfigurationPartner",
    path: "policies/crossTenantAccessPolicy/partners",
    identity: Identity::Key,
    ..BASE
};
static AUTH_METHODS: Spec = Spec {
    name: "authenticationMethodsPolicy",
    path: "policies/authenticationMethodsPolicy",
    identity: Identity::Singleton,
    folder: Some("Policies/AuthenticationMethodsPolicy"),
    ..BASE
};
static AUTH_STRENGTH: Spec = Spec {
    name: "authenticationStrengthPolicy",
    path: "policies/authenticationStrengthPolicies",
    folder: Some("Policies/AuthenticationStrengthPolicies"),
    ..BASE
};
static AUTHORIZATION: Spec = Spec {
    name: "authorizationPolicy",
    path: "policies/authorizationPolicy",
    identity: Identity::Singleton,
    folder: Some("Policies/AuthorizationPolicy"),
    ..BASE
};
static SECURITY_DEFAULTS: Spec = Spec {
    name: "identitySecurityDefaultsEnforcementPolicy",
    path: "policies/identitySecurityDefaultsEnforcementPolicy",
    identity: Identity::Singleton,
    folder: Some("Policies/IdentitySecurityDefaultsEnforcementPolicy"),
    ..BASE
};
static ORGANIZATION: Spec = Spec {
    name: "organization",
    path: "organization",
    identity: Identity::Singleton,
    folder: Some("Organization"),
    ..BASE
};
static REQUIREMENTS: Spec = Spec {
    name: "strongAuthenticationRequirements",
    path: "authentication/requirements",
    identity: Identity::Key,
    parent: Some("users"),
    ..BASE
};

impl Ty {
    /// Every type, in the order in which an exporter asks for them.
    pub(super) const ALL: &'static [Self] = &[
        Self::Organization,
        Self::Domain,
        Self::DomainFederation,
        Self::User,
        Self::Group,
        Self::Application,
        Self::ServicePrincipal,
        Self::CaPolicy,
        Self::NamedLocation,
        Self::AuthStrength,
        Self::AuthMethods,
        Self::Authorization,
        Self::SecurityDefaults,
        Self::XtapDefault,
        Self::XtapPartner,
        Self::RoleDefinition,
        Self::RoleAssignment,
        Self::Eligibility,
        Self::DirectoryRole,
        Self::AdminUnit,
        Self::Device,
        Self::Grant,
        Self::AppRoleAssignment,
        Self::FederatedCredential,
        Self::Requirements,
    ];

    /// What is known of it.
    pub(super) fn spec(self) -> &'static Spec {
        match self {
            Self::User => &USER,
            Self::Group => &GROUP,
            Self::Application => &APPLICATION,
            Self::ServicePrincipal => &SERVICE_PRINCIPAL,
            Self::CaPolicy => &CA_POLICY,
            Self::NamedLocation => &NAMED_LOCATION,
            Self::RoleDefinition => &ROLE_DEFINITION,
            Self::RoleAssignment => &ROLE_ASSIGNMENT,
            Self::Eligibility => &ELIGIBILITY,
            Self::DirectoryRole => &DIRECTORY_ROLE,
            Self::AdminUnit => &ADMIN_UNIT,
            Self::Device => &DEVICE,
            Self::Grant => &GRANT,
            Self::AppRoleAssignment => &APP_ROLE_ASSIGNMENT,
            Self::FederatedCredential => &FEDERATED_CREDENTIAL,
            Self::Domain => &DOMAIN,
            Self::DomainFederation => &DOMAIN_FEDERATION,
            Self::XtapDefault => &XTAP_DEFAULT,
            Self::XtapPartner => &XTAP_PARTNER,
            Self::AuthMethods => &AUTH_METHODS,
            Self::AuthStrength => &AUTH_STRENGTH,
            Self::Authorization => &AUTHORIZATION,
            Self::SecurityDefaults => &SECURITY_DEFAULTS,
            Self::Organization => &ORGANIZATION,
            Self::Requirements => &REQUIREMENTS,
        }
    }

    /// Graph resource name.
    pub(super) fn name(self) -> &'static str {
        self.spec().name
    }

    /// Whether there is one per tenant.
    pub(super) fn is_singleton(self) -> bool {
        self.spec().identity == Identity::Singleton
    }

    /// Whether `id` is no part of its identity.
    pub(super) fn is_natural(self) -> bool {
        matches!(self.spec().identity, Identity::Natural(_))
    }

    /// Whether a string attribute is a set of words.
    pub(super) fn is_words(self, path: &str) -> bool {
        self == Self::Grant && path == "scope"
    }
}

/// One object: its type and its number among the objects of this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Obj {
    pub(super) ty: Ty,
    pub(super) ix: u32,
}
