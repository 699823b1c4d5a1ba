//! Reads a text that comes in pieces as if it were whole.

use super::cut::{Cutter, Piece};
use super::request::{Format, Request};
use super::scan::Scanner;
use super::{Fate, Intake, Place, Quarantined, Reader, Record, RecordDefect, Sink};
use crate::directory::Catalogue;

/// An envelope may grow to this size; real ones have some thousand bytes.
const MOST_ENVELOPE_BYTES: usize = 8 * 1024 * 1024;

/// What was read of a text so far.
#[derive(Debug)]
pub struct Parts<'a> {
    place: &'a Place,
    catalogue: &'a Catalogue,
    intake: Intake,
    lines: Option<usize>,
    /// What stands before the list that is open, and the position of its request.
    list: Option<(Vec<u8>, usize)>,
}

/// Takes no record: reads envelopes.
struct Nobody;

impl Sink for Nobody {
    fn record(&mut self, _: usize, _: &Request, _: &[u8], _: &Record) -> Fate {
        Fate::SetAside("scalar-text")
    }

    fn respelt(
        &mut self,
        _: usize,
        _: &Request,
        _: (&[u8], &std::ops::Range<usize>),
        _: &[u8],
        _: &Record,
    ) -> Fate {
        Fate::SetAside("scalar-text")
    }

    fn recall(&mut self, _: usize, _: &Request, _: &[u8], _: usize) -> Option<usize> {
        None
    }

    fn rendered(&mut self, _: &std::ops::Range<u64>) {}

    fn links(&mut self, _: &super::LinkList) {}
}

impl<'a> Parts<'a> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(place: &'a Place, catalogue: &'a Catalogue) -> Self {
        Self { place, catalogue, intake: Intake::default(), lines: None, list: None }
    }

    /// What the text held; places in it are in source bytes already.
    #[must_use]
    pub fn finish(mut self) -> Intake {
        // A list that is still open broke off.
        if let Some((_, position)) = self.list
            && let Some(request) = self.intake.requests.get_mut(position)
        {
            request.damaged = true;
        }
        super::formats::suites::note_losses(&mut self.intake, self.place, self.catalogue);
        if self.intake.format.is_none() {
            self.intake.format = self.intake.requests.first().map(|request| request.format);
        }
        self.intake
    }

    /// Whether a list was opened whose envelope did not say yet which request it answers.
    #[must_use]
    pub fn lacks_context(cutter: &Cutter, piece: &Piece) -> bool {
        let Piece::Opening(range) = piece else { return false };
        let opening = cutter.text().get(range.clone()).unwrap_or_default();
        let context = |name: &[u8]| memchr::memmem::find(opening, name).is_some();
        opening.trim_ascii_start().starts_with(b"{")
            && !context(b"\"@odata.context\"")
            && !context(b"\"@context\"")
    }

    /// Reads a piece. `source` maps an offset in the piece's own text to source bytes; `closing` is what stands behind the
    /// list that the piece opens, where that was looked up.
    pub fn take(
        &mut self,
        piece: &Piece,
        text: &[u8],
        closing: Option<&[u8]>,
        source: &dyn Fn(usize) -> u64,
        sink: &mut dyn Sink,
    ) {
        let place = |at: usize| usize::try_from(source(at)).unwrap_or(usize::MAX);
        let (troubles, quarantined) = (self.intake.troubles.len(), self.intake.quarantine.len());
        match piece {
            Piece::Texts(_) => self.texts(text, sink),
            Piece::Opening(_) => self.open(text, closing),
            Piece::Items(_) => self.items(text, sink),
            Piece::Closing(_) => self.close(text),
            // Its place was told in source bytes.
            Piece::TooLarge(_) => return,
        }
        for trouble in self.intake.troubles.iter_mut().skip(troubles) {
            trouble.offset_bytes = place(trouble.offset_bytes);
        }
        for record in self.intake.quarantine.iter_mut().skip(quarantined) {
            record.span = place(record.span.start)..place(record.span.end);
        }
    }

    /// Quarantines a record that is larger than any may be; `span` is in source bytes.
    pub fn too_large(&mut self, span: std::ops::Range<u64>) {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        self.intake.tally.seen += 1;
        self.intake.tally.quarantined += 1;
        self.intake.quarantine.push(Quarantined {
            span: place(span.start)..place(span.end),
            code: RecordDefect::TooLarge.code(),
            reason: RecordDefect::TooLarge.reason(),
        });
        match &self.list {
            Some((_, position)) => {
                if let Some(request) = self.intake.requests.get_mut(*position) {
                    request.damaged = true;
                    request.records += 1;
                }
            }
            None => {
                let mut request = Request::new(Format::JsonTexts, None, self.place, self.catalogue);
                request.damaged = true;
                request.records = 1;
                let position = *self.lines.get_or_insert(self.intake.requests.len());
                match self.intake.requests.get_mut(position) {
                    Some(known) => {
                        known.damaged = true;
                        known.records += 1;
                    }
                    None => self.intake.requests.push(request),
                }
            }
        }
    }

    fn reader<'r>(&mut self, text: &'r [u8], sink: &'r mut dyn Sink) -> Reader<'r>
    where
        'a: 'r,
    {
        Reader {
            text,
            place: self.place,
            catalogue: self.catalogue,
            sink,
            scanner: Scanner::new(text, 0),
            record: Record::default(),
            respelt: Record::default(),
            asked: None,
            lines: self.lines,
            in_parts: true,
            intake: std::mem::take(&mut self.intake),
        }
    }

    fn texts(&mut self, text: &[u8], sink: &mut dyn Sink) {
        let mut reader = self.reader(text, sink);
        reader.run();
        (self.lines, self.intake) = (reader.lines, reader.intake);
    }

    fn open(&mut self, opening: &[u8], closing: Option<&[u8]>) {
        let end: &[u8] = match closing {
            Some(closing) => closing,
            None if opening.trim_ascii_start().starts_with(b"{") => b"]}",
            None => b"]",
        };
        let opening = opening.get(..MOST_ENVELOPE_BYTES).unwrap_or(opening);
        let request = if opens_resources(opening) {
            self.note_id(opening);
            Request::new(Format::Array, None, self.place, self.catalogue)
        } else {
            self.envelope(&[opening, end].concat())
        };
        self.intake.requests.push(request);
        self.list = Some((opening.to_vec(), self.intake.requests.len() - 1));
    }

    /// Notes the id that stands before a list.
    fn note_id(&mut self, opening: &[u8]) {
        let text = [opening, b"]}"].concat();
        let mut envelope = Record::default();
        if envelope.scan(&text, &mut Scanner::new(&text, 0)).is_ok() {
            self.intake.beside.ids.extend(envelope.string(&text, "id"));
        }
    }

    /// The request that an envelope without records tells of.
    fn envelope(&self, text: &[u8]) -> Request {
        let whole = super::read(text, self.place, self.catalogue, &mut Nobody);
        whole
            .requests
            .into_iter()
            .next()
            .unwrap_or_else(|| Request::new(Format::Array, None, self.place, self.catalogue))
    }

    fn items(&mut self, text: &[u8], sink: &mut dyn Sink) {
        let Some((_, position)) = self.list else { return };
        let mut reader = self.reader(text, sink);
        reader.pieced_items(position);
        (self.lines, self.intake) = (reader.lines, reader.intake);
    }

    fn close(&mut self, closing: &[u8]) {
        let Some((opening, position)) = self.list.take() else { return };
        let told = self.envelope(&[opening.as_slice(), closing].concat());
        if let Some(request) = self.intake.requests.get_mut(position) {
            request.next_link = told.next_link;
            request.narrowing = told.narrowing;
            request.count = told.count;
            request.delta |= told.delta;
            request.damaged |= told.damaged;
        }
        let text = [opening.as_slice(), closing].concat();
        let mut envelope = Record::default();
        if envelope.scan(&text, &mut Scanner::new(&text, 0)).is_ok() {
            let mut nobody = Nobody;
            let mut reader = self.reader(&text, &mut nobody);
            reader.close_azurehound(&envelope);
            (self.lines, self.intake) = (reader.lines, reader.intake);
        }
    }
}

/// Whether the list that is opened is that of a configuration snapshot, whose items tell of themselves what they are.
fn opens_resources(opening: &[u8]) -> bool {
    let before = opening.trim_ascii_end().strip_suffix(b"[").map(<[u8]>::trim_ascii_end);
    let key = before.and_then(|text| text.strip_suffix(b":")).map(<[u8]>::trim_ascii_end);
    key.is_some_and(|text| text.ends_with(b"\"resources\""))
}
