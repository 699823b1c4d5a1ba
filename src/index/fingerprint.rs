//! Fingerprints of members and values: 128 bits under a key that is drawn anew for every run (or case) and never printed,
//! so that no evidence can be made to collide.
//!
//! They are free of order: that of members at any depth and, unless the catalogue says that it carries meaning, that of
//! lists. White space does not count. Everything else does: two values of equal fingerprint are the same value.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::intake::{ScanError, Scanner, is_annotation};

/// The secret key of a run or a case.
#[derive(Clone)]
pub(super) struct FingerprintKey {
    words: [u64; 2],
    hasher: SipHasher13,
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey(..)")
    }
}

/// Keeps values of different kind apart.
#[derive(Debug, Clone, Copy)]
enum Kind {
    List,
    OrderedList,
    Object,
}

/// The fingerprint of a value.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Print {
    /// Of what it is.
    pub(super) value: u128,
    /// Of the order of its lists, for counting only.
    pub(super) order: u64,
}

impl FingerprintKey {
    /// A key drawn from the operating system's randomness.
    #[must_use]
    pub(super) fn random() -> Self {
        let word = |salt: u64| RandomState::new().hash_one(salt);
        Self::of_words([word(0), word(1)])
    }

    /// The key of a case.
    #[must_use]
    pub(super) fn of_words(words: [u64; 2]) -> Self {
        Self { words, hasher: SipHasher13::new_with_keys(words[0], words[1]) }
    }

    /// What a case keeps of it.
    #[must_use]
    pub(super) fn words(&self) -> [u64; 2] {
        self.words
    }

    /// A hasher that has taken in a member's name.
    #[must_use]
    pub(super) fn member(&self, name: &[u8]) -> SipHasher13 {
        let mut hasher = self.hasher;
        name.hash(&mut hasher);
        hasher
    }

    /// The fingerprint of the value before the scanner, which must be sound JSON; `ordered` says that the order of lists
    /// carries meaning.
    ///
    /// # Errors
    /// The first defect of the text.
    pub(super) fn value(
        &self,
        text: &[u8],
        scanner: &mut Scanner<'_>,
        ordered: bool,
    ) -> Result<Print, ScanError> {
        scanner.skip_blanks();
        match scanner.peek() {
            Some(b'[') => self.list(text, scanner, ordered),
            Some(b'{') => self.object(text, scanner, ordered),
            _ => {
                let span = scanner.value()?.span;
                let mut hasher = self.hasher;
                hasher.write(text.get(span).unwrap_or_default());
                Ok(Print { value: hasher.finish128().as_u128(), order: 0 })
            }
        }
    }

    fn list(
        &self,
        text: &[u8],
        scanner: &mut Scanner<'_>,
        ordered: bool,
    ) -> Result<Print, ScanError> {
        scanner.expect_byte(b'[')?;
        let (mut first, mut count, mut sum, mut order) = (true, 0_u64, 0_u128, 0_u64);
        let mut sequence = self.hasher;
        while scanner.next_item(&mut first, b']')? {
            let item = self.value(text, scanner, ordered)?;
            count += 1;
            order = order.rotate_left(7) ^ low(item.value) ^ item.order;
            if ordered {
                sequence.write_u128(item.value);
            } else {
                sum = sum.wrapping_add(item.value);
            }
        }
        let value = if ordered {
            sequence.write_u64(count);
            self.closed(Kind::OrderedList, sequence.finish128().as_u128())
        } else {
            let mut hasher = self.hasher;
            hasher.write_u64(count);
            hasher.write_u128(sum);
            self.closed(Kind::List, hasher.finish128().as_u128())
        };
        Ok(Print { value, order })
    }

    fn object(
        &self,
        text: &[u8],
        scanner: &mut Scanner<'_>,
        ordered: bool,
    ) -> Result<Print, ScanError> {
        scanner.enter_object()?;
        let (mut first, mut sum, mut order) = (true, 0_u128, 0_u64);
        while let Some(key) = scanner.next_member(&mut first)? {
            let name = text.get(key).unwrap_or_default();
            let item = self.value(text, scanner, ordered)?;
            if name.contains(&b'@') && std::str::from_utf8(name).is_ok_and(is_annotation) {
                continue;
            }
            let mut hasher = self.member(name);
            hasher.write_u128(item.value);
            sum = sum.wrapping_add(hasher.finish128().as_u128());
            order = order.wrapping_add(item.order);
        }
        Ok(Print { value: self.closed(Kind::Object, sum), order })
    }

    fn closed(&self, kind: Kind, content: u128) -> u128 {
        let mut hasher = self.hasher;
        hasher.write_u8(kind as u8);
        hasher.write_u128(content);
        hasher.finish128().as_u128()
    }
}

/// The lower half.
#[must_use]
pub(super) fn low(print: u128) -> u64 {
    u64::try_from(print & u128::from(u64::MAX)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(key: &FingerprintKey, text: &str, ordered: bool) -> Print {
        key.value(text.as_bytes(), &mut Scanner::new(text.as_bytes(), 0), ordered).unwrap()
    }

    #[test]
    fn order_and_blanks_do_not_count() {
        let key = FingerprintKey::random();
        let a = print(&key, r#"{"a":[1,{"b":2,"c":[]}],"d":"x"}"#, false);
        let b = print(&key, r#"{ "d":"x", "a":[ {"c":[ ],"b":2}, 1 ], "@odata.type":"y" }"#, false);
        assert_eq!(a.value, b.value);
        assert_ne!(a.order, b.order);
    }

    #[test]
    fn everything_else_counts() {
        let key = FingerprintKey::random();
        let texts = [
            "[]",
            "{}",
            "null",
            "[1]",
            "[[1]]",
            "[1,1]",
            "[1,2]",
            "1",
            "\"1\"",
            r#"{"a":1}"#,
            r#"{"a":[1]}"#,
            r#"{"a":{}}"#,
            r#"{"b":1}"#,
            r#"[{"a":1}]"#,
            r#"[{"a":1,"b":2}]"#,
            r#"[{"a":1},{"b":2}]"#,
            "[[1],[2]]",
            "[[1,2]]",
            "[12]",
        ];
        for (place, a) in texts.iter().enumerate() {
            for b in texts.iter().take(place) {
                assert_ne!(print(&key, a, false).value, print(&key, b, false).value, "{a} {b}");
                assert_ne!(print(&key, a, true).value, print(&key, b, true).value, "{a} {b}");
            }
        }
    }

    #[test]
    fn where_order_carries_meaning_it_counts() {
        let key = FingerprintKey::random();
        assert_ne!(print(&key, "[1,2]", true).value, print(&key, "[2,1]", true).value);
        assert_eq!(print(&key, "[1,2]", false).value, print(&key, "[2,1]", false).value);
        assert_ne!(
            print(&FingerprintKey::random(), "1", false).value,
            print(&key, "1", false).value
        );
    }
}
