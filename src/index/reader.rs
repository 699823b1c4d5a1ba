//! Reads one exhibit: its bytes go to the hashers and to the records while they are at hand. What is large is read in
//! chunks, the next one while the last one is looked at.

use std::io::Read;

use super::assemble::{IndexOptions, Placed, exhibit_time};
use super::fingerprint::FingerprintKey;
use super::known::Known;
use super::layout::Layouts;
use super::segment::{Segment, SegmentBuilder, as_u64};
use super::snapshots::Member;
use super::{Exhibit, LogCount};
use crate::directory::Catalogue;
use crate::evidence::{
    DATABASE_MAGIC, DatabaseCopy, Decoder, Encoding, EvidenceError, Fingerprints, Hashing,
    SourceFile, SourceOffsets, Text, Watched, decode, hash, is_log,
};
use crate::intake::{
    self, Cutter, Foreign, Format, Intake, Parts, Piece, Place, Request, Subject, Trouble,
    read_database,
};
use crate::model::{HashBasis, Tally};

/// Exhibits up to this size are read whole. Pages of exporters have some megabytes.
const WHOLE_BYTES: usize = 16 * 1024 * 1024;

/// Larger ones are read in chunks of this size.
const CHUNK_BYTES: u64 = 8 * 1024 * 1024;

/// What an exhibit and a request take besides their rows, by and large: paths, contexts, select lists.
const EXHIBIT_BYTES: usize = 2048;
const REQUEST_BYTES: usize = 1024;

/// What a name of a table takes besides its letters, there and where it is looked up.
const NAME_BYTES: usize = 160;

/// As much of a large exhibit that is no JSON is looked at to recognise it; the headings of a CSV have some thousand.
const HEAD_BYTES: usize = 1024 * 1024;

/// What one file gave.
pub(super) struct Reading {
    pub(super) exhibit: Exhibit,
    pub(super) requests: Vec<Request>,
    pub(super) segment: Segment,
    pub(super) member: Member,
}

/// What one thread needs to read exhibits.
pub(super) struct Reader<'a> {
    layouts: Layouts<'a>,
    known: &'a Known,
    /// The bytes of the exhibit being read; its memory serves the next one.
    bytes: Vec<u8>,
}

/// What the bytes of an exhibit gave.
struct Contents {
    size_bytes: u64,
    prints: Fingerprints,
    encoding: Encoding,
    intake: Intake,
    segment: Segment,
    logs: Vec<LogCount>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(catalogue: &'a Catalogue, key: &'a FingerprintKey, known: &'a Known) -> Self {
        Self { layouts: Layouts::new(catalogue, key), known, bytes: Vec::new() }
    }

    /// Reads an exhibit: a file from its path, a member of an archive from its stream.
    pub(super) fn read(
        &mut self,
        file: &SourceFile,
        stream: Option<&mut (dyn Read + Send)>,
        options: &IndexOptions,
    ) -> Result<Reading, EvidenceError> {
        let Placed { place, label } = Placed::of(file, options, self.layouts.catalogue);
        let contents = match stream {
            Some(stream) => {
                let contents = self.contents(stream, file, &place)?;
                file.finish()?;
                contents
            }
            None => {
                let mut watched = Watched::open(&file.path)?;
                let contents = self.contents(&mut watched, file, &place)?;
                watched.finish()?;
                contents
            }
        };
        let Contents { size_bytes, prints, encoding, intake, mut segment, logs } = contents;
        let mut tenants = std::mem::take(&mut segment.tenants);
        tenants.extend(intake.tenants);
        let is_log =
            holds_logs_only(self.layouts.catalogue, &intake.requests, &intake.tally, &logs);
        let member = Member { root: file.root, named: label, tenants, is_log };
        let own = intake.requests.len() * REQUEST_BYTES + EXHIBIT_BYTES;
        let kept = segment.bytes() + own + intake.rendering.bytes();
        let names = intake.beside.names.iter().map(|(id, name)| id.len() + name.len() + NAME_BYTES);
        options.budget.charge(kept + names.sum::<usize>(), "the index")?;
        options.meter.add_bytes(size_bytes);
        options.meter.add_objects(intake.tally.used);
        let exhibit = Exhibit {
            shown: file.shown.clone(),
            source: file.clone(),
            size_bytes,
            prints,
            modified_at: file.modified_at(),
            hash_basis: HashBasis::Computed,
            encoding,
            format: intake.format,
            time: exhibit_time(intake.made_at, &place),
            made_at: intake.made_at,
            place,
            tally: intake.tally,
            quarantine: intake.quarantine,
            troubles: intake.troubles,
            rendering: intake.rendering,
            object_types: segment.rows.keys().cloned().collect(),
            logs,
            beside: intake.beside,
            snapshot: usize::MAX,
        };
        Ok(Reading { exhibit, requests: intake.requests, segment, member })
    }

    fn contents(
        &mut self,
        stream: &mut (dyn Read + Send),
        file: &SourceFile,
        place: &Place,
    ) -> Result<Contents, EvidenceError> {
        let unreadable = |error| file.error(error);
        self.bytes.clear();
        (&mut *stream)
            .take(as_u64(WHOLE_BYTES) + 1)
            .read_to_end(&mut self.bytes)
            .map_err(unreadable)?;
        if self.bytes.starts_with(DATABASE_MAGIC) {
            return self.database(stream, file, place);
        }
        if self.bytes.len() > WHOLE_BYTES {
            return self.large(stream, file, place);
        }
        let prints = hash(&self.bytes);
        let text = decode(&self.bytes);
        let mut builder =
            SegmentBuilder::new(&mut self.layouts, self.known, text.encoding, text.start);
        let catalogue = builder.layouts.catalogue;
        let intake = match Foreign::recognise(&text.bytes, place, catalogue, text.encoding) {
            Some(mut foreign) => {
                foreign.take(&text.bytes, true, &mut builder);
                foreign.finish()
            }
            None if is_log(&self.bytes) => log_of_a_database(),
            None => {
                let mut intake = intake::read(&text.bytes, place, catalogue, &mut builder);
                map_to_source(&text, &mut intake);
                intake
            }
        };
        let logs = builder.log_counts();
        let segment = builder.finish();
        let size_bytes = as_u64(self.bytes.len());
        Ok(Contents { size_bytes, prints, encoding: text.encoding, intake, segment, logs })
    }

    /// Reads a database whose first bytes are at hand: what is hashed is copied, and the copy is read.
    fn database(
        &mut self,
        stream: &mut (dyn Read + Send),
        file: &SourceFile,
        place: &Place,
    ) -> Result<Contents, EvidenceError> {
        let (mut hashing, mut copy) = (Hashing::default(), DatabaseCopy::new());
        let mut size_bytes = 0;
        while !self.bytes.is_empty() {
            hashing.update(&self.bytes);
            size_bytes += as_u64(self.bytes.len());
            copy.push(&self.bytes).map_err(|error| file.error(error))?;
            self.bytes.clear();
            let more = (&mut *stream).take(CHUNK_BYTES).read_to_end(&mut self.bytes);
            more.map_err(|error| file.error(error))?;
        }
        let encoding = Encoding::Utf8;
        let mut builder = SegmentBuilder::new(&mut self.layouts, self.known, encoding, 0);
        let catalogue = builder.layouts.catalogue;
        let opened = copy.open();
        let intake =
            read_database(opened.as_ref().map_err(String::clone), place, catalogue, &mut builder);
        let logs = builder.log_counts();
        let segment = builder.finish();
        Ok(Contents { size_bytes, prints: hashing.finish(), encoding, intake, segment, logs })
    }

    /// Reads an exhibit whose first bytes are at hand and of which more follows.
    fn large(
        &mut self,
        stream: &mut (dyn Read + Send),
        file: &SourceFile,
        place: &Place,
    ) -> Result<Contents, EvidenceError> {
        let unreadable = |error| file.error(error);
        let mut current = std::mem::take(&mut self.bytes);
        let encoding = Encoding::of(&current);
        let start = encoding.bom_bytes();
        let catalogue = self.layouts.catalogue;
        let mut size_bytes = as_u64(current.len());
        let mut hashing = Hashing::default();
        hashing.update(&current);
        let mut pieces = Pieces {
            cutter: Cutter::new(encoding, as_u64(start)),
            decoder: Decoder::new(encoding),
            parts: Parts::new(place, catalogue),
            builder: SegmentBuilder::new(&mut self.layouts, self.known, encoding, 0),
            encoding,
            file,
            openings: 0,
            foreign: None,
            pending: Vec::new(),
        };
        current.drain(..start);
        let head = encoding.decode_slice(current.get(..4096).unwrap_or_default());
        let is_json = matches!(head.trim_ascii_start().first(), Some(b'{' | b'['));
        let is_log = is_log(&current);
        if (!is_json || place.map.is_some()) && !is_log {
            // Between characters, whatever the encoding: a cut one would only spoil the last cell.
            let head = encoding.decode_slice(current.get(..HEAD_BYTES).unwrap_or(&current));
            pieces.foreign = Foreign::recognise(&head, place, catalogue, encoding);
        }
        let script =
            intake::script(&encoding.decode_slice(current.get(..HEAD_BYTES).unwrap_or(&current)));
        let is_read = is_json || pieces.foreign.is_some();
        let mut next = Vec::new();
        loop {
            let (read, taken) = rayon::join(
                || {
                    next.clear();
                    let read = (&mut *stream).take(CHUNK_BYTES).read_to_end(&mut next);
                    hashing.update(&next);
                    read
                },
                || if is_read { pieces.take(&current, false) } else { Ok(()) },
            );
            taken?;
            if read.map_err(unreadable)? == 0 {
                break;
            }
            size_bytes += as_u64(next.len());
            std::mem::swap(&mut current, &mut next);
        }
        pieces.take(&[], true)?;
        let Pieces { parts, builder, foreign, .. } = pieces;
        let logs = builder.log_counts();
        let segment = builder.finish();
        let mut intake = foreign.map_or_else(|| parts.finish(), Foreign::finish);
        if is_log {
            intake = log_of_a_database();
        } else if !is_read {
            intake.format = Some(Format::NotJson);
            let unknown = ("not-json", "neither an object nor an array");
            let (code, cause) = script.unwrap_or(unknown);
            intake.troubles.push(Trouble { code, offset_bytes: 0, cause: cause.to_owned() });
        }
        Ok(Contents { size_bytes, prints: hashing.finish(), encoding, intake, segment, logs })
    }
}

/// A large text on its way through cutter, intake and index.
struct Pieces<'a, 'l, 'p> {
    cutter: Cutter,
    decoder: Decoder,
    parts: Parts<'p>,
    builder: SegmentBuilder<'a, 'l>,
    encoding: Encoding,
    file: &'p SourceFile,
    /// Lists opened so far.
    openings: usize,
    /// What is no JSON, and the text of it that is not read yet.
    foreign: Option<Foreign<'p>>,
    pending: Vec<u8>,
}

impl Pieces<'_, '_, '_> {
    fn take(&mut self, chunk: &[u8], last: bool) -> Result<(), EvidenceError> {
        let Self { cutter, decoder, foreign, pending, builder, .. } = self;
        if let Some(foreign) = foreign {
            decoder.decode(chunk, pending);
            if last {
                decoder.finish(pending);
            }
            let read = foreign.take(pending, last, builder);
            pending.drain(..read);
            return Ok(());
        }
        cutter.feed(&mut |text| {
            decoder.decode(chunk, text);
            if last {
                decoder.finish(text);
            }
        });
        while let Some(piece) = self.cutter.next(last) {
            let range = match &piece {
                Piece::TooLarge(span) => {
                    self.parts.too_large(span.clone());
                    continue;
                }
                Piece::Texts(range)
                | Piece::Opening(range)
                | Piece::Items(range)
                | Piece::Closing(range) => range.clone(),
            };
            let mut closing = None;
            if matches!(piece, Piece::Opening(_)) {
                self.openings += 1;
                if Parts::lacks_context(&self.cutter, &piece) {
                    closing = closing_of(self.file, self.openings, self.encoding)?;
                }
            }
            self.builder.go_on_at(self.encoding, self.cutter.source_offset(range.start));
            let text = self.cutter.text().get(range).unwrap_or_default();
            let source = |at: usize| self.cutter.source_offset(at);
            self.parts.take(&piece, text, closing.as_deref(), &source, &mut self.builder);
            self.cutter.consume(&piece);
        }
        Ok(())
    }
}

/// What stands behind a list of an exhibit, counted from 1: only there is told which request it answers.
fn closing_of(
    file: &SourceFile,
    number: usize,
    encoding: Encoding,
) -> Result<Option<Vec<u8>>, EvidenceError> {
    let unreadable = |error| file.error(error);
    let mut stream = file.open()?;
    let mut cutter = Cutter::new(encoding, 0);
    let mut decoder = Decoder::new(encoding);
    let mut chunk = vec![0; encoding.bom_bytes()];
    stream.read_exact(&mut chunk).map_err(unreadable)?;
    let mut openings = 0;
    loop {
        chunk.clear();
        let read = (&mut stream).take(CHUNK_BYTES).read_to_end(&mut chunk).map_err(unreadable)?;
        cutter.feed(&mut |text| decoder.decode(&chunk, text));
        while let Some(piece) = cutter.next(read == 0) {
            match &piece {
                Piece::Opening(_) => openings += 1,
                Piece::Closing(range) if openings == number => {
                    return Ok(cutter.text().get(range.clone()).map(<[u8]>::to_vec));
                }
                Piece::Texts(_) | Piece::Items(_) | Piece::Closing(_) | Piece::TooLarge(_) => {}
            }
            cutter.consume(&piece);
        }
        if read == 0 {
            return Ok(None);
        }
    }
}

/// Whether an exhibit holds nothing but records of logs; an empty page of a log is one too.
fn holds_logs_only(
    catalogue: &Catalogue,
    requests: &[Request],
    tally: &Tally,
    logs: &[LogCount],
) -> bool {
    let of_logs: u64 = logs.iter().map(|log| log.records).sum();
    let asks_for_log = |request: &Request| {
        let Subject::Objects { object_type, .. } = &request.subject else { return false };
        let known = catalogue.object_type(object_type);
        request.refused.is_none() && known.is_some_and(|known| known.event || known.service_record)
    };
    match tally.seen {
        0 => !requests.is_empty() && requests.iter().all(asks_for_log),
        _ => of_logs > 0 && tally.used == of_logs,
    }
}

/// A write-ahead log or a journal: named, not applied.
fn log_of_a_database() -> Intake {
    let cause = "what it holds is not in the database beside it".to_owned();
    let trouble = Trouble { code: "database-log", offset_bytes: 0, cause };
    let mut intake = Intake::default();
    intake.format = Some(Format::DatabaseLog);
    intake.troubles.push(trouble);
    intake
}

/// Turns offsets of the decoded text into offsets of the source.
fn map_to_source(text: &Text<'_>, intake: &mut Intake) {
    let offsets = SourceOffsets::new(text.encoding, text.start);
    let place =
        |at: usize| usize::try_from(offsets.source_offset(&text.bytes, at)).unwrap_or(usize::MAX);
    for quarantined in &mut intake.quarantine {
        let span = quarantined.span.clone();
        quarantined.span = place(span.start)..place(span.end);
    }
    for trouble in &mut intake.troubles {
        trouble.offset_bytes = place(trouble.offset_bytes);
    }
}
