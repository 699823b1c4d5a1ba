//! The floor: what any program must do that reads evidence once, proves which bytes it read, and believes nothing.
//!
//! Reads every byte of every file below the arguments once, computes BLAKE3 and SHA-256 over it, checks that the text is
//! JSON, and builds nothing. Containers cost what they cost: the members of a zip archive are inflated and stand for the
//! archive, UTF-16 becomes UTF-8 by the program's own decoder before it is checked (the hashes are of the source bytes).
//!
//! It is meant to be hard to beat. Files are shared out over the threads and read into buffers that are used again. A
//! text larger than [`WHOLE`] is read in chunks: while one thread checks a chunk, the other reads and hashes the next.
//!
//! ```console
//! cargo bench --bench floor -- [--threads N] PATH...
//! ```
//!
//! Prints what it read, and no time: `compare.py` measures whole processes. Ends with exit code 1 if a text is no JSON.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use entrace::evidence::Encoding;
use serde::de::IgnoredAny;
use serde_json::Deserializer;
use sha2::{Digest as _, Sha256};
use zip::ZipArchive;

/// Texts up to this size are read whole, as many at a time as there are threads.
const WHOLE: u64 = 32 * MEBIBYTE;
/// How much of a larger text is read at a time; an object must fit to be checked by `serde_json`, a larger one is
/// followed by its strings and brackets alone.
const CHUNK: usize = 8 << 20;
const MEBIBYTE: u64 = 1 << 20;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (mut threads, mut paths) = (2, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.to_str() {
            // What `cargo bench` says to every bench.
            Some("--bench") => {}
            Some("--threads") => {
                let number = arguments.next().and_then(|number| number.to_str()?.parse().ok());
                threads = number.unwrap_or(threads);
            }
            _ => paths.push(PathBuf::from(argument)),
        }
    }
    match run(threads, &paths) {
        Ok(total) => {
            let Total { files, bytes, texts, bad } = total;
            let line = format!("{files} files, {bytes} bytes, {texts} texts, {bad} not JSON\n");
            let said = io::stdout().write_all(line.as_bytes());
            if said.is_ok() && bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            drop(writeln!(io::stderr(), "floor: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What was read.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    /// Files below the arguments.
    files: u64,
    /// Bytes that were hashed: of files, or of the members of archives.
    bytes: u64,
    /// Files that are no archive, and members of archives.
    texts: u64,
    /// Texts that are no JSON.
    bad: u64,
}

impl Total {
    fn and(self, other: Self) -> Self {
        Self {
            files: self.files + other.files,
            bytes: self.bytes + other.bytes,
            texts: self.texts + other.texts,
            bad: self.bad + other.bad,
        }
    }

    fn text(bytes: u64, is_json: bool) -> Self {
        Self { files: 0, bytes, texts: 1, bad: u64::from(!is_json) }
    }
}

fn run(threads: usize, paths: &[PathBuf]) -> io::Result<Total> {
    let mut found = Vec::new();
    for path in paths {
        list(path, &mut found)?;
    }
    let files = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let (archives, plain): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(path, _)| path.extension().is_some_and(|end| end == "zip"));
    let (small, large): (Vec<_>, Vec<_>) = plain.into_iter().partition(|(_, size)| *size <= WHOLE);
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(io::Error::other)?;
    pool.install(|| {
        let mut total = Total { files, ..Total::default() };
        for (path, _) in &archives {
            total = total.and(archive(path)?);
        }
        for (path, _) in &large {
            total = total.and(stream(&mut File::open(path)?)?);
        }
        let read = |buffer: &mut Vec<u8>, (path, size): &(PathBuf, u64)| {
            whole(&mut File::open(path)?, *size, buffer)
        };
        Ok(total.and(share_out(&small, Vec::new, read)?))
    })
}

/// Lists the files below `path` with their sizes.
fn list(path: &Path, found: &mut Vec<(PathBuf, u64)>) -> io::Result<()> {
    let metadata = std::fs::symlink_metadata(path)?;
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path)? {
            list(&entry?.path(), found)?;
        }
    } else if metadata.is_file() {
        found.push((path.to_path_buf(), metadata.len()));
    }
    Ok(())
}

/// Works through `items` on all threads, each of which takes the next one and keeps what `begin` gave it.
fn share_out<T: Sync, S>(
    items: &[T],
    begin: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> io::Result<Total> + Sync,
) -> io::Result<Total> {
    let next = AtomicUsize::new(0);
    let of_threads = rayon::broadcast(|_| {
        let (mut state, mut total) = (begin(), Total::default());
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            total = total.and(work(&mut state, item)?);
        }
        Ok(total)
    });
    of_threads
        .into_iter()
        .try_fold(Total::default(), |total, one: io::Result<_>| Ok(total.and(one?)))
}

/// Reads a text whole into a buffer that is used again.
fn whole(source: &mut impl Read, size_bytes: u64, buffer: &mut Vec<u8>) -> io::Result<Total> {
    buffer.clear();
    buffer.reserve(usize::try_from(size_bytes).unwrap_or(0) + 1);
    source.read_to_end(buffer)?;
    std::hint::black_box((Sha256::digest(&buffer), blake3::hash(buffer)));
    let text = entrace::evidence::decode(buffer);
    let mut values = Deserializer::from_slice(&text.bytes).into_iter::<IgnoredAny>();
    Ok(Total::text(length(buffer), values.all(|value| value.is_ok())))
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

// -------------------------------------------------------------------------------------------------------- archives

/// A file that several readers share, each with a place of its own.
#[derive(Debug, Clone)]
struct Shared {
    file: Arc<File>,
    at: u64,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += u64::try_from(read).unwrap_or(0);
        Ok(read)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(step) => self.file.metadata()?.len().checked_add_signed(step),
            SeekFrom::Current(step) => self.at.checked_add_signed(step),
        };
        self.at = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Inflates the members of an archive: large ones one after the other, the others side by side.
fn archive(path: &Path) -> io::Result<Total> {
    let file = Arc::new(File::open(path)?);
    let mut opened = ZipArchive::new(Shared { file, at: 0 })?;
    let (mut small, mut total) = (Vec::new(), Total::default());
    for member in 0..opened.len() {
        let mut inflated = opened.by_index(member)?;
        if inflated.is_dir() {
            continue;
        }
        if inflated.size() > WHOLE {
            total = total.and(stream(&mut inflated)?);
        } else {
            small.push(member);
        }
    }
    let open = || (opened.clone(), Vec::new());
    let read = |(opened, buffer): &mut (ZipArchive<Shared>, Vec<u8>), member: &usize| {
        let mut inflated = opened.by_index(*member)?;
        let size = inflated.size();
        whole(&mut inflated, size, buffer)
    };
    Ok(total.and(share_out(&small, open, read)?))
}

// ------------------------------------------------------------------------------------------------- one large text

/// Reads a large text chunk by chunk: one thread reads, hashes and decodes while the other checks.
fn stream(source: &mut (impl Read + Send)) -> io::Result<Total> {
    let mut source = Source {
        from: source,
        chunk: Vec::new(),
        encoding: None,
        hashes: (Sha256::new(), blake3::Hasher::new()),
        bytes: 0,
    };
    let (mut check, mut text, mut next) = (Check::default(), Vec::new(), Vec::new());
    source.next(&mut text)?;
    while !text.is_empty() {
        let (_, read) = rayon::join(|| check.feed(&text), || source.next(&mut next));
        read?;
        std::mem::swap(&mut text, &mut next);
    }
    std::hint::black_box((source.hashes.0.finalize(), source.hashes.1.finalize()));
    Ok(Total::text(source.bytes, check.end() && source.chunk.is_empty()))
}

/// The reading side of a large text.
struct Source<'a, R> {
    from: &'a mut R,
    /// Source bytes; between two chunks what is no whole character yet.
    chunk: Vec<u8>,
    encoding: Option<Encoding>,
    hashes: (Sha256, blake3::Hasher),
    bytes: u64,
}

impl<R: Read> Source<'_, R> {
    /// Reads the next chunk into `text`, decoded; leaves it empty at the end.
    fn next(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        text.clear();
        let first = self.encoding.is_none();
        let plain = !first && !self.is_wide();
        let into = if plain { &mut *text } else { &mut self.chunk };
        let before = into.len();
        let limit = u64::try_from(CHUNK - before).unwrap_or(0);
        self.from.by_ref().take(limit).read_to_end(into)?;
        let fresh = into.get(before..).unwrap_or_default();
        self.hashes.0.update(fresh);
        self.hashes.1.update(fresh);
        self.bytes += length(fresh);
        if plain {
            return Ok(());
        }
        let encoding = *self.encoding.get_or_insert_with(|| Encoding::of(&self.chunk));
        let mark = match encoding {
            Encoding::Utf8Bom => 3,
            Encoding::Utf16Le { bom: true } | Encoding::Utf16Be { bom: true } => 2,
            Encoding::Utf8 | Encoding::Utf16Le { .. } | Encoding::Utf16Be { .. } => 0,
        };
        let body = self.chunk.get(if first { mark } else { 0 }..).unwrap_or_default();
        let rest = if self.is_wide() { half_characters(body, encoding) } else { 0 };
        let (body, rest) = body.split_at(body.len() - rest);
        match encoding.decode_slice(body) {
            Cow::Borrowed(body) => text.extend_from_slice(body),
            Cow::Owned(decoded) => *text = decoded,
        }
        let rest = rest.to_vec();
        self.chunk.clear();
        self.chunk.extend_from_slice(&rest);
        Ok(())
    }

    fn is_wide(&self) -> bool {
        matches!(self.encoding, Some(Encoding::Utf16Le { .. } | Encoding::Utf16Be { .. }))
    }
}

/// How many bytes at the end of UTF-16 are half a unit, or half a pair of units.
fn half_characters(body: &[u8], encoding: Encoding) -> usize {
    let odd = body.len() % 2;
    let high_byte = if matches!(encoding, Encoding::Utf16Le { .. }) { 1 } else { 2 };
    let high = body.len().checked_sub(odd + high_byte).and_then(|place| body.get(place));
    odd + if high.is_some_and(|byte| (0xD8..0xDC).contains(byte)) { 2 } else { 0 }
}

/// Checks a text that comes in pieces. Values at the top, members of an object at the top and elements of a list in it
/// are checked by `serde_json` one by one; what stands between them is checked here.
#[derive(Debug, Default)]
struct Check {
    /// The beginning of a value that the last piece broke off.
    carried: Vec<u8>,
    /// The brackets that are open around the values, at most `{[` or `[`.
    open: Vec<u8>,
    expected: Expected,
    /// A value too large to be carried.
    huge: Option<Huge>,
    failed: bool,
}

/// What may stand next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Expected {
    /// A value.
    #[default]
    Value,
    /// A value, or the end of the list that just began.
    FirstElement,
    /// A key.
    Key,
    /// A key, or the end of the object that just began.
    FirstKey,
    /// The colon behind a key.
    Colon,
    /// A comma or the end.
    Comma,
}

/// Where one stands inside a value that is followed by its strings and brackets alone.
#[derive(Debug, Clone, Copy, Default)]
struct Huge {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Huge {
    /// Passes over `piece`; gives the place behind the value where it ends in it.
    fn pass(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            if self.escaped {
                self.escaped = false;
                at += 1;
            } else if self.in_string {
                let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
                self.escaped = rest.get(plain) == Some(&b'\\');
                self.in_string = self.escaped;
                at += plain + 1;
            } else {
                match rest.first() {
                    Some(b'"') => self.in_string = true,
                    Some(b'{' | b'[') => self.depth += 1,
                    Some(b'}' | b']') => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                at += 1;
            }
            if self.depth == 0 && !self.in_string {
                return Some(at);
            }
        }
        None
    }
}

impl Check {
    fn feed(&mut self, piece: &[u8]) {
        let mut piece = piece;
        if let Some(huge) = &mut self.huge {
            let Some(behind) = huge.pass(piece) else { return };
            self.huge = None;
            self.expected = self.behind_value();
            piece = piece.get(behind..).unwrap_or_default();
        }
        if self.carried.is_empty() {
            let rest = self.pass(piece, false).to_vec();
            return self.carry(rest);
        }
        let mut text = std::mem::take(&mut self.carried);
        text.extend_from_slice(piece);
        let rest = self.pass(&text, false).to_vec();
        self.carry(rest);
    }

    /// Keeps what could not be checked yet.
    fn carry(&mut self, rest: Vec<u8>) {
        self.carried = rest;
        if self.carried.len() >= CHUNK {
            let mut huge = Huge::default();
            let end = huge.pass(&self.carried);
            self.failed |= end.is_some() || self.expected == Expected::Colon;
            self.huge = Some(huge);
            self.carried.clear();
        }
    }

    /// Whether all of it was JSON.
    fn end(mut self) -> bool {
        let rest = std::mem::take(&mut self.carried);
        let rest = self.pass(&rest, true).is_empty();
        let closed = matches!(self.expected, Expected::Value | Expected::Comma);
        rest && closed && self.open.is_empty() && self.huge.is_none() && !self.failed
    }

    /// Checks as much of `text` as is whole, and gives the rest. At the `last` piece a number may end it.
    fn pass<'a>(&mut self, text: &'a [u8], last: bool) -> &'a [u8] {
        let mut rest = text;
        while !self.failed {
            let blanks = rest.iter().take_while(|byte| b" \n\r\t".contains(byte)).count();
            rest = rest.get(blanks..).unwrap_or_default();
            let Some(byte) = rest.first() else { break };
            let step = if self.punctuation(*byte) { Some(1) } else { self.value(rest, last) };
            let Some(step) = step else { return rest };
            rest = rest.get(step..).unwrap_or_default();
        }
        if self.failed { &[] } else { rest }
    }

    /// Steps over brackets, commas and colons that lead from value to value; false where a value stands.
    fn punctuation(&mut self, byte: u8) -> bool {
        use Expected::{Colon, Comma, FirstElement, FirstKey, Key, Value};
        let inner = self.open.last().copied();
        self.expected = match (self.expected, byte, inner) {
            (Value, b'{', None) => {
                self.open.push(b'{');
                FirstKey
            }
            (Value, b'[', None | Some(b'{')) => {
                self.open.push(b'[');
                FirstElement
            }
            (FirstKey | Comma, b'}', Some(b'{')) | (FirstElement | Comma, b']', Some(b'[')) => {
                self.open.pop();
                self.behind_value()
            }
            (Comma, b',', Some(b'{')) => Key,
            (Comma, b',', Some(_)) => Value,
            (Colon, b':', _) => Value,
            (Comma | Colon, ..) => {
                self.failed = true;
                return true;
            }
            (Key | FirstKey, ..) if byte != b'"' => {
                self.failed = true;
                return true;
            }
            _ => return false,
        };
        true
    }

    /// Checks one value or key; gives its length, or nothing where it is not whole.
    fn value(&mut self, rest: &[u8], last: bool) -> Option<usize> {
        let mut values = Deserializer::from_slice(rest).into_iter::<IgnoredAny>();
        let checked = values.next();
        let length = values.byte_offset();
        match checked {
            // A number that ends with the piece may go on in the next one.
            Some(Ok(_)) if length == rest.len() && !last => {
                let is_number = rest.first().is_some_and(|byte| matches!(byte, b'-' | b'0'..=b'9'));
                if is_number {
                    return None;
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) if !last && is_broken_off(&error, rest) => return None,
            Some(Err(_)) | None => {
                self.failed = true;
                return Some(rest.len());
            }
        }
        self.expected = match self.expected {
            Expected::Key | Expected::FirstKey => Expected::Colon,
            Expected::Value | Expected::FirstElement | Expected::Colon | Expected::Comma => {
                self.behind_value()
            }
        };
        Some(length)
    }

    /// Behind a value inside brackets stands a comma or their end, else another text.
    fn behind_value(&self) -> Expected {
        if self.open.is_empty() { Expected::Value } else { Expected::Comma }
    }
}

/// Whether an error is the end of the piece; a number that stops behind its sign, point or `e` counts as malformed there.
fn is_broken_off(error: &serde_json::Error, piece: &[u8]) -> bool {
    let lines = piece.split(|byte| *byte == b'\n').count();
    let line = piece.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    error.is_eof() || (error.line() == lines && error.column() >= line.len())
}
