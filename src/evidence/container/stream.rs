//! Compressed streams, decompressed through fixed buffers under a limit of ratio.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::GzDecoder;

use super::fault::Fault;
use super::limits::{Limits, exceeds};
use super::sniff::Codec;

const BUFFER_BYTES: usize = 64 * 1024;

/// A reader that may be handed to another thread.
pub(super) type Stream<'a> = Box<dyn Read + Send + 'a>;

/// The decompressed bytes of a stream. An error stays: what came before it may be used, nothing comes after it.
pub(super) struct Inflated<'a> {
    inner: Stream<'a>,
    taken: Arc<AtomicU64>,
    given: u64,
    ratio: u64,
    floor: u64,
    fault: Option<Fault>,
}

/// Decompresses a stream; all members or frames of it, one after another.
pub(super) fn inflate<'a>(codec: Codec, source: Stream<'a>, limits: &Limits) -> Inflated<'a> {
    let taken = Arc::new(AtomicU64::new(0));
    let counted = Counted { inner: source, taken: Arc::clone(&taken) };
    let buffered = BufReader::with_capacity(BUFFER_BYTES, counted);
    let (inner, fault): (Stream<'a>, _) = match codec {
        Codec::Gzip => (Box::new(Gunzip::Next(buffered)), None),
        Codec::Zstd => match zstd::stream::read::Decoder::with_buffer(buffered) {
            Ok(decoder) => (Box::new(decoder), None),
            Err(error) => (Box::new(io::empty()), Some(Fault::of(&error))),
        },
    };
    let ratio = match codec {
        Codec::Gzip => limits.ratio_deflate,
        Codec::Zstd => limits.ratio_wide,
    };
    Inflated { inner, taken, given: 0, ratio, floor: limits.floor_bytes, fault }
}

impl Inflated<'_> {
    /// Whether what was read is more times the compressed bytes than the codec may make, however little it is.
    pub(super) fn is_dense(&self) -> bool {
        exceeds(self.given, self.taken.load(Ordering::Relaxed), self.ratio, 0)
    }
}

impl Read for Inflated<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        let fault = match self.inner.read(buffer) {
            Ok(count) => {
                self.given = self.given.saturating_add(as_u64(count));
                let taken = self.taken.load(Ordering::Relaxed);
                if !exceeds(self.given, taken, self.ratio, self.floor) {
                    return Ok(count);
                }
                let cause =
                    format!("decompressed more than {} times its {taken} bytes", self.ratio);
                Fault::Limit("archive-ratio", cause)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => Fault::of(&error),
        };
        self.fault = Some(fault.clone());
        Err(fault.into())
    }
}

struct Counted<R> {
    inner: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.taken.fetch_add(as_u64(count), Ordering::Relaxed);
        Ok(count)
    }
}

/// Members of a gzip file one after another. Unlike the decoder of the crate for that, it tells bytes that are no
/// further member from a damaged one.
enum Gunzip<R> {
    Next(R),
    Member(Box<GzDecoder<R>>),
    Over,
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            match self {
                Self::Over => return Ok(0),
                Self::Next(rest) => match rest.fill_buf()?.first() {
                    None => return Ok(0),
                    Some(0x1F) => {}
                    Some(_) => {
                        let cause = "bytes follow the compressed data that are no part of it";
                        return Err(Fault::Leftover(cause.to_owned()).into());
                    }
                },
                // A member that is over, or an empty one, gives nothing, and another may follow.
                Self::Member(member) => match member.read(buffer)? {
                    0 => {}
                    count => return Ok(count),
                },
            }
            *self = match std::mem::replace(self, Self::Over) {
                Self::Next(rest) => Self::Member(Box::new(GzDecoder::new(rest))),
                Self::Member(member) => Self::Next(member.into_inner()),
                Self::Over => Self::Over,
            };
        }
    }
}

/// Exactly so many bytes of a stream; fewer are an error.
pub(super) struct Exact<R> {
    inner: R,
    left: u64,
}

impl<R> Exact<R> {
    /// The next `size` bytes.
    pub(super) fn new(inner: R, size: u64) -> Self {
        Self { inner, left: size }
    }
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        read_of(&mut self.inner, &mut self.left, buffer)
    }
}

/// Reads from the next `left` bytes of a stream and counts them down.
///
/// # Errors
/// [`Fault::Truncated`] if the stream ends before they do, and what the stream says.
pub(super) fn read_of(
    inner: &mut impl Read,
    left: &mut u64,
    buffer: &mut [u8],
) -> io::Result<usize> {
    let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
    let Some(part) = buffer.get_mut(..wanted).filter(|part| !part.is_empty()) else {
        return Ok(0);
    };
    match inner.read(part)? {
        0 => Err(Fault::Truncated.into()),
        count => {
            *left = left.saturating_sub(as_u64(count));
            Ok(count)
        }
    }
}

/// Reads and forgets.
///
/// # Errors
/// What the reader says.
pub(super) fn drain(reader: &mut dyn Read) -> io::Result<u64> {
    io::copy(reader, &mut io::sink())
}

pub(super) fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
