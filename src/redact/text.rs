//! Pseudonyms of single texts, by what a text looks like.
//!
//! | Looks like | Becomes |
//! |---|---|
//! | a GUID | a GUID of version 8 |
//! | an address or user principal name | `user-…@domain-….example` |
//! | an IP address or range | `ip-…` |
//! | a URL | `url-…` |
//! | a domain | `domain-….example` |
//! | a name of an object | its type and `-…` |
//! | anything else | `text-…` |
//!
//! Case does not count in GUIDs, addresses and domains. The digits are those of one keyed hash of the text, so that a name
//! and the same text elsewhere share them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Span, Timestamp, civil};
use serde_json::Value;

use crate::directory::Catalogue;
use crate::model::Target;

/// Digits of a pseudonym: 48 bits, so that among a million originals two share one with a chance of 1 in 500.
const DIGITS: usize = 12;

/// Longest text that is looked at for what it looks like; what is longer is replaced as a whole.
const MOST_BYTES: usize = 4096;

#[derive(Debug)]
pub(super) struct Pseudonyms<'c> {
    key: [u8; 32],
    catalogue: &'c Catalogue,
    table: BTreeMap<String, String>,
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A time, date or length of time: no one is named by it.
fn is_time(text: &str) -> bool {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, 'P' | '-'));
    begins
        && (text.parse::<Timestamp>().is_ok()
            || (text.len() >= 10 && text.parse::<civil::DateTime>().is_ok())
            || text.len() == 10 && text.parse::<civil::Date>().is_ok()
            || text.contains('P')
                && (text.parse::<Span>().is_ok() || text.parse::<SignedDuration>().is_ok()))
}

fn is_ip(text: &str) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    let address = address.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || address
            .rsplit_once(':')
            .is_some_and(|(address, _)| address.trim_end_matches(']').parse::<IpAddr>().is_ok())
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.contains('.')
        && text.split('.').all(label)
        && last.len() > 1
        && last.chars().all(char::is_alphabetic)
}

/// What a name that the service gives to a property looks like; tenants' own have underscores, dots or anything.
fn is_property(name: &str) -> bool {
    let plain = name.strip_prefix('@').unwrap_or(name);
    let parts = || plain.split(['@', '.']);
    name.len() <= 80
        && parts().all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphabetic())
                && part.chars().all(|c| c.is_ascii_alphanumeric())
        })
        && (!plain.contains('.') || plain.contains("odata.") || name.starts_with('@'))
}

impl<'c> Pseudonyms<'c> {
    pub(super) fn new(key: [u8; 32], catalogue: &'c Catalogue) -> Self {
        Self { key, catalogue, table: BTreeMap::new() }
    }

    /// What is known of names.
    pub(super) fn catalogue(&self) -> &'c Catalogue {
        self.catalogue
    }

    pub(super) fn table(&self) -> &BTreeMap<String, String> {
        &self.table
    }

    fn hash(&self, what: &str, bytes: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(what.as_bytes()).update(&[0]).update(bytes);
        hasher.finalize()
    }

    /// A keyed digest of bytes that are a digest themselves.
    pub(super) fn bytes<const N: usize>(&self, what: &str, bytes: &[u8]) -> [u8; N] {
        self.hash(what, bytes).as_bytes().first_chunk::<N>().copied().unwrap_or([0; N])
    }

    fn digits(&self, text: &str) -> String {
        let hex = self.hash("text", text.as_bytes()).to_hex();
        hex.get(..DIGITS).unwrap_or_default().to_owned()
    }

    fn give(&mut self, pseudonym: String, original: &str) -> String {
        self.table.entry(pseudonym.clone()).or_insert_with(|| original.to_owned());
        pseudonym
    }

    fn as_kind(&mut self, kind: &str, original: &str) -> String {
        let pseudonym = format!("{kind}-{}", self.digits(original));
        self.give(pseudonym, original)
    }

    fn guid(&mut self, text: &str) -> String {
        let lower = text.to_ascii_lowercase();
        if self.catalogue.is_readable_value(&lower) {
            return text.to_owned();
        }
        let mut bytes: [u8; 16] = self.bytes("guid", lower.as_bytes());
        // Version 8: made by the program's own rule (RFC 9562).
        bytes[6] = bytes[6] & 0x0F | 0x80;
        bytes[8] = bytes[8] & 0x3F | 0x80;
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
        let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
        self.give(parts.join("-"), &lower)
    }

    fn domain(&mut self, text: &str) -> String {
        let lower = text.to_lowercase();
        let pseudonym = format!("domain-{}.example", self.digits(&lower));
        self.give(pseudonym, &lower)
    }

    fn address(&mut self, text: &str) -> String {
        let lower = text.to_lowercase();
        let domain =
            lower.rsplit_once('@').map(|(_, domain)| self.domain(domain)).unwrap_or_default();
        let pseudonym = format!("user-{}@{domain}", self.digits(&lower));
        self.give(pseudonym, text)
    }

    /// A text of which nothing is known but what it looks like.
    pub(super) fn value(&mut self, text: &str) -> String {
        let harmless = !text.chars().any(char::is_alphanumeric);
        if text.len() > MOST_BYTES {
            return self.as_kind("text", text);
        }
        if harmless || self.catalogue.is_readable_value(text) || is_time(text) {
            return text.to_owned();
        }
        if is_guid(text) {
            return self.guid(text);
        }
        if is_ip(text) {
            return self.as_kind("ip", text);
        }
        let lower = text.to_ascii_lowercase();
        if lower.contains("://") || lower.starts_with("mailto:") || lower.starts_with("urn:") {
            return self.as_kind("url", text);
        }
        let one_word = !text.contains(char::is_whitespace);
        if one_word && text.contains('@') && !text.starts_with('@') && !text.ends_with('@') {
            return self.address(text);
        }
        if one_word && is_domain(text) {
            return self.domain(text);
        }
        self.as_kind("text", text)
    }

    /// An identity: parts joined by `|`, each an id or the path of a scope.
    pub(super) fn id(&mut self, text: &str) -> String {
        let part = |part: &str| -> String {
            let steps: Vec<String> = part.split('/').map(|step| self.step(step)).collect();
            steps.join("/")
        };
        let parts: Vec<String> = text.split('|').map(part).collect();
        parts.join("|")
    }

    /// A step of the path of a scope: a collection, or an id.
    fn step(&mut self, step: &str) -> String {
        if self.catalogue.is_readable_word(&step.to_ascii_lowercase()) {
            return step.to_owned();
        }
        self.value(step)
    }

    /// The name of an object.
    pub(super) fn name(&mut self, object_type: &str, name: &str) -> String {
        let shaped = self.value(name);
        if !shaped.starts_with("text-") {
            return shaped;
        }
        let object_type = self.object_type(object_type);
        let kind = if object_type.is_empty() { "name" } else { &object_type };
        self.as_kind(kind, name)
    }

    /// The other end of a link.
    pub(super) fn target(&mut self, target: &mut Target) {
        target.name = self.name(&target.object_type, &target.name);
        target.object_type = self.object_type(&target.object_type);
        target.id = self.id(&target.id);
    }

    /// The name of a type, with what is behind a slash (`user/deletedItems`).
    pub(super) fn object_type(&mut self, text: &str) -> String {
        let part = |part: &str| {
            let known = part.is_empty()
                || self.catalogue.object_type(part).is_some()
                || self.catalogue.is_readable_word(&part.to_ascii_lowercase());
            if known { part.to_owned() } else { self.as_kind("type", part) }
        };
        text.split('/').map(part).collect::<Vec<_>>().join("/")
    }

    /// The path of an attribute, or the name of a relation.
    pub(super) fn attribute(&mut self, path: &str) -> String {
        let mut opaque = false;
        let part = |part: &str| {
            let stays = part.is_empty() || (!opaque && is_property(part));
            opaque |= self.catalogue.is_opaque(part);
            if stays { part.to_owned() } else { self.as_kind("key", part) }
        };
        path.split('.').map(part).collect::<Vec<_>>().join(".")
    }

    /// A value of an attribute: canonical JSON.
    pub(super) fn json(&mut self, attribute: &str, text: &str) -> String {
        let last = attribute.rsplit('.').next().unwrap_or_default();
        let opaque = attribute.split('.').any(|part| self.catalogue.is_opaque(part));
        match serde_json::from_str::<Box<serde_json::value::RawValue>>(text) {
            Ok(_) => match serde_json::from_str(text) {
                Ok(value) => self.json_value(last, opaque, value).to_string(),
                Err(_too_deep) => Value::from(self.as_kind("text", text)).to_string(),
            },
            Err(_no_json) => Value::from(self.as_kind("text", text)).to_string(),
        }
    }

    fn json_value(&mut self, property: &str, opaque: bool, value: Value) -> Value {
        match value {
            Value::String(text) => Value::from(self.property_value(property, opaque, &text)),
            Value::Array(items) => {
                items.into_iter().map(|item| self.json_value(property, opaque, item)).collect()
            }
            Value::Object(members) => members
                .into_iter()
                .map(|(name, value)| {
                    let below = opaque || self.catalogue.is_opaque(&name);
                    let value = self.json_value(&name, below, value);
                    let stays = is_property(&name) && !opaque;
                    (if stays { name } else { self.as_kind("key", &name) }, value)
                })
                .collect(),
            plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
        }
    }

    /// A text in a property: fixed words of the service stay.
    fn property_value(&mut self, property: &str, opaque: bool, text: &str) -> String {
        let plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ' ' | ',' | '/');
        let is_word = text.len() <= 2048 && text.chars().all(plain);
        if !opaque
            && is_word
            && self.catalogue.has_readable_values(property)
            && !is_guid(text)
            && !is_ip(text)
        {
            return if text.contains('/') { self.id(text) } else { text.to_owned() };
        }
        if property.starts_with('@') && text.starts_with("#microsoft.graph.") {
            return text.to_owned();
        }
        self.value(text)
    }

    /// A label: a stamp stays, names do not.
    pub(super) fn label(&mut self, text: &str) -> String {
        let stamp = |c: char| {
            c.is_ascii_digit()
                || matches!(
                    c,
                    '-' | ':' | 'T' | 'Z' | '.' | '+' | ' ' | '/' | '_' | '#' | '(' | ')'
                )
        };
        if text.chars().all(stamp)
            && !is_ip(text)
            && text.chars().any(|c| matches!(c, '-' | 'T' | ':'))
        {
            return text.to_owned();
        }
        if text.is_empty() { String::new() } else { self.path(text) }
    }

    /// A path: stamps, GUIDs as pseudonyms, words that name no one.
    pub(super) fn path(&mut self, text: &str) -> String {
        text.split('/').map(|part| self.file_name(part)).collect::<Vec<_>>().join("/")
    }

    fn file_name(&mut self, name: &str) -> String {
        if is_guid(name) {
            return self.guid(name);
        }
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        if is_ip(name) || is_ip(stem) {
            return self.as_kind("ip", name);
        }
        let mut shown = String::new();
        let mut rest = name;
        while let Some(first) = rest.chars().next() {
            if let Some(guid) = rest.get(..36).filter(|head| is_guid(head)) {
                shown.push_str(&self.guid(guid));
                rest = rest.get(36..).unwrap_or_default();
            } else if first.is_alphanumeric() {
                let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
                let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
                shown.push_str(&self.word(word));
                rest = behind;
            } else {
                // Punctuation of ASCII holds no name; anything else may be a part of one.
                shown.push(if first.is_ascii_punctuation() || first == ' ' { first } else { '?' });
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        shown
    }

    /// A word of a file name or of a message.
    fn word(&mut self, word: &str) -> String {
        let lower = word.to_lowercase();
        let digits = |c: char| c.is_ascii_digit();
        let is_day = word.len() >= 8
            && word.starts_with("20")
            && word.chars().all(|c| digits(c) || matches!(c, 'T' | 'Z'));
        let is_short = word.len() <= 6
            && word.chars().all(|c| digits(c) || matches!(c, 'T' | 'Z'))
            && word.len() <= 6;
        let stays = self.catalogue.is_readable_word(&lower)
            || is_day
            || is_short
            || word.chars().count() == 1;
        if stays { word.to_owned() } else { format!("x{}", self.short(word)) }
    }

    fn short(&mut self, word: &str) -> String {
        let digits = self.digits(word);
        self.give(format!("x{digits}"), word);
        digits
    }

    /// A message of the program that may quote the evidence.
    pub(super) fn prose(&mut self, text: &str) -> String {
        text.split(' ')
            .map(|word| {
                let bare = word.trim_matches(|c: char| c.is_ascii_punctuation());
                let number = !bare.is_empty()
                    && bare.len() <= 9
                    && bare.chars().all(|c| c.is_ascii_digit() || c == ',');
                if bare.is_empty()
                    || number
                    || self.catalogue.is_readable_word(&bare.to_ascii_lowercase())
                {
                    word.to_owned()
                } else {
                    word.replacen(bare, &self.value(bare), 1)
                }
            })
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// A request: names of properties, types and segments stay, what is quoted or looks like anything else does not.
    pub(super) fn request(&mut self, text: &str) -> String {
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
        let (mut shown, mut rest, mut quoted) = (String::new(), text, false);
        while let Some(first) = rest.chars().next() {
            if !in_word(first) {
                quoted ^= first == '\'';
                shown.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
                continue;
            }
            let end = rest.find(|c: char| !in_word(c)).unwrap_or(rest.len());
            let (word, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let service = matches!(word, "v1.0" | "graph.microsoft.com") || is_property(word);
            let stays = !quoted && service;
            shown.push_str(&if stays { word.to_owned() } else { self.value(word) });
            rest = behind;
        }
        shown
    }

    /// The state of something: words of the program (`in the bin`), or the value of an attribute as canonical JSON.
    pub(super) fn state(&mut self, attribute: &str, text: &str) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c == ' ';
        let is_word = |word: &str| self.catalogue.is_readable_word(word);
        if text.chars().all(plain) && text.split(' ').all(is_word) {
            return text.to_owned();
        }
        self.json(attribute, text)
    }

    /// What to export next: a request or a sentence of the program, which may name what the row is about.
    pub(super) fn export(&mut self, text: &str, about: [&str; 4]) -> String {
        let [object_type, id, attribute, name] = about;
        let member = attribute.split('.').next().unwrap_or_default();
        let pseudonyms = [
            (id, self.id(id)),
            (name, self.value(name)),
            (object_type, self.object_type(object_type)),
            (attribute, self.attribute(attribute)),
            (member, self.attribute(member)),
        ];
        // Each stands aside as characters that the request keeps, so that it is replaced once.
        let aside = |place: usize| format!("{}\u{2}", "\u{1}".repeat(place + 1));
        let mut shown = text.replace(['\u{1}', '\u{2}'], "");
        for (place, (original, _)) in pseudonyms.iter().enumerate() {
            if !original.is_empty() {
                shown = shown.replace(original, &aside(place));
            }
        }
        shown = self.request(&shown);
        for (place, (_, pseudonym)) in pseudonyms.iter().enumerate().rev() {
            shown = shown.replace(&aside(place), pseudonym);
        }
        shown
    }

    /// A value of an option.
    pub(super) fn option(&mut self, name: &str, word: &str) -> String {
        match name {
            "type" => self.object_type(word),
            "attribute" => self.attribute(word),
            "snapshot" | "good" | "damaged" | "after" => self.label(word),
            _ => self.id(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::catalogue;

    fn names() -> Pseudonyms<'static> {
        Pseudonyms::new([7; 32], catalogue())
    }

    #[test]
    fn pseudonyms_look_like_what_they_stand_for() {
        let mut names = names();
        for (text, begins, ends) in [
            ("Ada@Contoso.example", "user-", ".example"),
            ("contoso.onmicrosoft.com", "domain-", ".example"),
            ("10.1.2.3", "ip-", ""),
            ("10.1.0.0/16", "ip-", ""),
            ("2001:db8::1", "ip-", ""),
            ("https://contoso.example/x", "url-", ""),
            ("Ada Lovelace", "text-", ""),
            ("+49 30 1234", "text-", ""),
            ("10023", "text-", ""),
        ] {
            let pseudonym = names.value(text);
            assert!(
                pseudonym.starts_with(begins) && pseudonym.ends_with(ends),
                "{text}: {pseudonym}"
            );
        }
        let guid = names.value("AAAAAAAA-2222-4333-8444-555555555555");
        assert!(is_guid(&guid) && guid.get(14..15) == Some("8"), "{guid}");
        assert_eq!(guid, names.value("aaaaaaaa-2222-4333-8444-555555555555"));
        assert_eq!(names.value("ADA@contoso.EXAMPLE"), names.value("Ada@Contoso.example"));
        let domain = names.value("contoso.example");
        assert!(names.value("bob@contoso.example").ends_with(&domain));
        assert_eq!(names.table().get(&domain).map(String::as_str), Some("contoso.example"));
    }

    #[test]
    fn what_means_the_same_everywhere_stays() {
        let mut names = names();
        for text in [
            "",
            "/",
            "All",
            "2026-11-02T03:00:00Z",
            "2026-11-02",
            "P90D",
            "62e90394-69f5-4237-9190-012177145e10",
            "Global Administrator",
            "00000003-0000-0000-c000-000000000000",
        ] {
            assert_eq!(names.value(text), text);
        }
        assert_eq!(
            names.attribute("conditions.users.excludeUsers"),
            "conditions.users.excludeUsers"
        );
        assert_eq!(names.label("2026-11-02"), "2026-11-02");
        assert_eq!(
            names.path("2026-11-02/users_20261102T030000Z_2.json"),
            "2026-11-02/users_20261102T030000Z_2.json"
        );
        assert_eq!(
            names.prose("lists of 3 objects, 1 of them not whole"),
            "lists of 3 objects, 1 of them not whole"
        );
    }

    #[test]
    fn names_of_tenants_go_wherever_they_stand() {
        let mut names = names();
        let json = names.json(
            "customSecurityAttributes",
            r##"{"Contoso":{"badge":"x1"},"@odata.type":"#microsoft.graph.customSecurityAttributeValue"}"##,
        );
        assert!(
            !json.contains("Contoso") && !json.contains("badge") && !json.contains("x1"),
            "{json}"
        );
        let json = names.json(
            "x",
            r#"{"extension_aa_badge":1,"userType":"Guest","n":1,"b":true,"state":"a@b.c"}"#,
        );
        assert!(json.contains(r#""userType":"Guest""#) && json.contains(r#""b":true"#), "{json}");
        assert!(!json.contains("extension_") && !json.contains("a@b.c"), "{json}");
        let path = names.path(
            "woodgrove/10.0.0.5.json/groups_aaaaaaaa-2222-4333-8444-555555555555_members.json",
        );
        assert!(
            !path.contains("woodgrove") && !path.contains("10.0") && !path.contains("aaaa"),
            "{path}"
        );
        assert!(path.contains("/groups_") && path.ends_with("_members.json"), "{path}");
        let id =
            names.id("aaaaaaaa-2222-4333-8444-555555555555|62e90394-69f5-4237-9190-012177145e10|/");
        assert!(
            id.ends_with("|62e90394-69f5-4237-9190-012177145e10|/") && !id.starts_with("aaaa"),
            "{id}"
        );
        assert!(names.attribute("extensions.contoso").starts_with("extensions.key-"));
        assert!(names.object_type("contosoThing").starts_with("type-"));
    }
}
