//! Identities, packed: a GUID takes 16 bytes whatever its spelling.

use std::fmt;

/// What tells an object of a type apart from the others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectId {
    /// A GUID; case does not count.
    Guid([u8; 16]),
    /// Anything else, exactly as written.
    Text(Box<str>),
}

impl ObjectId {
    /// Packs an identity.
    #[must_use]
    pub fn of(text: &str) -> Self {
        guid(text).map_or_else(|| Self::Text(text.into()), Self::Guid)
    }

    /// Packs a natural key: its parts joined by `|`, GUIDs in lower case.
    #[must_use]
    pub fn of_parts(parts: &[String]) -> Self {
        let parts: Vec<String> = parts.iter().map(|part| canonical(part)).collect();
        Self::Text(parts.join("|").into())
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Guid(bytes) => bytes.iter().enumerate().try_for_each(|(at, byte)| {
                let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
                write!(f, "{dash}{byte:02x}")
            }),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// A GUID in lower case; anything else as it is.
#[must_use]
pub fn canonical(text: &str) -> String {
    if guid(text).is_some() { text.to_ascii_lowercase() } else { text.to_owned() }
}

/// The bytes of a GUID in its usual spelling.
#[must_use]
pub fn guid(text: &str) -> Option<[u8; 16]> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut packed = [0_u8; 16];
    let mut nibbles = 0_usize;
    for (at, byte) in bytes.iter().enumerate() {
        let value = match byte {
            b'-' if matches!(at, 8 | 13 | 18 | 23) => continue,
            _ if matches!(at, 8 | 13 | 18 | 23) => return None,
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return None,
        };
        let slot = packed.get_mut(nibbles / 2)?;
        *slot = (*slot << 4) | value;
        nibbles += 1;
    }
    Some(packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guid_is_the_same_in_any_case_and_nothing_else_is() {
        let lower = "0f94820e-8042-4554-a827-57efdc8bd6cb";
        assert_eq!(ObjectId::of(lower), ObjectId::of(&lower.to_uppercase()));
        assert_eq!(ObjectId::of(&lower.to_uppercase()).to_string(), lower);
        assert_ne!(ObjectId::of("Email"), ObjectId::of("email"));
        assert!(guid("0f94820e-8042-4554-a827-57efdc8bd6c").is_none());
        assert!(guid("0f94820e08042-4554-a827-57efdc8bd6cb").is_none());
    }
}
