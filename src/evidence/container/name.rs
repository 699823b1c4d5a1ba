//! Names of members: which are refused, how the others are shown, and what of them tells a layout.

use std::collections::BTreeMap;

use super::limits::MAX_NAME_BYTES;

/// How a backslash in a name is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backslash {
    /// As `/`, if there is no `/` in the name: archives made by Windows PowerShell 5.1 (`Compress-Archive` on .NET
    /// Framework before 4.6.1) are written like that.
    Separates,
    /// Not at all.
    Refused,
}

/// The path of a member below its archive, `/` between, bytes that are no text as `\xNN`; empty for the top folder.
///
/// # Errors
/// Why the name is refused, in words.
pub(super) fn member_path(raw: &[u8], backslash: Backslash) -> Result<String, &'static str> {
    if raw.len() > MAX_NAME_BYTES {
        return Err("its name is longer than 4,096 bytes");
    }
    if raw.contains(&0) {
        return Err("its name holds a zero byte");
    }
    let separator = match (raw.contains(&b'\\'), backslash) {
        (false, _) => b'/',
        (true, Backslash::Refused) => return Err("its name holds a backslash"),
        (true, Backslash::Separates) if raw.contains(&b'/') => {
            return Err("its name mixes slashes and backslashes");
        }
        (true, Backslash::Separates) => b'\\',
    };
    if raw.first() == Some(&separator) {
        return Err("its name is an absolute path");
    }
    if let [letter, b':', ..] = raw
        && letter.is_ascii_alphabetic()
    {
        return Err("its name begins with a drive");
    }
    let mut path = String::new();
    for part in raw.split(|byte| *byte == separator) {
        match part {
            b"" | b"." => {}
            b".." => return Err("its name leads out of the archive (`..`)"),
            part => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(&readable(part));
            }
        }
    }
    Ok(path)
}

/// A name as text; bytes that are not UTF-8 as `\xNN`.
pub(in crate::evidence) fn readable(name: &[u8]) -> String {
    let mut text = String::new();
    for chunk in name.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str("\\x");
            text.extend(
                [byte >> 4, byte & 0xF].iter().filter_map(|n| char::from_digit(u32::from(*n), 16)),
            );
        }
    }
    text
}

/// A repository's own store is no export, in an archive as in a folder.
pub(super) fn is_repository_store(path: &str) -> bool {
    path.split('/').any(|part| part == ".git")
}

const ARCHIVE_ENDINGS: &[&str] = &[".tar.gz", ".tar.zst", ".tgz", ".tzst", ".tar", ".zip"];

/// The path of an archive as a folder would have it: without the ending that makes it an archive.
pub(super) fn as_folder(path: &str) -> &str {
    let cut = |ending: &&str| {
        let at = path.len().checked_sub(ending.len())?;
        let (stem, tail) = path.split_at_checked(at)?;
        let named = !stem.is_empty() && !stem.ends_with('/');
        (named && tail.eq_ignore_ascii_case(ending)).then_some(stem)
    };
    ARCHIVE_ENDINGS.iter().find_map(cut).unwrap_or(path)
}

/// The path of a compressed file without the ending that says so, if it has one.
pub(super) fn without_codec(path: &str) -> &str {
    let cut = |ending: &&str| {
        let at = path.len().checked_sub(ending.len())?;
        let (stem, tail) = path.split_at_checked(at)?;
        let named = !stem.is_empty() && !stem.ends_with('/');
        (named && tail.eq_ignore_ascii_case(ending)).then_some(stem)
    };
    [".gz", ".zst", ".zstd"].iter().find_map(cut).unwrap_or(path)
}

/// The names of the members of one archive.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// Notes a name.
    pub(super) fn add(&mut self, path: &str) {
        self.0.push(path.to_owned());
    }

    /// The names that stand more than once, or differ by case only, with the reason in words.
    pub(super) fn duplicates(&self) -> BTreeMap<&str, String> {
        let mut folded: Vec<(String, &str)> =
            self.0.iter().map(|path| (path.to_lowercase(), path.as_str())).collect();
        folded.sort_unstable();
        let mut found = BTreeMap::new();
        for group in folded.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
            for (_, path) in group {
                let same = group.iter().filter(|(_, other)| other == path).count();
                let cause = if same > 1 {
                    format!("{same} members have this name; none of them is used")
                } else {
                    "another member has the same name but for case; neither is used".to_owned()
                };
                found.insert(*path, cause);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_reach_out_are_refused() {
        for name in [
            "../x",
            "a/../../x",
            "..",
            "/etc/passwd",
            "//host/share",
            "C:/x",
            "c:x",
            "a\\b/c",
            "..\\x",
            "\\x",
            "\\\\host\\share",
            "C:\\x",
            "a\0b",
        ] {
            assert!(member_path(name.as_bytes(), Backslash::Separates).is_err(), "{name:?}");
        }
        assert!(member_path(b"a\\b", Backslash::Refused).is_err());
        assert!(member_path(&[b'a'; 5_000], Backslash::Refused).is_err());
    }

    #[test]
    fn ordinary_names_are_kept() {
        for (name, path) in [
            ("./a/b.json", "a/b.json"),
            ("a//b/", "a/b"),
            ("a\\b.json", "a/b.json"),
            ("..a/b..", "..a/b.."),
            ("./", ""),
        ] {
            assert_eq!(member_path(name.as_bytes(), Backslash::Separates).as_deref(), Ok(path));
        }
        assert_eq!(member_path(b"a\xFFb", Backslash::Separates).as_deref(), Ok("a\\xffb"));
    }

    #[test]
    fn endings_of_archives_are_no_part_of_a_folder_name() {
        assert_eq!(as_folder("case/2026-11-02.tar.gz"), "case/2026-11-02");
        assert_eq!(as_folder("case/2026-11-02.ZIP"), "case/2026-11-02");
        assert_eq!(as_folder("case/.zip"), "case/.zip");
        assert_eq!(without_codec("users.json.gz"), "users.json");
    }
}
