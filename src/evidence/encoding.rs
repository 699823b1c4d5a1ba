//! From source bytes to UTF-8, and from places in the decoded text back to source bytes.

use std::borrow::Cow;
use std::ops::Range;

/// Text encodings that exports are seen in (export-formats, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without byte order mark.
    Utf8,
    /// UTF-8 with byte order mark.
    Utf8Bom,
    /// UTF-16, little endian, with or without byte order mark.
    Utf16Le {
        /// Whether there is one.
        bom: bool,
    },
    /// UTF-16, big endian, with or without byte order mark.
    Utf16Be {
        /// Whether there is one.
        bom: bool,
    },
}

impl Encoding {
    /// Recognises the encoding by byte order mark, else by where the zero bytes of the first characters stand.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xEF, 0xBB, 0xBF, ..] => Self::Utf8Bom,
            [0xFF, 0xFE, ..] => Self::Utf16Le { bom: true },
            [0xFE, 0xFF, ..] => Self::Utf16Be { bom: true },
            [first, 0, third, 0, ..] if *first != 0 && *third != 0 => Self::Utf16Le { bom: false },
            [0, second, 0, fourth, ..] if *second != 0 && *fourth != 0 => {
                Self::Utf16Be { bom: false }
            }
            _ => Self::Utf8,
        }
    }

    /// The name that `evidence.csv` prints.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8Bom => "UTF-8+BOM",
            Self::Utf16Le { bom: true } => "UTF-16LE+BOM",
            Self::Utf16Le { bom: false } => "UTF-16LE",
            Self::Utf16Be { bom: true } => "UTF-16BE+BOM",
            Self::Utf16Be { bom: false } => "UTF-16BE",
        }
    }

    /// Decodes a part of a source that begins and ends between characters.
    #[must_use]
    pub fn decode_slice(self, slice: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Utf8 | Self::Utf8Bom => Cow::Borrowed(slice),
            Self::Utf16Le { .. } => Cow::Owned(from_utf16(slice, u16::from_le_bytes)),
            Self::Utf16Be { .. } => Cow::Owned(from_utf16(slice, u16::from_be_bytes)),
        }
    }

    /// Length of its byte order mark.
    #[must_use]
    pub fn bom_bytes(self) -> usize {
        match self {
            Self::Utf8Bom => 3,
            Self::Utf16Le { bom: true } | Self::Utf16Be { bom: true } => 2,
            Self::Utf8 | Self::Utf16Le { bom: false } | Self::Utf16Be { bom: false } => 0,
        }
    }

    fn is_utf16(self) -> bool {
        matches!(self, Self::Utf16Le { .. } | Self::Utf16Be { .. })
    }
}

/// A decoded exhibit. Bytes that are no text in the source stay no UTF-8 here, so that the record that holds them
/// can be refused by name and its neighbours kept.
#[derive(Debug)]
pub struct Text<'a> {
    /// Decoded bytes, without byte order mark.
    pub bytes: Cow<'a, [u8]>,
    /// What they were decoded from.
    pub encoding: Encoding,
    /// Where they begin in the source: behind its byte order mark.
    pub start: u64,
}

/// Decodes `source`; plain UTF-8 is borrowed.
#[must_use]
pub fn decode(source: &[u8]) -> Text<'_> {
    let encoding = Encoding::of(source);
    let body = source.get(encoding.bom_bytes()..).unwrap_or_default();
    Text { bytes: encoding.decode_slice(body), encoding, start: as_u64(encoding.bom_bytes()) }
}

/// Decodes a source that comes in chunks, which may end anywhere.
#[derive(Debug)]
pub struct Decoder {
    encoding: Encoding,
    /// Bytes that begin a character which the next chunk ends.
    held: Vec<u8>,
}

impl Decoder {
    /// A decoder of what follows a byte order mark.
    #[must_use]
    pub fn new(encoding: Encoding) -> Self {
        Self { encoding, held: Vec::new() }
    }

    /// Appends the text of the next chunk to `text`.
    pub fn decode(&mut self, chunk: &[u8], text: &mut Vec<u8>) {
        if !self.encoding.is_utf16() {
            text.extend_from_slice(chunk);
            return;
        }
        self.held.extend_from_slice(chunk);
        let units = self.held.len() / 2;
        let unit = |place: usize| {
            let pair: [u8; 2] = self.held.get(place * 2..place * 2 + 2)?.try_into().ok()?;
            Some(match self.encoding {
                Encoding::Utf16Be { .. } => u16::from_be_bytes(pair),
                Encoding::Utf8 | Encoding::Utf8Bom | Encoding::Utf16Le { .. } => {
                    u16::from_le_bytes(pair)
                }
            })
        };
        let half =
            units.checked_sub(1).and_then(unit).is_some_and(|u| (0xD800..0xDC00).contains(&u));
        let end = if half { units * 2 - 2 } else { units * 2 };
        text.extend_from_slice(
            &self.encoding.decode_slice(self.held.get(..end).unwrap_or_default()),
        );
        self.held.drain(..end);
    }

    /// Appends what was held back at the end of the source.
    pub fn finish(&mut self, text: &mut Vec<u8>) {
        text.extend_from_slice(&self.encoding.decode_slice(&self.held));
        self.held.clear();
    }
}

fn from_utf16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 2 + body.len() / 8);
    let (pairs, rest) = body.as_chunks::<2>();
    let mut left = pairs;
    while !left.is_empty() {
        left = take_ascii(left, unit, &mut out);
        left = take_characters(left, unit, &mut out);
    }
    if !rest.is_empty() {
        out.push(0xFF);
    }
    out
}

/// Takes whole blocks of ASCII from the front, which is nearly all that exports hold.
fn take_ascii<'p>(
    pairs: &'p [[u8; 2]],
    unit: fn([u8; 2]) -> u16,
    out: &mut Vec<u8>,
) -> &'p [[u8; 2]] {
    let (blocks, _) = pairs.as_chunks::<32>();
    let mut taken = 0;
    for block in blocks {
        let units = block.map(unit);
        if units.iter().fold(0, |all, unit| all | unit) >= 0x80 {
            break;
        }
        out.extend_from_slice(&units.map(|unit| unit.to_le_bytes()[0]));
        taken += block.len();
    }
    pairs.get(taken..).unwrap_or_default()
}

/// Takes characters of any kind from the front, until 32 of them were ASCII in a row or nothing is left.
fn take_characters<'p>(
    pairs: &'p [[u8; 2]],
    unit: fn([u8; 2]) -> u16,
    out: &mut Vec<u8>,
) -> &'p [[u8; 2]] {
    let mut buffer = [0; 4];
    let (mut taken, mut plain) = (0, 0);
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(character) => {
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                taken += character.len_utf16();
                plain = if character.is_ascii() { plain + 1 } else { 0 };
            }
            // The three bytes that a surrogate would have: as long as its source unit counts, and no UTF-8.
            Err(lone) => {
                let code = lone.unpaired_surrogate();
                let low = u8::try_from(code & 0x3F).unwrap_or(0);
                let middle = u8::try_from((code >> 6) & 0x3F).unwrap_or(0);
                out.extend_from_slice(&[0xED, 0x80 | middle, 0x80 | low]);
                taken += 1;
            }
        }
        if plain == 32 {
            break;
        }
    }
    pairs.get(taken..).unwrap_or_default()
}

/// Maps offsets of a decoded text to source bytes. Asked behind the place that it was advanced to, it walks from there on,
/// so that a whole text is walked once.
#[derive(Debug, Clone)]
pub struct SourceOffsets {
    encoding: Encoding,
    decoded: usize,
    source: u64,
}

impl SourceOffsets {
    /// A mapper for a decoded text that begins at byte `start` of its source.
    #[must_use]
    pub fn new(encoding: Encoding, start: u64) -> Self {
        Self { encoding, decoded: 0, source: start }
    }

    /// Puts the place to walk from behind `decoded` bytes of the text.
    pub fn advance(&mut self, text: &[u8], decoded: usize) {
        self.source = self.source_offset(text, decoded);
        self.decoded = decoded;
    }

    /// As [`SourceOffsets::advance`] before the bytes in front of `decoded` are taken away: the text begins there from now on.
    pub fn forget(&mut self, text: &[u8], decoded: usize) {
        self.source = self.source_offset(text, decoded);
        self.decoded = 0;
    }

    /// The source offset of a decoded offset, best near the place that it was advanced to.
    #[must_use]
    pub fn source_offset(&self, text: &[u8], decoded: usize) -> u64 {
        if decoded < self.decoded {
            return self.source.saturating_sub(self.source_bytes(text, decoded..self.decoded));
        }
        self.source.saturating_add(self.source_bytes(text, self.decoded..decoded))
    }

    /// How many bytes of the source a part of the text stands for.
    fn source_bytes(&self, text: &[u8], part: Range<usize>) -> u64 {
        if !self.encoding.is_utf16() {
            return as_u64(part.len());
        }
        let part = text.get(part).unwrap_or_default();
        part.iter()
            .map(|byte| match byte {
                // A continuation byte belongs to the unit that its lead byte counted.
                0x80..=0xBF => 0,
                0xF0..=0xF7 => 4,
                _ => 2,
            })
            .sum()
    }
}

fn as_u64(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16le(text: &str) -> Vec<u8> {
        let mut bytes = vec![0xFF, 0xFE];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        bytes
    }

    #[test]
    fn utf16_is_decoded_and_its_offsets_lead_back() {
        let text = "{\"a\":\"é𝄞\"}";
        let source = utf16le(text);
        let decoded = decode(&source);
        assert_eq!(&*decoded.bytes, text.as_bytes());
        let mut offsets = SourceOffsets::new(decoded.encoding, decoded.start);
        let mut units = 0;
        for (at, character) in text.char_indices() {
            offsets.advance(&decoded.bytes, at);
            let start = usize::try_from(offsets.source_offset(&decoded.bytes, at)).unwrap();
            let rest = decoded.encoding.decode_slice(&source[start..]);
            assert_eq!(&*rest, &text.as_bytes()[at..]);
            assert_eq!(start, 2 + units * 2);
            assert_eq!(offsets.source_offset(&decoded.bytes, 0), 2);
            units += character.len_utf16();
        }
    }

    #[test]
    fn chunks_may_end_anywhere() {
        let text = "{\"a\":\"é𝄞𝄞x\"}".repeat(20);
        let source = utf16le(&text);
        for step in 1..9 {
            let mut decoder = Decoder::new(Encoding::of(&source));
            let mut found = Vec::new();
            for chunk in source[2..].chunks(step) {
                decoder.decode(chunk, &mut found);
            }
            decoder.finish(&mut found);
            assert_eq!(String::from_utf8(found).unwrap(), text);
        }
    }

    #[test]
    fn a_lone_surrogate_does_not_become_a_character() {
        let decoded = decode(&[0xFF, 0xFE, 0x00, 0xD8, 0x22, 0x00]);
        assert!(std::str::from_utf8(&decoded.bytes).is_err());
    }
}
