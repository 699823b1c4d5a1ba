//! Members of a tar archive in the order of the stream: ustar, GNU and pax (POSIX.1-2024, "pax Interchange Format").
//!
//! Extended headers are read here under a limit, because the `tar` crate holds them whole whatever their size. A member
//! whose readers could disagree on where it ends (two sizes) ends the archive.

use std::io::{self, Read};

use jiff::Timestamp;
use tar::Header;

use super::fault::Fault;
use super::limits::MAX_EXTENDED_BYTES;
use super::stream::{as_u64, read_of};
use crate::evidence::source::RecordedTime;

const BLOCK_BYTES: usize = 512;
const BLOCK: u64 = 512;

/// Headers that are about the member behind them: GNU names of members and of links, pax for one member and for all.
const LONG_NAME: u8 = b'L';
const LONG_LINK: u8 = b'K';
const EXTENDED: u8 = b'x';
const EXTENDED_ALL: u8 = b'g';

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TarKind {
    File,
    Folder,
    Link,
    Sparse,
    Special,
}

/// One member.
#[derive(Debug)]
pub(super) struct TarMember {
    pub(super) name: Vec<u8>,
    pub(super) kind: TarKind,
    pub(super) size: u64,
    /// Where its data begin in the stream.
    pub(super) offset: u64,
    pub(super) recorded: Option<RecordedTime>,
}

/// Reads a tar stream forward; itself a reader of the data of the member that it stands in.
pub(super) struct TarReader<R> {
    inner: R,
    position: u64,
    left: u64,
    padding: u64,
}

#[derive(Debug, Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<Timestamp>,
    sparse: bool,
}

/// Whether these bytes begin a tar archive: a header whose checksum is right.
pub(super) fn is_header(head: &[u8]) -> bool {
    let Some((block, _)) = head.split_first_chunk::<BLOCK_BYTES>() else { return false };
    block.first() != Some(&0) && checksum_holds(block)
}

fn checksum_holds(block: &[u8; BLOCK_BYTES]) -> bool {
    let sum: u32 = block
        .iter()
        .enumerate()
        .map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) })
        .sum();
    Header::from_byte_slice(block).cksum().is_ok_and(|noted| noted == sum)
}

impl<R: Read> TarReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, position: 0, left: 0, padding: 0 }
    }

    /// The next member, after the rest of the one before.
    ///
    /// # Errors
    /// The fault of the stream or of a header; then nothing more can be read.
    pub(super) fn next(&mut self) -> Result<Option<TarMember>, Fault> {
        let mut extended = Extended::default();
        loop {
            self.finish_member()?;
            let at = self.position;
            let block = self.block()?.ok_or(Fault::Truncated)?;
            if block.iter().all(|byte| *byte == 0) {
                return self.end().map(|()| None);
            }
            if !checksum_holds(&block) {
                let cause = format!("the header at byte {at} of the tar archive is damaged");
                return Err(Fault::Corrupt(cause));
            }
            let header = Header::from_byte_slice(&block);
            let noted = header.entry_size().map_err(|error| Fault::Corrupt(error.to_string()))?;
            let kind = header.entry_type().as_byte();
            let header_name = header.path_bytes().into_owned();
            match kind {
                LONG_NAME => {
                    let mut name = self.extension(noted)?;
                    while name.last() == Some(&0) {
                        name.pop();
                    }
                    extended.name = Some(name);
                }
                LONG_LINK => drop(self.extension(noted)?),
                EXTENDED => {
                    let text = self.extension(noted)?;
                    extended.read(&text).ok_or_else(|| bad_extension(at))?;
                }
                EXTENDED_ALL => {
                    let mut all = Extended::default();
                    let text = self.extension(noted)?;
                    all.read(&text).ok_or_else(|| bad_extension(at))?;
                    if all.name.is_some() || all.size.is_some() {
                        return Err(bad_extension(at));
                    }
                }
                _ => {
                    let recorded = extended.modified.or_else(|| {
                        Timestamp::from_second(i64::try_from(header.mtime().ok()?).ok()?).ok()
                    });
                    return self.member(kind, header_name, noted, extended, recorded).map(Some);
                }
            }
        }
    }

    fn member(
        &mut self,
        kind: u8,
        header_name: Vec<u8>,
        noted: u64,
        extended: Extended,
        recorded: Option<Timestamp>,
    ) -> Result<TarMember, Fault> {
        let size = match extended.size {
            // A header holds up to 8 GiB; only beyond may the two differ.
            Some(size) if size != noted && noted != 0 && size < 1 << 33 => {
                let cause = format!("two sizes for one member, {noted} and {size} bytes");
                return Err(Fault::Corrupt(cause));
            }
            Some(size) => size,
            None => noted,
        };
        let kind = match kind {
            _ if extended.sparse => TarKind::Sparse,
            0 | b'0' | b'7' => TarKind::File,
            b'5' => TarKind::Folder,
            b'1' | b'2' => TarKind::Link,
            b'S' => TarKind::Sparse,
            _ => TarKind::Special,
        };
        let mut name = extended.name.unwrap_or(header_name);
        let mut kind = kind;
        // Before ustar a slash at the end was all that told a folder.
        if kind == TarKind::File && name.last() == Some(&b'/') {
            kind = TarKind::Folder;
        }
        if kind == TarKind::Folder && name.last() == Some(&b'/') {
            name.pop();
        }
        self.left = size;
        self.padding = padding_of(size);
        let recorded = recorded.and_then(RecordedTime::utc);
        Ok(TarMember { name, kind, size, offset: self.position, recorded })
    }

    /// Skips what is left of the member that the reader stands in.
    ///
    /// # Errors
    /// The fault of the stream.
    pub(super) fn finish_member(&mut self) -> Result<(), Fault> {
        io::copy(&mut *self, &mut io::sink())?;
        let padding = std::mem::take(&mut self.padding);
        self.skip(padding)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Fault> {
        let skipped = io::copy(&mut (&mut self.inner).take(bytes), &mut io::sink())?;
        self.position = self.position.saturating_add(skipped);
        if skipped == bytes { Ok(()) } else { Err(Fault::Truncated) }
    }

    /// One block, or nothing where the stream ends.
    fn block(&mut self) -> Result<Option<[u8; BLOCK_BYTES]>, Fault> {
        let mut bytes = Vec::with_capacity(BLOCK_BYTES);
        (&mut self.inner).take(BLOCK).read_to_end(&mut bytes)?;
        self.position = self.position.saturating_add(as_u64(bytes.len()));
        if bytes.is_empty() {
            return Ok(None);
        }
        <[u8; BLOCK_BYTES]>::try_from(bytes).map(Some).map_err(|_short| Fault::Truncated)
    }

    fn extension(&mut self, size: u64) -> Result<Vec<u8>, Fault> {
        if size > MAX_EXTENDED_BYTES {
            let cause = format!("an extended header of {size} bytes");
            return Err(Fault::Corrupt(cause));
        }
        self.left = size;
        self.padding = padding_of(size);
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// After the mark that ends an archive there may be blanks only.
    fn end(&mut self) -> Result<(), Fault> {
        let mut buffer = [0; 4096];
        loop {
            match self.inner.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    let part = buffer.get(..count).unwrap_or_default();
                    if part.iter().any(|byte| *byte != 0) {
                        let cause = format!(
                            "data follow after byte {}, where the tar archive ends",
                            self.position
                        );
                        return Err(Fault::Leftover(cause));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<R: Read> Read for TarReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_of(&mut self.inner, &mut self.left, buffer)?;
        self.position = self.position.saturating_add(as_u64(count));
        Ok(count)
    }
}

fn bad_extension(at: u64) -> Fault {
    Fault::Corrupt(format!("the extended header at byte {at} of the tar archive is damaged"))
}

impl Extended {
    /// Takes `LENGTH KEY=VALUE\n` records; values may hold any byte. `None` if they are none.
    fn read(&mut self, mut text: &[u8]) -> Option<()> {
        while !text.is_empty() {
            let blank = text.iter().position(|byte| *byte == b' ')?;
            let length: usize = std::str::from_utf8(text.get(..blank)?).ok()?.parse().ok()?;
            let record = text.get(blank.checked_add(1)?..length)?.strip_suffix(b"\n")?;
            text = text.get(length..)?;
            let equals = record.iter().position(|byte| *byte == b'=')?;
            let (key, value) = (record.get(..equals)?, record.get(equals.checked_add(1)?..)?);
            let words = || std::str::from_utf8(value).ok();
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"size" => self.size = Some(words()?.parse().ok()?),
                b"mtime" => {
                    let whole = words()?.split('.').next()?.parse().ok();
                    self.modified = whole.and_then(|second| Timestamp::from_second(second).ok());
                }
                key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
        Some(())
    }
}

/// Bytes between data of this length and the next block.
fn padding_of(size: u64) -> u64 {
    (BLOCK - size % BLOCK) % BLOCK
}
