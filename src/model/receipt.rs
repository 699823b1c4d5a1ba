//! Receipts: where the bytes behind a row are, so that a verb can open and verify them again.

use std::fmt;
use std::str::FromStr;

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

/// A citation of evidence: `EX-0123456789:120+64`, or `EX-0123456789` for an exhibit as a whole (coverage).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Receipt {
    /// The exhibit.
    pub exhibit: ExhibitId,
    /// The bytes in it; `None` cites the whole exhibit, as absence does.
    pub span: Option<Span>,
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.span {
            Some(span) => {
                write!(f, "{}:{}+{}", self.exhibit, span.offset_bytes, span.len_bytes)
            }
            None => write!(f, "{}", self.exhibit),
        }
    }
}

/// A text that is no receipt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{found}` is not a receipt; expected `EX-<10 hex digits>:<offset>+<length>`")]
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
        let Some(place) = place else { return Ok(Self { exhibit, span: None }) };
        let (offset, len) = place.split_once('+').ok_or_else(refuse)?;
        let offset_bytes = offset.parse().ok().ok_or_else(refuse)?;
        let len_bytes = len.parse().ok().ok_or_else(refuse)?;
        Ok(Self { exhibit, span: Some(Span { offset_bytes, len_bytes }) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_reads_back_as_it_was_written() {
        let exhibit = ExhibitId::of_sha256(&[0xab; 32]);
        for span in [None, Some(Span { offset_bytes: 12, len_bytes: 345 })] {
            let receipt = Receipt { exhibit, span };
            assert_eq!(receipt.to_string().parse(), Ok(receipt));
        }
        assert!("EX-12:1+1".parse::<Receipt>().is_err());
        assert!("EX-0123456789:1".parse::<Receipt>().is_err());
    }
}
