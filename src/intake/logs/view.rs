//! A value in the text of a record, looked at without building anything: a member of a member, also where one of them is a
//! JSON text in a string.

use std::borrow::Cow;

use super::super::scan::Scanner;
use super::super::{Member, Record};

/// Texts that stand for no value.
const BLANKS: [&str; 4] = ["", "(blank)", "<null>", "null"];

/// The text of one JSON value.
#[derive(Debug, Clone)]
pub(super) struct View<'t>(Cow<'t, [u8]>);

/// An object whose members were found.
#[derive(Debug)]
pub(super) struct Level<'t> {
    text: Cow<'t, [u8]>,
    members: Cow<'t, [Member]>,
}

impl<'t> Level<'t> {
    /// A record that was scanned.
    pub(super) fn of(text: &'t [u8], record: &'t Record) -> Self {
        Self { text: Cow::Borrowed(text), members: Cow::Borrowed(&record.members) }
    }

    fn key(&self, member: &Member) -> Option<&str> {
        std::str::from_utf8(self.text.get(member.key.clone())?).ok()
    }

    /// The member of this name: spelt so, or else with other letter case.
    fn member(&self, name: &str) -> Option<View<'t>> {
        let exact = |member: &&Member| self.key(member) == Some(name);
        let alike =
            |member: &&Member| self.key(member).is_some_and(|key| key.eq_ignore_ascii_case(name));
        let members = || self.members.iter();
        let member = members().find(exact).or_else(|| members().find(alike))?;
        let span = member.value.span.clone();
        Some(View(match &self.text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(span)?),
            Cow::Owned(text) => Cow::Owned(text.get(span)?.to_vec()),
        }))
    }

    /// The value at a path of names.
    pub(super) fn at(&self, path: &[String]) -> Option<View<'t>> {
        let (first, rest) = path.split_first()?;
        self.member(first)?.at(rest)
    }

    /// The text at a path of names, if it is one that says something.
    pub(super) fn text_at(&self, path: &[String]) -> Option<String> {
        self.at(path)?.text()
    }
}

impl<'t> View<'t> {
    /// The object that it is, or that its string holds.
    pub(super) fn level(self) -> Option<Level<'t>> {
        let text = self.opened()?.0;
        let mut record = Record::default();
        record.scan(&text, &mut Scanner::new(&text, 0)).ok()?;
        let members = std::mem::take(&mut record.members);
        Some(Level { text, members: Cow::Owned(members) })
    }

    /// Itself, or the value in its string.
    fn opened(self) -> Option<Self> {
        if !self.0.starts_with(b"\"") {
            return Some(self);
        }
        let inner: String = serde_json::from_slice(&self.0).ok()?;
        inner.trim_start().starts_with(['{', '[']).then(|| Self(Cow::Owned(inner.into_bytes())))
    }

    fn at(self, path: &[String]) -> Option<Self> {
        match path.split_first() {
            None => Some(self),
            Some((first, rest)) => self.level()?.member(first)?.at(rest),
        }
    }

    /// What it says as text: a string as it reads, a number or boolean as it is written; nothing for null, lists, objects
    /// and texts that stand for no value.
    pub(super) fn text(&self) -> Option<String> {
        let text = match self.0.first()? {
            b'"' => serde_json::from_slice::<String>(&self.0).ok()?,
            b'{' | b'[' | b'n' => return None,
            _ => std::str::from_utf8(&self.0).ok()?.to_owned(),
        };
        let trimmed = text.trim();
        if BLANKS.contains(&trimmed) {
            return None;
        }
        Some(if trimmed.len() == text.len() { text } else { trimmed.to_owned() })
    }

    /// A value of a changed property as text: that of a JSON string in the string, or the JSON text itself.
    pub(super) fn side(&self) -> Option<String> {
        let text = match self.0.first()? {
            b'n' => return None,
            b'"' => serde_json::from_slice::<String>(&self.0).ok()?,
            _ => return std::str::from_utf8(&self.0).ok().map(str::to_owned),
        };
        if text.starts_with('"')
            && let Ok(inner) = serde_json::from_str::<String>(&text)
        {
            return Some(inner);
        }
        Some(text)
    }

    /// The items of a list, or the one object that stands in the place of a list, at most so many; and whether there are more.
    pub(super) fn items(self, most: usize) -> (Vec<Self>, bool) {
        let Some(Self(text)) = self.opened() else { return (Vec::new(), false) };
        if text.starts_with(b"{") {
            return (vec![Self(text)], false);
        }
        let mut scanner = Scanner::new(&text, 0);
        scanner.skip_blanks();
        let mut spans = Vec::new();
        let mut first = true;
        if !scanner.take(b'[') {
            return (Vec::new(), false);
        }
        let mut more = false;
        while let Ok(true) = scanner.next_item(&mut first, b']') {
            if spans.len() == most {
                more = true;
                break;
            }
            match scanner.value() {
                Ok(value) => spans.push(value.span),
                Err(_) => break,
            }
        }
        let items = spans
            .into_iter()
            .filter_map(|span| {
                Some(Self(match &text {
                    Cow::Borrowed(text) => Cow::Borrowed(text.get(span)?),
                    Cow::Owned(text) => Cow::Owned(text.get(span)?.to_vec()),
                }))
            })
            .collect();
        (items, more)
    }
}
