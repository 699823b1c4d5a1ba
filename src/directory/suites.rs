//! Files of collector suites that hold more, or other things, than their records tell: by name, and by the members of what
//! they hold.

use serde::Deserialize;

use super::Catalogue;
use super::names::{plain, spellings};

const FILES: &str = include_str!("data/files.csv");
const MEMBERS: &str = include_str!("data/members.csv");
const RESULTS: &str = include_str!("data/results.csv");

/// All of them, for the digest of tables.
pub(super) const TABLES: [&str; 3] = [FILES, MEMBERS, RESULTS];

/// What a file of a collector suite holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Objects of one type, those of the recycle bin among them.
    Objects,
    /// Some objects of one type: what it does not hold it does not deny.
    Part,
    /// Objects of one type, those of the recycle bin among them, with what hangs on each inside it.
    Enriched,
    /// What hangs on other objects, each with its parent inside.
    Parents,
    /// A record per line, also where there is but one.
    Lines,
    /// Events; what came after the first page of a day is not in it.
    FirstPage,
    /// The requests that gave nothing.
    NoResults,
}

/// A file of a collector suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteFile {
    /// Its name as the table has it.
    pub name: String,
    /// The tool, as `evidence.csv` names it.
    pub tool: String,
    /// What it holds.
    pub holds: Holds,
    /// Collection path of the objects, or of the parents; empty where they are of no type that is known.
    pub collection: String,
    /// Path segment of the relation to the parents.
    pub relation: String,
    /// Member that holds the parent.
    pub member: String,
}

/// A member that a tool puts into objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteMember {
    /// The tool.
    pub tool: String,
    /// Collection path of the objects.
    pub collection: String,
    /// Its name.
    pub member: String,
    /// Path segment of the relation that it lists; empty for copies.
    pub relation: String,
    /// Whether an object without it has nothing there.
    pub empty_if_absent: bool,
}

/// What tells the results of an assessment tool, and other JSON that is no record of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// Members that it has.
    pub members: Vec<String>,
    /// Member that names the tenant; may be empty.
    pub tenant: String,
    /// Member that says when it was made; may be empty.
    pub time: String,
    /// The rule that sets it aside.
    pub rule: &'static str,
}

#[derive(Deserialize)]
struct FileRow {
    file: String,
    tool: String,
    holds: String,
    collection: String,
    relation: String,
    member: String,
    source: String,
}

#[derive(Deserialize)]
struct MemberRow {
    tool: String,
    collection: String,
    member: String,
    relation: String,
    absent: String,
    source: String,
}

#[derive(Deserialize)]
struct ResultRow {
    tool: String,
    members: String,
    tenant: String,
    time: String,
    rule: String,
    source: String,
}

impl Catalogue {
    pub(super) fn load_suites(&mut self) {
        for row in self.rows::<FileRow>("files", FILES) {
            self.sound("files", &row.file, &row.source, "");
            let holds = match row.holds.as_str() {
                "objects" => Holds::Objects,
                "part" => Holds::Part,
                "enriched" => Holds::Enriched,
                "parents" => Holds::Parents,
                "lines" => Holds::Lines,
                "first page" => Holds::FirstPage,
                "no results" => Holds::NoResults,
                other => {
                    self.fault("files", format_args!("{}: {other}", row.file));
                    continue;
                }
            };
            self.below("files", &row.file, &row.collection, &row.relation);
            self.files.push(SuiteFile {
                name: row.file,
                tool: row.tool,
                holds,
                collection: row.collection,
                relation: row.relation,
                member: row.member,
            });
        }
        for row in self.rows::<MemberRow>("members", MEMBERS) {
            self.sound("members", &row.member, &row.source, "");
            self.below("members", &row.member, &row.collection, &row.relation);
            if !matches!(row.absent.as_str(), "" | "empty") {
                self.fault("members", format_args!("{}: {}", row.member, row.absent));
            }
            self.suite_members.push(SuiteMember {
                tool: row.tool,
                collection: row.collection,
                member: row.member,
                relation: row.relation,
                empty_if_absent: row.absent == "empty",
            });
        }
        for row in self.rows::<ResultRow>("results", RESULTS) {
            self.sound("results", &row.tool, &row.source, "");
            let Some(known) = crate::codes::code(&row.rule) else {
                self.fault("results", format_args!("{}: {}", row.tool, row.rule));
                continue;
            };
            self.tool_results.push(ToolResult {
                rule: known.code.as_str(),
                members: row.members.split_whitespace().map(str::to_owned).collect(),
                tenant: row.tenant,
                time: row.time,
            });
        }
    }

    /// Says so if a collection or a relation below it is not known.
    fn below(&mut self, table: &str, key: &str, collection: &str, relation: &str) {
        let parent = self.of_collection(collection).map(|(name, _)| name.to_owned());
        let known = match parent {
            Some(parent) => relation.is_empty() || self.relation(&parent, relation).is_some(),
            None => collection.is_empty(),
        };
        if !known {
            self.fault(table, format_args!("{key}: leads nowhere"));
        }
    }

    /// The file of a collector suite that bears this name in this folder, if any.
    #[must_use]
    pub fn suite_file(&self, folder: Option<&str>, stem: &str) -> Option<&SuiteFile> {
        let known = spellings(stem);
        self.files.iter().find(|file| {
            if let Some(wanted) = file.name.strip_suffix("/*") {
                return folder.is_some_and(|folder| folder.eq_ignore_ascii_case(wanted));
            }
            match file.name.split_once('*') {
                Some((head, tail)) => {
                    let stem = stem.to_ascii_lowercase();
                    let rest = stem.strip_prefix(&head.to_ascii_lowercase());
                    rest.is_some_and(|rest| rest.ends_with(&tail.to_ascii_lowercase()))
                }
                None => known.contains(&plain(&file.name)),
            }
        })
    }

    /// The file of a collector suite of this name in the table.
    #[must_use]
    pub fn suite_file_named(&self, name: &str) -> Option<&SuiteFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Members that a tool puts into the objects of a collection.
    pub fn suite_members<'a>(
        &'a self,
        tool: &'a str,
        collection: &'a str,
    ) -> impl Iterator<Item = &'a SuiteMember> {
        let fits = move |row: &&SuiteMember| row.tool == tool && row.collection == collection;
        self.suite_members.iter().filter(fits)
    }

    /// Whether a member of this name may be one that a collector suite put into an object: a copy of another object, what
    /// hangs on it, or its parent.
    #[must_use]
    pub fn is_suite_member(&self, tool: &str, member: &str) -> bool {
        self.suite_members.iter().any(|row| row.tool == tool && row.member == member)
            || self.files.iter().any(|file| file.tool == tool && file.member == member)
    }

    /// What tells that an object with these members is the result of an assessment tool.
    #[must_use]
    pub fn tool_result(&self, has: &dyn Fn(&str) -> bool) -> Option<&ToolResult> {
        self.tool_results.iter().find(|row| row.members.iter().all(|member| has(member)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;

    #[test]
    fn names_of_suites_are_told_apart() {
        let of = |folder, stem| {
            let file = catalogue().suite_file(folder, stem)?;
            Some((file.collection.as_str(), file.relation.as_str()))
        };
        assert_eq!(of(None, "applications_owners"), Some(("applications", "owners")));
        assert_eq!(of(None, "AADUsers_contoso.com_users_raw"), Some(("users", "")));
        let settings = "reports/authenticationMethods/userRegistrationDetails";
        assert_eq!(of(None, "AADUsers_contoso.com_users_settings_raw"), Some((settings, "")));
        assert_eq!(of(None, "AADApps_contoso.com"), Some(("servicePrincipals", "")));
        assert_eq!(of(Some("azuread"), "users"), Some(("", "")));
        assert_eq!(of(Some("azure"), "users"), None);
        assert_eq!(of(None, "groups"), None);
    }
}
