//! Puts one object of a CLIXML file together as the JSON text of the Graph object that it stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::{MAX_DEPTH, MAX_RECORD_BYTES};
use super::clixml::Clixml;
use super::xml::{Token, Tokens, attribute, resolve};
use super::{Defect, quote, stands_for_a_lost_value};

/// Objects that are referred to later are kept up to this size each; PowerShell shares small ones only (empty lists and
/// dictionaries). The cap keeps references from making a small file a large one.
const MOST_SHARED_BYTES: usize = 4 * 1024;

/// Members that PowerShell itself adds.
const OF_POWERSHELL: [&str; 4] =
    ["PSComputerName", "RunspaceId", "PSShowComputerName", "PSSourceJobInstanceId"];

/// The number that an element bears, or refers to.
pub(super) fn number(attributes: &[u8]) -> Option<u64> {
    std::str::from_utf8(attribute(attributes, "RefId")?).ok()?.parse().ok()
}

/// What an element stands for.
enum Value {
    /// JSON.
    Some(Vec<u8>),
    /// A dictionary or an object with members: the inner text of its braces.
    Members(Vec<(String, Vec<u8>)>),
    /// Null, or not asked for.
    Nil,
    /// There was a value, and the export does not hold it.
    Lost,
}

impl Value {
    /// Its JSON; nothing where it says nothing.
    fn json(self) -> Option<Vec<u8>> {
        match self {
            Self::Some(json) => Some(json),
            Self::Members(members) if members.is_empty() => None,
            Self::Members(members) => Some(object(&members)),
            Self::Nil | Self::Lost => None,
        }
    }
}

fn object(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut json = vec![b'{'];
    for (place, (name, value)) in members.iter().enumerate() {
        if place > 0 {
            json.push(b',');
        }
        quote(name, &mut json);
        json.push(b':');
        json.extend_from_slice(value);
    }
    json.push(b'}');
    json
}

/// Puts one record together.
pub(super) struct Composer<'a> {
    tokens: Tokens<'a>,
    clixml: &'a Clixml,
    offset: u64,
    /// Objects of this record that bear a number.
    pub(super) own: BTreeMap<u64, Arc<[u8]>>,
    /// Numbers of other records' objects that this one refers to.
    pub(super) used: BTreeSet<u64>,
    /// Bytes that references added.
    added_bytes: usize,
}

impl<'a> Composer<'a> {
    pub(super) fn new(element: &'a [u8], clixml: &'a Clixml, offset: u64) -> Self {
        let tokens = Tokens::new(element, 0);
        let (own, used) = (BTreeMap::new(), BTreeSet::new());
        Self { tokens, clixml, offset, own, used, added_bytes: 0 }
    }

    fn next(&mut self) -> Result<Token<'a>, Defect> {
        self.tokens.next().or(Err(Defect::Xml))
    }

    pub(super) fn record(&mut self) -> Result<Vec<u8>, Defect> {
        let Token::Open { name, attributes, empty } = self.next()? else { return Err(Defect::Xml) };
        let json = match self.value(name, attributes, empty, 1)? {
            Value::Some(json) => json,
            Value::Members(members) => object(&members),
            Value::Nil | Value::Lost => b"{}".to_vec(),
        };
        if json.len() > MAX_RECORD_BYTES {
            return Err(Defect::TooLarge);
        }
        Ok(json)
    }

    /// The value of an element whose opening tag was read.
    fn value(
        &mut self,
        name: &[u8],
        attributes: &[u8],
        empty: bool,
        depth: usize,
    ) -> Result<Value, Defect> {
        if depth >= MAX_DEPTH {
            return Err(Defect::TooDeep);
        }
        match name {
            b"Obj" if empty => Ok(Value::Nil),
            b"Obj" => self.object(attributes, depth),
            b"Ref" => {
                if !empty {
                    self.text(name)?;
                }
                self.reference(attributes)
            }
            b"Nil" => {
                if !empty {
                    self.text(name)?;
                }
                Ok(Value::Nil)
            }
            _ => {
                let raw = if empty { String::new() } else { self.text(name)? };
                Ok(scalar(name, raw))
            }
        }
    }

    /// The text of an element that holds nothing else.
    fn text(&mut self, name: &[u8]) -> Result<String, Defect> {
        let mut found = String::new();
        loop {
            match self.next()? {
                Token::Text(raw) => found = resolve(raw).ok_or(Defect::Xml)?,
                Token::Close(closed) if closed == name => return Ok(found),
                Token::Close(_) | Token::Open { .. } => return Err(Defect::Xml),
            }
        }
    }

    fn reference(&mut self, attributes: &[u8]) -> Result<Value, Defect> {
        let Some(number) = number(attributes) else { return Err(Defect::Xml) };
        let known = match self.own.get(&number) {
            Some(json) => Some(Arc::clone(json)),
            None => {
                let earlier = self.clixml.shared(number, self.offset);
                self.used.extend(earlier.map(|_| number));
                earlier.map(Arc::clone)
            }
        };
        let Some(json) = known else { return Ok(Value::Lost) };
        self.added_bytes += json.len();
        if self.added_bytes > MAX_RECORD_BYTES {
            return Err(Defect::TooLarge);
        }
        Ok(if json.is_empty() { Value::Nil } else { Value::Some(json.to_vec()) })
    }

    /// An object whose opening tag was read: a list, a dictionary, members, or a plain value in a wrapper.
    fn object(&mut self, attributes: &[u8], depth: usize) -> Result<Value, Defect> {
        let (mut members, mut plain, mut described) = (None, None, None);
        loop {
            match self.next()? {
                Token::Text(_) => {}
                Token::Close(b"Obj") => break,
                Token::Close(_) => return Err(Defect::Xml),
                Token::Open { name, attributes, empty } => match name {
                    b"TN" | b"TNRef" if empty => {}
                    b"TN" | b"TNRef" => self.tokens.pass().or(Err(Defect::Xml))?,
                    b"ToString" if empty => {}
                    b"ToString" => described = Some(self.text(name)?),
                    b"Props" | b"MS" if empty => {
                        members.get_or_insert_with(Vec::new);
                    }
                    b"Props" | b"MS" => {
                        let members = members.get_or_insert_with(Vec::new);
                        self.members(name, members, depth)?;
                    }
                    b"LST" | b"IE" | b"QUE" | b"STK" => {
                        plain = Some(if empty {
                            Value::Some(b"[]".to_vec())
                        } else {
                            self.list(name, depth)?
                        });
                    }
                    b"DCT" => {
                        plain = Some(Value::Members(if empty {
                            Vec::new()
                        } else {
                            self.entries(depth)?
                        }));
                    }
                    _ => plain = Some(self.value(name, attributes, empty, depth + 1)?),
                },
            }
        }
        let value = match (plain, members, described) {
            // An enumeration: its number with its name.
            (Some(Value::Some(_)), None, Some(name)) => {
                let mut json = Vec::new();
                quote(&name, &mut json);
                Value::Some(json)
            }
            (Some(plain), _, _) => plain,
            (None, Some(members), _) => Value::Members(members),
            (None, None, _) => Value::Lost,
        };
        self.share(number(attributes), &value);
        Ok(value)
    }

    /// Keeps an object that bears a number, if it is small; empty for one that says nothing.
    fn share(&mut self, number: Option<u64>, value: &Value) {
        let json: Vec<u8> = match value {
            Value::Some(json) => json.clone(),
            Value::Members(members) if members.is_empty() => Vec::new(),
            Value::Members(members) => object(members),
            Value::Nil => Vec::new(),
            Value::Lost => return,
        };
        if let Some(number) = number
            && json.len() <= MOST_SHARED_BYTES
        {
            self.own.entry(number).or_insert_with(|| json.into());
        }
    }

    fn members(
        &mut self,
        closing: &[u8],
        members: &mut Vec<(String, Vec<u8>)>,
        depth: usize,
    ) -> Result<(), Defect> {
        loop {
            match self.next()? {
                Token::Text(_) => {}
                Token::Close(name) if name == closing => return Ok(()),
                Token::Close(_) => return Err(Defect::Xml),
                Token::Open { name, attributes, empty } => {
                    let member = attribute(attributes, "N").and_then(resolve).ok_or(Defect::Xml)?;
                    let value = self.value(name, attributes, empty, depth + 1)?;
                    place(members, &member, value);
                }
            }
        }
    }

    fn list(&mut self, closing: &[u8], depth: usize) -> Result<Value, Defect> {
        let (mut json, mut lost) = (vec![b'['], false);
        loop {
            match self.next()? {
                Token::Text(_) => {}
                Token::Close(name) if name == closing => break,
                Token::Close(_) => return Err(Defect::Xml),
                Token::Open { name, attributes, empty } => {
                    let value = self.value(name, attributes, empty, depth + 1)?;
                    lost |= matches!(value, Value::Lost);
                    if json.len() > 1 {
                        json.push(b',');
                    }
                    json.extend(value.json().unwrap_or_else(|| b"null".to_vec()));
                }
            }
        }
        json.push(b']');
        // A list of which one item is not known is not known.
        Ok(if lost { Value::Lost } else { Value::Some(json) })
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<(String, Vec<u8>)>, Defect> {
        let mut members: Vec<(String, Vec<u8>)> = Vec::new();
        let (mut key, mut value) = (None, Value::Nil);
        loop {
            match self.next()? {
                Token::Text(_) | Token::Open { name: b"En", .. } => {}
                Token::Close(b"DCT") => return Ok(members),
                Token::Close(b"En") => {
                    let entry = std::mem::replace(&mut value, Value::Nil).json();
                    if let (Some(key), Some(json)) = (key.take(), entry) {
                        members.push((key, json));
                    }
                }
                Token::Close(_) => return Err(Defect::Xml),
                Token::Open { name, attributes, empty } => {
                    if attribute(attributes, "N") == Some(b"Key") {
                        key = Some(if empty { String::new() } else { self.text(name)? });
                    } else {
                        value = self.value(name, attributes, empty, depth + 1)?;
                    }
                }
            }
        }
    }
}

/// Puts a member of an object under Graph's name for it.
fn place(members: &mut Vec<(String, Vec<u8>)>, member: &str, value: Value) {
    if OF_POWERSHELL.contains(&member) {
        return;
    }
    let taken =
        |members: &[(String, Vec<u8>)], name: &str| members.iter().any(|(known, _)| known == name);
    if member == "AdditionalProperties" {
        if let Value::Members(entries) = value {
            for (name, value) in entries {
                if !taken(members, &name) {
                    members.push((name, value));
                }
            }
        }
        return;
    }
    let mut letters = member.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    let name: String = first.into_iter().chain(letters).collect();
    // Properties come first, what was added to the object after them.
    if let Some(json) = value.json()
        && !taken(members, &name)
    {
        members.push((name, json));
    }
}

fn scalar(element: &[u8], raw: String) -> Value {
    let json = match element {
        b"B" if matches!(raw.as_str(), "true" | "false") => raw.into_bytes(),
        b"I16" | b"I32" | b"I64" | b"U16" | b"U32" | b"U64" | b"By" | b"SB" | b"Db" | b"Sg"
        | b"D"
            if serde_json::from_str::<serde_json::Number>(&raw).is_ok() =>
        {
            raw.into_bytes()
        }
        _ if stands_for_a_lost_value(&raw) => return Value::Lost,
        _ => {
            let mut json = Vec::with_capacity(raw.len() + 2);
            quote(&raw, &mut json);
            json
        }
    };
    Value::Some(json)
}
