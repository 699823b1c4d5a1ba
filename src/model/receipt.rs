//! Receipts: where the bytes behind a row are, so that a verb can open and verify them again.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

/// The short name of an exhibit: `EX-` and the first 10 hex digits of its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExhibitId([u8; 5]);

impl ExhibitId {
    /// The name of the exhibit whose bytes have this SHA-256.
    #[must_use]
    pub fn of_sha256(sha256: &[u8; 32]) -> Self {
        let mut head = [0; 5];
        head.copy_from_slice(sha256.first_chunk::<5>().unwrap_or(&[0; 5]));
        Self(head)
    }
}

impl fmt::Display for ExhibitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EX-")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A run of bytes in an exhibit, counted in source bytes (before decoding).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// First byte.
    pub offset_bytes: u64,
    /// How many.
    pub len_bytes: u64,
}

/// The name of a table of a database. Each name is kept once, as long as the process lives: databases of one tool share
/// some dozens of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table(&'static str);

static TABLES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl Table {
    /// The table of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        // A set is whole between any two of its steps, so a panic while it was held spoils nothing.
        let mut known = TABLES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(name) {
            return Self(known);
        }
        let kept: &'static str = Box::leak(name.into());
        known.insert(kept);
        Self(kept)
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

/// What a receipt cites of an exhibit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cited {
    /// Bytes.
    Bytes(Span),
    /// A row of a table, by its number.
    Row(Table, i64),
}

/// A citation of evidence: `EX-0123456789:120+64`, `EX-0123456789:Users!17` for a row of a database, or `EX-0123456789`
/// for an exhibit as a whole (coverage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// The exhibit.
    pub exhibit: ExhibitId,
    /// What it cites of it; `None` cites the whole exhibit, as absence does.
    pub place: Option<Cited>,
}

impl Receipt {
    /// Cites bytes.
    #[must_use]
    pub fn bytes(exhibit: ExhibitId, offset_bytes: u64, len_bytes: u64) -> Self {
        Self { exhibit, place: Some(Cited::Bytes(Span { offset_bytes, len_bytes })) }
    }

    /// Cites an exhibit as a whole.
    #[must_use]
    pub fn whole(exhibit: ExhibitId) -> Self {
        Self { exhibit, place: None }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Cited::Bytes(span)) => {
                write!(f, "{}:{}+{}", self.exhibit, span.offset_bytes, span.len_bytes)
            }
            Some(Cited::Row(table, row)) => write!(f, "{}:{}!{row}", self.exhibit, table.as_str()),
            None => write!(f, "{}", self.exhibit),
        }
    }
}

/// A text that is no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{found}` is not a receipt; expected `EX-<10 hex digits>:<offset>+<length>`, or `:<table>!<row>` of a database"
)]
pub struct ReceiptError {
    found: String,
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = || ReceiptError { found: text.to_owned() };
        let rest = text.trim().strip_prefix("EX-").ok_or_else(refuse)?;
        let (hex, place) = match rest.split_once(':') {
            Some((hex, place)) => (hex, Some(place)),
            None => (rest, None),
        };
        if hex.len() != 10 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        let packed = u64::from_str_radix(hex, 16).ok().ok_or_else(refuse)?.to_be_bytes();
        let exhibit = ExhibitId(*packed.last_chunk::<5>().ok_or_else(refuse)?);
        let Some(place) = place else { return Ok(Self::whole(exhibit)) };
        if let Some((table, row)) = place.rsplit_once('!') {
            let row = row.parse().ok().ok_or_else(refuse)?;
            return Ok(Self { exhibit, place: Some(Cited::Row(Table::named(table), row)) });
        }
        let (offset, len) = place.split_once('+').ok_or_else(refuse)?;
        let offset_bytes = offset.parse().ok().ok_or_else(refuse)?;
        let len_bytes = len.parse().ok().ok_or_else(refuse)?;
        Ok(Self::bytes(exhibit, offset_bytes, len_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_as_it_was_written() {
        let exhibit = ExhibitId::of_sha256(&[0xab; 32]);
        let bytes = Cited::Bytes(Span { offset_bytes: 12, len_bytes: 345 });
        let row = Cited::Row(Table::named("lnk_group_member_user"), 17);
        for place in [None, Some(bytes), Some(row)] {
            let receipt = Receipt { exhibit, place };
            assert_eq!(receipt.to_string().parse(), Ok(receipt));
        }
        assert!("EX-12:1+1".parse::<Receipt>().is_err());
        assert!("EX-0123456789:1".parse::<Receipt>().is_err());
        assert!("EX-0123456789:Users!x".parse::<Receipt>().is_err());
    }
}
