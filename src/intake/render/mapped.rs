//! JSON that the examiner's map says how to read ([`crate::intake::Map`]).
//!
//! Recognised by its path, before anything else; what is no JSON is read as without a map. The list of objects lies where
//! the map says, or is the text itself: an array, objects one behind the other, or one object. Whether a file lists all
//! and what an absent attribute means is what the map says. An object is respelt by itself, so that the same bytes give
//! the same object when it is opened again.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;

use super::super::map::Rule;
use super::super::respelling::{Respelling, find, written};
use super::super::scan::{Defect, ScanError, Scanner};
use super::super::spelling::Node;
use super::super::{Place, Record, RecordDefect, Request, Sink, Subject, Trouble, is_guid};
use super::{Format, Ledger};

/// Where a text is being read.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    /// Objects that are open around the list.
    open: usize,
    /// Whether the list is.
    in_list: bool,
    /// Whether nothing of what is open innermost was read yet.
    first: bool,
}

/// The objects of such a file, as they come.
#[derive(Debug)]
pub(super) struct Objects {
    rule: Arc<Rule>,
    state: State,
    record: Record,
    /// Position of the request of each type.
    positions: BTreeMap<String, usize>,
    /// Whether the list was found.
    found: bool,
    damaged: bool,
    ended: bool,
    /// What envelope and first object say of the time.
    times: [Option<String>; 2],
    /// What envelope and objects say of the tenant.
    tenants: [BTreeSet<String>; 2],
}

impl Objects {
    pub(super) fn recognise(head: &[u8], place: &Place) -> Option<Self> {
        let rule = place.map.as_ref()?;
        let is_json = matches!(head.trim_ascii_start().first(), Some(b'{' | b'['));
        is_json.then(|| Self {
            rule: Arc::clone(rule),
            state: State::default(),
            record: Record::default(),
            positions: BTreeMap::new(),
            found: false,
            damaged: false,
            ended: false,
            times: [None, None],
            tenants: [BTreeSet::new(), BTreeSet::new()],
        })
    }

    /// What is needed to open the objects again.
    pub(super) fn respelling(&self) -> Arc<Respelling> {
        Arc::new(self.rule.respelling.clone())
    }

    pub(super) fn stop(&mut self) {
        self.ended = true;
    }

    pub(super) fn take(
        &mut self,
        text: &[u8],
        last: bool,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> usize {
        let read = self.read(text, last, ledger, sink);
        if last {
            self.conclude(ledger);
        }
        read
    }

    fn read(
        &mut self,
        text: &[u8],
        last: bool,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> usize {
        let mut scanner = Scanner::new(text, 0);
        while !self.ended {
            scanner.skip_blanks();
            let start = scanner.position();
            let before = self.state;
            let between = before.open == 0 && !before.in_list;
            if scanner.peek().is_none() && (between || !last) {
                return start;
            }
            let Err(error) = self.step(text, last, &mut scanner, ledger, sink) else { continue };
            self.state = before;
            if error.what == Defect::Truncated && !last {
                return start;
            }
            let next = if between { self.next_line(text, error) } else { None };
            let truncated = error.what == Defect::Truncated;
            let code = if truncated { "truncated-json" } else { "invalid-json" };
            ledger.trouble(code, text, error.offset_bytes, error.what.to_string());
            self.damaged = true;
            match next {
                Some(at) => scanner = Scanner::new(text, at),
                None => self.ended = true,
            }
        }
        text.len()
    }

    /// Where the next object of a file of lines begins.
    fn next_line(&self, text: &[u8], error: ScanError) -> Option<usize> {
        let rest = text.get(error.offset_bytes..).filter(|_| self.rule.items.is_empty())?;
        let step = rest.windows(2).position(|pair| pair == b"\n{")?;
        Some(error.offset_bytes + step + 1)
    }

    /// Reads the next thing.
    fn step(
        &mut self,
        text: &[u8],
        last: bool,
        scanner: &mut Scanner<'_>,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), ScanError> {
        if self.state.in_list {
            if scanner.next_item(&mut self.state.first, b']')? {
                return self.object(text, last, scanner, ledger, sink);
            }
            self.state.in_list = false;
            return Ok(());
        }
        let name = if self.state.open == 0 {
            None
        } else {
            let Some(key) = scanner.next_member(&mut self.state.first)? else {
                self.state.open -= 1;
                return Ok(());
            };
            Some(name_at(text, &key))
        };
        let depth = self.state.open;
        let above = self.rule.items.get(..depth.saturating_sub(1)).unwrap_or_default();
        let leads =
            depth.checked_sub(1).is_none_or(|above| self.rule.items.get(above) == name.as_ref());
        let is_list = leads && depth == self.rule.items.len();
        match scanner.peek() {
            Some(b'[') if is_list => {
                scanner.expect_byte(b'[')?;
                self.state = State { in_list: true, first: true, ..self.state };
                self.begin(ledger);
                Ok(())
            }
            Some(b'{') if is_list => {
                self.object(text, last, scanner, ledger, sink)?;
                self.begin(ledger);
                Ok(())
            }
            Some(b'{') if leads => {
                scanner.enter_object()?;
                self.state = State { open: depth + 1, in_list: false, first: true };
                Ok(())
            }
            _ => {
                let path = above.iter().map(String::as_str).chain(name.as_deref());
                let path = path.collect::<Vec<_>>().join(".");
                let value = scanner.value()?;
                whole(text, last, scanner)?;
                scanner.take_duplicate_key();
                if depth == 0 {
                    ledger.intake.tally.seen += 1;
                    ledger.set_aside("scalar-text");
                } else {
                    self.note_member(&path, text.get(value.span).unwrap_or_default());
                }
                Ok(())
            }
        }
    }

    /// The list was found: what it does not hold it may deny.
    fn begin(&mut self, ledger: &mut Ledger<'_>) {
        self.found = true;
        let rule = Arc::clone(&self.rule);
        for object_type in rule.all_types().into_iter().filter(|_| rule.whole) {
            self.position(object_type, ledger);
        }
    }

    fn position(&mut self, object_type: &str, ledger: &mut Ledger<'_>) -> usize {
        if let Some(position) = self.positions.get(object_type) {
            return *position;
        }
        let place = Place {
            collection: None,
            parent: None,
            tree_folder: None,
            suite: None,
            ..ledger.place.clone()
        };
        let mut request = Request::new(Format::Mapped, None, &place, ledger.catalogue);
        request.subject = Subject::Objects { object_type: object_type.to_owned(), bin: false };
        request.context = Some(format!("map {}", self.rule.path).into());
        request.delta = !self.rule.whole;
        request.keeps_nulls = Some(self.rule.keeps_nulls);
        ledger.intake.requests.push(request);
        let position = ledger.intake.requests.len() - 1;
        self.positions.insert(object_type.to_owned(), position);
        position
    }

    fn object(
        &mut self,
        text: &[u8],
        last: bool,
        scanner: &mut Scanner<'_>,
        ledger: &mut Ledger<'_>,
        sink: &mut dyn Sink,
    ) -> Result<(), ScanError> {
        self.record.scan(text, scanner)?;
        whole(text, last || self.record.defect.is_none(), scanner)?;
        ledger.intake.tally.seen += 1;
        let span = self.record.span.clone();
        let source = ledger.source(text, &span);
        let mut defect = self.record.defect;
        let node = Node::of(text.get(span).unwrap_or_default());
        if let (None, Some(node)) = (defect, node) {
            let Node::Object(members) = &node else { return Ok(()) };
            self.note_object(members);
            let rule = Arc::clone(&self.rule);
            let Some(object_type) = rule.type_of(members) else {
                ledger.set_aside("map-type-unknown");
                return Ok(());
            };
            let position = self.position(object_type, ledger);
            if let Some(json) = rule.respelling.in_graph(node) {
                ledger.deliver(position, &json, &source, sink);
                return Ok(());
            }
            defect = Some(RecordDefect::NotAnObject);
        }
        let defect = defect.unwrap_or(RecordDefect::TooDeep);
        self.damaged = true;
        ledger.refuse(&source, defect.code(), defect.reason());
        Ok(())
    }

    /// Notes what a member of the envelope says, if the map asks for it or for something in it.
    fn note_member(&mut self, path: &str, value: &[u8]) {
        let says = |wanted: &Option<String>| {
            let below = wanted.as_deref()?.strip_prefix(path)?;
            let node = Node::of(value)?;
            match below.strip_prefix('.') {
                None if below.is_empty() => written(&node),
                None => None,
                Some(below) => {
                    let Node::Object(members) = &node else { return None };
                    written(find(members, below)?)
                }
            }
        };
        let (time, tenant) = (says(&self.rule.time), says(&self.rule.tenant));
        let [of_envelope, _] = &mut self.times;
        *of_envelope = of_envelope.take().or(time);
        let [of_envelope, _] = &mut self.tenants;
        of_envelope.extend(tenant);
    }

    fn note_object(&mut self, members: &[(String, Node<'_>)]) {
        let says = |wanted: &Option<String>| written(find(members, wanted.as_deref()?)?);
        let [_, of_object] = &mut self.times;
        if of_object.is_none() {
            *of_object = says(&self.rule.time);
        }
        let [_, of_objects] = &mut self.tenants;
        if let Some(tenant) = says(&self.rule.tenant)
            && !of_objects.contains(&tenant)
        {
            of_objects.insert(tenant);
        }
    }

    /// Notes what can be told at the end only.
    fn conclude(&mut self, ledger: &mut Ledger<'_>) {
        let mut trouble = |code: &'static str, cause: String| {
            ledger.intake.troubles.push(Trouble { code, offset_bytes: 0, cause });
        };
        if !self.found && !self.damaged && !self.ended {
            let items = self.rule.items.join(".");
            trouble("map-items-missing", format!("there is no list or object at `{items}`"));
        }
        if let Some(member) = &self.rule.time {
            let [of_envelope, of_object] = &mut self.times;
            let said = of_envelope.take().or_else(|| of_object.take());
            let time = said.as_deref().and_then(|said| said.parse::<Timestamp>().ok());
            if time.is_none() {
                trouble("map-value", format!("`{member}` tells no time with a zone"));
            }
            ledger.intake.made_at = time;
        }
        let mut trouble = |code: &'static str, cause: String| {
            ledger.intake.troubles.push(Trouble { code, offset_bytes: 0, cause });
        };
        if let Some(member) = &self.rule.tenant {
            let [of_envelope, of_objects] = &self.tenants;
            let said = if of_envelope.is_empty() { of_objects } else { of_envelope };
            if said.is_empty() || !said.iter().all(|id| is_guid(id)) {
                trouble("map-value", format!("`{member}` tells no tenant id everywhere"));
            }
            let ids: BTreeSet<String> =
                said.iter().filter(|id| is_guid(id)).map(|id| id.to_ascii_lowercase()).collect();
            ledger.intake.tenants.extend(ids);
        }
        if self.damaged {
            ledger.damage();
        }
    }
}

/// A scalar at the end of what is at hand may go on.
fn whole(text: &[u8], last: bool, scanner: &Scanner<'_>) -> Result<(), ScanError> {
    let at = scanner.position();
    if last || at < text.len() {
        return Ok(());
    }
    Err(ScanError { offset_bytes: at, what: Defect::Truncated })
}

fn name_at(text: &[u8], key: &Range<usize>) -> String {
    let quoted = text.get(key.start.saturating_sub(1)..key.end + 1).unwrap_or_default();
    serde_json::from_slice(quoted).unwrap_or_default()
}
