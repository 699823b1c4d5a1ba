//! Patterns with `*`, as scopes and assertions write them.

/// Whether a pattern holds a text: `*` stands for anything, letter case does not count.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        assert!(glob("conditions.*", "conditions.users.includeUsers"));
        assert!(glob("*Credentials", "passwordCredentials"));
        assert!(glob("a*b*c", "axxbyyc"));
        assert!(glob("accountenabled", "accountEnabled"));
        assert!(!glob("account", "accountEnabled"));
        assert!(!glob("a*b*c", "axxcyyb"));
    }
}
