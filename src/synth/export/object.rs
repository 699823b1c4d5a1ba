//! Writes one object.

use serde_json::{Map, Value};

use super::super::clock::rfc3339;
use super::super::kinds::{Obj, Ty};
use super::super::people::{self, User};
use super::super::tenant::Place;
use super::super::value;
use super::Exporter;
use super::spell::{Spelling, leaves_out, quote};

/// How a capture writes its objects.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    pub(super) seq: u64,
    pub(super) select: Option<&'static [&'static str]>,
    pub(super) leaves_out: bool,
    pub(super) bin: bool,
    pub(super) manager: bool,
}

impl Exporter<'_> {
    /// Appends an object to the buffer.
    pub(super) fn object(&mut self, obj: Obj, at: i64, manner: Manner) {
        let quick = !self.trouble.spelling && !manner.bin && !manner.manager;
        if let (true, true, Some(names)) = (quick, self.tenant.is_derived(obj), manner.select) {
            self.derived(obj, at, names);
            return;
        }
        let map = self.members_of(obj, at, manner);
        let mut spelling = if self.trouble.spelling && obj.ty != Ty::Organization {
            Spelling::of(self.options.seed, manner.seq, obj.ix)
        } else {
            Spelling::plain()
        };
        self.buffer.push(b'{');
        let mut first = true;
        for (name, value) in spelling.order(&map) {
            let out = manner.leaves_out
                && value::is_empty(value)
                && leaves_out(self.options.seed, manner.seq, obj.ix, name);
            if out {
                continue;
            }
            if !first {
                self.buffer.push(b',');
            }
            first = false;
            quote(&mut self.buffer, name);
            self.buffer.push(b':');
            match value.as_str() {
                Some(id) if name == "id" && obj.ty.spec().ascending => {
                    quote(&mut self.buffer, id);
                }
                Some(words) if obj.ty.is_words(name) => {
                    let words = self.words(words, manner.seq);
                    quote(&mut self.buffer, &words);
                }
                Some(_) | None => {
                    let touched = self.tenant.is_touched(obj, name) || name == "deletedDateTime";
                    spelling.write(&mut self.buffer, value, touched);
                }
            }
        }
        if manner.manager {
            self.manager(obj, at);
        }
        self.buffer.push(b'}');
    }

    /// The members of an object at a time.
    pub(super) fn members_of(&self, obj: Obj, at: i64, manner: Manner) -> Map<String, Value> {
        let mut map = self.tenant.attributes(obj, manner.select.unwrap_or(&[]), at);
        if manner.bin {
            self.as_deleted(obj, at, &mut map);
        }
        if matches!(obj.ty, Ty::CaPolicy | Ty::NamedLocation) {
            self.as_modified(obj, at, &mut map);
        }
        map
    }

    fn derived(&mut self, obj: Obj, at: i64, names: &[&str]) {
        let user = User { seed: self.tenant.seed, ix: obj.ix, at };
        let mut separator = b'{';
        for name in names {
            self.buffer.push(separator);
            separator = b',';
            quote(&mut self.buffer, name);
            self.buffer.push(b':');
            user.write(&mut self.buffer, name);
        }
        self.buffer.push(b'}');
    }

    fn as_deleted(&self, obj: Obj, at: i64, map: &mut Map<String, Value>) {
        let moves = self.tenant.moves.get(&obj);
        let deleted = moves.and_then(|moves| {
            moves.iter().rev().find(|moved| moved.at <= at && moved.to == Place::Bin)
        });
        let time = deleted.map_or(Value::Null, |moved| Value::String(rfc3339(moved.at)));
        map.insert("deletedDateTime".to_owned(), time);
        if obj.ty == Ty::User {
            let name = self.tenant.word(obj, "userPrincipalName", at);
            let prefix = people::id(self.tenant.seed, obj.ix).replace('-', "");
            map.insert("userPrincipalName".to_owned(), Value::String(format!("{prefix}{name}")));
        }
    }

    /// The service keeps the time of the last change beside the policy.
    fn as_modified(&self, obj: Obj, at: i64, map: &mut Map<String, Value>) {
        let settings = self.tenant.settings.get(&obj).into_iter().flat_map(|paths| paths.values());
        let last = settings.flatten().map(|setting| setting.at).filter(|time| *time <= at).max();
        if let Some(time) = last.filter(|time| *time > i64::MIN) {
            map.insert("modifiedDateTime".to_owned(), Value::String(rfc3339(time)));
        }
    }

    /// The words of a scope in another order.
    fn words(&self, words: &str, seq: u64) -> String {
        if !self.trouble.spelling || seq.is_multiple_of(2) {
            return words.to_owned();
        }
        let mut all: Vec<&str> = words.split_whitespace().collect();
        all.reverse();
        all.join(" ")
    }

    fn manager(&mut self, obj: Obj, at: i64) {
        let targets = self.tenant.targets(obj, "manager", at);
        let Some(manager) = targets.first().copied() else { return };
        let text = format!(
            ",\"manager\":{{\"@odata.type\":\"#microsoft.graph.user\",\"id\":\"{}\"}}",
            self.tenant.key(manager)
        );
        self.buffer.extend_from_slice(text.as_bytes());
    }
}
