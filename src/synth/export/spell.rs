//! Spellings: the same value written in different ways, none of which is a change.

use serde_json::{Map, Value};

use super::super::rng::{Rng, hash, tag};
use super::super::value;

/// How an object is spelled.
#[derive(Debug, Clone)]
pub(super) struct Spelling {
    rng: Option<Rng>,
    /// GUIDs in upper case.
    upper: bool,
    /// Timestamps with fractions.
    fractions: bool,
    /// Elements of lists in another order.
    shuffled: bool,
}

/// Whether a capture leaves out an empty value that was asked for by name.
pub(in super::super) fn leaves_out(seed: u64, seq: u64, ix: u32, attribute: &str) -> bool {
    hash(seed, &[tag("leave out"), seq, u64::from(ix), tag(attribute)]).is_multiple_of(7)
}

impl Spelling {
    /// The plain spelling.
    pub(super) fn plain() -> Self {
        Self { rng: None, upper: false, fractions: false, shuffled: false }
    }

    /// The spelling of a capture.
    pub(super) fn of(seed: u64, seq: u64, ix: u32) -> Self {
        let mut capture = Rng::new(seed, &[tag("spelling"), seq]);
        Self {
            upper: capture.chance(1, 5),
            fractions: capture.chance(1, 4),
            shuffled: capture.chance(2, 3),
            rng: Some(Rng::new(seed, &[tag("spelling"), seq, u64::from(ix)])),
        }
    }

    fn chance(&mut self, one: u64, of: u64) -> bool {
        self.rng.as_mut().is_some_and(|rng| rng.chance(one, of))
    }

    /// Members in the order of writing.
    pub(super) fn order<'a>(
        &mut self,
        members: &'a Map<String, Value>,
    ) -> Vec<(&'a String, &'a Value)> {
        let mut all: Vec<(&String, &Value)> = members.iter().collect();
        if let (true, Some(rng)) = (self.chance(1, 2), self.rng.as_mut()) {
            let turn = rng.position(all.len().max(1));
            all.rotate_left(turn);
        }
        all
    }

    /// Writes the value of an attribute; one that an operation touched keeps its spelling of empties and times.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, value: &Value, touched: bool) {
        match value {
            Value::Object(members) => self.object(out, members, touched),
            Value::Array(items) if items.is_empty() && !touched && self.chance(1, 9) => {
                out.extend_from_slice(b"null");
            }
            Value::Array(items) => self.array(out, items, touched),
            Value::String(word) => self.string(out, word, touched),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                out.extend_from_slice(value.to_string().as_bytes());
            }
        }
    }

    fn object(&mut self, out: &mut Vec<u8>, members: &Map<String, Value>, touched: bool) {
        if !touched && members.values().all(Value::is_null) && self.chance(1, 8) {
            out.extend_from_slice(b"null");
            return;
        }
        out.push(b'{');
        let mut first = true;
        for (name, member) in self.order(members) {
            if !touched && value::is_empty(member) && self.chance(1, 9) {
                continue;
            }
            if !first {
                out.push(b',');
            }
            first = false;
            quote(out, name);
            out.push(b':');
            self.write(out, member, touched || name.starts_with('@'));
        }
        out.push(b'}');
    }

    fn array(&mut self, out: &mut Vec<u8>, items: &[Value], touched: bool) {
        let mut order: Vec<&Value> = items.iter().collect();
        if let (true, Some(rng)) = (self.shuffled, self.rng.as_mut()) {
            rng.shuffle(&mut order);
        }
        out.push(b'[');
        for (at, item) in order.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write(out, item, touched);
        }
        out.push(b']');
    }

    fn string(&mut self, out: &mut Vec<u8>, word: &str, touched: bool) {
        if self.upper && value::is_guid(word) {
            quote(out, &word.to_ascii_uppercase());
        } else if self.fractions && !touched && value::is_plain_instant(word) {
            quote(out, &word.replace('Z', ".0000000Z"));
        } else {
            quote(out, word);
        }
    }
}

/// Writes a JSON string.
pub(super) fn quote(out: &mut Vec<u8>, word: &str) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if word.bytes().all(plain) {
        out.push(b'"');
        out.extend_from_slice(word.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(Value::String(word.to_owned()).to_string().as_bytes());
    }
}
