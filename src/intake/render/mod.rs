//! Exhibits that are no JSON, or JSON that a map tells of: each record is rendered to the JSON text of a Graph object, by its source bytes and what the
//! exhibit as a whole says (its headings, its type names). The same bytes give the same text when a record is opened again.

mod cells;
mod clixml;
mod compose;
mod log_sheet;
mod mapped;
mod notes;
mod roadrecon;
mod sheet;
mod table;
mod xml;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::request::{Format, Request, Subject};
use super::respelling::Respelling;
use super::scan::Scanner;
use super::{Fate, Intake, Place, Quarantined, Record, RecordDefect, Sink, Trouble};
use crate::directory::{Catalogue, Column};
use crate::evidence::{Encoding, SourceOffsets};
use crate::model::Table;

pub use cells::{OtherRows, Sheet};
pub use clixml::Clixml;
pub use log_sheet::LogSheet;
pub use roadrecon::{OpenTables, OpenedRow, read as read_database};

/// What a shared object takes besides its JSON, by and large.
const SHARED_BYTES: usize = 64;

/// How the records of an exhibit become JSON.
#[derive(Debug, Clone, Default)]
pub enum Rendering {
    /// They are JSON.
    #[default]
    Verbatim,
    /// Rows of a CSV file.
    Sheet(Arc<Sheet>),
    /// Rows of a CSV file of a log.
    LogSheet(Arc<LogSheet>),
    /// Objects of a CLIXML file.
    Clixml(Arc<Clixml>),
    /// Rows of a database: the tables that it was read from. A row stands where its number says, and is as long as the
    /// position of its table among these.
    Tables(Arc<[Table]>),
    /// Objects that a map says how to read.
    Mapped(Arc<Respelling>),
}

impl Rendering {
    /// What it takes of memory, by and large.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Verbatim => 0,
            Self::Sheet(sheet) => {
                let other = sheet.other.as_ref().map_or(0, |other| other.columns.len());
                (sheet.columns.len() + other) * size_of::<Option<Column>>()
            }
            Self::LogSheet(sheet) => sheet.bytes(),
            Self::Clixml(clixml) => {
                clixml.shared.values().map(|(_, json)| json.len() + SHARED_BYTES).sum()
            }
            Self::Tables(tables) => size_of_val(&**tables),
            Self::Mapped(respelling) => {
                respelling.rename.iter().map(|(member, name)| member.len() + name.len()).sum()
            }
        }
    }

    /// The JSON text of a record: `text` is what it was decoded to, `offset` where it begins in source bytes. `None` if it
    /// is no record of this exhibit.
    #[must_use]
    pub fn render<'t>(&self, text: Cow<'t, [u8]>, offset: u64) -> Option<Cow<'t, [u8]>> {
        match self {
            Self::Verbatim => Some(text),
            Self::Sheet(sheet) => sheet.render(&text).ok().map(Cow::Owned),
            Self::LogSheet(sheet) => sheet.render(&text).ok().map(Cow::Owned),
            Self::Clixml(clixml) => clixml.render(&text, offset).ok().map(Cow::Owned),
            Self::Mapped(respelling) => respelling.render(&text).map(Cow::Owned),
            // Rows are no bytes of their own: see `OpenTables`.
            Self::Tables(_) => None,
        }
    }
}

/// Why a record cannot be rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Defect {
    /// Another number of cells than headings: which cell is which cannot be told.
    Cells,
    /// A cell with bytes that are no text.
    NotUtf8,
    /// XML that is none, or of a kind that PowerShell does not write.
    Xml,
    /// More elements inside each other than a record may have.
    TooDeep,
    /// Rendered larger than a record may be.
    TooLarge,
    /// A row that the tool does not write.
    Cell,
}

impl Defect {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Cells, Self::NotUtf8, Self::Xml, Self::TooDeep, Self::TooLarge, Self::Cell];

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Cells => "row-cells",
            Self::NotUtf8 => RecordDefect::NotUtf8.code(),
            Self::Xml => "invalid-clixml",
            Self::TooDeep => RecordDefect::TooDeep.code(),
            Self::TooLarge => RecordDefect::TooLarge.code(),
            Self::Cell => "row-cell",
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Cells => {
                "another number of cells than headings, so which is which cannot be told"
            }
            Self::NotUtf8 => RecordDefect::NotUtf8.reason(),
            Self::Xml => "an element that is not as PowerShell writes it",
            Self::TooDeep => "more than 100 elements inside each other",
            Self::TooLarge => RecordDefect::TooLarge.reason(),
            Self::Cell => {
                "a row with bytes for text, or a number below zero, which the tool does not write"
            }
        }
    }
}

/// An exhibit that is no JSON or that a map tells of, on its way through intake.
#[derive(Debug)]
pub struct Foreign<'a> {
    layout: Layout,
    ledger: Ledger<'a>,
}

#[derive(Debug)]
enum Layout {
    Sheet(Box<sheet::Rows>),
    Log(Box<log_sheet::LogRows>),
    Clixml(Box<clixml::Objects>),
    Notes(notes::Lines),
    Mapped(Box<mapped::Objects>),
}

/// What was read of the exhibit so far; places in it are in source bytes.
#[derive(Debug)]
struct Ledger<'a> {
    place: &'a Place,
    catalogue: &'a Catalogue,
    offsets: SourceOffsets,
    intake: Intake,
    record: Record,
}

impl<'a> Foreign<'a> {
    /// Recognises an exhibit by how its decoded text begins.
    #[must_use]
    pub fn recognise(
        head: &[u8],
        place: &'a Place,
        catalogue: &'a Catalogue,
        encoding: Encoding,
    ) -> Option<Self> {
        let lines = || notes::Lines::recognise(head, place, catalogue);
        let layout = match head.trim_ascii_start().first()? {
            b'{' | b'[' => Layout::Mapped(Box::new(mapped::Objects::recognise(head, place)?)),
            b'<' => Layout::Clixml(Box::new(clixml::Objects::recognise(head)?)),
            _ => match lines() {
                Some(lines) => Layout::Notes(lines),
                None => {
                    let head = table::Head::of(head)?;
                    match log_sheet::LogRows::recognise(&head, catalogue) {
                        Some(rows) => Layout::Log(Box::new(rows)),
                        None => {
                            let rows = sheet::Rows::recognise(&head, place, catalogue)?;
                            Layout::Sheet(Box::new(rows))
                        }
                    }
                }
            },
        };
        let start = u64::try_from(encoding.bom_bytes()).unwrap_or(u64::MAX);
        let ledger = Ledger {
            place,
            catalogue,
            offsets: SourceOffsets::new(encoding, start),
            intake: Intake::default(),
            record: Record::default(),
        };
        Some(Self { layout, ledger })
    }

    /// Reads the whole records that `text` begins with and gives how many bytes they take; what follows them must come
    /// again, with more behind it unless this is the `last` of the text.
    pub fn take(&mut self, text: &[u8], last: bool, sink: &mut dyn Sink) -> usize {
        let mut read = match &mut self.layout {
            Layout::Sheet(rows) => rows.take(text, last, &mut self.ledger, sink),
            Layout::Log(rows) => rows.take(text, last, &mut self.ledger, sink),
            Layout::Clixml(objects) => objects.take(text, last, &mut self.ledger, sink),
            Layout::Notes(lines) => lines.take(text, last, &mut self.ledger),
            Layout::Mapped(objects) => objects.take(text, last, &mut self.ledger, sink),
        };
        if text.len() - read.min(text.len()) > super::MAX_RECORD_BYTES {
            // What began here has no end: nothing behind it can be told apart.
            self.ledger.intake.tally.seen += 1;
            self.ledger.quarantine(text, &(read..text.len()), Defect::TooLarge);
            match &mut self.layout {
                Layout::Sheet(rows) => rows.stop(),
                Layout::Log(rows) => rows.stop(),
                Layout::Clixml(objects) => objects.stop(),
                Layout::Notes(lines) => lines.stop(),
                Layout::Mapped(objects) => objects.stop(),
            }
            read = text.len();
        }
        self.ledger.offsets.forget(text, read);
        read
    }

    /// What the exhibit held.
    #[must_use]
    pub fn finish(self) -> Intake {
        let mut intake = self.ledger.intake;
        let (format, rendering) = match self.layout {
            Layout::Sheet(rows) => (rows.format(), Rendering::Sheet(rows.sheet())),
            Layout::Log(rows) => (Format::LogCsv, rows.rendering()),
            Layout::Clixml(objects) => (Format::Clixml, Rendering::Clixml(objects.clixml())),
            Layout::Notes(_) => (Format::Goose, Rendering::Verbatim),
            Layout::Mapped(objects) => (Format::Mapped, Rendering::Mapped(objects.respelling())),
        };
        intake.format = Some(format);
        intake.rendering = rendering;
        intake
    }
}

impl Ledger<'_> {
    /// The request with this subject; the name of the file tells whether its silence means something.
    fn request(&mut self, format: Format, object_type: Option<&str>, keeps_nulls: bool) -> usize {
        let mut request = Request::new(format, None, self.place, self.catalogue);
        if let (Some(object_type), Subject::Objects { .. } | Subject::Untyped { .. }) =
            (object_type, &request.subject)
        {
            let named = if let Subject::Objects { object_type: named, bin } = &request.subject {
                (named == object_type).then_some(*bin)
            } else {
                None
            };
            // A view of some objects of the type: what it does not hold it does not deny.
            request.delta |= named.is_none() && format != Format::PortalCsv;
            let bin = named.unwrap_or(false);
            request.subject = Subject::Objects { object_type: object_type.to_owned(), bin };
        }
        request.keeps_nulls = Some(keeps_nulls);
        self.intake.requests.push(request);
        self.intake.requests.len() - 1
    }

    fn source(&mut self, text: &[u8], span: &Range<usize>) -> Range<u64> {
        self.offsets.advance(text, span.start);
        let start = self.offsets.source_offset(text, span.start);
        start..self.offsets.source_offset(text, span.end)
    }

    fn trouble(&mut self, code: &'static str, text: &[u8], at: usize, cause: String) {
        let at = self.source(text, &(at..at)).start;
        let offset_bytes = usize::try_from(at).unwrap_or(usize::MAX);
        self.intake.troubles.push(Trouble { code, offset_bytes, cause });
    }

    /// Records are missing from every list of the exhibit.
    fn damage(&mut self) {
        for request in &mut self.intake.requests {
            request.damaged = true;
        }
    }

    fn quarantine(&mut self, text: &[u8], span: &Range<usize>, defect: Defect) {
        let source = self.source(text, span);
        self.refuse(&source, defect.code(), defect.reason());
        self.damage();
    }

    fn refuse(&mut self, source: &Range<u64>, code: &'static str, reason: &'static str) {
        let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX);
        self.intake.tally.quarantined += 1;
        let span = at(source.start)..at(source.end);
        self.intake.quarantine.push(Quarantined { span, code, reason });
    }

    fn set_aside(&mut self, rule: &str) {
        *self.intake.tally.set_aside.entry(rule.to_owned()).or_default() += 1;
    }

    /// Hands a rendered record on.
    fn deliver(&mut self, position: usize, json: &[u8], source: &Range<u64>, sink: &mut dyn Sink) {
        let mut record = std::mem::take(&mut self.record);
        let scanned = record.scan(json, &mut Scanner::new(json, 0));
        self.record = record;
        let defect = match scanned {
            Ok(()) => self.record.defect,
            Err(_) => Some(RecordDefect::NotAnObject),
        };
        let Some(request) = self.intake.requests.get_mut(position) else { return };
        request.records += 1;
        if let Some(defect) = defect {
            request.damaged = true;
            return self.refuse(source, defect.code(), defect.reason());
        }
        sink.rendered(source);
        match sink.record(position, request, json, &self.record) {
            Fate::Used | Fate::Patch => self.intake.tally.used += 1,
            Fate::SetAside(rule) => self.set_aside(rule),
        }
    }
}

/// A JSON string.
fn quote(text: &str, out: &mut Vec<u8>) {
    // Writing to memory a type that is always a string cannot fail.
    if serde_json::to_writer(&mut *out, text).is_err() {
        out.extend_from_slice(b"null");
    }
}

/// Whether a text is what PowerShell writes in the place of a value that it did not write: the name of its type.
fn stands_for_a_lost_value(text: &str) -> bool {
    const BEGINNINGS: [&str; 6] = [
        "Microsoft.Graph.",
        "Microsoft.Open.",
        "System.Collections.",
        "System.Object",
        "System.String[]",
        "@{",
    ];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::directory::catalogue;
    use crate::intake::LinkList;
    use crate::model::Tally;

    /// A record with the source bytes that it was rendered from.
    type Rendered = (Range<u64>, Vec<u8>);

    /// What was rendered, and from where.
    #[derive(Default)]
    struct Seen {
        from: Range<u64>,
        records: Vec<Rendered>,
    }

    impl Sink for Seen {
        fn record(&mut self, _: usize, _: &Request, text: &[u8], _: &Record) -> Fate {
            self.records.push((self.from.clone(), text.to_vec()));
            Fate::Used
        }

        fn respelt(
            &mut self,
            _: usize,
            _: &Request,
            _: (&[u8], &Range<usize>),
            _: &[u8],
            _: &Record,
        ) -> Fate {
            Fate::SetAside("scalar-text")
        }

        fn recall(&mut self, _: usize, _: &Request, _: &[u8], _: usize) -> Option<usize> {
            None
        }

        fn rendered(&mut self, source: &Range<u64>) {
            self.from = source.clone();
        }

        fn links(&mut self, _: &LinkList) {}
    }

    /// Reads a text that comes so many bytes at a time; checks that each record is rendered to the same again.
    fn read(text: &str, step: usize) -> Option<(Vec<Rendered>, Tally)> {
        read_at(&Place::of("x/users.txt", catalogue(), None), text, step)
    }

    fn read_at(place: &Place, text: &str, step: usize) -> Option<(Vec<Rendered>, Tally)> {
        let mut foreign = Foreign::recognise(text.as_bytes(), place, catalogue(), Encoding::Utf8)?;
        let (mut seen, mut pending) = (Seen::default(), Vec::new());
        let mut chunks = text.as_bytes().chunks(step).peekable();
        while let Some(chunk) = chunks.next() {
            pending.extend_from_slice(chunk);
            let taken = foreign.take(&pending, chunks.peek().is_none(), &mut seen);
            pending.drain(..taken);
        }
        let intake = foreign.finish();
        assert!(pending.is_empty());
        assert!(intake.tally.balances(), "{:?}", intake.tally);
        for (from, json) in &seen.records {
            let at = |offset: u64| usize::try_from(offset).unwrap();
            let source = &text.as_bytes()[at(from.start)..at(from.end)];
            let again = intake.rendering.render(Cow::Borrowed(source), from.start);
            assert_eq!(again.as_deref(), Some(json.as_slice()));
        }
        Some((seen.records, intake.tally))
    }

    #[test]
    fn what_a_map_tells_of_is_read_in_any_pieces() {
        let rule = "[[map]]\npath = \"**\"\nid = \"n\"\ntype = \"user\"\n";
        let place = |items: &str| {
            let map = crate::intake::Map::parse(format!("{rule}{items}").as_bytes()).unwrap();
            let map = map.rule_for("users.json").cloned();
            Place { map, ..Place::of("users.json", catalogue(), None) }
        };
        let lies = place("items = \"data.list\"\n");
        let itself = place("");
        for (place, text, used, others) in [
            (&itself, r#"[ {"n":"a"}, 17, {"n":"b","x":[1]},{}, null ] "#, 3, 2),
            (&itself, "{\"n\":\"a\"}\n{\"n\":\"b\"}\n[{\"n\":1}] 12 ", 3, 1),
            (&itself, "{\"n\":\"a\"}\n{\"n\" 1}\n{\"n\":2}", 2, 0),
            (&lies, r#"{"at":12,"data":{"x":[{}],"list":[{"n":"a"},{"n":"b"}],"y":1}}"#, 2, 0),
            (&lies, r#"{"data":{"list":{"n":"a"}}}{"data":{"list":[]}}"#, 1, 0),
            (&lies, r#"{"data":[{"n":"a"}]}"#, 0, 0),
        ] {
            let (records, tally) = read_at(place, text, text.len()).unwrap();
            assert_eq!((tally.used, tally.seen - tally.used), (used, others), "{text}");
            if text.contains("\"n\" 1") {
                continue;
            }
            for step in [2, 3, 7, 11] {
                let in_pieces = read_at(place, text, step).unwrap();
                assert_eq!(in_pieces, (records.clone(), tally.clone()), "{text} {step}");
            }
        }
    }

    #[test]
    fn shared_objects_and_rows_are_rendered_again_as_they_were() {
        let text = concat!(
            r#"<Objs><Obj RefId="0"><MS><S N="Id">a</S><Obj N="X" RefId="1"><LST><S>1</S></LST></Obj></MS></Obj>"#,
            r#"<Obj RefId="1"><MS><Ref N="X" RefId="1"/><Ref N="Y" RefId="2"/><S N="id">b</S></MS></Obj>"#,
            r#"<Obj RefId="2"><MS><Obj N="Z" RefId="1"><DCT/></Obj><Ref N="X" RefId="1"/></MS></Obj></Objs>"#
        );
        let (records, tally) = read(text, 7).unwrap();
        let texts: Vec<_> = records.iter().map(|(_, json)| String::from_utf8_lossy(json)).collect();
        assert_eq!(texts, [r#"{"id":"a","x":["1"]}"#, r#"{"x":["1"],"id":"b"}"#, "{}"]);
        assert_eq!(tally.used, 3);
        let csv = "Id,DisplayName,Note\r\n1,\"a\r\nb\",\r\n\r\n2,c,d\r\n3\r\n4,e,";
        read("Id,DisplayName,Mail\n2,\"b\"2,\"b \"\"q\"\"x\n", 1).unwrap();
        let (records, tally) = read(csv, 3).unwrap();
        assert_eq!(records.len(), 3);
        assert_eq!((tally.seen, tally.quarantined), (4, 1));
        assert_eq!(records.first().unwrap().0, 21..30);
    }

    proptest! {
        #[test]
        fn any_rows_come_out_alike_in_any_pieces(
            text in r#"(1,a,x|2,"b ""q"""|,;|"x\n|,|\r|\n|é|#TYPE ){0,40}"#, step in 1_usize..20
        ) {
            let text = format!("Id,DisplayName,Mail\n{text}");
            prop_assert_eq!(read(&text, step), read(&text, text.len()));
        }

        #[test]
        fn any_elements_come_out_alike_in_any_pieces(
            text in r#"(<Obj RefId="[0-3]">|<Obj N="[a-c]" RefId="[0-3]">|</Obj>|<LST>|</LST>|<MS>|</MS>|<DCT>|</DCT>|<En>|</En>|<S N="Id">|<S N="Key">|</S>|<Nil N="d"/>|<Ref N="e" RefId="[0-3]"/>|&lt;|x|<){0,40}"#,
            step in 1_usize..20
        ) {
            let text = format!("<Objs>{text}</Objs>");
            prop_assert_eq!(read(&text, step), read(&text, text.len()));
        }
    }
}
