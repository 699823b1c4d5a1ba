//! Formats that write members and values otherwise than Graph: a record of theirs is put into Graph's own spelling before
//! anything looks at its members, when it is indexed and again when it is opened. Its receipt stays that of the source bytes.
//!
//! Promises: what comes out depends on the bytes of the record and the tables only; what the format lost is named in
//! [`LOST`], never shown as a value.

use std::borrow::Cow;

use super::formats::{azure_ad_graph, azurehound, dsc, intune, nameless, powershell, suites};
use super::record::MAX_DEPTH;
use super::scan::Scanner;
use super::{Member, Record};
use crate::directory::{Catalogue, Holds, SuiteFile};

/// Annotation of a respelt record: paths of attributes that the format cut off, `*` for any that it does not show.
pub const LOST: &str = "@lost";

/// Annotation of a respelt record: attributes whose letter case the format does not keep.
pub const CASE_LOST: &str = "@caseLost";

/// Annotation of a respelt record: lists of objects whose items have the members only that the format knows.
pub const PARTIAL_ITEMS: &str = "@partialItems";

/// Annotation of a respelt record: lists of objects whose items lack members that are empty or false.
pub const BARE_ITEMS: &str = "@bareItems";
/// Annotation of a respelt record that nothing but its name tells apart.
pub const BY_NAME: &str = "@byName";

/// How the records of a request spell members and values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spelling {
    /// As Graph does.
    #[default]
    Graph,
    /// `ConvertTo-Json` of PowerShell objects.
    PowerShell,
    /// `{"kind":…,"data":{…}}`
    AzureHound,
    /// The retired Azure AD Graph.
    AzureAdGraph,
    /// Of the Untitled Goose Tool: what hangs on an object holds that object.
    Goose,
    /// Of DFIR-O365RC: marked if it is of the recycle bin, and with what hangs on it.
    DfirO365rc,
    /// Resources of `Microsoft365DSC` and of configuration snapshots.
    Dsc,
    /// Objects without id, which go by their names.
    Nameless,
    /// `IntuneManagement`: a placeholder stands for the tenant.
    IntuneManagement,
}

impl Spelling {
    /// The spelling that the members of a record give away.
    #[must_use]
    pub fn of(text: &[u8], record: &Record) -> Self {
        let key = |member: &Member| text.get(member.key.clone()).unwrap_or_default();
        if azurehound::is_item(text, record) {
            return Self::AzureHound;
        }
        if azure_ad_graph::is_object(text, record) {
            return Self::AzureAdGraph;
        }
        if dsc::is_resource(text, record) {
            return Self::Dsc;
        }
        if nameless::is_nameless(text, record) {
            return Self::Nameless;
        }
        if intune::is_object(text, record) {
            return Self::IntuneManagement;
        }
        let capital = |member: &Member| {
            let key = key(member);
            key.first().is_some_and(u8::is_ascii_uppercase) || key.starts_with(b"@")
        };
        let told = record
            .members
            .iter()
            .any(|member| matches!(key(member), b"Id" | b"ObjectId" | b"AdditionalProperties"));
        // Audit events of other dialects begin with capitals too, and are no objects.
        let event = record.members.iter().any(|member| {
            matches!(
                key(member),
                b"Operation" | b"OperationName" | b"TimeGenerated" | b"RecordType"
            )
        });
        if told && !event && record.members.iter().all(capital) {
            Self::PowerShell
        } else {
            Self::Graph
        }
    }

    /// The spelling of what a file of a collector suite holds.
    #[must_use]
    pub fn of_suite(file: &SuiteFile) -> Self {
        match file.holds {
            Holds::Objects | Holds::Enriched => Self::DfirO365rc,
            Holds::Parents => Self::Goose,
            Holds::Part | Holds::Lines | Holds::FirstPage | Holds::NoResults => Self::Graph,
        }
    }

    /// The record in Graph's spelling; `None` if the text is no record of this spelling.
    #[must_use]
    pub fn in_graph<'t>(self, text: &'t [u8], catalogue: &Catalogue) -> Option<Cow<'t, [u8]>> {
        let respelt = match self {
            Self::Graph => return Some(Cow::Borrowed(text)),
            Self::PowerShell => powershell::in_graph(Node::of(text)?, catalogue),
            Self::AzureHound => azurehound::in_graph(Node::of(text)?, catalogue)?,
            Self::AzureAdGraph => azure_ad_graph::in_graph(Node::of(text)?, catalogue),
            Self::Dsc => dsc::in_graph(Node::of(text)?, catalogue)?,
            Self::Nameless => nameless::in_graph(Node::of(text)?),
            Self::IntuneManagement => intune::in_graph(Node::of(text)?),
            Self::Goose | Self::DfirO365rc => suites::in_graph(self, Node::of(text)?, catalogue),
        };
        let mut written = Vec::with_capacity(text.len());
        respelt.write(&mut written);
        Some(Cow::Owned(written))
    }
}

/// The names that an annotation of a respelt record lists.
#[must_use]
pub fn listed(text: &[u8], annotation: &str) -> Vec<String> {
    let mut record = Record::default();
    if record.scan(text, &mut Scanner::new(text, 0)).is_err() {
        return Vec::new();
    }
    let value = record.member(text, annotation).and_then(|m| text.get(m.value.span.clone()));
    value.and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default()
}

/// A value of a record that is to be respelt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node<'t> {
    /// As it stands in the source.
    Scalar(&'t [u8]),
    /// A string that does not stand there as it is.
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl<'t> Node<'t> {
    /// The value that a text holds.
    pub(super) fn of(text: &'t [u8]) -> Option<Self> {
        parse(text, &mut Scanner::new(text, 0), 0)
    }

    /// The text of a string.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Scalar(written) if written.starts_with(b"\"") => {
                serde_json::from_slice(written).ok()
            }
            Self::Text(text) => Some(text.clone()),
            Self::Scalar(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Scalar(b"null"))
    }

    /// Whether it holds no value anywhere.
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Scalar(_) => self.is_null(),
            Self::Text(_) => false,
            Self::Array(items) => items.is_empty(),
            Self::Object(members) => members.iter().all(|(_, value)| value.is_blank()),
        }
    }

    /// The paths of the lists of objects in an object; `above` is where it stands, with a dot behind it.
    pub(super) fn lists_of_objects(
        members: &[(String, Self)],
        above: &str,
        found: &mut Vec<String>,
    ) {
        for (name, value) in members {
            let path = format!("{above}{name}");
            match value {
                Self::Object(inner) => Self::lists_of_objects(inner, &format!("{path}."), found),
                Self::Array(items) if items.iter().any(|item| matches!(item, Self::Object(_))) => {
                    found.push(path);
                }
                Self::Array(_) | Self::Scalar(_) | Self::Text(_) => {}
            }
        }
    }

    /// A list of texts.
    pub(super) fn list(texts: Vec<String>) -> Self {
        Self::Array(texts.into_iter().map(Self::Text).collect())
    }

    /// Appends it as JSON.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Scalar(written) => out.extend_from_slice(written),
            Self::Text(text) => write_text(text, out),
            Self::Array(items) => {
                out.push(b'[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Object(members) => {
                out.push(b'{');
                for (place, (name, value)) in members.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    write_text(name, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
}

fn parse<'t>(text: &'t [u8], scanner: &mut Scanner<'_>, depth: usize) -> Option<Node<'t>> {
    if depth > MAX_DEPTH {
        return None;
    }
    scanner.skip_blanks();
    match scanner.peek()? {
        b'{' => {
            scanner.enter_object().ok()?;
            let (mut members, mut first) = (Vec::new(), true);
            while let Some(key) = scanner.next_member(&mut first).ok()? {
                let quoted = text.get(key.start.checked_sub(1)?..key.end + 1)?;
                let name = serde_json::from_slice(quoted).ok()?;
                members.push((name, parse(text, scanner, depth + 1)?));
            }
            Some(Node::Object(members))
        }
        b'[' => {
            scanner.expect_byte(b'[').ok()?;
            let (mut items, mut first) = (Vec::new(), true);
            while scanner.next_item(&mut first, b']').ok()? {
                items.push(parse(text, scanner, depth + 1)?);
            }
            Some(Node::Array(items))
        }
        _ => Some(Node::Scalar(text.get(scanner.value().ok()?.span)?)),
    }
}
