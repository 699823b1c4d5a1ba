//! JSON of collector suites and assessment tools, as far as its records tell more, or other things, than those of Graph.
//!
//! **CISA's Untitled Goose Tool**: a line per object in `azuread/*.json`. Recognised by the names of its relation files
//! (`applications_owners.json`): each line is what hangs on an object, with that object inside; the object inside is used for
//! its id only. A relation that was read was read of every parent, else the file does not exist.
//! Loses: `@odata.type`, so that the kind of an owner or member cannot be told; of audit logs all but the first page of a day.
//!
//! **DFIR-O365RC**: lists under names such as `AADUsers_<domain>_users_raw.json`. Objects of the recycle bin stand among the
//! others, marked `"deleted": true`; files without `_raw` repeat them with what hangs on each inside. Habits: null is left out.
//! Loses: which attributes were asked for; the tenant's id, but for `AADTenant_<domain>.json`.
//!
//! **Maester, Monkey365, `ZeroTrustAssessment`, `AzureADAssessment`, `EntraOps`**: results say what a tool thought of the
//! tenant, not what is in it. They are set aside; their tenant and time are used.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::directory::{Catalogue, Holds, SuiteFile};
use crate::intake::request::Subject;
use crate::intake::scan::Scanner;
use crate::intake::spelling::Node;
use crate::intake::{
    Format, Intake, Kind, Place, Reader, Record, Request, Spelling, Trouble, is_guid,
};

/// The service gives at least this many events a page.
const PAGE_OF_EVENTS: u64 = 100;

/// How far an exhibit was read.
#[derive(Debug, Default)]
pub(in crate::intake) struct Progress {
    /// The parent of the last child, and the position of its request.
    last: Option<(String, usize)>,
    /// Position of the request of objects of the recycle bin.
    bin: Option<usize>,
}

/// The object as Graph has it: without what the tool put into it.
pub(in crate::intake) fn in_graph<'t>(
    spelling: Spelling,
    record: Node<'t>,
    catalogue: &Catalogue,
) -> Node<'t> {
    let Node::Object(mut members) = record else { return record };
    let goose = spelling == Spelling::Goose;
    let tool = if goose { Format::Goose } else { Format::DfirO365rc };
    members.retain(|(name, value)| {
        let holds_id = matches!(value, Node::Object(inner) if inner.iter().any(|(n, _)| n == "id"));
        let own = catalogue.is_suite_member(tool.as_str(), name) && (!goose || holds_id);
        let annotation = name.starts_with('@') && !name.starts_with("@odata.");
        !(own || annotation || !goose && name == "deleted")
    });
    Node::Object(members)
}

/// Says so where the tool is known to have lost a part of what it was given.
pub(in crate::intake) fn note_losses(intake: &mut Intake, place: &Place, catalogue: &Catalogue) {
    let Some(file) = file_of(place, catalogue) else { return };
    if file.holds == Holds::FirstPage && intake.tally.seen >= PAGE_OF_EVENTS {
        let cause = format!("{} keeps the first page of a day only", file.tool);
        intake.troubles.push(Trouble { code: "later-pages-lost", offset_bytes: 0, cause });
    }
}

fn file_of<'c>(place: &Place, catalogue: &'c Catalogue) -> Option<&'c SuiteFile> {
    catalogue.suite_file_named(place.suite.as_deref()?)
}

/// A time with or without zone; without one it is that of `date` of the tools, which is UTC.
fn time_of(text: &str) -> Option<Timestamp> {
    let utc = || {
        let at: DateTime = text.replace('/', "-").parse().ok()?;
        text.contains('/').then(|| at.to_zoned(jiff::tz::TimeZone::UTC).ok())?
    };
    text.parse().ok().or_else(|| utc().map(|at| at.timestamp()))
}

impl Reader<'_> {
    /// Hands on what hangs on an object that stands inside it.
    pub(in crate::intake) fn deliver_child(&mut self, holder: usize) {
        let catalogue = self.catalogue;
        let Some(file) = file_of(self.place, catalogue) else { return self.hand_on(holder) };
        if file.relation.is_empty() {
            return self.count_aside("relation-unknown");
        }
        let inside = self.record.member(self.text, &file.member).map(|member| member.value.clone());
        let mut parent = Record::default();
        let scanned = inside.filter(|value| value.kind == Kind::Object).is_some_and(|value| {
            parent.scan(self.text, &mut Scanner::new(self.text, value.span.start)).is_ok()
        });
        let id = parent.string(self.text, "id").filter(|id| scanned && !id.is_empty());
        let Some(id) = id else { return self.count_aside("page-without-parent") };
        let position = match &self.intake.suite.last {
            Some((last, position)) if *last == id => *position,
            _ => {
                let position =
                    self.hanging_on(&id, (&file.collection, &file.relation), Format::Goose);
                if let Some(request) = self.intake.requests.get_mut(position) {
                    request.context = Some(file.name.as_str().into());
                    if !matches!(request.subject, Subject::Links { .. }) {
                        request.spelling = Spelling::Goose;
                    }
                }
                self.intake.suite.last = Some((id, position));
                position
            }
        };
        // The list of lines has no records of its own.
        if let Some(request) = self.intake.requests.get_mut(holder) {
            request.subject = Subject::Orphan { rule: "page-without-parent" };
        }
        match self.intake.requests.get(position).map(|request| request.spelling) {
            Some(Spelling::Goose) => self.deliver_respelt(position),
            _ => self.hand_on(position),
        }
    }

    /// A new request for what hangs on an object.
    fn hanging_on(
        &mut self,
        id: &str,
        (collection, relation): (&str, &str),
        format: Format,
    ) -> usize {
        let place = Place {
            parent: Some((collection.to_owned(), id.to_owned(), relation.to_owned())),
            collection: Some(collection.to_owned()),
            tree_folder: None,
            suite: None,
            ..self.place.clone()
        };
        self.intake.requests.push(Request::new(format, None, &place, self.catalogue));
        self.intake.requests.len() - 1
    }

    /// Hands on an object, to its recycle bin if it is marked as deleted, and what hangs on it.
    pub(in crate::intake) fn deliver_of_suite(&mut self, position: usize) {
        let deleted = self.record.member(self.text, "deleted").is_some_and(|member| {
            self.text.get(member.value.span.clone()) == Some(b"true".as_slice())
        });
        let whole = self.record.clone();
        if deleted {
            let bin = self.bin_request(position);
            return self.deliver_respelt(bin);
        }
        self.deliver_respelt(position);
        let catalogue = self.catalogue;
        let Some(file) = file_of(self.place, catalogue).filter(|f| f.holds == Holds::Enriched)
        else {
            return;
        };
        let Some(id) = whole.string(self.text, "id").filter(|id| !id.is_empty()) else { return };
        let mut hanging: Vec<_> = catalogue
            .suite_members(&file.tool, &file.collection)
            .filter(|row| !row.relation.is_empty())
            .map(|row| (whole.member(self.text, &row.member).map(|member| &member.value), row))
            .filter(|(value, row)| value.is_some() || row.empty_if_absent)
            .collect();
        // Places are told in the order of the text.
        hanging.sort_by_key(|(value, _)| value.map(|value| value.span.start));
        for (value, row) in hanging {
            let below = (file.collection.as_str(), row.relation.as_str());
            let position = self.hanging_on(&id, below, Format::DfirO365rc);
            if let Some(request) = self.intake.requests.get_mut(position) {
                request.keeps_nulls = Some(false);
            }
            if let Some(value) = value {
                self.hanging(position, &value.span, value.kind);
            }
        }
    }

    /// The objects of a list, or the one that stands in its place.
    fn hanging(&mut self, position: usize, span: &std::ops::Range<usize>, kind: Kind) {
        let behind = std::mem::replace(&mut self.scanner, Scanner::new(self.text, span.start));
        let held = std::mem::take(&mut self.record);
        let (mut first, list) = (true, kind == Kind::Array);
        if list {
            self.scanner.take(b'[');
        }
        // The record was scanned as a whole before, so that nothing in it can fail.
        while if list {
            self.scanner.next_item(&mut first, b']').unwrap_or(false)
        } else {
            std::mem::take(&mut first) && kind == Kind::Object
        } {
            let mut item = Record::default();
            if item.scan(self.text, &mut self.scanner).is_err() {
                break;
            }
            self.record = item;
            self.hand_on(position);
        }
        self.record = held;
        self.scanner = behind;
    }

    fn bin_request(&mut self, live: usize) -> usize {
        if let Some(known) = self.intake.suite.bin {
            return known;
        }
        let Some(request) = self.intake.requests.get(live) else { return live };
        let mut bin = request.clone();
        bin.records = 0;
        if let Subject::Objects { bin, .. } = &mut bin.subject {
            *bin = true;
        }
        self.intake.requests.push(bin);
        let position = self.intake.requests.len() - 1;
        self.intake.suite.bin = Some(position);
        position
    }

    /// Marks the request as one of results if its first record is one.
    pub(in crate::intake) fn note_results(&mut self, position: usize) {
        let record = &self.record;
        let has = |name: &str| record.member(self.text, name).is_some();
        let Some(result) = self.catalogue.tool_result(&has) else { return };
        let told = |name: &str| record.string(self.text, name);
        let tenant = told(&result.tenant).filter(|id| is_guid(id));
        self.intake.tenants.extend(tenant.map(|id| id.to_ascii_lowercase()));
        self.intake.made_at = told(&result.time).and_then(|text| time_of(&text));
        if let Some(request) = self.intake.requests.get_mut(position) {
            request.format = Format::ToolResults;
            request.subject = Subject::Orphan { rule: result.rule };
        }
    }
}
