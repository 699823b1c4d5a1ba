//! How other formats name what Graph names: tables of PowerShell, `AzureHound`, `ScubaGear` and Azure AD Graph.

use serde::Deserialize;

use super::Catalogue;

const POWERSHELL: &str = include_str!("data/powershell.csv");
const AZUREHOUND: &str = include_str!("data/azurehound.csv");
const SCUBAGEAR: &str = include_str!("data/scubagear.csv");
const DSC: &str = include_str!("data/dsc.csv");
const AZURE_AD_GRAPH: &str = include_str!("data/azure_ad_graph.csv");

/// All of them, for the digest of tables.
pub(super) const TABLES: [&str; 5] = [DSC, POWERSHELL, AZUREHOUND, SCUBAGEAR, AZURE_AD_GRAPH];

/// A property of a PowerShell object whose Graph name the rule of letters does not give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeltName {
    /// As Graph spells it.
    pub graph: String,
    /// Whether it is a property of objects only, not of what lies in them.
    pub top_only: bool,
    /// Whether its value is always a text, so that none stands for something that was cut off.
    pub is_text: bool,
}

/// Where Graph has a property of Azure AD Graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldName {
    /// Path in Graph, from the object where the old property is one of the object, else from the value that holds it;
    /// empty for what is no property of Graph at all.
    pub graph: Vec<String>,
    /// Whether Graph has a list of what Azure AD Graph has one of (`telephoneNumber`, `businessPhones`).
    pub is_list: bool,
}

/// A kind of item of `AzureHound`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoundKind {
    /// Member that lists the items of a relation; empty where the item is an object itself.
    pub list: String,
    /// Member of each of them that holds the object; empty where it is the object.
    pub item: String,
    /// Member that names the parent.
    pub parent: String,
    /// Collection path of the objects, or of the parent.
    pub collection: String,
    /// Path segment of the relation; empty for objects.
    pub relation: String,
    /// Attributes that are false where they are absent.
    pub false_if_absent: Vec<String>,
}

/// A section of `ScubaGear`'s export that holds objects of Entra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScubaSection {
    /// Member of the export.
    pub section: String,
    /// Collection path of its objects.
    pub collection: String,
    /// Part of the name of the command that fills it.
    pub command: String,
}

#[derive(Deserialize)]
struct PowerShellRow {
    name: String,
    graph: String,
    #[serde(rename = "where")]
    place: String,
    source: String,
}

#[derive(Deserialize)]
struct HoundRow {
    kind: String,
    list: String,
    item: String,
    parent: String,
    collection: String,
    relation: String,
    false_if_absent: String,
    source: String,
}

#[derive(Deserialize)]
struct DscRow {
    resource: String,
    name: String,
    graph: String,
    source: String,
}

#[derive(Deserialize)]
struct OldNameRow {
    #[serde(rename = "type")]
    object_type: String,
    name: String,
    graph: String,
    source: String,
}

#[derive(Deserialize)]
struct ScubaRow {
    section: String,
    collection: String,
    command: String,
    source: String,
}

impl Catalogue {
    /// What a property of a PowerShell object is called in Graph, where its letters do not tell; `top` for one of an
    /// object itself.
    #[must_use]
    pub fn powershell_name(&self, name: &str, top: bool) -> Option<&SpeltName> {
        self.powershell.get(name).filter(|spelt| top || !spelt.top_only)
    }

    /// The type that a resource of `Microsoft365DSC` or of a configuration snapshot stands for (`AADGroup`,
    /// `microsoft.entra.group`); `None` for one that the table does not know.
    #[must_use]
    pub fn dsc_type(&self, resource: &str) -> Option<&str> {
        let path = self.dsc.get(&(dsc_key(resource), String::new()))?;
        path.first().map(String::as_str)
    }

    /// Where Graph has a property of such a resource, in Graph's letters; empty for what is none of the object, `None` for
    /// what does not surely mean the same (most that names other objects does so by their names).
    #[must_use]
    pub fn dsc_name(&self, resource: &str, name: &str) -> Option<&[String]> {
        let of = |resource: String| self.dsc.get(&(resource, name.to_owned()));
        of(dsc_key(resource)).or_else(|| of("*".to_owned())).map(Vec::as_slice)
    }

    /// Where Graph has a property of Azure AD Graph (old Azure CLI, `AzureAD` module, `ROADrecon`), for an object of a type;
    /// `None` where it is called the same, or where Graph has nothing that surely means the same.
    ///
    /// `path` is the old name, behind a dot for a member of a complex value: `keyCredentials.endDate`.
    #[must_use]
    pub fn azure_ad_graph_name(&self, object_type: &str, path: &str) -> Option<&OldName> {
        let of =
            |object_type: &str| self.azure_ad_graph.get(&(object_type.to_owned(), path.to_owned()));
        of(object_type).or_else(|| of("*"))
    }

    /// What the items of a kind of `AzureHound` are; `None` for kinds of Azure resources.
    #[must_use]
    pub fn azurehound_kind(&self, kind: &str) -> Option<&HoundKind> {
        self.azurehound.get(kind)
    }

    /// The sections of `ScubaGear`'s export that hold objects of Entra.
    #[must_use]
    pub fn scubagear_sections(&self) -> &[ScubaSection] {
        &self.scubagear
    }

    pub(super) fn load_foreign(&mut self) {
        for row in self.rows::<PowerShellRow>("powershell", POWERSHELL) {
            self.sound("powershell", &row.name, &row.source, "");
            if !matches!(row.place.as_str(), "top" | "any" | "text") {
                self.fault("powershell", format_args!("{}: {}", row.name, row.place));
            }
            let spelt = SpeltName {
                graph: row.graph,
                top_only: row.place == "top",
                is_text: row.place == "text",
            };
            if self.powershell.insert(row.name.clone(), spelt).is_some() {
                self.fault("powershell", format_args!("{}: twice", row.name));
            }
        }
        for row in self.rows::<HoundRow>("azurehound", AZUREHOUND) {
            self.sound("azurehound", &row.kind, &row.source, "");
            let found = self.of_collection(&row.collection).map(|(name, _)| name.to_owned());
            let related = found.as_ref().is_some_and(|name| {
                row.relation.is_empty() || self.relation(name, &row.relation).is_some()
            });
            if !related {
                self.fault("azurehound", format_args!("{}: leads nowhere", row.kind));
            }
            let kind = HoundKind {
                list: row.list,
                item: row.item,
                parent: row.parent,
                collection: row.collection,
                relation: row.relation,
                false_if_absent: row
                    .false_if_absent
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
            };
            if self.azurehound.insert(row.kind.clone(), kind).is_some() {
                self.fault("azurehound", format_args!("{}: twice", row.kind));
            }
        }
        self.load_azure_ad_graph();
        self.load_dsc();
        for row in self.rows::<ScubaRow>("scubagear", SCUBAGEAR) {
            self.sound("scubagear", &row.section, &row.source, "");
            self.leads_somewhere("scubagear", &row.collection);
            self.scubagear.push(ScubaSection {
                section: row.section,
                collection: row.collection,
                command: row.command,
            });
        }
    }

    fn load_dsc(&mut self) {
        for row in self.rows::<DscRow>("dsc", DSC) {
            let object_type = if row.name.is_empty() { row.graph.as_str() } else { "" };
            self.sound("dsc", &row.resource, &row.source, object_type);
            let graph = match row.graph.as_str() {
                "" => Vec::new(),
                path if path.starts_with('@') => vec![path.to_owned()],
                path => path.split('.').map(str::to_owned).collect(),
            };
            let key = (row.resource, row.name);
            if self.dsc.insert(key.clone(), graph).is_some() {
                self.fault("dsc", format_args!("{} {}: twice", key.0, key.1));
            }
        }
    }

    fn load_azure_ad_graph(&mut self) {
        for row in self.rows::<OldNameRow>("azure_ad_graph", AZURE_AD_GRAPH) {
            let object_type = if row.object_type == "*" { "" } else { &row.object_type };
            self.sound("azure_ad_graph", &row.name, &row.source, object_type);
            let path = row.graph.strip_suffix("[]").unwrap_or(&row.graph);
            // `@odata.type` has a dot of its own.
            let graph = match path {
                "" => Vec::new(),
                path if path.starts_with('@') => vec![path.to_owned()],
                path => path.split('.').map(str::to_owned).collect(),
            };
            let old = OldName { graph, is_list: row.graph.ends_with("[]") };
            if self.azure_ad_graph.insert((row.object_type, row.name.clone()), old).is_some() {
                self.fault("azure_ad_graph", format_args!("{}: twice", row.name));
            }
        }
    }
}

/// A resource as the table writes it: `AADGroup` and `microsoft.entra.group` are `group`.
fn dsc_key(resource: &str) -> String {
    let name = resource.to_ascii_lowercase();
    let bare = name.strip_prefix("microsoft.entra.").or_else(|| name.strip_prefix("aad"));
    bare.unwrap_or(&name).to_owned()
}
