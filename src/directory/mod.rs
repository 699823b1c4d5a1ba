//! What is known of a directory, as data: object types and their identity, how attributes compare, relations, roles.
//!
//! Takes nothing but the tables embedded from `data/`; each row names its source. Knows nothing of files or formats.

mod columns;
mod foreign;
mod load;
mod logs;
mod names;
mod query;
mod questions;
mod readable;
mod recoverability;
mod recovery;
mod roadrecon;
mod service_times;
mod suites;
mod tools;
mod views;
mod zones;

pub use foreign::{HoundKind, OldName, ScubaSection, SpeltName};
pub use load::digest;
pub use logs::{GRAPH_DIALECT, LogDialect, LogField, LogMember, LogTest, LogValue};
pub use questions::{Need, Question, Retention, Term};
pub use recoverability::{
    BinKind, Mapping, RecoverableProperty, RecoveryCondition, RecoveryType, Rule, Standing, Test,
};
pub use recovery::{HIDDEN_WORD, RecoveryStatus};
pub use roadrecon::{RoadLink, RoadTable};
pub use suites::{Holds, SuiteFile, SuiteMember, ToolResult};
pub use views::{OtherView, RowsOf, View};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

pub use columns::{CellKind, Column};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(load::embedded);

/// The embedded catalogue.
#[must_use]
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

/// How objects of a type are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// By `id`.
    Id,
    /// By another property, e.g. `tenantId` of a cross-tenant partner.
    Property(String),
    /// By several properties joined by `|`; `id` is re-created at will.
    NaturalKey(Vec<String>),
    /// There is one per tenant.
    Singleton,
}

/// The recycle bin of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bin {
    /// Days before the service purges.
    pub days: u16,
}

/// One object type.
#[derive(Debug, Clone)]
pub struct ObjectType {
    /// Graph resource name, e.g. `user`.
    pub name: String,
    /// How its objects are told apart.
    pub identity: Identity,
    /// Recycle bin, if it has one.
    pub bin: Option<Bin>,
    /// Properties that name an object for a reader, best first.
    pub name_properties: Vec<String>,
    /// Whether `createdDateTime` is set by the service.
    pub created_by_service: bool,
    /// Property whose value under a new id marks a rebirth (`userPrincipalName`, `appId`).
    pub rebirth_property: Option<String>,
    /// For edges: property that holds the target's id, and the target's type.
    pub target: Option<(String, String)>,
    /// Its records are events (`directoryAudit`, `signIn`), not state.
    pub event: bool,
    /// Its records are the backup service's own (`recoveryJob`), not state of the directory.
    pub service_record: bool,
    /// Where the row's facts are from.
    pub source: String,
}

/// How a list compares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListSemantics {
    /// A multiset.
    #[default]
    Set,
    /// Order carries meaning.
    Ordered,
    /// Elements are matched by this member.
    Keyed(String),
}

/// How one attribute compares and what it means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent marks of a data row, not a mode")]
pub struct Attribute {
    /// How its list compares.
    pub list: ListSemantics,
    /// A string that is a set of words parted by blanks.
    pub words: bool,
    /// Moves by itself.
    pub volatile: bool,
    /// Never folded away.
    pub security: bool,
    /// A map with free keys: an absent key of a collected map is empty.
    pub open: bool,
    /// Holds a secret; reports show that it changed, and its canonical value.
    pub secret: bool,
    /// Never compared (`deletedDateTime`, ids of natural-key types).
    pub ignored: bool,
    /// Introduced by the service at some time: a first value that is a default is schema.
    pub introduced: bool,
    /// Default value as canonical JSON, beside false and empty.
    pub default_value: Option<String>,
    /// On a foreign application's service principal, set by the publisher.
    pub inherited_from_publisher: bool,
}

/// A relation below an object, e.g. `groups/{id}/members`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Type of the object above.
    pub parent_type: String,
    /// The path segment, e.g. `members`, `memberOf`, `appRoleAssignedTo`.
    pub segment: String,
    /// What the items are.
    pub kind: RelationKind,
}

/// What the items below a relation path are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelationKind {
    /// Links from the parent to each item, under this canonical relation name.
    Links {
        /// Relation as printed in `changes.csv`.
        relation: String,
        /// Type of the items where they carry no `@odata.type`; empty if unknown.
        target_type: String,
    },
    /// Links from each item to the parent (the canonical direction is the other way): `memberOf`.
    InverseLinks {
        /// Relation as printed in `changes.csv`.
        relation: String,
        /// Type of the items (the sources) where they carry no `@odata.type`.
        source_type: String,
    },
    /// Objects of their own type, listed for this parent only: `appRoleAssignedTo`.
    Objects {
        /// Their type.
        object_type: String,
        /// Their property that repeats the parent's id, filled in where the record lacks it; may be empty.
        parent_property: String,
    },
    /// One object of its own type per parent, identified by the parent (`authentication/requirements`).
    Part {
        /// Its type.
        object_type: String,
    },
}

/// A directory role that is known by its template id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Display name.
    pub name: String,
    /// 0 is control of the tenant.
    pub tier: u8,
    /// Classified as control plane: all of tier 0, and roles without a published path to control of the tenant.
    pub control_plane: bool,
}

/// All tables.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub(crate) types: BTreeMap<String, ObjectType>,
    /// Collection path below the service root, lower case, to (type, is recycle bin).
    pub(crate) collections: BTreeMap<String, (String, bool)>,
    /// `@odata.type` without `#microsoft.graph.`, lower case, to type.
    pub(crate) odata_types: BTreeMap<String, String>,
    /// What stays readable under pseudonyms.
    pub(crate) readable: readable::Readable,
    /// Words of `evidence.csv` for a format, to the tool that makes it.
    pub(crate) tools: BTreeMap<String, String>,
    /// Folder path of the EntraExporter tree, lower case, `/` between, `*` for an id, to collection path.
    pub(crate) folders: BTreeMap<String, String>,
    /// The folders with an id in them, by the number of their components, in the order of their names.
    pub(crate) folder_patterns: BTreeMap<usize, Vec<(Vec<String>, String)>>,
    /// (members that must all be present, type), tried in order.
    pub(crate) signatures: Vec<(Vec<String>, String)>,
    pub(crate) attributes: BTreeMap<(String, String), Attribute>,
    pub(crate) relations: Vec<Relation>,
    pub(crate) roles: BTreeMap<String, Role>,
    /// (type or `*`, heading in plain letters and digits) to what the column carries.
    pub(crate) columns: BTreeMap<(String, String), Column>,
    /// CSV files of collector suites, the most specific first.
    pub(crate) views: Vec<View>,
    /// Files of collector suites, the most specific first.
    pub(crate) files: Vec<SuiteFile>,
    /// Members that they put into objects.
    pub(crate) suite_members: Vec<SuiteMember>,
    /// What tells results of assessment tools.
    pub(crate) tool_results: Vec<ToolResult>,
    /// Folders of the parts of a collector suite, in lower case.
    pub(crate) components: BTreeSet<String>,
    /// File or folder name, letters and digits only, to collection path.
    pub(crate) names: BTreeMap<String, String>,
    /// Type to the collection path that lists it.
    pub(crate) primary: BTreeMap<String, String>,
    /// Type to the path of its recycle bin.
    pub(crate) bins: BTreeMap<String, String>,
    /// `attributes` arranged for look-up, by type; the rows for any type are merged in.
    pub(crate) rules: BTreeMap<String, load::Rules>,
    pub(crate) any_type: load::Rules,
    pub(crate) powershell: BTreeMap<String, SpeltName>,
    pub(crate) azurehound: BTreeMap<String, HoundKind>,
    pub(crate) scubagear: Vec<ScubaSection>,
    pub(crate) questions: Vec<Question>,
    pub(crate) retention: Vec<Retention>,
    pub(crate) recoverable: Vec<RecoverableProperty>,
    /// Places in `recoverable` by carrier.
    pub(crate) recoverable_by_carrier: BTreeMap<String, Vec<usize>>,
    pub(crate) recovery_types: Vec<RecoveryType>,
    pub(crate) recovery_statuses: Vec<RecoveryStatus>,
    /// The service's words for types that a request must ask for.
    pub(crate) hidden_types: Vec<String>,
    /// By type.
    pub(crate) recovery_conditions: BTreeMap<String, Vec<RecoveryCondition>>,
    pub(crate) logs: Vec<LogDialect>,
    /// Zone as Windows names it in winter to its name in the tz database.
    pub(crate) windows_zones: BTreeMap<String, String>,
    /// (resource or `*`, property or nothing for the type) to where Graph has it.
    pub(crate) dsc: BTreeMap<(String, String), Vec<String>>,
    /// (type or `*`, old name) to where Graph has it.
    pub(crate) azure_ad_graph: BTreeMap<(String, String), OldName>,
    pub(crate) roadrecon: Vec<RoadTable>,
    pub(crate) roadrecon_links: Vec<RoadLink>,
    /// (type or `*`, path) of times that the service sets.
    pub(crate) service_times: Vec<(String, String)>,
    pub(crate) faults: Vec<String>,
}
