//! Reads the embedded tables.
//!
//! A row that does not hold is put into `Catalogue::faults`, which a test keeps empty, and left out.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::names::plain;
use super::query::path_key;
use super::{
    Attribute, Bin, Catalogue, Identity, ListSemantics, ObjectType, Relation, RelationKind, Role,
};
use super::{columns, foreign, logs, roadrecon, suites, views, zones};

/// A digest of all tables: what was made with other tables may differ.
#[must_use]
pub fn digest() -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    let own =
        [TYPES, COLLECTIONS, ODATA_TYPES, FOLDERS, SIGNATURES, ATTRIBUTES, RELATIONS, ROLES, NAMES];
    let of_formats = [
        &foreign::TABLES[..],
        &[columns::COLUMNS, zones::ZONES],
        &roadrecon::ALL,
        &suites::TABLES,
        &views::TABLES,
        &logs::TABLES,
    ];
    for table in own.iter().chain(of_formats.into_iter().flatten()) {
        hasher.update(table.as_bytes()).update(&[0]);
    }
    *hasher.finalize().as_bytes()
}

const TYPES: &str = include_str!("data/types.csv");
const COLLECTIONS: &str = include_str!("data/collections.csv");
const ODATA_TYPES: &str = include_str!("data/odata_types.csv");
const FOLDERS: &str = include_str!("data/folders.csv");
const SIGNATURES: &str = include_str!("data/signatures.csv");
const ATTRIBUTES: &str = include_str!("data/attributes.csv");
const RELATIONS: &str = include_str!("data/relations.csv");
const ROLES: &str = include_str!("data/roles.csv");
const NAMES: &str = include_str!("data/names.csv");

pub(super) fn embedded() -> Catalogue {
    let mut catalogue = Catalogue::default();
    catalogue.load_types();
    catalogue.load_collections();
    catalogue.load_odata_types();
    catalogue.load_folders();
    catalogue.load_names();
    catalogue.load_signatures();
    catalogue.load_attributes();
    catalogue.load_relations();
    catalogue.load_roles();
    catalogue.load_foreign();
    catalogue.load_columns();
    catalogue.load_questions();
    catalogue.load_recovery_words();
    catalogue.load_logs();
    catalogue.load_zones();
    catalogue.load_roadrecon();
    catalogue.load_views();
    catalogue.load_suites();
    catalogue.load_tools();
    catalogue.load_readable();
    catalogue.load_service_times();
    catalogue.load_recoverability();
    catalogue
}

#[derive(Deserialize)]
struct TypeRow {
    name: String,
    identity: String,
    bin_days: Option<u16>,
    name_properties: String,
    created_by_service: String,
    rebirth_property: String,
    target_property: String,
    target_type: String,
    kind: String,
    source: String,
}

#[derive(Deserialize)]
struct CollectionRow {
    path: String,
    #[serde(rename = "type")]
    object_type: String,
    bin: String,
    source: String,
}

#[derive(Deserialize)]
struct ODataTypeRow {
    odata_type: String,
    #[serde(rename = "type")]
    object_type: String,
    source: String,
}

#[derive(Deserialize)]
struct FolderRow {
    folder: String,
    collection: String,
    source: String,
}

#[derive(Deserialize)]
struct NameRow {
    name: String,
    collection: String,
    source: String,
}

#[derive(Deserialize)]
struct SignatureRow {
    members: String,
    #[serde(rename = "type")]
    object_type: String,
    source: String,
}

#[derive(Deserialize)]
struct AttributeRow {
    #[serde(rename = "type")]
    object_type: String,
    attribute: String,
    list: String,
    marks: String,
    default: String,
    source: String,
}

#[derive(Deserialize)]
struct RelationRow {
    parent_type: String,
    segment: String,
    kind: String,
    relation: String,
    item_type: String,
    parent_property: String,
    source: String,
}

#[derive(Deserialize)]
struct RoleRow {
    template_id: String,
    name: String,
    tier: u8,
    control_plane: String,
    source: String,
}

impl Catalogue {
    pub(super) fn fault(&mut self, table: &str, what: impl std::fmt::Display) {
        self.faults.push(format!("{table}: {what}"));
    }

    pub(super) fn rows<R: DeserializeOwned>(&mut self, table: &str, text: &str) -> Vec<R> {
        let mut rows = Vec::new();
        for row in csv::Reader::from_reader(text.as_bytes()).deserialize() {
            match row {
                Ok(row) => rows.push(row),
                Err(error) => self.fault(table, error),
            }
        }
        rows
    }

    /// Says whether the row may stand: its source is given and its type is known.
    pub(super) fn sound(
        &mut self,
        table: &str,
        key: &str,
        source: &str,
        object_type: &str,
    ) -> bool {
        if source.trim().is_empty() {
            self.fault(table, format_args!("{key}: no source"));
        }
        let known = object_type.is_empty() || self.types.contains_key(object_type);
        if !known {
            self.fault(table, format_args!("{key}: unknown type {object_type}"));
        }
        known && !key.is_empty()
    }

    pub(super) fn flag(&mut self, table: &str, key: &str, cell: &str) -> bool {
        if !matches!(cell, "" | "yes") {
            self.fault(table, format_args!("{key}: {cell} is neither empty nor yes"));
        }
        cell == "yes"
    }

    fn load_types(&mut self) {
        let mut targets = Vec::new();
        for row in self.rows::<TypeRow>("types", TYPES) {
            self.sound("types", &row.name, &row.source, "");
            let created_by_service = self.flag("types", &row.name, &row.created_by_service);
            let Some(identity) = identity(&row.identity) else {
                self.fault("types", format_args!("{}: identity {}", row.name, row.identity));
                continue;
            };
            if !matches!(row.kind.as_str(), "" | "event" | "service record") {
                self.fault("types", format_args!("{}: kind {}", row.name, row.kind));
            }
            targets.push(row.target_type.clone());
            let known = ObjectType {
                name: row.name.clone(),
                identity,
                bin: row.bin_days.map(|days| Bin { days }),
                name_properties: words(&row.name_properties),
                created_by_service,
                rebirth_property: some(row.rebirth_property),
                target: some(row.target_property).map(|property| (property, row.target_type)),
                event: row.kind == "event",
                service_record: row.kind == "service record",
                source: row.source,
            };
            self.odata_types.insert(row.name.to_ascii_lowercase(), row.name.clone());
            if self.types.insert(row.name.clone(), known).is_some() {
                self.fault("types", format_args!("{}: twice", row.name));
            }
        }
        for target in targets {
            self.sound("types", "target", "types", &target);
        }
    }

    fn load_collections(&mut self) {
        for row in self.rows::<CollectionRow>("collections", COLLECTIONS) {
            let bin = self.flag("collections", &row.path, &row.bin);
            if !self.sound("collections", &row.path, &row.source, &row.object_type) {
                continue;
            }
            let first = if bin { &mut self.bins } else { &mut self.primary };
            if !first.contains_key(&row.object_type) {
                first.insert(row.object_type.clone(), row.path.clone());
                self.names.insert(plain(&row.path), row.path.clone());
            }
            if self.collections.insert(path_key(&row.path), (row.object_type, bin)).is_some() {
                self.fault("collections", format_args!("{}: twice", row.path));
            }
        }
    }

    fn load_odata_types(&mut self) {
        for row in self.rows::<ODataTypeRow>("odata_types", ODATA_TYPES) {
            let name = row.odata_type;
            if self.sound("odata_types", &name, &row.source, &row.object_type)
                && self.odata_types.insert(name.to_ascii_lowercase(), row.object_type).is_some()
            {
                self.fault("odata_types", format_args!("{name}: twice"));
            }
        }
    }

    fn load_folders(&mut self) {
        for row in self.rows::<FolderRow>("folders", FOLDERS) {
            self.sound("folders", &row.folder, &row.source, "");
            self.leads_somewhere("folders", &row.collection);
            if self.folders.insert(row.folder.to_ascii_lowercase(), row.collection).is_some() {
                self.fault("folders", format_args!("{}: twice", row.folder));
            }
        }
        for (folder, path) in self.folders.iter().filter(|(folder, _)| folder.contains('*')) {
            let parts: Vec<String> = folder.split('/').map(str::to_owned).collect();
            self.folder_patterns.entry(parts.len()).or_default().push((parts, path.clone()));
        }
    }

    fn load_names(&mut self) {
        for row in self.rows::<NameRow>("names", NAMES) {
            self.sound("names", &row.name, &row.source, "");
            self.leads_somewhere("names", &row.collection);
            if self.names.insert(plain(&row.name), row.collection).is_some() {
                self.fault("names", format_args!("{}: twice", row.name));
            }
        }
    }

    /// A path with a `*` is a relation; relations are loaded later and tested there.
    pub(super) fn leads_somewhere(&mut self, table: &str, collection: &str) {
        if !collection.contains('*') && self.of_collection(collection).is_none() {
            self.fault(table, format_args!("unknown collection {collection}"));
        }
    }

    fn load_signatures(&mut self) {
        for row in self.rows::<SignatureRow>("signatures", SIGNATURES) {
            if self.sound("signatures", &row.members, &row.source, &row.object_type) {
                self.signatures.push((words(&row.members), row.object_type));
            }
        }
    }

    fn load_attributes(&mut self) {
        for row in self.rows::<AttributeRow>("attributes", ATTRIBUTES) {
            let key = format!("{} {}", row.object_type, row.attribute);
            let named = if row.object_type == "*" { "" } else { &row.object_type };
            if !self.sound("attributes", &key, &row.source, named) {
                continue;
            }
            let Some(attribute) = attribute(&row) else {
                self.fault("attributes", format_args!("{key}: {} {}", row.list, row.marks));
                continue;
            };
            if self.attributes.insert((row.object_type, row.attribute), attribute).is_some() {
                self.fault("attributes", format_args!("{key}: twice"));
            }
        }
        let (common, own): (Vec<_>, Vec<_>) =
            self.attributes.iter().partition(|((object_type, _), _)| object_type == "*");
        // A type's own rows come last so that they replace the common ones of the same path.
        for ((_, path), attribute) in &common {
            self.any_type.put(path, attribute);
        }
        for object_type in self.types.keys() {
            let mut rules = self.any_type.clone();
            for ((_, path), attribute) in own.iter().filter(|((name, _), _)| name == object_type) {
                rules.put(path, attribute);
            }
            self.rules.insert(object_type.clone(), rules);
        }
    }

    fn load_relations(&mut self) {
        for row in self.rows::<RelationRow>("relations", RELATIONS) {
            let key = format!("{} {}", row.parent_type, row.segment);
            if !self.sound("relations", &key, &row.source, &row.parent_type)
                || !self.sound("relations", &key, &row.source, &row.item_type)
            {
                continue;
            }
            if self.relation(&row.parent_type, &row.segment).is_some() {
                self.fault("relations", format_args!("{key}: twice"));
            }
            let Some(relation) = relation(row) else {
                self.fault("relations", format_args!("{key}: kind or columns"));
                continue;
            };
            self.relations.push(relation);
        }
    }

    fn load_roles(&mut self) {
        for row in self.rows::<RoleRow>("roles", ROLES) {
            self.sound("roles", &row.template_id, &row.source, "");
            let control_plane = self.flag("roles", &row.template_id, &row.control_plane);
            if row.tier > 2 {
                self.fault("roles", format_args!("{}: tier {}", row.template_id, row.tier));
            }
            let role = Role { name: row.name, tier: row.tier, control_plane };
            if self.roles.insert(row.template_id.to_ascii_lowercase(), role).is_some() {
                self.fault("roles", format_args!("{}: twice", row.template_id));
            }
        }
    }
}

fn some(cell: String) -> Option<String> {
    (!cell.is_empty()).then_some(cell)
}

fn words(cell: &str) -> Vec<String> {
    cell.split_whitespace().map(str::to_owned).collect()
}

fn identity(cell: &str) -> Option<Identity> {
    match cell.split_once(':') {
        None if cell == "id" => Some(Identity::Id),
        None if cell == "singleton" => Some(Identity::Singleton),
        Some(("property", name)) => Some(Identity::Property(name.to_owned())),
        Some(("key", parts)) => {
            Some(Identity::NaturalKey(parts.split('|').map(str::to_owned).collect()))
        }
        None | Some(_) => None,
    }
}

fn attribute(row: &AttributeRow) -> Option<Attribute> {
    let list = match row.list.split_once(':') {
        None if row.list.is_empty() || row.list == "set" => ListSemantics::Set,
        None if row.list == "ordered" => ListSemantics::Ordered,
        Some(("keyed", key)) => ListSemantics::Keyed(key.to_owned()),
        None | Some(_) => return None,
    };
    let mut attribute =
        Attribute { list, default_value: some(row.default.clone()), ..Attribute::default() };
    for mark in row.marks.split_whitespace() {
        let field = match mark {
            "words" => &mut attribute.words,
            "volatile" => &mut attribute.volatile,
            "security" => &mut attribute.security,
            "open" => &mut attribute.open,
            "secret" => &mut attribute.secret,
            "ignored" => &mut attribute.ignored,
            "introduced" => &mut attribute.introduced,
            "publisher" => &mut attribute.inherited_from_publisher,
            _ => return None,
        };
        *field = true;
    }
    Some(attribute)
}

fn relation(row: RelationRow) -> Option<Relation> {
    let kind = match row.kind.as_str() {
        "links" => RelationKind::Links { relation: row.relation, target_type: row.item_type },
        "inverse" => {
            RelationKind::InverseLinks { relation: row.relation, source_type: row.item_type }
        }
        "objects" => RelationKind::Objects {
            object_type: row.item_type,
            parent_property: row.parent_property,
        },
        "part" => RelationKind::Part { object_type: row.item_type },
        _ => return None,
    };
    Some(Relation { parent_type: row.parent_type, segment: row.segment, kind })
}

/// The rows of one type: by path, and by the path above for rows that end in `.*`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {
    exact: BTreeMap<String, Attribute>,
    below: BTreeMap<String, Attribute>,
}

impl Rules {
    fn put(&mut self, path: &str, attribute: &Attribute) {
        let (table, key) = match path.strip_suffix(".*") {
            Some(above) => (&mut self.below, above),
            None => (&mut self.exact, path),
        };
        table.insert(key.to_owned(), attribute.clone());
    }

    pub(super) fn get(&self, path: &str) -> Option<&Attribute> {
        if let Some(attribute) = self.exact.get(path) {
            return Some(attribute);
        }
        let mut above = path;
        loop {
            if let Some(attribute) = self.below.get(above) {
                return Some(attribute);
            }
            above = above.rsplit_once('.')?.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::LogDialect;

    #[test]
    fn every_table_loads_without_fault() {
        assert_eq!(embedded().faults, Vec::<String>::new());
    }

    #[test]
    fn a_bad_row_is_a_fault_and_no_panic() {
        let mut catalogue = Catalogue::default();
        assert!(catalogue.rows::<RoleRow>("roles", "template_id,name\na,b\n").is_empty());
        assert_eq!(catalogue.faults.len(), 1);
        assert!(identity("key").is_none());
    }

    #[test]
    fn every_folder_of_a_relation_is_a_known_relation() {
        let catalogue = embedded();
        for path in catalogue.folders.values().filter(|path| path.contains('*')) {
            let (parent, segment) = path.split_once("/*/").unwrap();
            let (parent_type, _) = catalogue.of_collection(parent).unwrap();
            assert!(catalogue.relation(parent_type, segment).is_some(), "{path}");
        }
    }

    #[test]
    fn every_type_can_be_reached() {
        let catalogue = embedded();
        for name in catalogue.types.keys() {
            let below = catalogue.relations.iter().any(|relation| match &relation.kind {
                RelationKind::Objects { object_type, .. } | RelationKind::Part { object_type } => {
                    object_type == name
                }
                RelationKind::Links { .. } | RelationKind::InverseLinks { .. } => false,
            });
            // Logs of other services, and policies of Azure AD Graph, have no path in Graph.
            let of_log = |log: &LogDialect| log.kinds.iter().any(|kind| kind.object_type == *name);
            let is_reached = below || catalogue.primary.contains_key(name);
            let of_table = catalogue.roadrecon.iter().any(|table| table.object_type == *name);
            assert!(is_reached || of_table || catalogue.logs.iter().any(of_log), "{name}");
        }
    }

    #[test]
    fn the_bin_of_every_type_with_days_is_a_collection() {
        let catalogue = embedded();
        for known in catalogue.types.values().filter(|known| known.bin.is_some()) {
            assert!(catalogue.bins.contains_key(&known.name), "{}", known.name);
        }
    }

    #[test]
    fn keys_of_natural_keys_are_never_compared_by_id() {
        let catalogue = embedded();
        for known in catalogue.types.values() {
            if matches!(known.identity, Identity::NaturalKey(_)) {
                assert!(catalogue.attribute(&known.name, "id").ignored, "{}", known.name);
            }
        }
    }
}
