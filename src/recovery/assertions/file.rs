//! The file of assertions (TOML).
//!
//! ```toml
//! [[assertion]]
//! name = "the break-glass accounts are excluded again"
//! type = "conditionalAccessPolicy"
//! display_name = "Require MFA for admins"
//! attribute = "conditions.users.excludeUsers"
//! includes = ["11111111-2222-4333-8444-555555555555"]
//!
//! [[assertion]]
//! name = "nobody else administers finance"
//! snapshot = "2026-11-03"
//! type = "group"
//! id = "aaaaaaaa-2222-4333-8444-555555555555"
//! attribute = "members"
//! within = ["ada@contoso.example", "22222222-2222-4333-8444-555555555555"]
//!
//! [[assertion]]
//! name = "all policies are as they were"
//! type = "conditionalAccessPolicy"
//! equals_snapshot = "good"
//! ```
//!
//! | Key | Says |
//! |---|---|
//! | `name` | what to call it; required, once in the file |
//! | `type` | type of the object, as Graph spells it; required |
//! | `id`, `user_principal_name`, `display_name` | which object, by one of them; names must be those of one object of the type in the snapshot. Without any, all objects of the type (`equals_snapshot` only) |
//! | `attribute` | property path, or relation (`members`); with `*` a pattern, and left out the whole object (`equals_snapshot` only) |
//! | `snapshot` | in which snapshot: label, prefix of a time, index, or `good`, `damaged`, `after` of the verification; default is `after`, else the last |
//! | `tenant` | id of the tenant, where the evidence holds several |
//!
//! And exactly one check:
//!
//! | Key | Holds if |
//! |---|---|
//! | `equals` | the attribute has this value |
//! | `one_of` | it has one of these |
//! | `empty` | `true`: it has no value; `false`: it has one |
//! | `within` | every element of the list, or every link, is one of these |
//! | `exactly` | they are these and no others |
//! | `includes` | all of these are among them |
//! | `none_of` | none of these is among them |
//! | `state` | the object is `live`, `in the bin`, or `absent` |
//! | `equals_snapshot` | object, attribute or link list is as it was in that snapshot. Attributes that move by themselves count only where they are named |
//!
//! Elements are ids, or texts of the list; one with `@` that names a user of the snapshot stands for that user too. A key that
//! is not known is refused, so that none is lost by a slip. What the evidence does not tell is `cannot tell` and no pass.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

/// Largest file: a thousand assertions with lists of a hundred ids have some megabytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// Assertions in one file; more are a mistake, or are meant to take memory.
const MAX_ASSERTIONS: usize = 10_000;

/// An assertion as it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Assertion {
    /// Line on which it begins.
    pub line: usize,
    /// What to call it.
    pub name: String,
    /// Tenant id, if it is told.
    pub tenant: Option<String>,
    /// Which snapshot, if it is told.
    pub snapshot: Option<String>,
    /// Graph resource name.
    pub object_type: String,
    /// Which object.
    pub object: Subject,
    /// Property path, relation or pattern; empty for the object as a whole.
    pub attribute: String,
    /// What is checked.
    pub check: Check,
}

/// Which object an assertion speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// All of the type.
    All,
    /// The one with this identity.
    Id(String),
    /// The one that has this value in this property.
    Named(&'static str, String),
}

/// What is checked.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// As it was in a snapshot.
    EqualsSnapshot(String),
    /// Has one of these values; `true` where the file says `equals`.
    Value(Vec<Value>, bool),
    /// Has no value, or has one.
    Empty(bool),
    /// How its elements lie to these.
    Elements(Among, Vec<String>),
    /// Where the object is.
    State(String),
}

/// How the elements that are there lie to those that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Every one is named.
    Within,
    /// They are the same.
    Exactly,
    /// Every named one is there.
    Includes,
    /// No named one is there.
    NoneOf,
}

impl Check {
    /// The key that asks for it.
    #[must_use]
    pub fn key(&self) -> &'static str {
        match self {
            Self::EqualsSnapshot(_) => "equals_snapshot",
            Self::Value(_, true) => "equals",
            Self::Value(_, false) => "one_of",
            Self::Empty(_) => "empty",
            Self::Elements(Among::Within, _) => "within",
            Self::Elements(Among::Exactly, _) => "exactly",
            Self::Elements(Among::Includes, _) => "includes",
            Self::Elements(Among::NoneOf, _) => "none_of",
            Self::State(_) => "state",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    assertion: Vec<toml::Spanned<Fields>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    name: String,
    #[serde(rename = "type")]
    object_type: String,
    tenant: Option<String>,
    snapshot: Option<String>,
    id: Option<String>,
    user_principal_name: Option<String>,
    display_name: Option<String>,
    #[serde(default)]
    attribute: String,
    equals_snapshot: Option<String>,
    equals: Option<toml::Value>,
    one_of: Option<Vec<toml::Value>>,
    empty: Option<bool>,
    within: Option<Vec<String>>,
    exactly: Option<Vec<String>>,
    includes: Option<Vec<String>>,
    none_of: Option<Vec<String>>,
    state: Option<String>,
}

/// Reads the text of a file of assertions.
///
/// # Errors
/// What is wrong, with the line.
pub fn parse(bytes: &[u8]) -> Result<Vec<Assertion>, String> {
    if bytes.len() > MAX_BYTES {
        return Err("it has more than 16 MiB".to_owned());
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("it is not UTF-8 from byte {} on", error.valid_up_to()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    let file: File = toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        format!("line {}: {}", line(at), error.message())
    })?;
    if file.assertion.len() > MAX_ASSERTIONS {
        return Err(format!("it has more than {MAX_ASSERTIONS} assertions"));
    }
    let mut names = BTreeSet::new();
    let mut assertions = Vec::new();
    for fields in file.assertion {
        let line = line(fields.span().start);
        let refuse = |cause: String| format!("line {line}: {cause}");
        let assertion = assertion(fields.into_inner(), line).map_err(refuse)?;
        if !names.insert(assertion.name.clone()) {
            return Err(refuse(format!("`{}` is the name of two assertions", assertion.name)));
        }
        assertions.push(assertion);
    }
    if assertions.is_empty() {
        return Err("it holds no [[assertion]]".to_owned());
    }
    Ok(assertions)
}

fn assertion(mut fields: Fields, line: usize) -> Result<Assertion, String> {
    let check = check(&mut fields)?;
    let named = [
        fields.id.map(Subject::Id),
        fields.user_principal_name.map(|name| Subject::Named("userPrincipalName", name)),
        fields.display_name.map(|name| Subject::Named("displayName", name)),
    ];
    let mut named = named.into_iter().flatten();
    let object = named.next().unwrap_or(Subject::All);
    if named.next().is_some() {
        return Err("one of id, user_principal_name and display_name is enough".to_owned());
    }
    let compares = matches!(check, Check::EqualsSnapshot(_));
    let of_object = matches!(check, Check::State(_));
    if object == Subject::All && !compares {
        return Err("which object? give id, user_principal_name or display_name".to_owned());
    }
    match (fields.attribute.as_str(), compares, of_object) {
        ("", false, false) => return Err(format!("`{}` needs an attribute", check.key())),
        (some, false, false) if some.contains('*') => {
            return Err("a pattern is for equals_snapshot only".to_owned());
        }
        (some, _, true) if !some.is_empty() => {
            return Err("`state` is of the object, and takes no attribute".to_owned());
        }
        _ => {}
    }
    if fields.name.trim().is_empty() || fields.object_type.is_empty() {
        return Err("name and type must not be empty".to_owned());
    }
    Ok(Assertion {
        line,
        name: fields.name,
        tenant: fields.tenant,
        snapshot: fields.snapshot,
        object_type: fields.object_type,
        object,
        attribute: fields.attribute,
        check,
    })
}

fn check(fields: &mut Fields) -> Result<Check, String> {
    let elements = |among, list: Option<Vec<String>>| list.map(|list| Check::Elements(among, list));
    let equals = fields.equals.take().map(json).transpose()?;
    let one_of = fields.one_of.take().map(|list| list.into_iter().map(json).collect());
    let asked = [
        fields.equals_snapshot.take().map(Check::EqualsSnapshot),
        equals.map(|value| Check::Value(vec![value], true)),
        one_of.transpose()?.map(|list| Check::Value(list, false)),
        fields.empty.map(Check::Empty),
        elements(Among::Within, fields.within.take()),
        elements(Among::Exactly, fields.exactly.take()),
        elements(Among::Includes, fields.includes.take()),
        elements(Among::NoneOf, fields.none_of.take()),
        fields.state.take().map(Check::State),
    ];
    let mut asked = asked.into_iter().flatten();
    let check = asked.next().ok_or("it checks nothing: give equals, one_of, empty, within, exactly, includes, none_of, state or equals_snapshot")?;
    if let Some(other) = asked.next() {
        return Err(format!("one check each: {} and {}", check.key(), other.key()));
    }
    match &check {
        Check::State(word) if !matches!(word.as_str(), "live" | "in the bin" | "absent") => {
            Err(format!("no such state `{word}`: known are live, in the bin, absent"))
        }
        Check::Value(values, _) if values.is_empty() => {
            Err("a value out of none: one_of is empty".to_owned())
        }
        Check::Elements(Among::Includes | Among::NoneOf, list) if list.is_empty() => {
            Err(format!("`{}` names nothing: that holds always", check.key()))
        }
        Check::EqualsSnapshot(_)
        | Check::Value(..)
        | Check::Empty(_)
        | Check::Elements(..)
        | Check::State(_) => Ok(check),
    }
}

/// A value as JSON; times as their text.
fn json(value: toml::Value) -> Result<Value, String> {
    Ok(match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Float(number) => serde_json::Number::from_f64(number)
            .map(Value::Number)
            .ok_or("a number must be finite")?,
        toml::Value::Boolean(yes) => Value::from(yes),
        toml::Value::Datetime(at) => Value::from(at.to_string()),
        toml::Value::Array(items) => {
            Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?)
        }
        toml::Value::Table(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| Ok((name, json(value)?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_is_read() {
        let head = "[[assertion]]\nname = \"a\"\ntype = \"user\"\nid = \"x\"\nattribute = \"d\"\n";
        for (written, key) in [
            ("equals = \"Sales\"", "equals"),
            ("equals = 5", "equals"),
            ("equals = [1, 2.5, true, { a = \"b\" }]", "equals"),
            ("one_of = [\"a\", \"b\"]", "one_of"),
            ("empty = false", "empty"),
            ("within = []", "within"),
            ("exactly = [\"a\"]", "exactly"),
            ("includes = [\"a\"]", "includes"),
            ("none_of = [\"a\"]", "none_of"),
            ("equals_snapshot = \"good\"", "equals_snapshot"),
        ] {
            let read = parse(format!("{head}{written}\n").as_bytes()).unwrap();
            assert_eq!(read[0].check.key(), key, "{written}");
            assert_eq!((read[0].line, read[0].object.clone()), (1, Subject::Id("x".to_owned())));
        }
        let of_object = "[[assertion]]\nname = \"a\"\ntype = \"user\"\ndisplay_name = \"Ada\"\nstate = \"in the bin\"\n";
        let read = parse(of_object.as_bytes()).unwrap();
        assert_eq!(read[0].check, Check::State("in the bin".to_owned()));
        let of_type = "[[assertion]]\nname = \"a\"\ntype = \"group\"\nattribute = \"mem*\"\nequals_snapshot = \"1\"\n";
        assert_eq!(parse(of_type.as_bytes()).unwrap()[0].object, Subject::All);
    }

    #[test]
    fn slips_are_refused_with_their_line() {
        let two = "[[assertion]]\nname = \"a\"\ntype = \"user\"\nid = \"x\"\nstate = \"live\"\n";
        for (text, line, word) in [
            ("", "it", "no [[assertion]]"),
            ("[[assertion]]\nname = \"a\"\n", "line 1:", "type"),
            (
                "\n[[assertion]]\nname = \"a\"\ntype = \"user\"\nid = \"x\"\n",
                "line 2:",
                "checks nothing",
            ),
            ("[[assertion]]\nnamed = \"a\"\n", "line 2:", "named"),
            (&format!("{two}\n{two}"), "line 7:", "two assertions"),
            (&format!("{two}empty = true\n"), "line 1:", "one check each"),
            (&two.replace("live", "gone"), "line 1:", "no such state"),
            (&two.replace("id = \"x\"\n", ""), "line 1:", "which object"),
            (&two.replace("state = \"live\"", "equals = 1"), "line 1:", "needs an attribute"),
            (&format!("{two}attribute = \"a\"\n"), "line 1:", "takes no attribute"),
            (
                &two.replace("state = \"live\"", "attribute = \"a*\"\nempty = true"),
                "line 1:",
                "pattern",
            ),
            (
                &two.replace("state = \"live\"", "attribute = \"a\"\nnone_of = []"),
                "line 1:",
                "holds always",
            ),
            (
                &two.replace("id = \"x\"", "id = \"x\"\ndisplay_name = \"y\""),
                "line 1:",
                "is enough",
            ),
            ("[[assertion]\n", "line 1:", ""),
        ] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.starts_with(line) && error.contains(word), "{text}: {error}");
        }
        assert!(parse(b"name = \"\xff\"").unwrap_err().contains("byte 8"));
    }
}
