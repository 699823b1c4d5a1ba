//! A small generator of its own, so that the same seed gives the same bytes on every platform.

use std::fmt::Write as _;

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// One round of splitmix64.
fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(GOLDEN);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A number that depends on the seed and on every part.
pub(super) fn hash(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(scramble(seed), |state, part| scramble(state ^ scramble(*part)))
}

/// A number for a word (FNV-1a), to keep streams apart.
pub(super) fn tag(word: &str) -> u64 {
    word.bytes().fold(0xcbf2_9ce4_8422_2325, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `value` brought below `bound` (0 where the bound is 0).
pub(super) fn scale(value: u64, bound: u64) -> u64 {
    u64::try_from((u128::from(value) * u128::from(bound)) >> 64).unwrap_or(0)
}

/// The element that `value` chooses.
pub(super) fn choose<T>(items: &[T], value: u64) -> Option<&T> {
    let len = u64::try_from(items.len()).unwrap_or(0);
    items.get(usize::try_from(scale(value, len)).unwrap_or(0))
}

/// A version 4 GUID made from the seed and the parts.
pub(super) fn guid(seed: u64, parts: &[u64]) -> String {
    let high = hash(seed ^ 0x6775_6964, parts);
    let low = hash(seed ^ 0x0064_6975, parts);
    let high = (high & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000;
    let low = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
    let mut text = String::with_capacity(36);
    let written = write!(
        text,
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    );
    debug_assert!(written.is_ok());
    text
}

/// A stream of numbers.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// The stream of this name.
    pub(super) fn new(seed: u64, parts: &[u64]) -> Self {
        Self(hash(seed, parts))
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        scramble(self.0)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        scale(self.next(), bound)
    }

    /// A position in something of this length.
    pub(super) fn position(&mut self, len: usize) -> usize {
        usize::try_from(self.below(u64::try_from(len).unwrap_or(0))).unwrap_or(0)
    }

    /// One of the items.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.position(items.len()))
    }

    /// True in `one` of `of` cases.
    pub(super) fn chance(&mut self, one: u64, of: u64) -> bool {
        self.below(of) < one
    }

    /// Puts the items into another order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.position(last + 1);
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_apart() {
        assert_eq!(Rng::new(1, &[2]).next(), Rng::new(1, &[2]).next());
        assert_ne!(Rng::new(1, &[2]).next(), Rng::new(1, &[3]).next());
        assert_eq!(guid(1, &[2]).len(), 36);
        assert_eq!(guid(1, &[2]).as_bytes()[14], b'4');
        assert!((0..1000).all(|n| Rng::new(n, &[]).below(7) < 7));
    }
}
