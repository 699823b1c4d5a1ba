//! The map: a TOML file by which the examiner says how an export is laid out that nothing here recognises.
//!
//! ```toml
//! [[map]]
//! path = "**/exports/*.json"   # of the exhibit as evidence.csv shows it; `*` within a folder, `**` across folders
//! items = "data.items"         # where the list of objects lies; default: the text itself
//! id = "AppId"                 # the member that identifies an object
//! type = "servicePrincipal"    # or type_member = "Kind" and [map.types]: its value to a Graph type
//! time = "capturedAt"          # member of the envelope, else of the first object: when it was captured
//! tenant = "tenantId"          # likewise, of the objects: of all of them
//! nulls = "kept"               # or "dropped" (default): whether an attribute without value is written
//! whole = false                # whether a file lists all objects of its types; default: its silence proves nothing
//! [map.rename]
//! AppDisplayName = "displayName"
//! ```
//!
//! Members lie inside each other with dots between them. The first rule whose path matches counts. A key that is not known
//! is refused, so that none is lost by a slip.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::respelling::{Members, Respelling, find, written};
use crate::evidence::hash;

/// Largest map: a rule has some hundred bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// A map that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Map {
    /// In the order of the file.
    pub rules: Vec<Arc<Rule>>,
    /// Digest of its bytes.
    pub sha256: String,
    /// As it was written.
    pub text: String,
}

/// How one kind of export is laid out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Pattern of paths, as written.
    pub path: String,
    /// Members that lead to the list of objects.
    pub items: Vec<String>,
    /// What the objects are.
    pub types: Types,
    /// Path of the member that says when it was captured.
    pub time: Option<String>,
    /// Path of the member that says of which tenant it is.
    pub tenant: Option<String>,
    /// Whether an attribute without value is written as null.
    pub keeps_nulls: bool,
    /// Whether a file lists all objects of its types.
    pub whole: bool,
    /// How an object becomes one of Graph.
    pub respelling: Respelling,
}

/// What objects are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Types {
    /// All of this type.
    One(String),
    /// A member tells.
    Told {
        /// Its path.
        member: String,
        /// Its values, and the types that they stand for.
        types: BTreeMap<String, String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    map: Vec<Spanned<Fields>>,
}

type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    path: Text,
    items: Option<Text>,
    id: Text,
    #[serde(rename = "type")]
    object_type: Option<Text>,
    type_member: Option<Text>,
    types: Option<BTreeMap<String, Text>>,
    time: Option<Text>,
    tenant: Option<Text>,
    #[serde(default)]
    nulls: Nulls,
    #[serde(default)]
    whole: bool,
    #[serde(default)]
    rename: BTreeMap<String, Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Nulls {
    Kept,
    #[default]
    Dropped,
}

/// What is wrong, and where in the text.
type Slip = (usize, String);

impl Map {
    /// Reads the bytes of a map.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_BYTES {
            return Err("it has more than 1 MiB".to_owned());
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| format!("it is not UTF-8 from byte {} on", error.valid_up_to()))?;
        let toml = text.strip_prefix('\u{feff}').unwrap_or(text);
        let at_line = |(offset, cause): Slip| {
            let before = toml.get(..offset).unwrap_or_default();
            format!("line {}: {cause}", before.matches('\n').count() + 1)
        };
        let file: File = toml::from_str(toml).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            at_line((offset, error.message().to_owned()))
        })?;
        if file.map.is_empty() {
            return Err(at_line((0, "no [[map]] in it".to_owned())));
        }
        let rules: Result<_, Slip> =
            file.map.into_iter().map(|fields| Ok(Arc::new(rule_of(fields)?))).collect();
        Ok(Self {
            rules: rules.map_err(at_line)?,
            sha256: hash(bytes).sha256_hex(),
            text: text.to_owned(),
        })
    }

    /// The rule for the exhibit with this path.
    #[must_use]
    pub fn rule_for(&self, shown: &str) -> Option<&Arc<Rule>> {
        self.rules.iter().find(|rule| matches_path(&rule.path, shown))
    }
}

fn rule_of(fields: Spanned<Fields>) -> Result<Rule, Slip> {
    let start = fields.span().start;
    let fields = fields.into_inner();
    let types = match (fields.object_type, fields.type_member, fields.types) {
        (Some(one), None, None) => Types::One(filled("type", one)?),
        (None, Some(member), Some(types)) if !types.is_empty() => {
            let filled = |(value, name)| Ok((value, filled("types", name)?));
            let types: Result<_, Slip> = types.into_iter().map(filled).collect();
            Types::Told { member: member_path("type_member", member)?, types: types? }
        }
        (Some(_), ..) => {
            return Err((start, "`type` stands beside `type_member` or `types`".to_owned()));
        }
        (None, Some(_), _) => {
            return Err((start, "`type_member` needs [map.types] with its values".to_owned()));
        }
        (None, None, _) => return Err((start, "missing field `type` or `type_member`".to_owned())),
    };
    let optional = |name, text: Option<Text>| text.map(|text| member_path(name, text)).transpose();
    let time = optional("time", fields.time)?;
    let mut rename = Vec::with_capacity(fields.rename.len());
    for (member, name) in fields.rename {
        if member.split('.').any(str::is_empty) {
            return Err((name.span().start, "`rename` names no member".to_owned()));
        }
        rename.push((member, filled("rename", name)?));
    }
    let items = optional("items", fields.items)?;
    Ok(Rule {
        path: filled("path", fields.path)?,
        items: items.map(|path| path.split('.').map(str::to_owned).collect()).unwrap_or_default(),
        types,
        time: time.clone(),
        tenant: optional("tenant", fields.tenant)?,
        keeps_nulls: matches!(fields.nulls, Nulls::Kept),
        whole: fields.whole,
        respelling: Respelling { id: member_path("id", fields.id)?, time, rename },
    })
}

fn filled(name: &str, text: Text) -> Result<String, Slip> {
    if text.get_ref().is_empty() {
        return Err((text.span().start, format!("`{name}` is empty")));
    }
    Ok(text.into_inner())
}

fn member_path(name: &str, text: Text) -> Result<String, Slip> {
    if text.get_ref().split('.').any(str::is_empty) {
        return Err((text.span().start, format!("`{name}` names no member")));
    }
    Ok(text.into_inner())
}

/// Whether a path matches a pattern: `**` stands for any folders, `*` for anything within one name.
fn matches_path(pattern: &str, path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    // After which of the names the pattern so far can end.
    let mut ends = vec![false; names.len() + 1];
    if let Some(start) = ends.first_mut() {
        *start = true;
    }
    for part in pattern.split('/') {
        if part == "**" {
            let from = ends.iter().position(|end| *end).unwrap_or(ends.len());
            ends.iter_mut().skip(from).for_each(|end| *end = true);
            continue;
        }
        let fits = ends.iter().zip(&names).map(|(end, name)| *end && matches_name(part, name));
        ends = std::iter::once(false).chain(fits).collect();
    }
    ends.last() == Some(&true)
}

fn matches_name(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, behind)) = left.split_once(part) else { return false };
        left = behind;
    }
    left.ends_with(tail)
}

impl Rule {
    /// Digest of all that it says.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        *blake3::hash(&serde_json::to_vec(self).unwrap_or_default()).as_bytes()
    }

    /// The type of an object; `None` if the rule does not name its kind.
    pub(super) fn type_of(&self, members: &Members<'_>) -> Option<&str> {
        match &self.types {
            Types::One(name) => Some(name),
            Types::Told { member, types } => {
                types.get(&written(find(members, member)?)?).map(String::as_str)
            }
        }
    }

    /// All types that it names.
    pub(super) fn all_types(&self) -> Vec<&str> {
        let mut names: Vec<&str> = match &self.types {
            Types::One(name) => vec![name],
            Types::Told { types, .. } => types.values().map(String::as_str).collect(),
        };
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, path, fits) in [
            ("*/exports/*.json", "case/exports/apps.json", true),
            ("*/exports/*.json", "case/x/exports/apps.json", false),
            ("**/exports/*.json", "case/x/exports/apps.json", true),
            ("**/apps.json", "apps.json", true),
            ("case/**", "case/a/b.json", true),
            ("case/**/b.json", "case/b.json", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c", false),
            ("ab*ba", "aba", false),
            ("*", "a/b", false),
        ] {
            assert_eq!(matches_path(pattern, path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn slips_are_refused_with_their_line() {
        let rule = "[[map]]\npath = \"*\"\nid = \"a\"\n";
        for (text, line, word) in [
            (String::new(), "line 1:", "map"),
            ("map = []\n".to_owned(), "line 1:", "[[map]]"),
            (rule.to_owned(), "line 1:", "`type`"),
            (format!("{rule}type = \"user\"\nnull = \"kept\"\n"), "line 5:", "null"),
            (format!("{rule}type = \"user\"\nnulls = \"some\"\n"), "line 5:", "some"),
            (format!("{rule}type = 5\n"), "line 4:", "string"),
            (format!("{rule}type = \"\"\n"), "line 4:", "empty"),
            (format!("{rule}type_member = \"Kind\"\n"), "line 1:", "types"),
            (format!("{rule}type = \"user\"\ntype_member = \"x\"\n"), "line 1:", "type_member"),
            (format!("{rule}type = \"user\"\nitems = \"a..b\"\n"), "line 5:", "items"),
            (format!("{rule}type = \"user\"\nwhole = \"yes\"\n"), "line 5:", "boolean"),
            (format!("{rule}type = \"user\"\n[map.rename]\nx = \"\"\n"), "line 6:", "rename"),
            ("\n[[map]]\nid = \"a\"\ntype = \"user\"\n".to_owned(), "line 2:", "path"),
        ] {
            let error = Map::parse(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(line) && error.contains(word), "{text}: {error}");
        }
    }
}
