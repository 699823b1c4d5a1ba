//! One record as it stands in the text: its members' spans, and what keeps it from being used.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::scan::{Kind, ScanError, Scanner, Skipped, duplicate_key};

/// Brackets that one record may open inside each other. Real objects need fewer than 10; the cap keeps whatever opens a
/// record later from exhausting the stack.
pub const MAX_DEPTH: usize = 100;

/// Size of one record. The largest real objects (applications with a thousand roles) stay under 4 MB; the cap keeps one
/// planted record from filling memory.
pub const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

/// A member of a record.
#[derive(Debug, Clone)]
pub struct Member {
    /// Between the quotes of its key.
    pub key: Range<usize>,
    /// Its value.
    pub value: Skipped,
}

/// An object in a text, its members found but not built.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// From its opening to its closing brace.
    pub span: Range<usize>,
    /// In the order of the text.
    pub members: Vec<Member>,
    /// Why it cannot be used, if so.
    pub defect: Option<RecordDefect>,
    /// The keys of the record that was scanned before: the next one most often has the same.
    keys: Keys,
}

/// A sequence of keys as it stands in a text.
#[derive(Debug, Clone, Default)]
struct Keys {
    /// Each with its quotes and colon, one behind the other.
    written: Vec<u8>,
    ends: Vec<usize>,
    /// Unlike that of any other sequence in this process; 0 before any.
    number: u64,
}

impl Keys {
    fn at(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        self.written.get(start.unwrap_or(0)..end)
    }

    fn learn(&mut self, text: &[u8], members: &[Member]) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        self.number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.written.clear();
        self.ends.clear();
        for member in members {
            self.written.push(b'"');
            self.written.extend_from_slice(text.get(member.key.clone()).unwrap_or_default());
            self.written.extend_from_slice(b"\":");
            self.ends.push(self.written.len());
        }
    }
}

/// Why a record that is JSON cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordDefect {
    /// A key stands twice in one object: which value counts cannot be told.
    DuplicateKey,
    /// More open brackets than [`MAX_DEPTH`].
    TooDeep,
    /// More bytes than [`MAX_RECORD_BYTES`].
    TooLarge,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// An escape that stands for half a character.
    LoneSurrogate,
    /// Not an object.
    NotAnObject,
}

impl RecordDefect {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::DuplicateKey,
        Self::TooDeep,
        Self::TooLarge,
        Self::NotUtf8,
        Self::LoneSurrogate,
        Self::NotAnObject,
    ];

    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::DuplicateKey => "duplicate-key",
            Self::TooDeep => "nesting-too-deep",
            Self::TooLarge => "record-too-large",
            Self::NotUtf8 => "not-utf8",
            Self::LoneSurrogate => "lone-surrogate",
            Self::NotAnObject => "not-an-object",
        }
    }

    /// The reason in words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::DuplicateKey => "a key stands twice in one object, so its value cannot be told",
            Self::TooDeep => "more than 100 brackets open inside each other",
            Self::TooLarge => "larger than 64 MiB",
            Self::NotUtf8 => "holds bytes that are no text",
            Self::LoneSurrogate => "holds an escape that stands for half a character",
            Self::NotAnObject => "a value where an object was expected",
        }
    }
}

impl Record {
    /// Passes over the object before the scanner and fills `self` with it, reusing its memory.
    ///
    /// # Errors
    /// The first defect of the JSON text itself.
    pub fn scan(&mut self, text: &[u8], scanner: &mut Scanner<'_>) -> Result<(), ScanError> {
        self.members.clear();
        self.defect = None;
        scanner.skip_blanks();
        let start = scanner.position();
        if scanner.peek() != Some(b'{') {
            self.span = scanner.value()?.span;
            self.defect = Some(RecordDefect::NotAnObject);
            scanner.take_duplicate_key();
            return Ok(());
        }
        scanner.enter_object()?;
        let (mut first, mut depth, mut as_before) = (true, 0, true);
        while scanner.next_item(&mut first, b'}')? {
            let expected = self.keys.at(self.members.len());
            let key = match expected.filter(|expected| scanner.take_all(expected)) {
                Some(expected) => {
                    let end = scanner.position();
                    end + 1 - expected.len()..end - 2
                }
                None => {
                    as_before = false;
                    scanner.key()?
                }
            };
            let value = scanner.value()?;
            depth = depth.max(value.depth);
            self.members.push(Member { key, value });
        }
        if as_before && self.members.len() == self.keys.ends.len() && self.keys.number > 0 {
            self.span = start..scanner.position();
            self.defect = self.find_defect(text, scanner, depth);
        } else if self.finish(text, scanner, start, depth) {
            self.keys.learn(text, &self.members);
        } else {
            self.keys = Keys::default();
        }
        Ok(())
    }

    /// A number that records share which have the same keys in the same order and were scanned one after another into this
    /// value; `None` for a record whose members were pushed one by one.
    #[must_use]
    pub fn key_sequence(&self) -> Option<u64> {
        (self.keys.number > 0).then_some(self.keys.number)
    }

    /// Closes a record whose members were pushed one by one: `start` is its brace, `depth` the deepest of its values.
    /// Gives whether no key stands twice.
    pub fn finish(
        &mut self,
        text: &[u8],
        scanner: &mut Scanner<'_>,
        start: usize,
        depth: usize,
    ) -> bool {
        self.span = start..scanner.position();
        let mut keys = Vec::with_capacity(self.members.len());
        keys.extend(self.members.iter().map(|member| member.key.clone()));
        let repeats = duplicate_key(text, &keys).is_some();
        self.defect = self
            .find_defect(text, scanner, depth)
            .or(repeats.then_some(RecordDefect::DuplicateKey));
        !repeats
    }

    fn find_defect(
        &self,
        text: &[u8],
        scanner: &mut Scanner<'_>,
        depth: usize,
    ) -> Option<RecordDefect> {
        let nested_duplicate = scanner.take_duplicate_key().is_some();
        let bytes = text.get(self.span.clone()).unwrap_or_default();
        if bytes.len() > MAX_RECORD_BYTES {
            return Some(RecordDefect::TooLarge);
        }
        if depth >= MAX_DEPTH {
            return Some(RecordDefect::TooDeep);
        }
        if nested_duplicate {
            return Some(RecordDefect::DuplicateKey);
        }
        let Ok(words) = std::str::from_utf8(bytes) else { return Some(RecordDefect::NotUtf8) };
        has_lone_surrogate(words).then_some(RecordDefect::LoneSurrogate)
    }

    /// The member with this key.
    #[must_use]
    pub fn member(&self, text: &[u8], name: &str) -> Option<&Member> {
        self.members.iter().find(|member| text.get(member.key.clone()) == Some(name.as_bytes()))
    }

    /// The text of a string member, escapes resolved.
    #[must_use]
    pub fn string(&self, text: &[u8], name: &str) -> Option<String> {
        string_at(text, &self.member(text, name)?.value)
    }
}

/// Whether a member is an `OData` annotation or action, not a property.
#[must_use]
pub fn is_annotation(name: &str) -> bool {
    name.contains("@odata.") || name.contains("@delta") || name.starts_with(['@', '#'])
}

/// The text of a string value, escapes resolved; `None` for any other kind.
#[must_use]
pub fn string_at(text: &[u8], value: &Skipped) -> Option<String> {
    if value.kind != Kind::String {
        return None;
    }
    serde_json::from_slice(text.get(value.span.clone())?).ok()
}

/// Whether the text holds a `\uD800`-`\uDFFF` escape without its other half.
fn has_lone_surrogate(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    let unit = |at: usize| {
        let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    while let Some(step) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += step;
        match unit(at) {
            Some(0xD800..=0xDBFF) => match unit(at + 6) {
                Some(0xDC00..=0xDFFF) => at += 12,
                _ => return true,
            },
            Some(0xDC00..=0xDFFF) => return true,
            Some(_) => at += 6,
            None => at += 2,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Record {
        let mut record = Record::default();
        record.scan(text.as_bytes(), &mut Scanner::new(text.as_bytes(), 0)).unwrap();
        record
    }

    #[test]
    fn members_are_found_by_name() {
        let text = r#"{"id":"a\u0062","n":{"x":[1]},"e":[]}"#;
        let record = scan(text);
        assert_eq!(record.string(text.as_bytes(), "id").as_deref(), Some("ab"));
        assert_eq!(record.members.len(), 3);
        assert_eq!(record.defect, None);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        assert_eq!(scan(&deep).defect, Some(RecordDefect::TooDeep));
        assert_eq!(scan(r#"{"a":1,"a":2}"#).defect, Some(RecordDefect::DuplicateKey));
        assert_eq!(scan(r#"{"a":{"b":1,"b":2}}"#).defect, Some(RecordDefect::DuplicateKey));
        assert_eq!(scan(r#"{"a":"\ud800"}"#).defect, Some(RecordDefect::LoneSurrogate));
        assert_eq!(scan(r#"{"a":"\ud83d\ude00 \\ud800"}"#).defect, None);
        assert_eq!(scan("[1]").defect, Some(RecordDefect::NotAnObject));
    }
}
