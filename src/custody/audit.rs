//! Holds files against what is known of them, in hashdeep's words.
//!
//! | Word | Means |
//! |---|---|
//! | `matched` | the file that is known by this name has this content |
//! | `moved` | no file has this name any more, but one that is not known by its own name has this content |
//! | `new` | neither name nor content is known (a second copy of a known file is new too) |
//! | `missing` | known, and neither name nor content was found |
//! | `changed` | the file that is known by this name has another content |
//! | `unreadable` | it is there and cannot be read |
//!
//! hashdeep's rule: an audit passes if every file is matched or moved and nothing is missing.
//!
//! **Archives.** A manifest may list an archive, its members, or both. An archive that is listed vouches for members that are
//! not; members that are listed stand for an archive that is not.

use std::collections::{BTreeMap, BTreeSet};

use super::inventory::{Content, Item};
use super::manifest::{Digest, Known};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Name and content are as known.
    Matched,
    /// The content is known by another name.
    Moved,
    /// Not known.
    New,
    /// Known and not found.
    Missing,
    /// Another content.
    Changed,
    /// Not readable.
    Unreadable,
}

impl Word {
    /// All words, in the order in which totals name them.
    pub const ALL: [Self; 6] =
        [Self::Matched, Self::Moved, Self::New, Self::Missing, Self::Changed, Self::Unreadable];

    /// As it is printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Moved => "moved",
            Self::New => "new",
            Self::Missing => "missing",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
        }
    }

    /// Whether an audit may pass with it.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(self, Self::Matched | Self::Moved)
    }
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome {
    /// The file as it was found; of a missing one the name by which it is known.
    pub path: String,
    /// What became of it.
    pub word: Word,
    /// Details: where it was, what its digest is and should be, why it cannot be read.
    pub detail: String,
}

/// Whether a file has a digest.
fn has(content: &Content, digest: &Digest) -> bool {
    match digest {
        Digest::Sha256(hex) => content.sha256 == *hex,
        Digest::Blake3(hex) => content.blake3 == *hex,
        Digest::Either(hex) => content.sha256 == *hex || content.blake3 == *hex,
        Digest::Sha512(hex) => content.sha512.as_ref() == Some(hex),
    }
}

fn is(content: &Content, known: &Known) -> bool {
    known.size_bytes.is_none_or(|size| size == content.size_bytes)
        && !known.digests.is_empty()
        && known.digests.iter().all(|digest| has(content, digest))
}

/// The digest that a file has, in the algorithm of one that it should have.
fn differing(content: &Content, known: &Known) -> String {
    let Some(wrong) = known.digests.iter().find(|digest| !has(content, digest)) else {
        return format!(
            "its size is {}, known is {}",
            content.size_bytes,
            known.size_bytes.unwrap_or_default()
        );
    };
    let (name, found, wanted) = match wrong {
        Digest::Sha256(hex) | Digest::Either(hex) => ("SHA-256", content.sha256.as_str(), hex),
        Digest::Blake3(hex) => ("BLAKE3", content.blake3.as_str(), hex),
        Digest::Sha512(hex) => ("SHA-512", content.sha512.as_deref().unwrap_or_default(), hex),
    };
    format!("its {name} is {found}, known is {wanted}")
}

/// The ways in which a file may be called.
struct Names<'a> {
    /// As shown, by its absolute path, and by its path below the evidence argument; `None` where several are called so.
    by_name: BTreeMap<&'a str, Option<usize>>,
}

impl<'a> Names<'a> {
    fn of(items: &'a [Item]) -> Self {
        let mut by_name: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        // What is shown is told apart, and goes before a path below an argument.
        for (place, item) in items.iter().enumerate() {
            by_name.insert(&item.shown, Some(place));
        }
        let mut others: BTreeMap<&str, Option<usize>> = BTreeMap::new();
        for (place, item) in items.iter().enumerate() {
            for name in [item.absolute.as_str(), item.below.as_str()] {
                let several = others.get(name).is_some_and(|known| *known != Some(place));
                others.insert(name, (!several).then_some(place));
            }
        }
        for (name, place) in others {
            by_name.entry(name).or_insert(place);
        }
        Self { by_name }
    }

    fn get(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied().flatten()
    }

    /// The file that is meant by a name in a manifest: as written, or, of an absolute path of another machine, by the
    /// longest end of it that is the name of a file.
    fn find(&self, name: &str) -> Option<usize> {
        let mut plain = name;
        while let Some(rest) = plain.strip_prefix("./") {
            plain = rest.trim_start_matches('/');
        }
        if let Some(place) = self.get(plain) {
            return Some(place);
        }
        let slashes;
        let is_windows = plain.contains('\\') && !plain.contains('/');
        if is_windows {
            slashes = plain.replace('\\', "/");
            plain = slashes.strip_prefix("./").unwrap_or(&slashes);
            if let Some(place) = self.get(plain) {
                return Some(place);
            }
        }
        let drive = plain.as_bytes().get(1) == Some(&b':');
        if !plain.starts_with('/') && !drive {
            return None;
        }
        plain.match_indices('/').find_map(|(at, _)| self.get(plain.get(at + 1..)?))
    }
}

/// The archives that a shown path lies in, outermost first.
fn archives_above<'a>(
    shown: &'a str,
    archives: &'a BTreeSet<&'a str>,
) -> impl Iterator<Item = &'a str> {
    let folders = shown.match_indices('/').filter_map(|(at, _)| shown.get(..at));
    folders.filter(|folder| archives.contains(folder))
}

/// Holds `items` against `known`. A file that is not known counts as new unless `excused` says that it need not be.
#[must_use]
pub fn audit(known: &[Known], items: &[Item], excused: &dyn Fn(&Item) -> bool) -> Vec<Outcome> {
    let names = Names::of(items);
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut place_of: BTreeMap<usize, Known> = BTreeMap::new();
    let mut absent: Vec<&Known> = Vec::new();
    for known in known {
        match names.find(&known.name) {
            Some(place) => {
                let together = place_of
                    .entry(place)
                    .or_insert_with(|| Known { name: known.name.clone(), ..Known::default() });
                together.digests.extend(known.digests.iter().cloned());
                together.size_bytes = together.size_bytes.or(known.size_bytes);
            }
            None => absent.push(known),
        }
    }
    let mut claimed: BTreeSet<usize> = BTreeSet::new();
    let mut displaced: Vec<&Known> = absent;
    for (place, known) in &place_of {
        let Some(item) = items.get(*place) else { continue };
        claimed.insert(*place);
        let (word, detail) = match &item.content {
            Ok(content) if is(content, known) => (Word::Matched, String::new()),
            Ok(content) => (Word::Changed, differing(content, known)),
            Err(cause) => (Word::Unreadable, cause.clone()),
        };
        outcomes.push(Outcome { path: item.shown.clone(), word, detail });
    }
    let mut found_elsewhere: BTreeSet<usize> = BTreeSet::new();
    for (place, item) in items.iter().enumerate().filter(|(place, _)| !place_of.contains_key(place))
    {
        let Ok(content) = &item.content else { continue };
        if let Some(at) = displaced.iter().position(|known| is(content, known)) {
            let known = displaced.remove(at);
            found_elsewhere.insert(place);
            let detail = format!("known as {}", known.name);
            outcomes.push(Outcome { path: item.shown.clone(), word: Word::Moved, detail });
        }
    }
    claimed.extend(&found_elsewhere);
    for known in displaced {
        let (path, detail) = (known.name.clone(), String::new());
        outcomes.push(Outcome { path, word: Word::Missing, detail });
    }
    outcomes.extend(unknown(items, &claimed, excused));
    outcomes.sort();
    outcomes
}

/// Files that nothing is known of, and that no archive vouches for or no members stand for.
fn unknown(
    items: &[Item],
    claimed: &BTreeSet<usize>,
    excused: &dyn Fn(&Item) -> bool,
) -> Vec<Outcome> {
    let archives: BTreeSet<&str> =
        items.iter().filter(|item| item.is_archive).map(|item| item.shown.as_str()).collect();
    let claimed_names: Vec<&str> =
        claimed.iter().filter_map(|place| Some(items.get(*place)?.shown.as_str())).collect();
    let vouching: BTreeSet<&str> = claimed_names.iter().copied().collect();
    let stood_for: BTreeSet<&str> =
        claimed_names.iter().flat_map(|name| archives_above(name, &archives)).collect();
    let mut outcomes = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let shown = item.shown.as_str();
        let mut above = archives_above(shown, &archives);
        // Members of an archive that is new itself need no line each.
        let of_archive =
            above.any(|archive| vouching.contains(archive) || !stood_for.contains(archive));
        let stands = item.is_archive && stood_for.contains(shown);
        if claimed.contains(&place) || of_archive || stands || excused(item) {
            continue;
        }
        let (word, detail) = match &item.content {
            Ok(content) => (Word::New, format!("SHA-256 {}", content.sha256)),
            Err(cause) => (Word::Unreadable, cause.clone()),
        };
        outcomes.push(Outcome { path: item.shown.clone(), word, detail });
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(shown: &str, bytes: &str) -> Item {
        let prints = crate::evidence::hash(bytes.as_bytes());
        let content = Content {
            size_bytes: u64::try_from(bytes.len()).unwrap(),
            sha256: prints.sha256_hex(),
            blake3: prints.blake3_hex(),
            sha512: None,
        };
        Item {
            shown: shown.to_owned(),
            below: shown.split_once('/').unwrap().1.to_owned(),
            absolute: format!("/mnt/{shown}"),
            is_archive: shown.ends_with(".zip"),
            content: Ok(content),
            path: shown.into(),
            is_member: false,
            source: None,
        }
    }

    fn known(name: &str, bytes: &str) -> Known {
        let digest = Digest::Either(item("x/y", bytes).content.unwrap().sha256);
        Known { name: name.to_owned(), digests: vec![digest], size_bytes: None }
    }

    fn words(known: &[Known], items: &[Item]) -> Vec<String> {
        let outcomes = audit(known, items, &|_| false);
        outcomes.iter().map(|found| format!("{} {}", found.word.as_str(), found.path)).collect()
    }

    #[test]
    fn hashdeeps_five_words() {
        let items = [
            item("e/a", "1"),
            item("e/b", "2"),
            item("e/c", "3"),
            item("e/d", "4"),
            item("e/f", "1"),
        ];
        let known = [known("./a", "1"), known("b", "9"), known("old", "3"), known("gone", "8")];
        assert_eq!(
            words(&known, &items),
            ["matched e/a", "changed e/b", "moved e/c", "new e/d", "new e/f", "missing gone"]
        );
    }

    #[test]
    fn names_of_other_machines_are_found_by_their_ends() {
        let items = [item("e/2026/a.json", "1")];
        for name in [
            "e/2026/a.json",
            "2026/a.json",
            "././2026/a.json",
            "/mnt/e/2026/a.json",
            "/home/x/e/2026/a.json",
            "C:\\cases\\e\\2026\\a.json",
            ".\\2026\\a.json",
        ] {
            assert_eq!(words(&[known(name, "1")], &items), ["matched e/2026/a.json"], "{name}");
        }
        assert_eq!(words(&[known("x/2026/a.json", "1")], &items), ["moved e/2026/a.json"]);
    }

    #[test]
    fn an_archive_vouches_for_its_members_and_they_stand_for_it() {
        let items = [item("e/a.zip", "z"), item("e/a.zip/x", "1"), item("e/a.zip/y", "2")];
        assert_eq!(words(&[known("a.zip", "z")], &items), ["matched e/a.zip"]);
        let member = known("a.zip/x", "1");
        assert_eq!(
            words(std::slice::from_ref(&member), &items),
            ["matched e/a.zip/x", "new e/a.zip/y"]
        );
        let both = [known("a.zip", "z"), member];
        assert_eq!(words(&both, &items), ["matched e/a.zip", "matched e/a.zip/x"]);
        assert_eq!(words(&[], &items), ["new e/a.zip"]);
    }

    #[test]
    fn two_digests_of_one_file_must_both_be_its() {
        let items = [item("e/a", "1")];
        assert_eq!(words(&[known("a", "1"), known("e/a", "2")], &items), ["changed e/a"]);
        let wrong_size = Known { size_bytes: Some(2), ..known("a", "1") };
        assert_eq!(words(&[wrong_size], &items), ["changed e/a"]);
    }
}
