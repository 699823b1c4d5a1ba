//! A strict scanner of JSON text: finds where values, members and elements begin and end, and builds nothing.
//!
//! It accepts exactly what RFC 8259 accepts (held against `serde_json` by a property test), works on bytes that need not
//! be UTF-8 as a whole, and needs neither recursion nor memory beyond a stack of one byte per open bracket.

use std::borrow::Cow;
use std::ops::Range;

use thiserror::Error;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} at decoded byte {offset_bytes}")]
pub struct ScanError {
    /// Offset in the decoded text.
    pub offset_bytes: usize,
    /// The defect.
    pub what: Defect,
}

/// The ways in which a text fails to be JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Defect {
    /// It stops in the middle.
    #[error("the text ends in the middle of a value")]
    Truncated,
    /// A byte that cannot stand there.
    #[error("an unexpected byte")]
    Unexpected,
    /// A number that JSON does not allow.
    #[error("a malformed number")]
    Number,
    /// An escape or a control character that a string may not hold.
    #[error("a malformed string")]
    String,
    /// Bytes of a string that are no UTF-8.
    #[error("bytes that are no UTF-8")]
    NotUtf8,
}

/// What kind of value was passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// `[]`
    EmptyArray,
    /// A non-empty array.
    Array,
    /// `{}`
    EmptyObject,
    /// A non-empty object.
    Object,
}

/// A value that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Where it stands in the text.
    pub span: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// The deepest bracket inside it; 0 for a scalar.
    pub depth: usize,
}

/// A cursor over a decoded text.
#[derive(Debug, Clone)]
pub struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Vec<u8>,
    /// Keys of the objects that are open inside the value being passed over, innermost last.
    keys: Vec<Range<usize>>,
    /// Where in `keys` each open object's own keys begin.
    frames: Vec<usize>,
    duplicate: Option<usize>,
}

impl<'a> Scanner<'a> {
    /// A scanner that starts at `at`.
    #[must_use]
    pub fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, open: Vec::new(), keys: Vec::new(), frames: Vec::new(), duplicate: None }
    }

    /// Where the first key stands that an object inside a passed-over value had before; forgets it.
    pub fn take_duplicate_key(&mut self) -> Option<usize> {
        self.duplicate.take()
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Passes over bytes that are known to be a value.
    pub fn advance(&mut self, length: usize) {
        self.at = self.at.saturating_add(length).min(self.bytes.len());
    }

    /// The byte it stands on.
    #[must_use]
    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fail<T>(&self, what: Defect) -> Result<T, ScanError> {
        let what = if self.at >= self.bytes.len() { Defect::Truncated } else { what };
        Err(ScanError { offset_bytes: self.at, what })
    }

    /// Passes over white space.
    pub fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Passes over one punctuation byte.
    ///
    /// # Errors
    /// [`Defect::Unexpected`] if another byte stands there.
    pub fn expect_byte(&mut self, byte: u8) -> Result<(), ScanError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            self.fail(Defect::Unexpected)
        }
    }

    /// Passes over these bytes if they stand there.
    pub fn take_all(&mut self, expected: &[u8]) -> bool {
        let found = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(expected));
        if found {
            self.at += expected.len();
        }
        found
    }

    /// Passes over the given byte if it stands there.
    pub fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.at += 1;
        }
        found
    }

    /// Passes over a string and gives the span between its quotes.
    ///
    /// # Errors
    /// [`Defect::String`] or [`Defect::Truncated`].
    pub fn string(&mut self) -> Result<Range<usize>, ScanError> {
        self.expect_byte(b'"')?;
        let start = self.at;
        loop {
            self.at += plain_run(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at - 1);
                }
                Some(b'\\') => self.escape()?,
                _ => return self.fail(Defect::String),
            }
        }
    }

    fn escape(&mut self) -> Result<(), ScanError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return self.fail(Defect::String);
                    }
                    self.at += 1;
                }
                Ok(())
            }
            _ => self.fail(Defect::String),
        }
    }

    fn digits(&mut self) -> Result<(), ScanError> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { self.fail(Defect::Number) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), ScanError> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8]) -> Result<(), ScanError> {
        for byte in word {
            self.expect_byte(*byte)?;
        }
        Ok(())
    }

    /// Passes over one value.
    ///
    /// # Errors
    /// The first defect.
    pub fn value(&mut self) -> Result<Skipped, ScanError> {
        self.skip_blanks();
        let start = self.at;
        let kind = match self.peek() {
            Some(open @ (b'{' | b'[')) => return self.container(start, open),
            Some(_) => self.scalar()?,
            None => return self.fail(Defect::Truncated),
        };
        Ok(Skipped { span: start..self.at, kind, depth: 0 })
    }

    fn scalar(&mut self) -> Result<Kind, ScanError> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| Kind::String),
            Some(b'n') => self.word(b"null").map(|()| Kind::Null),
            Some(b't') => self.word(b"true").map(|()| Kind::Bool),
            Some(b'f') => self.word(b"false").map(|()| Kind::Bool),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| Kind::Number),
            _ => self.fail(Defect::Unexpected),
        }
    }

    fn container(&mut self, start: usize, first: u8) -> Result<Skipped, ScanError> {
        self.open.clear();
        self.keys.clear();
        self.frames.clear();
        let mut depth = 0;
        let mut elements = 0_usize;
        // Each turn stands before a value; `closing` after an opening bracket allows an immediate end.
        loop {
            self.skip_blanks();
            if let Some(open @ (b'{' | b'[')) = self.peek() {
                self.at += 1;
                self.open.push(open);
                if open == b'{' {
                    self.frames.push(self.keys.len());
                }
                depth = depth.max(self.open.len());
                self.skip_blanks();
                if self.close() {
                    if self.after_value()? {
                        break;
                    }
                } else {
                    self.key_if_object()?;
                }
            } else {
                self.scalar()?;
                if self.after_value()? {
                    break;
                }
            }
            elements += 1;
        }
        let empty = elements == 0;
        let kind = match (first, empty) {
            (b'{', true) => Kind::EmptyObject,
            (b'{', false) => Kind::Object,
            (_, true) => Kind::EmptyArray,
            (_, false) => Kind::Array,
        };
        Ok(Skipped { span: start..self.at, kind, depth })
    }

    /// Passes over a closing bracket that matches the innermost open one.
    fn close(&mut self) -> bool {
        let closing = match self.open.last() {
            Some(b'{') => b'}',
            Some(_) => b']',
            None => return false,
        };
        if !self.take(closing) {
            return false;
        }
        self.open.pop();
        if closing == b'}' {
            let frame = self.frames.pop().unwrap_or(0);
            let own = self.keys.get(frame..).unwrap_or_default();
            self.duplicate = self.duplicate.or_else(|| duplicate_key(self.bytes, own));
            self.keys.truncate(frame);
        }
        true
    }

    fn key_if_object(&mut self) -> Result<(), ScanError> {
        if self.open.last() == Some(&b'{') {
            self.skip_blanks();
            let key = self.string()?;
            self.keys.push(key);
            self.skip_blanks();
            self.expect_byte(b':')?;
        }
        Ok(())
    }

    /// After a value: closes what closes, or steps over the comma. True when the outermost value is closed.
    fn after_value(&mut self) -> Result<bool, ScanError> {
        loop {
            if self.open.is_empty() {
                return Ok(true);
            }
            self.skip_blanks();
            if self.take(b',') {
                self.key_if_object()?;
                return Ok(false);
            }
            if !self.close() {
                return self.fail(Defect::Unexpected);
            }
        }
    }

    /// Steps into an object; use with [`Scanner::next_member`].
    ///
    /// # Errors
    /// [`Defect::Unexpected`] if no object stands there.
    pub fn enter_object(&mut self) -> Result<(), ScanError> {
        self.skip_blanks();
        self.expect_byte(b'{')
    }

    /// The span of the next member's key, with the cursor before its value; `None` after the last member.
    ///
    /// # Errors
    /// The first defect.
    pub fn next_member(&mut self, first: &mut bool) -> Result<Option<Range<usize>>, ScanError> {
        if !self.next_item(first, b'}')? {
            return Ok(None);
        }
        self.key().map(Some)
    }

    /// Passes over a key, its colon and what is blank behind it; gives the span between its quotes.
    ///
    /// # Errors
    /// The first defect.
    pub fn key(&mut self) -> Result<Range<usize>, ScanError> {
        let key = self.string()?;
        self.skip_blanks();
        self.expect_byte(b':')?;
        self.skip_blanks();
        Ok(key)
    }

    /// Steps to the next item of an open array or object; false after the closing bracket.
    ///
    /// # Errors
    /// The first defect.
    pub fn next_item(&mut self, first: &mut bool, closing: u8) -> Result<bool, ScanError> {
        self.skip_blanks();
        if *first {
            *first = false;
            if self.take(closing) {
                return Ok(false);
            }
        } else if self.take(closing) {
            return Ok(false);
        } else {
            self.expect_byte(b',')?;
            self.skip_blanks();
        }
        Ok(true)
    }
}

/// How many bytes a string goes on without quote, escape or control character. Looks at eight bytes at a time.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero_byte = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let (words, rest) = bytes.as_chunks::<8>();
    for (place, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = zero_byte(word ^ (ONES * 0x22));
        let escape = zero_byte(word ^ (ONES * 0x5C));
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
        let found = quote | escape | control;
        // Above the lowest bit found a borrow may have set others; the lowest is right.
        if found != 0 {
            return place * 8 + (found.trailing_zeros() / 8) as usize;
        }
    }
    let tail = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F));
    bytes.len() - rest.len() + tail.unwrap_or(rest.len())
}

/// Passes over the one JSON text (RFC 8259) that `bytes` are: UTF-8 without byte order mark, nothing but white space around
/// the value. A key that stands twice is no defect of the text.
///
/// # Errors
/// The first defect, with its offset.
pub fn single_text(bytes: &[u8]) -> Result<Skipped, ScanError> {
    let mut scanner = Scanner::new(bytes, 0);
    let value = scanner.value()?;
    scanner.skip_blanks();
    if scanner.peek().is_some() {
        return scanner.fail(Defect::Unexpected);
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => Ok(value),
        Err(error) => Err(ScanError { offset_bytes: error.valid_up_to(), what: Defect::NotUtf8 }),
    }
}

/// Where the first key stands that repeats an earlier one, once escapes are resolved.
#[must_use]
pub fn duplicate_key(text: &[u8], keys: &[Range<usize>]) -> Option<usize> {
    let spelling = |key: &Range<usize>| text.get(key.clone()).unwrap_or_default();
    let escaped = keys.iter().any(|key| spelling(key).contains(&b'\\'));
    if keys.len() <= 24 && !escaped {
        return keys.iter().enumerate().find_map(|(place, key)| {
            let earlier = keys.get(..place).unwrap_or_default();
            earlier
                .iter()
                .any(|other| other.len() == key.len() && spelling(other) == spelling(key))
                .then_some(key.start)
        });
    }
    let mut resolved: Vec<(Cow<'_, [u8]>, usize)> = keys
        .iter()
        .map(|key| {
            let raw = spelling(key);
            (if escaped { resolve(raw) } else { Cow::Borrowed(raw) }, key.start)
        })
        .collect();
    // Length first: it tells most keys apart.
    resolved.sort_unstable_by(|a, b| (a.0.len(), a).cmp(&(b.0.len(), b)));
    let repeats = resolved.windows(2).filter_map(|pair| match pair {
        [(first, _), (second, start)] if first == second => Some(*start),
        _ => None,
    });
    repeats.min()
}

/// A key with its escapes resolved; as written where it has none or they make no text.
fn resolve(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let quoted = [b"\"".as_slice(), raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted)
        .map_or(Cow::Borrowed(raw), |text| Cow::Owned(text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::*;

    fn accepts(text: &[u8]) -> bool {
        single_text(text).is_ok()
    }

    #[test]
    fn one_text_and_nothing_else() {
        for text in [" 1 ", "null", "\"\u{7f}\"", "[-0.0e-0]", "{\"\":{}}", "{\"a\":1,\"a\":2}"] {
            assert!(accepts(text.as_bytes()), "{text}");
        }
        for (text, offset) in [
            (b"[1]2".as_slice(), 3),
            (b"", 0),
            (b"\xEF\xBB\xBF{}", 0),
            (b"[\"\xE9\"]", 2),
            (b"{\"a\":1}{\"a\":1}", 7),
            (b"[1,\x0c2]", 3),
            (b"[NaN]", 1),
            (b"[1e]", 3),
            (b"{'a':1}", 1),
        ] {
            assert_eq!(single_text(text).unwrap_err().offset_bytes, offset);
        }
    }

    /// Documents that a parser must accept (`y_…`) and must refuse (`n_…`), as `JSONTestSuite` names them.
    #[test]
    #[ignore = "needs a folder of documents in ENTRACE_JSON_DOCUMENTS"]
    fn documents_of_a_suite() {
        let folder = std::env::var("ENTRACE_JSON_DOCUMENTS").unwrap();
        let (mut accepted, mut refused) = (0, 0);
        for file in std::fs::read_dir(folder).unwrap() {
            let file = file.unwrap();
            let name = file.file_name().into_string().unwrap();
            let read = single_text(&std::fs::read(file.path()).unwrap());
            match (name.split_once('_').unwrap().0, read) {
                ("y", Ok(_)) => accepted += 1,
                ("n", Err(_)) => refused += 1,
                ("y", Err(error)) => panic!("{name}: {error}"),
                ("n", Ok(_)) => panic!("{name}: accepted"),
                _ => {}
            }
        }
        println!("{accepted} accepted, {refused} refused");
        assert!(accepted > 0 && refused > 0);
    }

    #[test]
    fn kinds_spans_and_depths() {
        let text = br#"  {"a":[1,{"b":[]}],"c":null} "#;
        let skipped = Scanner::new(text, 0).value().unwrap();
        assert_eq!(skipped.span, 2..text.len() - 1);
        assert_eq!((skipped.kind, skipped.depth), (Kind::Object, 4));
        assert_eq!(Scanner::new(b"[ ]", 0).value().unwrap().kind, Kind::EmptyArray);
        assert_eq!(Scanner::new(b"[[]]", 0).value().unwrap().kind, Kind::Array);
        assert_eq!(Scanner::new(b"{}", 0).value().unwrap().kind, Kind::EmptyObject);
    }

    #[test]
    fn a_hundred_thousand_brackets_need_no_stack() {
        let text = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert_eq!(Scanner::new(&text, 0).value().unwrap().depth, 100_000);
        let open = vec![b'['; 100_000];
        assert_eq!(Scanner::new(&open, 0).value().unwrap_err().what, Defect::Truncated);
    }

    #[test]
    fn a_key_twice_is_found_at_any_depth_and_in_any_spelling() {
        let find = |text: &str| {
            let mut scanner = Scanner::new(text.as_bytes(), 0);
            scanner.value().unwrap();
            scanner.take_duplicate_key()
        };
        assert_eq!(find(r#"{"a":1,"b":{"a":1}}"#), None);
        assert_eq!(find(r#"{"a":1,"a":1}"#), Some(8));
        assert_eq!(find(r#"[{"b":[{"x":1,"\u0078":2}]}]"#), Some(15));
    }

    #[test]
    fn defects_name_their_byte() {
        for (text, offset) in [("[1,]", 3), ("{\"a\" 1}", 5), ("[01]", 2), ("[\"\u{1}\"]", 2)] {
            let error = Scanner::new(text.as_bytes(), 0).value().unwrap_err();
            assert_eq!(error.offset_bytes, offset, "{text}");
        }
    }

    proptest! {
        #[test]
        fn it_accepts_what_serde_json_accepts(
            text in r#"[ \[\]{},:"\\/0-9eE+.\-ntrufalsb\n\u{1}é]{0,40}"#
        ) {
            let theirs = serde_json::from_str::<&RawValue>(&text).is_ok();
            prop_assert_eq!(accepts(text.as_bytes()), theirs, "{}", text);
        }

        #[test]
        fn it_accepts_mutated_documents_as_serde_json_does(at in 0_usize..90, byte in 0x20_u8..0x7F) {
            let mut text = br#"{"id":"x\u0041\n","n":[-1.5e+10,0,true,null,{"k":{}}],"e":[],"s":"\ud83d\ude00"}"#.to_vec();
            if let Some(place) = text.get_mut(at) { *place = byte; }
            let theirs = serde_json::from_slice::<&RawValue>(&text).is_ok();
            prop_assert_eq!(accepts(&text), theirs, "{}", String::from_utf8_lossy(&text));
        }
    }
}
