//! What a file is by its first bytes; its name is not asked.

use std::io::{self, Read};

use super::tar;

/// A tar header is the longest thing that is looked at.
const HEAD_BYTES: usize = 512;

/// What the first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// No archive.
    Plain,
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// One compressed stream.
    Stream(Codec),
    /// An archive of a kind that is not read, by its name.
    Unsupported(&'static str),
}

impl Kind {
    /// The words that `evidence.csv` prints.
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Zip => "zip archive",
            Self::Tar => "tar archive",
            Self::Stream(Codec::Gzip) => "gzip file",
            Self::Stream(Codec::Zstd) => "zstd file",
            Self::Unsupported(name) => name,
        }
    }
}

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Codec {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

/// Reads the first bytes of a stream, fewer only where it ends.
pub(super) fn read_head(reader: &mut (dyn Read + Send)) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    let limit = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
    reader.take(limit).read_to_end(&mut head)?;
    Ok(head)
}

/// Recognises archives by their magic numbers (APPNOTE 4.3; RFC 1952, 2.3.1; RFC 8878, 3.1.1; POSIX ustar; the formats
/// that are not read after the `magic` table of file(1)).
pub(super) fn sniff(head: &[u8]) -> Kind {
    match head {
        [b'P', b'K', 3, 4, ..]
        | [b'P', b'K', 5, 6, ..]
        | [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..] => Kind::Zip,
        [0x1F, 0x8B, 8, ..] => Kind::Stream(Codec::Gzip),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Kind::Stream(Codec::Zstd),
        [b'7', b'z', 0xBC, 0xAF, 0x27, 0x1C, ..] => Kind::Unsupported("7-Zip archive"),
        [b'R', b'a', b'r', b'!', 0x1A, 7, ..] => Kind::Unsupported("RAR archive"),
        [0xFD, b'7', b'z', b'X', b'Z', 0, ..] => Kind::Unsupported("xz file"),
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => {
            Kind::Unsupported("bzip2 file")
        }
        [4, 0x22, 0x4D, 0x18, ..] => Kind::Unsupported("lz4 file"),
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => Kind::Unsupported("cabinet archive"),
        [b'E', b'V', b'F', 9, 0x0D, 0x0A, 0xFF, 0, ..] => Kind::Unsupported("E01 disk image"),
        head if tar::is_header(head) => Kind::Tar,
        _ => Kind::Plain,
    }
}
