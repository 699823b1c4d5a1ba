//! From the text of an exhibit to records: recognises the layout by content, finds requests and record boundaries.
//!
//! Names and folders are only the fallback. Each record is handed to a [`Sink`] as spans; no value tree is built.
//! Knows nothing of other exhibits, of snapshots, or of what a value means.

mod context;
mod cut;
mod formats;
mod logs;
mod map;
mod parts;
mod place;
mod record;
mod render;
mod request;
mod respelling;
mod scan;
mod spelling;

pub use context::{Context, is_guid};
pub use cut::{Cutter, Piece};
pub use formats::dsc::script;
pub use formats::intune::TABLE_OF_NAMES;
pub use formats::utcm::{Beside, Job};
pub use logs::{DateOrder, LogBrief, log_brief, log_dialect, log_record, of_snapshot_id};
pub use map::{Map, Rule};
pub use parts::Parts;
pub use place::Place;
pub use record::{
    MAX_DEPTH, MAX_RECORD_BYTES, Member, Record, RecordDefect, is_annotation, string_at,
};
pub use render::{
    Clixml, Foreign, LogSheet, OpenTables, OpenedRow, OtherRows, Rendering, Sheet, read_database,
};
pub use request::{Format, Request, Subject};
pub use respelling::Respelling;
pub use scan::{Defect, Kind, ScanError, Scanner, Skipped, duplicate_key, single_text};
pub use spelling::{BARE_ITEMS, BY_NAME, CASE_LOST, LOST, PARTIAL_ITEMS, Spelling, listed};

use std::ops::Range;

use crate::directory::Catalogue;
use crate::model::Tally;

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is in the index.
    Used,
    /// It is in the index, and tells what came or went: its request is a delta answer.
    Patch,
    /// A named rule set it aside.
    SetAside(&'static str),
}

/// Takes records as they are found.
pub trait Sink {
    /// Takes one record of the request with this position among the exhibit's requests.
    fn record(&mut self, position: usize, request: &Request, text: &[u8], record: &Record) -> Fate;

    /// Takes a record that was put into Graph's spelling: it stands at `span` of `source`.
    fn respelt(
        &mut self,
        position: usize,
        request: &Request,
        source: (&[u8], &Range<usize>),
        text: &[u8],
        record: &Record,
    ) -> Fate;

    /// Takes the record that begins at `start` if it is known that these very bytes are a sound one, and gives its length.
    fn recall(
        &mut self,
        position: usize,
        request: &Request,
        text: &[u8],
        start: usize,
    ) -> Option<usize>;

    /// The next record was rendered: `source` are the source bytes that it stands for.
    fn rendered(&mut self, source: &Range<u64>);

    /// Takes the links of one object, which stand in rows of their own.
    fn links(&mut self, list: &LinkList);
}

/// The links of one object and relation, where each is a row of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkList {
    /// Position of the request that gave the object.
    pub position: usize,
    /// Type of the object that they start from.
    pub parent_type: String,
    /// Its id.
    pub parent_id: String,
    /// Canonical name of the relation.
    pub relation: String,
    /// Where the object stands.
    pub source: Range<u64>,
    /// Whether no other links can be missing.
    pub is_whole: bool,
    /// The other ends.
    pub others: Vec<Linked>,
}

/// The other end of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Graph resource name.
    pub object_type: String,
    /// Its id.
    pub id: String,
    /// Where the link stands.
    pub source: Range<u64>,
}

/// A record that could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// In the decoded text.
    pub span: Range<usize>,
    /// Stable code.
    pub code: &'static str,
    /// The reason in words.
    pub reason: &'static str,
}

impl Quarantined {
    /// One whose code and reason were noted as text; `None` if intake quarantines nothing like it.
    #[must_use]
    pub fn of(span: Range<usize>, code: &str, reason: &str) -> Option<Self> {
        let of_records = RecordDefect::ALL.map(|defect| (defect.code(), defect.reason()));
        let of_rendered = render::Defect::ALL.map(|defect| (defect.code(), defect.reason()));
        let mut known = of_records.into_iter().chain(of_rendered);
        let (code, reason) = known.find(|known| *known == (code, reason))?;
        Some(Self { span, code, reason })
    }
}

/// A defect of the exhibit as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Stable code: `invalid-json`, `truncated-json`, `html-not-json`, `empty-file`, `not-json`, `dsc-script`.
    pub code: &'static str,
    /// Offset in the decoded text.
    pub offset_bytes: usize,
    /// The cause in words.
    pub cause: String,
}

/// What an exhibit held, beside the records that went to the sink.
#[derive(Debug, Default)]
pub struct Intake {
    /// In the order of the text.
    pub requests: Vec<Request>,
    /// Seen = used + set aside + quarantined.
    pub tally: Tally,
    /// Records that could not be used.
    pub quarantine: Vec<Quarantined>,
    /// Defects of the text.
    pub troubles: Vec<Trouble>,
    /// The layout of the exhibit as a whole.
    pub format: Option<Format>,
    /// Tenants that its envelope names.
    pub tenants: Vec<String>,
    /// When it was made, as it says itself.
    pub made_at: Option<jiff::Timestamp>,
    /// What it tells of the files beside it.
    pub beside: Beside,
    azurehound: formats::azurehound::Progress,
    suite: formats::suites::Progress,
    /// How its records become JSON.
    pub rendering: Rendering,
}

/// Reads the decoded text of one exhibit.
pub fn read(text: &[u8], place: &Place, catalogue: &Catalogue, sink: &mut dyn Sink) -> Intake {
    let mut reader = Reader {
        text,
        place,
        catalogue,
        sink,
        scanner: Scanner::new(text, 0),
        record: Record::default(),
        respelt: Record::default(),
        asked: None,
        lines: None,
        in_parts: false,
        intake: Intake::default(),
    };
    reader.run();
    reader.intake
}

struct Reader<'a> {
    text: &'a [u8],
    place: &'a Place,
    catalogue: &'a Catalogue,
    sink: &'a mut dyn Sink,
    scanner: Scanner<'a>,
    record: Record,
    /// The same record in Graph's spelling.
    respelt: Record,
    /// What the request tells that an answer came with.
    asked: Option<Place>,
    /// The request that several objects one after another belong to.
    lines: Option<usize>,
    /// Whether the text is a part of one that holds many.
    in_parts: bool,
    intake: Intake,
}

impl Reader<'_> {
    fn run(&mut self) {
        self.scanner.skip_blanks();
        match self.scanner.peek() {
            None if self.in_parts => return,
            None => return self.trouble("empty-file", 0, "nothing but white space", Format::Empty),
            Some(b'<') if !self.in_parts => {
                let markup = ("html-not-json", "markup (an HTML or XML page), not JSON");
                let (code, cause) = script(self.text).unwrap_or(markup);
                return self.trouble(code, self.scanner.position(), cause, Format::NotJson);
            }
            Some(_) => {}
        }
        let mut texts = 0_usize;
        loop {
            self.scanner.skip_blanks();
            if self.scanner.peek().is_none() {
                break;
            }
            texts += 1;
            let first = texts == 1 && !self.in_parts;
            if let Err(error) = self.text_at(first)
                && !self.recover(error, first)
            {
                break;
            }
        }
        if !self.in_parts {
            formats::suites::note_losses(&mut self.intake, self.place, self.catalogue);
        }
        let tool = self.intake.requests.first().map(|request| request.format);
        if tool.is_some_and(Format::is_of_tool) {
            self.intake.format = tool;
        } else if texts > 1 || self.in_parts {
            self.intake.format = Some(Format::JsonTexts);
        } else if self.intake.format.is_none() {
            self.intake.format = self.intake.requests.first().map(|request| request.format);
        }
    }

    fn trouble(&mut self, code: &'static str, at: usize, cause: &str, format: Format) {
        self.intake.format = Some(format);
        self.intake.troubles.push(Trouble { code, offset_bytes: at, cause: cause.to_owned() });
    }

    /// Notes the defect and goes on at the next line that begins a text, as one broken line of NDJSON leaves the rest
    /// whole. False where there is none.
    fn recover(&mut self, error: ScanError, first: bool) -> bool {
        let code = if error.what == Defect::Truncated { "truncated-json" } else { "invalid-json" };
        if first && self.intake.requests.is_empty() && self.intake.tally.seen == 0 {
            let begins_json =
                matches!(self.text.iter().find(|b| !b.is_ascii_whitespace()), Some(b'{' | b'['));
            if !begins_json {
                let what = error.what.to_string();
                let (code, cause) = script(self.text).unwrap_or(("not-json", &what));
                self.trouble(code, error.offset_bytes, cause, Format::NotJson);
                return false;
            }
        }
        self.intake.troubles.push(Trouble {
            code,
            offset_bytes: error.offset_bytes,
            cause: error.what.to_string(),
        });
        for request in &mut self.intake.requests {
            request.damaged = true;
        }
        let rest = self.text.get(error.offset_bytes..).unwrap_or_default();
        let next = rest.windows(2).position(|pair| {
            pair.first() == Some(&b'\n') && matches!(pair.get(1), Some(b'{' | b'['))
        });
        match next {
            Some(step) => {
                // The broken line was one record of a list of lines.
                self.scanner = Scanner::new(self.text, error.offset_bytes + step + 1);
                true
            }
            None => {
                if self.intake.requests.is_empty() {
                    let mut request = self.request(Format::Object, None);
                    request.damaged = true;
                    self.intake.requests.push(request);
                }
                false
            }
        }
    }

    fn request(&self, format: Format, url: Option<&str>) -> Request {
        let place = self.asked.as_ref().unwrap_or(self.place);
        Request::new(format, url, place, self.catalogue)
    }

    fn text_at(&mut self, first: bool) -> Result<(), ScanError> {
        match self.scanner.peek() {
            Some(b'{') => self.object_text(first),
            Some(b'[') => {
                let format = if first { Format::Array } else { Format::JsonTexts };
                let request = self.request(format, None);
                let position = self.list_position(request);
                self.items(position)
            }
            _ => {
                self.scanner.value()?;
                self.intake.tally.seen += 1;
                self.set_aside("scalar-text");
                Ok(())
            }
        }
    }

    /// Glued arrays and lines without envelope are one list.
    fn list_position(&mut self, request: Request) -> usize {
        *self.lines.get_or_insert_with(|| {
            self.intake.requests.push(request);
            self.intake.requests.len() - 1
        })
    }

    fn set_aside(&mut self, rule: &str) {
        *self.intake.tally.set_aside.entry(rule.to_owned()).or_default() += 1;
    }

    /// An object at the top: a page, an error, an entity or a bare record.
    fn object_text(&mut self, first: bool) -> Result<(), ScanError> {
        let start = self.scanner.position();
        let mut envelope = Record::default();
        let mut page = None;
        let mut depth = 0;
        let mut url: Option<String> = None;
        self.scanner.enter_object()?;
        let mut first_member = true;
        while let Some(key) = self.scanner.next_member(&mut first_member)? {
            let name = self.text.get(key.clone()).unwrap_or_default();
            let of_graph = name == b"value" && url.is_some();
            let of_hound = name == b"data" && page.is_none() && url.is_none();
            let of_hub = name == b"records" && envelope.members.is_empty();
            if self.scanner.peek() == Some(b'[')
                && (of_graph
                    || of_hound && self.begins_azurehound()
                    || of_hub && self.begins_records())
            {
                let format = if of_graph { Format::GraphPage } else { Format::Array };
                let request = self.request(format, url.as_deref());
                self.intake.requests.push(request);
                let position = self.intake.requests.len() - 1;
                page = Some(position);
                let from = self.scanner.position();
                self.items(position)?;
                let span = from..self.scanner.position();
                envelope
                    .members
                    .push(Member { key, value: Skipped { span, kind: Kind::Array, depth: 0 } });
                continue;
            }
            let is_context = name == b"@odata.context" || name == b"@context";
            let value = self.scanner.value()?;
            if is_context {
                url = string_at(self.text, &value);
            }
            depth = depth.max(value.depth);
            envelope.members.push(Member { key, value });
        }
        envelope.finish(self.text, &mut self.scanner, start, depth);
        match page {
            Some(position) => {
                self.close_page(position, &envelope);
                self.close_azurehound(&envelope);
            }
            None => self.object_without_page(&envelope, url.as_deref(), first)?,
        }
        Ok(())
    }

    fn object_without_page(
        &mut self,
        envelope: &Record,
        url: Option<&str>,
        first: bool,
    ) -> Result<(), ScanError> {
        if let Some(items) = self.late_page(envelope, url.is_some()) {
            let request =
                self.request(if url.is_some() { Format::GraphPage } else { Format::Array }, url);
            self.intake.requests.push(request);
            let position = self.intake.requests.len() - 1;
            let behind = std::mem::replace(&mut self.scanner, Scanner::new(self.text, items.start));
            self.items(position)?;
            self.scanner = behind;
            self.close_page(position, envelope);
            return Ok(());
        }
        if self.wrapped_answers(envelope)?
            || self.scubagear(envelope)?
            || self.configuration(envelope)?
            || self.migration_table(envelope)
            || self.job_alone(envelope)
        {
            return Ok(());
        }
        if let Some(code) = self.error_code(envelope) {
            let mut request = self.request(Format::ErrorBody, url);
            request.refused = Some(code);
            self.intake.requests.push(request);
            self.intake.tally.seen += 1;
            self.set_aside("error-body");
            return Ok(());
        }
        self.scanner.skip_blanks();
        let alone = first && self.scanner.peek().is_none() && !self.place.lines;
        let position = if url.is_some() || alone {
            let format = if url.is_some() { Format::GraphEntity } else { Format::Object };
            let request = self.request(format, url);
            self.intake.requests.push(request);
            self.intake.requests.len() - 1
        } else {
            let request = self.request(Format::JsonTexts, None);
            self.list_position(request)
        };
        self.record.clone_from(envelope);
        self.deliver(position);
        Ok(())
    }

    /// The span of `value` where the envelope turned out to be a page only after it.
    fn late_page(&self, envelope: &Record, has_context: bool) -> Option<Range<usize>> {
        let value = &envelope.member(self.text, "value")?.value;
        let only_annotations = envelope.members.iter().all(|member| {
            let name = self.text.get(member.key.clone()).unwrap_or_default();
            name == b"value"
                || name == b"Count"
                || name.contains(&b'@')
                || name.starts_with(b"odata.")
        });
        let is_array = matches!(value.kind, Kind::Array | Kind::EmptyArray);
        (is_array && (has_context || only_annotations)).then(|| value.span.clone())
    }

    /// Whether a list holds objects, or nothing, as an Event Hub sends them.
    fn begins_records(&self) -> bool {
        let mut ahead = Scanner::new(self.text, self.scanner.position());
        if !ahead.take(b'[') {
            return false;
        }
        ahead.skip_blanks();
        matches!(ahead.peek(), Some(b'{' | b']'))
    }

    fn error_code(&self, envelope: &Record) -> Option<String> {
        let error = &envelope.member(self.text, "error")?.value;
        if error.kind != Kind::Object || envelope.members.len() > 3 {
            return None;
        }
        let mut body = Record::default();
        body.scan(self.text, &mut Scanner::new(self.text, error.span.start)).ok()?;
        body.string(self.text, "code")
    }

    fn close_page(&mut self, position: usize, envelope: &Record) {
        let next = envelope
            .string(self.text, "@odata.nextLink")
            .or_else(|| envelope.string(self.text, "@nextLink"))
            .or_else(|| envelope.string(self.text, "odata.nextLink"));
        let has_delta = envelope.member(self.text, "@odata.deltaLink").is_some();
        let count = envelope
            .member(self.text, "@odata.count")
            .or_else(|| envelope.member(self.text, "@count"))
            .and_then(|member| self.text.get(member.value.span.clone()))
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        request.count = count;
        request.delta |= has_delta || next.as_deref().is_some_and(|link| link.contains("/delta"));
        request.narrowing = next.as_deref().map(narrowing).unwrap_or_default();
        request.next_link = next.is_some();
        if request.delta {
            request.holds_changes();
        }
    }

    /// The records of an array.
    fn items(&mut self, position: usize) -> Result<(), ScanError> {
        self.scanner.expect_byte(b'[')?;
        let mut first = true;
        while self.scanner.next_item(&mut first, b']')? {
            if self.recalled(position) {
                continue;
            }
            let mut record = std::mem::take(&mut self.record);
            let scanned = record.scan(self.text, &mut self.scanner);
            self.record = record;
            scanned?;
            self.deliver(position);
        }
        Ok(())
    }

    /// The records of a part of an array, commas between them.
    fn pieced_items(&mut self, position: usize) {
        loop {
            self.scanner.skip_blanks();
            while self.scanner.take(b',') {
                self.scanner.skip_blanks();
            }
            if self.scanner.peek().is_none() {
                return;
            }
            if self.recalled(position) {
                continue;
            }
            let mut record = std::mem::take(&mut self.record);
            let scanned = record.scan(self.text, &mut self.scanner);
            self.record = record;
            match scanned {
                Ok(()) => self.deliver(position),
                Err(error) => {
                    self.recover(error, false);
                    return;
                }
            }
        }
    }

    /// Passes over a record that was read before.
    fn recalled(&mut self, position: usize) -> bool {
        let Some(request) = self.intake.requests.get_mut(position) else { return false };
        let start = self.scanner.position();
        let Some(length) = self.sink.recall(position, request, self.text, start) else {
            return false;
        };
        request.records += 1;
        self.intake.tally.seen += 1;
        self.intake.tally.used += 1;
        self.scanner.advance(length);
        true
    }

    /// Hands the scanned record on in the spelling of its request.
    fn deliver(&mut self, position: usize) {
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        if self.record.defect.is_some() {
            return self.hand_on(position);
        }
        match request.spelling {
            Spelling::Goose => return self.deliver_child(position),
            Spelling::DfirO365rc => return self.deliver_of_suite(position),
            Spelling::Graph
            | Spelling::PowerShell
            | Spelling::AzureHound
            | Spelling::AzureAdGraph
            | Spelling::Dsc
            | Spelling::Nameless
            | Spelling::IntuneManagement => {}
        }
        if request.records == 0 && request.format.is_list() && self.listed_job(position) {
            return;
        }
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        if request.records == 0 && request.format.is_bare() {
            self.note_results(position);
        }
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        if request.records == 0 && request.format.is_bare() {
            request.spelling = Spelling::of(self.text, &self.record);
            let list = request.format.is_list();
            match request.spelling {
                Spelling::Graph => self.go_by_path(position),
                Spelling::Goose | Spelling::DfirO365rc => {}
                Spelling::PowerShell => {
                    request.keeps_nulls = Some(false);
                    if list {
                        request.format = Format::PowerShell;
                    }
                }
                Spelling::AzureHound => request.format = Format::AzureHound,
                Spelling::AzureAdGraph if list => request.format = Format::AzureAdGraph,
                Spelling::AzureAdGraph | Spelling::Dsc => {}
                Spelling::Nameless => request.format = Format::ConfigAsCode,
                Spelling::IntuneManagement if list => {}
                Spelling::IntuneManagement => request.format = Format::IntuneManagement,
            }
        }
        let Some(request) = self.intake.requests.get(position) else { return };
        match request.spelling {
            Spelling::Graph | Spelling::Goose | Spelling::DfirO365rc => self.hand_on(position),
            Spelling::PowerShell | Spelling::AzureAdGraph | Spelling::IntuneManagement => {
                self.deliver_respelt(position);
            }
            Spelling::Dsc => self.deliver_resource(position),
            Spelling::Nameless => {
                self.name_type(position);
                self.deliver_respelt(position);
            }
            Spelling::AzureHound => self.deliver_azurehound(position),
        }
    }

    /// Files of one folder are one list of a type, which their members tell where the folder does not.
    fn name_type(&mut self, position: usize) {
        let has = |name: &str| self.record.member(self.text, name).is_some();
        let told = self.catalogue.of_members(&has).map(str::to_owned);
        if let (Some(request), Some(object_type)) = (self.intake.requests.get_mut(position), told)
            && matches!(request.subject, Subject::Untyped { .. })
        {
            request.subject = Subject::Objects { object_type, bin: false };
        }
    }

    /// Hands the scanned record on in Graph's spelling.
    fn deliver_respelt(&mut self, position: usize) {
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        let source = self.text.get(self.record.span.clone()).unwrap_or_default();
        let Some(text) = request.spelling.in_graph(source, self.catalogue) else {
            return self.hand_on(position);
        };
        if self.respelt.scan(&text, &mut Scanner::new(&text, 0)).is_err()
            || self.respelt.defect.is_some()
        {
            self.record.defect = self.respelt.defect.or(Some(RecordDefect::NotAnObject));
            return self.hand_on(position);
        }
        request.records += 1;
        request.by_name |= self.respelt.member(&text, BY_NAME).is_some();
        request.has_losses |= self.respelt.member(&text, LOST).is_some();
        self.intake.tally.seen += 1;
        let place = (self.text, &self.record.span);
        match self.sink.respelt(position, request, place, &text, &self.respelt) {
            Fate::Used => self.intake.tally.used += 1,
            Fate::Patch => {
                self.intake.tally.used += 1;
                request.holds_changes();
            }
            Fate::SetAside(rule) => self.set_aside(rule),
        }
    }

    /// Counts a record that is set aside before it belongs to any request.
    fn count_aside(&mut self, rule: &str) {
        self.intake.tally.seen += 1;
        self.set_aside(rule);
    }

    /// Hands the scanned record on as it stands, or quarantines it.
    fn hand_on(&mut self, position: usize) {
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        request.records += 1;
        self.intake.tally.seen += 1;
        if let Some(defect) = self.record.defect {
            request.damaged = true;
            self.intake.tally.quarantined += 1;
            self.intake.quarantine.push(Quarantined {
                span: self.record.span.clone(),
                code: defect.code(),
                reason: defect.reason(),
            });
            return;
        }
        match self.sink.record(position, request, self.text, &self.record) {
            Fate::Used => self.intake.tally.used += 1,
            Fate::Patch => {
                self.intake.tally.used += 1;
                request.holds_changes();
            }
            Fate::SetAside(rule) => self.set_aside(rule),
        }
    }
}

/// The part of a next link that narrows the list: its `$filter` and `$search`, in the order of their names.
fn narrowing(link: &str) -> String {
    let query = link.split_once('?').map_or("", |(_, query)| query);
    let mut parts: Vec<&str> = query
        .split('&')
        .filter(|part| {
            let name = part.split('=').next().unwrap_or_default();
            let name = name.trim_start_matches("%24").trim_start_matches('$');
            name.eq_ignore_ascii_case("filter") || name.eq_ignore_ascii_case("search")
        })
        .collect();
    parts.sort_unstable();
    parts.join("&")
}
