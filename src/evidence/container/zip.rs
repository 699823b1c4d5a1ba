//! Members of a zip archive from its central directory (APPNOTE 6.3), each checked against its local header.
//!
//! The directory is walked record by record with `rawzip`, which hides nothing: names that stand twice, entries that
//! overlap, and bytes between entries are all seen.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use rawzip::time::ZipDateTimeKind;
use rawzip::{
    CompressionMethod, Crc32, MAX_CENTRAL_DIRECTORY_RECORD_SIZE, ZipArchive, ZipFileHeaderRecord,
    ZipLocator,
};

use super::fault::Fault;
use super::limits::{Limits, Size, exceeds};
use super::store::Store;
use super::stream::{Stream, as_u64};
use crate::evidence::source::RecordedTime;

/// Bits of a file mode that say what a thing is (`<sys/stat.h>`).
const MODE_KIND: u32 = 0o170_000;
const MODE_FILE: u32 = 0o100_000;
const MODE_FOLDER: u32 = 0o040_000;
const MODE_LINK: u32 = 0o120_000;

/// A data descriptor behind an entry: signature, checksum, two sizes of eight bytes.
const DESCRIPTOR_BYTES: u64 = 24;

/// Where the data of a member are, and what they must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::evidence) struct ZipPlace {
    start: u64,
    packed: u64,
    method: Method,
    /// Decompressed bytes.
    pub(super) size: u64,
    crc: u32,
}

impl ZipPlace {
    /// Where its data begin.
    pub(super) fn start(self) -> u64 {
        self.start
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Stored,
    Deflated,
    Zstd,
}

/// One record of the directory.
#[derive(Debug)]
pub(super) struct ZipMember {
    pub(super) name: Vec<u8>,
    pub(super) folder: bool,
    pub(super) recorded: Option<RecordedTime>,
    /// Where it is; or the code and cause of its refusal.
    pub(super) place: Result<ZipPlace, (&'static str, String)>,
    start: u64,
    end: u64,
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// In the order of the directory.
    pub(super) members: Vec<ZipMember>,
    /// What is wrong with the archive as a whole.
    pub(super) faults: Vec<Fault>,
}

impl Directory {
    /// Whether it is a package of the Open Packaging Conventions (an Office document) and no archive of files.
    pub(super) fn is_document(&self) -> bool {
        let holds = |name: &[u8]| self.members.iter().any(|member| member.name == name);
        holds(b"[Content_Types].xml") && holds(b"_rels/.rels")
    }
}

/// Reads the directory of an archive.
pub(super) fn read_directory(store: &Store, limits: &Limits) -> Directory {
    let mut directory = Directory::default();
    let mut buffer = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let archive = match ZipLocator::new().locate_in_reader(store.clone(), &mut buffer, store.len())
    {
        Ok(archive) => archive,
        Err((_, error)) => {
            directory.faults.push(directory_fault(&error));
            return directory;
        }
    };
    let mut local = vec![0; MAX_CENTRAL_DIRECTORY_RECORD_SIZE];
    let mut entries = archive.entries(&mut buffer);
    loop {
        match entries.next_entry() {
            Ok(Some(record)) => {
                if as_u64(directory.members.len()) >= limits.members {
                    let cause = format!("more than {} members", limits.members);
                    directory.faults.push(Fault::Limit("archive-members", cause));
                    break;
                }
                directory.members.push(member(&archive, &record, &mut local));
            }
            Ok(None) => {
                let (found, noted) = (as_u64(directory.members.len()), archive.entries_hint());
                if found != noted {
                    let cause =
                        format!("its directory announces {noted} members and holds {found}");
                    directory.faults.push(Fault::Corrupt(cause));
                }
                break;
            }
            Err(error) => {
                directory.faults.push(directory_fault(&error));
                break;
            }
        }
    }
    let gap =
        check_layout(&mut directory, archive.directory_offset(), archive.end_offset(), store.len());
    // Where the directory was not read to its end, bytes without a member prove nothing.
    if directory.faults.is_empty() {
        directory.faults.extend(gap);
    }
    directory
}

fn directory_fault(error: &rawzip::Error) -> Fault {
    let kind = error.kind();
    if let rawzip::ErrorKind::IO(error) = kind {
        return Fault::of(error);
    }
    if matches!(kind, rawzip::ErrorKind::MissingEndOfCentralDirectory | rawzip::ErrorKind::Eof) {
        return Fault::Truncated;
    }
    Fault::Corrupt(format!("its directory is damaged: {kind}"))
}

fn member(
    archive: &ZipArchive<Store>,
    record: &ZipFileHeaderRecord<'_>,
    buffer: &mut [u8],
) -> ZipMember {
    let start = record.local_header_offset();
    let mut member = ZipMember {
        name: record.file_path().as_bytes().to_vec(),
        folder: record.is_dir(),
        recorded: recorded(record),
        place: Err(("member-header-mismatch", String::new())),
        start,
        end: start,
    };
    member.place = match place(archive, record, buffer) {
        Ok((place, end)) => {
            member.end = end;
            Ok(place)
        }
        Err((end, code, cause)) => {
            member.end = end;
            Err((code, cause))
        }
    };
    // An entry of a folder holds nothing; one that does hides something.
    if record.is_dir() && record.uncompressed_size_hint() > 0 {
        member.folder = false;
        member.place = Err(("member-not-a-file", "a folder that holds data of its own".to_owned()));
    }
    member
}

/// Compares a record with the local header that it leads to.
fn place(
    archive: &ZipArchive<Store>,
    record: &ZipFileHeaderRecord<'_>,
    buffer: &mut [u8],
) -> Result<(ZipPlace, u64), (u64, &'static str, String)> {
    let start = record.local_header_offset();
    let damaged = |error: rawzip::Error| {
        let cause = format!("no local header at byte {start}: {error}");
        (start, "member-header-mismatch", cause)
    };
    if start >= archive.get_ref().len() {
        let cause = format!("its local header would stand at byte {start}, beyond the archive");
        return Err((start, "member-damaged", cause));
    }
    let entry = archive.get_entry(record.wayfinder()).map_err(damaged)?;
    let (data, end) = entry.compressed_data_range();
    let local = entry.local_header(buffer).map_err(damaged)?;
    let differs = |what: &str| {
        let cause =
            format!("{what} in the local header at byte {start} is not that of the directory");
        (end, "member-header-mismatch", cause)
    };
    if local.file_path().as_bytes() != record.file_path().as_bytes() {
        return Err(differs("the name"));
    }
    if local.compression_method() != record.compression_method() {
        return Err(differs("the compression method"));
    }
    if local.flags().is_encrypted() != record.flags().is_encrypted() {
        return Err(differs("the mark of encryption"));
    }
    // With a data descriptor the local header may leave them to what follows the data.
    let (crc, size, packed) = (record.crc32(), record.uncompressed_size_hint(), end - data);
    let open = local.flags().has_data_descriptor();
    let agrees = |local: u64, central: u64| local == central || (open && local == 0);
    let local_packed = local.compressed_size_hint();
    if !agrees(local.crc32().into(), crc.into()) {
        return Err(differs("the checksum"));
    }
    if !agrees(local.uncompressed_size_hint(), size) || !agrees(local_packed, packed) {
        return Err(differs("the size"));
    }
    if let Some((code, cause)) = refusal(record) {
        return Err((end, code, cause));
    }
    let method = match record.compression_method() {
        CompressionMethod::STORE if packed != size => {
            let cause = format!("stored as it is, and yet {packed} bytes make {size}");
            return Err((end, "member-damaged", cause));
        }
        CompressionMethod::STORE => Method::Stored,
        CompressionMethod::DEFLATE => Method::Deflated,
        CompressionMethod::ZSTD => Method::Zstd,
        other => {
            let name = other.name().unwrap_or("unknown");
            let cause = format!("compression method {} ({name}) is not read", other.as_u16());
            return Err((end, "member-method-unsupported", cause));
        }
    };
    Ok((ZipPlace { start: data, packed, method, size, crc }, end))
}

/// Why a member that is sound is not read all the same.
fn refusal(record: &ZipFileHeaderRecord<'_>) -> Option<(&'static str, String)> {
    let flags = record.flags();
    if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() {
        return Some(("member-encrypted", "it is encrypted".to_owned()));
    }
    match record.mode().value() & MODE_KIND {
        MODE_LINK => Some(("member-link", "a symbolic link".to_owned())),
        0 | MODE_FILE | MODE_FOLDER => None,
        _ => Some(("member-not-a-file", "neither a file nor a folder".to_owned())),
    }
}

/// Refuses entries that share bytes, and finds bytes that belong to no entry.
fn check_layout(
    directory: &mut Directory,
    directory_start: u64,
    end: u64,
    len: u64,
) -> Option<Fault> {
    let mut spans: Vec<(u64, u64, usize)> = directory
        .members
        .iter()
        .enumerate()
        // What would stand beyond the archive is refused for that.
        .filter(|(_, member)| member.start < len)
        .map(|(at, member)| (member.start, member.end, at))
        .collect();
    // The directory takes its place like an entry; nothing may reach into it.
    spans.push((directory_start, end, usize::MAX));
    spans.sort_unstable();
    let mut shared = Vec::new();
    let mut gap = None;
    let mut reach = (0, usize::MAX);
    let mut slack = 0;
    for (start, stop, at) in spans {
        let (covered, before) = reach;
        if start < covered {
            shared.extend([before, at]);
        } else if start - covered > slack {
            gap = gap.or(Some((covered, start)));
        }
        if stop >= covered {
            reach = (stop, at);
        }
        slack = DESCRIPTOR_BYTES;
    }
    if len > end {
        gap = gap.or(Some((end, len)));
    }
    for at in shared {
        if let Some(member) = directory.members.get_mut(at) {
            let cause = "its bytes are also those of another member or of the directory";
            member.place = Err(("member-overlap", cause.to_owned()));
        }
    }
    gap.map(|(from, to)| {
        Fault::Leftover(format!("bytes {from} to {to} of the zip archive belong to no member"))
    })
}

fn recorded(record: &ZipFileHeaderRecord<'_>) -> Option<RecordedTime> {
    let time = record.last_modified();
    let part = |value: u8| i8::try_from(value).ok();
    match time {
        ZipDateTimeKind::Utc(at) => RecordedTime::utc(Timestamp::from_second(at.to_unix()).ok()?),
        ZipDateTimeKind::Local(at) => {
            let (month, day) = (part(at.month())?, part(at.day())?);
            let (hour, minute, second) = (part(at.hour())?, part(at.minute())?, part(at.second())?);
            let year = i16::try_from(at.year()).ok()?;
            RecordedTime::local(DateTime::new(year, month, day, hour, minute, second, 0).ok()?)
        }
    }
}

/// The bytes of a member where they stand as they are, for an archive inside the archive.
pub(super) fn stored(store: &Store, place: &ZipPlace) -> Option<Store> {
    (place.method == Method::Stored).then(|| store.part(place.start, place.packed))
}

/// Whether a member stands in the archive as it is.
pub(super) fn is_stored(place: &ZipPlace) -> bool {
    place.method == Method::Stored
}

/// What a member decompresses to; in words, if that breaks the limit by itself.
pub(super) fn size(place: &ZipPlace, limits: &Limits) -> Result<Size, String> {
    let ratio = match place.method {
        Method::Stored => return Ok(Size::plain(place.size)),
        Method::Deflated => limits.ratio_deflate,
        Method::Zstd => limits.ratio_wide,
    };
    if exceeds(place.size, place.packed, ratio, limits.floor_bytes) {
        return Err(format!(
            "{} bytes would become {}, more than {ratio} times as many",
            place.packed, place.size
        ));
    }
    Ok(Size { bytes: place.size, is_dense: exceeds(place.size, place.packed, ratio, 0) })
}

/// The decompressed bytes of a member; no more than were announced, and checked at the last of them.
pub(super) fn open(store: &Store, place: &ZipPlace) -> Result<Stream<'static>, Fault> {
    let packed = store.part(place.start, place.packed).reader();
    let inner: Stream<'static> = match place.method {
        Method::Stored => Box::new(packed),
        Method::Deflated => Box::new(DeflateDecoder::new(packed)),
        Method::Zstd => Box::new(zstd::stream::read::Decoder::new(packed)?),
    };
    let left = Some(place.size);
    Ok(Box::new(Checked { inner, left, crc: Crc32::new(), noted: place.crc, fault: None }))
}

/// Holds a stream to the size and checksum that were announced. An error stays.
struct Checked {
    inner: Stream<'static>,
    /// Bytes to come; `None` once all came and were right.
    left: Option<u64>,
    crc: Crc32,
    noted: u32,
    fault: Option<Fault>,
}

impl Checked {
    fn next(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        let Some(left) = self.left else { return Ok(0) };
        if left > 0 {
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let Some(part) = buffer.get_mut(..wanted) else { return Ok(0) };
            let count = read_on(&mut self.inner, part)?;
            if count == 0 {
                return Err(Fault::Truncated);
            }
            self.crc.update(part.get(..count).unwrap_or_default());
            self.left = Some(left.saturating_sub(as_u64(count)));
            if self.left != Some(0) {
                return Ok(count);
            }
            self.finish()?;
            return Ok(count);
        }
        self.finish()?;
        Ok(0)
    }

    fn finish(&mut self) -> Result<(), Fault> {
        if read_on(&mut self.inner, &mut [0])? > 0 {
            return Err(Fault::Corrupt("it decompresses to more bytes than announced".to_owned()));
        }
        let found = self.crc.checksum();
        if found != self.noted {
            let cause = format!("its checksum is {found:08x}, announced is {:08x}", self.noted);
            return Err(Fault::Corrupt(cause));
        }
        self.left = None;
        Ok(())
    }
}

/// Reads, whatever signals come.
fn read_on(reader: &mut Stream<'static>, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        if buffer.is_empty() {
            return Ok(0);
        }
        self.next(buffer).map_err(|fault| {
            self.fault = Some(fault.clone());
            fault.into()
        })
    }
}
