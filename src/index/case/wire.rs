//! How facts are written down: numbers of variable length, texts once each. Reading checks every length and gives nothing
//! rather than nonsense.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

/// Facts that are being written.
#[derive(Debug, Default)]
pub(super) struct Writer {
    body: Vec<u8>,
    numbers: HashMap<Box<str>, u64>,
    texts: Vec<u8>,
}

impl Writer {
    /// A number: seven bits a byte, the lowest first.
    pub(super) fn number(&mut self, number: u64) {
        put_number(&mut self.body, number);
    }

    pub(super) fn count(&mut self, count: usize) {
        self.number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(super) fn flag(&mut self, flag: bool) {
        self.body.push(u8::from(flag));
    }

    /// Bytes whose number the reader knows.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.raw(bytes);
    }

    /// A text, which is kept once however often it is written.
    pub(super) fn text(&mut self, text: &str) {
        let next = u64::try_from(self.numbers.len()).unwrap_or(u64::MAX);
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                self.numbers.insert(text.into(), next);
                put_number(&mut self.texts, u64::try_from(text.len()).unwrap_or(u64::MAX));
                self.texts.extend_from_slice(text.as_bytes());
                next
            }
        };
        self.number(number);
    }

    pub(super) fn texts<T: AsRef<str>>(&mut self, texts: &[T]) {
        self.count(texts.len());
        texts.iter().for_each(|text| self.text(text.as_ref()));
    }

    pub(super) fn optional<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
    }

    pub(super) fn time(&mut self, at: Timestamp) {
        self.raw(&at.as_nanosecond().to_le_bytes());
    }

    pub(super) fn path(&mut self, path: &Path) {
        self.bytes(&path_bytes(path));
    }

    /// What is written to a file: the texts, then everything else.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.texts.len() + self.body.len() + 10);
        put_number(&mut bytes, u64::try_from(self.numbers.len()).unwrap_or(u64::MAX));
        bytes.extend_from_slice(&self.texts);
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7F).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or(0));
}

/// Facts that are being read; `None` means that they are not what was written.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    texts: Vec<Arc<str>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Self { rest: bytes, texts: Vec::new() };
        reader.texts = reader.list(|reader| {
            let bytes = reader.bytes()?;
            std::str::from_utf8(bytes).ok().map(Arc::from)
        })?;
        Some(reader)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7F).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub(super) fn flag(&mut self) -> Option<bool> {
        match self.raw::<1>()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    pub(super) fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (found, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*found)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.count()?;
        let (found, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(found)
    }

    pub(super) fn text(&mut self) -> Option<Arc<str>> {
        let number = self.count()?;
        self.texts.get(number).cloned()
    }

    pub(super) fn string(&mut self) -> Option<String> {
        let number = self.count()?;
        self.texts.get(number).map(ToString::to_string)
    }

    pub(super) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = self.count()?;
        // Each item takes a byte at least, so a false count cannot make room for more than there is.
        let mut items = Vec::with_capacity(count.min(self.rest.len()).min(1 << 16));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Some(items)
    }

    pub(super) fn optional<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.flag()? { read(self).map(Some) } else { Some(None) }
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        Timestamp::from_nanosecond(i128::from_le_bytes(self.raw()?)).ok()
    }

    pub(super) fn path(&mut self) -> Option<PathBuf> {
        path_of(self.bytes()?)
    }
}

#[cfg(unix)]
fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().to_vec()
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have bytes that are no path")]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;
    Some(OsString::from_vec(bytes.to_vec()).into())
}

#[cfg(windows)]
fn path_bytes(path: &Path) -> Vec<u8> {
    use std::os::windows::ffi::OsStrExt;
    path.as_os_str().encode_wide().flat_map(u16::to_le_bytes).collect()
}

#[cfg(windows)]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    use std::os::windows::ffi::OsStringExt;
    let (pairs, rest) = bytes.as_chunks::<2>();
    let wide: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    rest.is_empty().then(|| OsString::from_wide(&wide).into())
}

#[cfg(not(any(unix, windows)))]
fn path_bytes(path: &Path) -> Vec<u8> {
    path.to_string_lossy().into_owned().into_bytes()
}

#[cfg(not(any(unix, windows)))]
fn path_of(bytes: &[u8]) -> Option<PathBuf> {
    Some(OsString::from(std::str::from_utf8(bytes).ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = Writer::default();
        for number in [0, 127, 128, u64::MAX] {
            writer.number(number);
        }
        writer.texts(&["a", "b", "a"]);
        writer.optional(Some("b"), Writer::text);
        writer.optional(None::<&str>, Writer::text);
        writer.path(Path::new("x/y"));
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes).unwrap();
        for number in [0, 127, 128, u64::MAX] {
            assert_eq!(reader.number(), Some(number));
        }
        let texts = reader.list(Reader::string).unwrap();
        assert_eq!(texts, ["a", "b", "a"]);
        assert_eq!(reader.optional(Reader::string).unwrap().as_deref(), Some("b"));
        assert_eq!(reader.optional(Reader::string), Some(None));
        assert_eq!(reader.path().unwrap(), Path::new("x/y"));
        assert_eq!(reader.number(), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for byte in 0..=u8::MAX {
            let bytes = [byte; 40];
            if let Some(mut reader) = Reader::new(&bytes) {
                while reader.list(Reader::time).is_some() && reader.text().is_some() {}
            }
        }
    }
}
