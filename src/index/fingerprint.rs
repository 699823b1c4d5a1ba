//! Fingerprints of members and objects: 128 bits under a key that is drawn anew for every run and never printed, so that
//! no evidence can be made to collide.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use siphasher::sip128::{Hasher128, SipHasher13};

/// The secret key of a run.
#[derive(Clone)]
pub(super) struct FingerprintKey(SipHasher13);

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey(..)")
    }
}

impl FingerprintKey {
    /// A key drawn from the operating system's randomness.
    #[must_use]
    pub(super) fn random() -> Self {
        let word = |salt: u64| RandomState::new().hash_one(salt);
        Self(SipHasher13::new_with_keys(word(0), word(1)))
    }

    /// The fingerprint of one member.
    #[must_use]
    pub(super) fn member(&self, key: &[u8], value: &[u8]) -> u128 {
        let mut hasher = self.0;
        key.hash(&mut hasher);
        hasher.write(value);
        hasher.finish128().as_u128()
    }
}

/// The significant part of a time stamp in UTC: its first 19 characters, since instants compare by whole seconds and the
/// spelling of the rest varies. `None` for any other value.
#[must_use]
pub(super) fn whole_seconds(value: &[u8]) -> Option<&[u8]> {
    let body = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let (stamp, rest) = body.split_at_checked(19)?;
    let shaped = stamp.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        10 => *byte == b'T',
        13 | 16 => *byte == b':',
        _ => byte.is_ascii_digit(),
    });
    let fraction = rest.strip_suffix(b"Z").or_else(|| rest.strip_suffix(b"+00:00"))?;
    let plain = fraction.is_empty()
        || fraction.strip_prefix(b".").is_some_and(|f| f.iter().all(u8::is_ascii_digit));
    (shaped && plain).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_instant_share_their_seconds() {
        let seconds = whole_seconds(br#""2024-05-22T06:06:16Z""#);
        assert_eq!(seconds, whole_seconds(br#""2024-05-22T06:06:16.0000000Z""#));
        assert_eq!(seconds, whole_seconds(br#""2024-05-22T06:06:16+00:00""#));
        assert_eq!(whole_seconds(br#""2024-05-22T06:06:16+02:00""#), None);
    }

    #[test]
    fn key_and_value_do_not_run_together() {
        let key = FingerprintKey::random();
        assert_ne!(key.member(b"ab", b"c"), key.member(b"a", b"bc"));
        assert_ne!(FingerprintKey::random().member(b"a", b"b"), key.member(b"a", b"b"));
    }
}
