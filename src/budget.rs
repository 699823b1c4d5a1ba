//! The program's own budget of memory: what the index, open records and rows may take together. Beyond it a run ends with
//! a clear word instead of filling the machine.
//!
//! What is charged is counted from sizes and capacities; it is not what the operating system sees, which adds the program
//! itself, its buffers and what the allocator holds.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

/// A budget that is shared by everything that a run holds.
#[derive(Debug)]
pub struct Budget {
    limit_bytes: u64,
    used_bytes: AtomicU64,
}

/// The budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the memory budget of {} is used up by {what}", Size(*.limit_bytes))]
pub struct Exceeded {
    /// The budget.
    pub limit_bytes: u64,
    /// What needed more.
    pub what: &'static str,
}

impl Default for Budget {
    /// A budget without end.
    fn default() -> Self {
        Self::of(u64::MAX)
    }
}

impl Budget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn of(limit_bytes: u64) -> Self {
        Self { limit_bytes, used_bytes: AtomicU64::new(0) }
    }

    /// Takes bytes from the budget.
    ///
    /// # Errors
    /// [`Exceeded`] if less is left; the bytes count as taken, so that whoever asks next is refused too.
    pub fn charge(&self, bytes: usize, what: &'static str) -> Result<(), Exceeded> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let used = self.used_bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if used > self.limit_bytes {
            return Err(Exceeded { limit_bytes: self.limit_bytes, what });
        }
        Ok(())
    }

    /// Gives bytes back.
    pub fn release(&self, bytes: usize) {
        self.used_bytes.fetch_sub(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Whether less than a part of the budget, in hundredths, is used.
    #[must_use]
    pub fn has_room(&self, hundredths: u64) -> bool {
        let used = self.used_bytes.load(Ordering::Relaxed);
        used < (self.limit_bytes / 100).saturating_mul(hundredths)
    }
}

/// A size in bytes, as it is written on the command line: a number, or a number with KB, MB, GB, KiB, MiB or GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 6] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unit = UNITS.iter().find(|(name, _)| {
            text.len() > name.len()
                && text
                    .get(text.len() - name.len()..)
                    .is_some_and(|end| end.eq_ignore_ascii_case(name))
        });
        let (digits, factor) = match unit {
            Some((name, factor)) => (text.get(..text.len() - name.len()).unwrap_or(text), *factor),
            None => (text, 1),
        };
        let number: Option<u64> = digits.trim().parse().ok();
        number
            .and_then(|number| number.checked_mul(factor))
            .filter(|bytes| *bytes > 0)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no size; write 600MB or 4GiB"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, factor)| self.0.is_multiple_of(*factor)) {
            Some((name, factor)) => write!(f, "{} {name}", self.0 / factor),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, bytes) in
            [("600MB", 600_000_000), ("4GiB", 4 << 30), ("512 kib", 512 << 10), ("7", 7)]
        {
            assert_eq!(text.parse::<Size>().unwrap().0, bytes);
        }
        assert!("".parse::<Size>().is_err());
        assert!("0".parse::<Size>().is_err());
        assert!("MB".parse::<Size>().is_err());
        assert!("-1MB".parse::<Size>().is_err());
        assert_eq!(Size(600_000_000).to_string(), "600 MB");
        assert_eq!(Size(4 << 30).to_string(), "4 GiB");
        assert_eq!(Size(7).to_string(), "7 bytes");
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let budget = Budget::of(100);
        budget.charge(80, "rows").unwrap();
        assert!(!budget.has_room(50) && budget.has_room(90));
        assert_eq!(budget.charge(30, "links").unwrap_err().what, "links");
        budget.release(60);
        budget.charge(40, "links").unwrap();
    }
}
