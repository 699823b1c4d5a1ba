//! Finds the files below the paths that the user named, and the members of archives among them, in an order that
//! depends on their names only.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use rayon::prelude::*;

use super::container::{self, Carrier, LIMITS, Limits};
use super::{EvidenceError, SourceFile, Stat, bag};

/// The file by which a case folder is known.
pub const CASE_MARK: &str = "entrace-case";

/// A directory entry, or a member of an archive, that is not read, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// As in [`SourceFile::shown`].
    pub shown: String,
    /// Stable code: `symlink-refused`, `not-a-file`, `unreadable`; of archives `archive-…` and `member-…`; of bags `bag-…`.
    pub code: &'static str,
    /// The cause in words.
    pub cause: String,
}

/// Everything found below the evidence arguments.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Exhibits of records: files and members of archives, sorted by `shown`.
    pub files: Vec<SourceFile>,
    /// Files that carry exhibits and hold no records themselves: archives, tag files of bags; sorted by `shown`.
    pub carriers: Vec<Carrier>,
    /// Entries that were refused, sorted.
    pub refusals: Vec<Refusal>,
    /// Canonical paths of the arguments.
    pub roots: Vec<PathBuf>,
}

/// Lists the files below `arguments`, and the members of those that are archives; verifies bags.
///
/// # Errors
/// [`EvidenceError::Unreadable`] if an argument itself cannot be looked at, [`EvidenceError::Changed`] if an archive
/// changed while it was listed; entries below are refused one by one.
pub fn walk(arguments: &[PathBuf]) -> Result<Walk, EvidenceError> {
    walk_within(arguments, &LIMITS, &|_| false)
}

/// [`walk`] under other limits for archives; a file of which `is_plain` says so is not looked at, as it is known to be none.
///
/// # Errors
/// As [`walk`].
pub fn walk_within(
    arguments: &[PathBuf],
    limits: &Limits,
    is_plain: &(dyn Fn(&SourceFile) -> bool + Sync),
) -> Result<Walk, EvidenceError> {
    let mut found = find(arguments, limits, is_plain, Look::Evidence)?;
    bag::verify(&mut found);
    in_order(&mut found);
    Ok(found)
}

/// What is looked at below the paths that the user named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// What may be an export: no store of a repository, no case folder.
    Evidence,
    /// Every file, and the members of archives.
    Everything,
    /// Every file; archives are files.
    Files,
}

/// Everything that can be hashed below `arguments`, for custody: what a bag refuses is named among the refusals and is
/// there all the same, and tag files of bags are files.
///
/// # Errors
/// As [`walk`].
pub fn inventory(arguments: &[PathBuf], look: Look) -> Result<Walk, EvidenceError> {
    let mut found = find(arguments, &LIMITS, &|_| look == Look::Files, look)?;
    if look == Look::Evidence {
        let mut verified = found.clone();
        bag::verify(&mut verified);
        found.refusals = verified.refusals;
    }
    in_order(&mut found);
    Ok(found)
}

fn in_order(found: &mut Walk) {
    found
        .carriers
        .sort_by(|a, b| (&a.source.shown, &a.source.path).cmp(&(&b.source.shown, &b.source.path)));
    found.refusals.sort();
}

fn find(
    arguments: &[PathBuf],
    limits: &Limits,
    is_plain: &(dyn Fn(&SourceFile) -> bool + Sync),
    look: Look,
) -> Result<Walk, EvidenceError> {
    let mut roots = BTreeSet::new();
    for argument in arguments {
        let root = fs::canonicalize(argument)
            .map_err(|source| EvidenceError::Unreadable { path: argument.clone(), source })?;
        roots.insert(root);
    }
    let roots: Vec<PathBuf> = roots.into_iter().collect();
    let names = distinct_names(&roots);
    let mut found = Walk::default();
    for (position, (root, name)) in roots.iter().zip(&names).enumerate() {
        visit((root, root), name, (position, look), &mut found);
    }
    // A folder and a file below it may both have been named: one exhibit all the same.
    let mut seen: HashSet<OsString> = HashSet::with_capacity(found.files.len());
    found.files.retain(|file| seen.insert(file.path.clone().into_os_string()));
    let files = std::mem::take(&mut found.files);
    let (plain, others): (Vec<SourceFile>, Vec<SourceFile>) = files.into_iter().partition(is_plain);
    found.files = plain;
    let listed: Vec<_> = others.into_par_iter().map(|file| container::list(file, limits)).collect();
    for listed in listed {
        let listed = listed?;
        found.files.extend(listed.files);
        found.carriers.extend(listed.carriers);
        found.refusals.extend(listed.refusals);
    }
    found.files.sort_by(|a, b| (&a.shown, &a.path).cmp(&(&b.shown, &b.path)));
    found.roots = roots;
    Ok(found)
}

fn visit(
    (path, root): (&Path, &Path),
    shown: &str,
    (position, look): (usize, Look),
    found: &mut Walk,
) {
    let refuse = |code, cause| Refusal { shown: shown.to_owned(), code, cause };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return found.refusals.push(refuse("unreadable", error.to_string())),
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return match symlink_target(path, root) {
            Ok((target, metadata)) => {
                let stat = Stat::of(&metadata);
                found.files.push(SourceFile::file(shown.to_owned(), target, position, stat));
            }
            Err(cause) => found.refusals.push(refuse("symlink-refused", cause)),
        };
    }
    if kind.is_dir() {
        let entries = fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => return found.refusals.push(refuse("unreadable", error.to_string())),
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        let is_case = entries.iter().any(|entry| entry.file_name() == OsStr::new(CASE_MARK));
        if is_case && look == Look::Evidence {
            let cause = format!("a case folder of entrace: it holds a file `{CASE_MARK}`");
            return found.refusals.push(refuse("case-in-evidence", cause));
        }
        for entry in entries {
            let name = entry.file_name();
            // A repository's own store is not an export.
            if name == OsStr::new(".git") && look == Look::Evidence {
                continue;
            }
            let shown = format!("{shown}/{}", readable(&name));
            visit((&entry.path(), root), &shown, (position, look), found);
        }
    } else if metadata.is_file() {
        let (file, stat) = (path.to_path_buf(), Stat::of(&metadata));
        found.files.push(SourceFile::file(shown.to_owned(), file, position, stat));
    } else {
        found.refusals.push(refuse("not-a-file", "neither a file nor a folder".to_owned()));
    }
}

/// A link is followed only to a regular file below the same root, so that evidence cannot reach out of its folder.
fn symlink_target(path: &Path, root: &Path) -> Result<(PathBuf, fs::Metadata), String> {
    let target = fs::canonicalize(path).map_err(|error| error.to_string())?;
    if !target.starts_with(root) {
        return Err("a symbolic link that leads out of the evidence folder".to_owned());
    }
    match fs::metadata(&target) {
        Ok(metadata) if metadata.is_file() => Ok((target, metadata)),
        Ok(_) => Err("a symbolic link to a folder".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The shortest endings of the roots' paths that tell them apart.
fn distinct_names(roots: &[PathBuf]) -> Vec<String> {
    let parts: Vec<Vec<String>> = roots
        .iter()
        .map(|root| {
            root.components()
                .filter_map(|component| match component {
                    Component::Normal(name) => Some(readable(name)),
                    Component::Prefix(_)
                    | Component::RootDir
                    | Component::CurDir
                    | Component::ParentDir => None,
                })
                .collect()
        })
        .collect();
    let longest = parts.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let tail = |parts: &[String], length: usize| {
        parts.get(parts.len().saturating_sub(length)..).unwrap_or_default().join("/")
    };
    (1..=longest)
        .map(|length| parts.iter().map(|parts| tail(parts, length)).collect::<Vec<_>>())
        .find(|names| names.iter().collect::<BTreeSet<_>>().len() == names.len())
        .unwrap_or_else(|| parts.iter().map(|parts| parts.join("/")).collect())
}

fn readable(name: &OsStr) -> String {
    readable_name(name.as_encoded_bytes())
}

/// A name or path as it is shown: bytes that are not UTF-8 as `\xNN`.
#[must_use]
pub fn readable_name(bytes: &[u8]) -> String {
    container::readable(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_of_equal_name_are_told_apart_by_their_parents() {
        let roots = [PathBuf::from("/a/day1/export"), PathBuf::from("/a/day2/export")];
        assert_eq!(distinct_names(&roots), ["day1/export", "day2/export"]);
    }

    #[test]
    fn files_come_in_name_order_whatever_the_order_of_arguments() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.json", "a.json"] {
            fs::write(folder.path().join(name), "{}").unwrap();
        }
        let one = folder.path().join("a.json");
        let two = folder.path().join("b.json");
        let forward = walk(&[one.clone(), two.clone()]).unwrap();
        let backward = walk(&[two, one]).unwrap();
        assert_eq!(forward.files, backward.files);
        assert_eq!(forward.files.len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_of_the_folder_is_refused_by_name() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("users.json")).unwrap();
        let found = walk(&[folder.path().to_path_buf()]).unwrap();
        assert!(found.files.is_empty());
        assert_eq!(found.refusals[0].code, "symlink-refused");
    }
}
