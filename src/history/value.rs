//! Values: parsed from a record's bytes, flattened to attributes, spelled canonically, and reduced to what they mean.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::directory::{Catalogue, ListSemantics};
use crate::index::{canonical, guid};
use crate::intake::{ScanError, Scanner, is_annotation};
use crate::model::instant;

/// A JSON value that keeps numbers as written and members in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// As written.
    Number(Box<str>),
    /// Escapes resolved.
    String(Box<str>),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<(Box<str>, Json)>),
}

impl Json {
    /// Parses the decoded bytes of a record that intake accepted.
    ///
    /// # Errors
    /// The first defect, if the bytes are no JSON text after all.
    pub fn parse(bytes: &[u8]) -> Result<Self, ScanError> {
        parse(bytes, &mut Scanner::new(bytes, 0))
    }

    /// Whether it is null, `[]`, `{}` or an object whose members are all empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Array(items) => items.is_empty(),
            Self::Object(members) => {
                members.iter().all(|(name, value)| is_annotation(name) || value.is_empty())
            }
            Self::Bool(_) | Self::Number(_) | Self::String(_) => false,
        }
    }

    /// The member with this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    /// Its text, if it is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }
}

fn parse(bytes: &[u8], scanner: &mut Scanner<'_>) -> Result<Json, ScanError> {
    scanner.skip_blanks();
    match scanner.peek() {
        Some(b'{') => {
            scanner.enter_object()?;
            let (mut members, mut first) = (Vec::new(), true);
            while let Some(key) = scanner.next_member(&mut first)? {
                let key = text(bytes, key.start - 1..key.end + 1);
                members.push((key, parse(bytes, scanner)?));
            }
            Ok(Json::Object(members))
        }
        Some(b'[') => {
            scanner.expect_byte(b'[')?;
            let (mut items, mut first) = (Vec::new(), true);
            while scanner.next_item(&mut first, b']')? {
                items.push(parse(bytes, scanner)?);
            }
            Ok(Json::Array(items))
        }
        Some(b'"') => {
            let inner = scanner.string()?;
            Ok(Json::String(text(bytes, inner.start - 1..inner.end + 1)))
        }
        _ => {
            let skipped = scanner.value()?;
            let written = bytes.get(skipped.span).unwrap_or_default();
            Ok(match written {
                b"null" => Json::Null,
                b"true" => Json::Bool(true),
                b"false" => Json::Bool(false),
                number => Json::Number(String::from_utf8_lossy(number).into()),
            })
        }
    }
}

/// A quoted string with its escapes resolved; intake refused what cannot be.
fn text(bytes: &[u8], quoted: std::ops::Range<usize>) -> Box<str> {
    let quoted = bytes.get(quoted).unwrap_or_default();
    serde_json::from_slice::<String>(quoted)
        .unwrap_or_else(|_| String::from_utf8_lossy(quoted).into_owned())
        .into()
}

/// The attributes of one record: property paths with their leaves. Objects are descended into, a list is one leaf.
pub type Attributes = BTreeMap<Box<str>, Json>;

/// Flattens a record of the given type.
#[must_use]
pub(super) fn attributes(record: &Json, object_type: &str, catalogue: &Catalogue) -> Attributes {
    let mut found = Attributes::new();
    if let Json::Object(members) = record {
        for (name, value) in members {
            let relation = matches!(value, Json::Array(_) | Json::Object(_) | Json::Null)
                && is_link_expansion(object_type, name, catalogue);
            if !is_annotation(name) && !relation {
                flatten(&step(name), value, object_type, catalogue, &mut found);
            }
        }
    }
    found
}

/// A member name as a step of a path: a dot of its own is written `%2E`, so that no name reads like a path.
fn step(name: &str) -> Cow<'_, str> {
    if name.contains(['.', '%']) {
        Cow::Owned(name.replace('%', "%25").replace('.', "%2E"))
    } else {
        Cow::Borrowed(name)
    }
}

/// The member name that the first step of a path stands for.
#[must_use]
pub(super) fn top_member(path: &str) -> String {
    path.split('.').next().unwrap_or(path).replace("%2E", ".").replace("%25", "%")
}

/// Puts the attributes below `path` back together to the object that they were.
pub(super) fn collapse(attributes: &mut Attributes, path: &str) {
    let prefix = format!("{path}.");
    let inner: Vec<Box<str>> =
        attributes.keys().filter(|name| name.starts_with(&prefix)).cloned().collect();
    if inner.is_empty() {
        return;
    }
    let mut whole = Json::Object(Vec::new());
    for name in inner {
        if let (Some(value), Some(rest)) = (attributes.remove(&name), name.strip_prefix(&prefix)) {
            place(&mut whole, rest, value);
        }
    }
    attributes.insert(path.into(), whole);
}

fn place(object: &mut Json, path: &str, value: Json) {
    let Json::Object(members) = object else { return };
    let (first, rest) = match path.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (path, None),
    };
    let name: Box<str> = top_member(first).into();
    let Some(rest) = rest else { return members.push((name, value)) };
    if members.last().is_none_or(|(last, _)| *last != name) {
        members.push((name, Json::Object(Vec::new())));
    }
    if let Some((_, inner)) = members.last_mut() {
        place(inner, rest, value);
    }
}

fn is_link_expansion(object_type: &str, name: &str, catalogue: &Catalogue) -> bool {
    use crate::directory::RelationKind::{InverseLinks, Links};
    catalogue
        .relation(object_type, name)
        .is_some_and(|relation| matches!(relation.kind, Links { .. } | InverseLinks { .. }))
}

fn flatten(
    path: &str,
    value: &Json,
    object_type: &str,
    catalogue: &Catalogue,
    found: &mut Attributes,
) {
    if catalogue.attribute(object_type, path).ignored {
        return;
    }
    let mut leaf = true;
    if let Json::Object(members) = value {
        for (name, value) in members.iter().filter(|(name, _)| !is_annotation(name)) {
            leaf = false;
            let inner = format!("{path}.{}", step(name));
            flatten(&inner, value, object_type, catalogue, found);
        }
    }
    if leaf {
        found.insert(path.into(), value.clone());
    }
}

/// How the values of one attribute are spelled and compared.
#[derive(Debug, Clone, Copy)]
pub struct Speller<'a> {
    /// Type of the object.
    pub object_type: &'a str,
    /// Property path.
    pub path: &'a str,
    /// What is known of attributes.
    pub catalogue: &'a Catalogue,
}

impl Speller<'_> {
    /// Canonical compact JSON: keys and sets sorted, GUIDs in lower case, everything else as written.
    #[must_use]
    pub fn canonical(&self, value: &Json) -> String {
        if let (true, Json::String(text)) = (self.words(), value) {
            return quote(&words(text).join(" "));
        }
        let mut out = String::new();
        self.write(value, self.path, Spelling::Canonical, &mut out);
        out
    }

    /// What a value means, as text that is equal exactly for equal meanings; empty for empty values.
    #[must_use]
    pub fn meaning(&self, value: &Json) -> String {
        if value.is_empty() {
            return String::new();
        }
        if let (true, Json::String(text)) = (self.words(), value) {
            return quote(&words(text).join(" "));
        }
        let mut out = String::new();
        self.write(value, self.path, Spelling::Meaning, &mut out);
        out
    }

    fn words(&self) -> bool {
        self.catalogue.attribute(self.object_type, self.path).words
    }

    fn write(&self, value: &Json, path: &str, spelling: Spelling, out: &mut String) {
        match value {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(written) => match spelling {
                Spelling::Canonical => out.push_str(written),
                Spelling::Meaning => out.push_str(&decimal(written)),
            },
            Json::String(text) => out.push_str(&self.string(text, spelling)),
            Json::Array(items) => self.write_list(items, path, spelling, out),
            Json::Object(members) => {
                let mut members: Vec<_> = members
                    .iter()
                    .filter(|(name, value)| {
                        !is_annotation(name)
                            && (spelling == Spelling::Canonical || !value.is_empty())
                    })
                    .collect();
                members.sort_by(|a, b| a.0.cmp(&b.0));
                out.push('{');
                for (place, (name, value)) in members.into_iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    out.push_str(&quote(name));
                    out.push(':');
                    self.write(value, &format!("{path}.{name}"), spelling, out);
                }
                out.push('}');
            }
        }
    }

    fn write_list(&self, items: &[Json], path: &str, spelling: Spelling, out: &mut String) {
        let mut spelled: Vec<String> = items
            .iter()
            .map(|item| {
                let mut text = String::new();
                self.write(item, path, spelling, &mut text);
                text
            })
            .collect();
        if self.catalogue.attribute(self.object_type, path).list != ListSemantics::Ordered {
            spelled.sort_unstable();
        }
        out.push('[');
        out.push_str(&spelled.join(","));
        out.push(']');
    }

    fn string(&self, text: &str, spelling: Spelling) -> String {
        if guid(text).is_some() {
            return quote(&canonical(text));
        }
        match (spelling, instant(text)) {
            (Spelling::Meaning, Some(at)) => format!("\u{1}{}", at.as_second()),
            _ => quote(text),
        }
    }

    /// The elements gained and lost between two values of a list or a set of words, each as a canonical JSON array; `None`
    /// where the attribute is neither or nothing was gained or lost.
    #[must_use]
    pub fn gained_and_lost(
        &self,
        before: Option<&Json>,
        after: Option<&Json>,
    ) -> (Option<String>, Option<String>) {
        let (Some(before), Some(after)) = (self.elements(before), self.elements(after)) else {
            return (None, None);
        };
        let only = |these: &[(String, String)], those: &[(String, String)]| {
            let mut rest: BTreeMap<&str, usize> = BTreeMap::new();
            for (meaning, _) in those {
                *rest.entry(meaning).or_default() += 1;
            }
            let mut found: Vec<&str> = these
                .iter()
                .filter(|(meaning, _)| match rest.get_mut(meaning.as_str()) {
                    Some(count) if *count > 0 => {
                        *count -= 1;
                        false
                    }
                    _ => true,
                })
                .map(|(_, canonical)| canonical.as_str())
                .collect();
            found.sort_unstable();
            (!found.is_empty()).then(|| format!("[{}]", found.join(",")))
        };
        (only(&after, &before), only(&before, &after))
    }

    /// Meaning and canonical spelling of each element; `None` for a value that is no collection.
    fn elements(&self, value: Option<&Json>) -> Option<Vec<(String, String)>> {
        match value {
            None | Some(Json::Null) => Some(Vec::new()),
            Some(Json::Array(items)) => Some(
                items
                    .iter()
                    .map(|item| {
                        let spell = |spelling| {
                            let mut out = String::new();
                            self.write(item, self.path, spelling, &mut out);
                            out
                        };
                        (spell(Spelling::Meaning), spell(Spelling::Canonical))
                    })
                    .collect(),
            ),
            Some(Json::String(text)) if self.words() => {
                Some(words(text).into_iter().map(|word| (word.to_owned(), quote(word))).collect())
            }
            Some(Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_)) => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    Canonical,
    Meaning,
}

fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// A JSON string.
#[must_use]
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A number as sign, digits and exponent without superfluous zeros, so that equal decimals are equal texts.
fn decimal(written: &str) -> String {
    let (mantissa, exponent) = written.split_once(['e', 'E']).unwrap_or((written, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return "0".to_owned();
    }
    let shift = i64::try_from(digits.len() - significant.len()).unwrap_or(0)
        - i64::try_from(fraction.len()).unwrap_or(0);
    match exponent.trim_start_matches('+').parse::<i64>() {
        Ok(exponent) => match exponent.checked_add(shift) {
            Some(0) => format!("{sign}{significant}"),
            Some(exponent) => format!("{sign}{significant}e{exponent}"),
            None => written.to_owned(),
        },
        Err(_) => written.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    fn speller(object_type: &'static str, path: &'static str) -> Speller<'static> {
        Speller { object_type, path, catalogue: catalogue() }
    }

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn same_meaning_in_other_spellings() {
        let speller = speller("user", "x");
        for (a, b) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0"),
            ("0.50", "5E-1"),
            ("[1,2]", "[2,1]"),
            (
                r#""0F94820E-8042-4554-A827-57EFDC8BD6CB""#,
                r#""0f94820e-8042-4554-a827-57efdc8bd6cb""#,
            ),
            (r#""2024-05-22T06:06:16Z""#, r#""2024-05-22T08:06:16.9990000+02:00""#),
            (r#"{"a":1,"b":null}"#, r#"{"b":[],"a":1,"c":{"d":null}}"#),
            ("null", r#"{"a":{"b":null}}"#),
        ] {
            assert_eq!(speller.meaning(&json(a)), speller.meaning(&json(b)), "{a} {b}");
        }
        for (a, b) in [
            ("1", "2"),
            ("18446744073709551616", "18446744073709551617"),
            ("[1,1]", "[1]"),
            (r#""Email""#, r#""email""#),
            (r#""""#, "null"),
            (r#""2024-05-22T06:06:16Z""#, r#""2024-05-22T06:06:17Z""#),
            ("false", "null"),
        ] {
            assert_ne!(speller.meaning(&json(a)), speller.meaning(&json(b)), "{a} {b}");
        }
    }

    #[test]
    fn canonical_text_sorts_keys_and_sets() {
        let speller = speller("user", "x");
        let text = speller.canonical(&json(r#"[{"b":1,"a":"Q\u0041"},{"a":null}]"#));
        assert_eq!(text, r#"[{"a":"QA","b":1},{"a":null}]"#);
    }

    #[test]
    fn words_are_a_set() {
        let speller = speller("oAuth2PermissionGrant", "scope");
        assert_eq!(
            speller.meaning(&json(r#"" User.Read  Mail.Read""#)),
            speller.meaning(&json(r#""Mail.Read User.Read""#))
        );
        let (added, removed) =
            speller.gained_and_lost(Some(&json(r#""A B""#)), Some(&json(r#""B C""#)));
        assert_eq!((added.as_deref(), removed.as_deref()), (Some(r#"["C"]"#), Some(r#"["A"]"#)));
    }

    #[test]
    fn records_flatten_to_paths_without_annotations() {
        let record = json(
            r#"{"@odata.type":"x","state":"on","conditions":{"users":{"includeUsers":["b","a"]},"locations":null},"e":{}}"#,
        );
        let found = attributes(&record, "conditionalAccessPolicy", catalogue());
        let paths: Vec<&str> = found.keys().map(AsRef::as_ref).collect();
        assert_eq!(paths, ["conditions.locations", "conditions.users.includeUsers", "e", "state"]);
    }
}
