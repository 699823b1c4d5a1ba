//! Finds the files below the paths that the user named, in an order that depends on their names only.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::{EvidenceError, Stat};

/// The file by which a case folder is known.
pub const CASE_MARK: &str = "entrace-case";

/// One file to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFile {
    /// The evidence argument's own name and the path below it, `/` between, bytes that are not UTF-8 as `\xNN`.
    pub shown: String,
    /// Where to open it.
    pub path: PathBuf,
    /// Which evidence argument it is below (position in the sorted list of arguments).
    pub root: usize,
    /// Its size when it was found; what is read counts, and may be another.
    pub size_bytes: u64,
    /// What the file system said of it when it was found.
    pub stat: Stat,
}

/// A directory entry that is not read, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// As in [`SourceFile::shown`].
    pub shown: String,
    /// Stable code: `symlink-refused`, `not-a-file`, `unreadable`.
    pub code: &'static str,
    /// The cause in words.
    pub cause: String,
}

/// Everything found below the evidence arguments.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Files, sorted by `shown`.
    pub files: Vec<SourceFile>,
    /// Entries that were refused, sorted.
    pub refusals: Vec<Refusal>,
    /// Canonical paths of the arguments.
    pub roots: Vec<PathBuf>,
}

/// Lists the files below `arguments`.
///
/// # Errors
/// [`EvidenceError::Unreadable`] if an argument itself cannot be looked at; entries below are refused one by one.
pub fn walk(arguments: &[PathBuf]) -> Result<Walk, EvidenceError> {
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
        visit(root, root, name, position, &mut found);
    }
    // A folder and a file below it may both have been named: one exhibit all the same.
    let mut seen: HashSet<OsString> = HashSet::with_capacity(found.files.len());
    found.files.retain(|file| seen.insert(file.path.clone().into_os_string()));
    found.files.sort();
    found.refusals.sort();
    found.roots = roots;
    Ok(found)
}

fn visit(path: &Path, root: &Path, shown: &str, position: usize, found: &mut Walk) {
    let refuse = |code, cause| Refusal { shown: shown.to_owned(), code, cause };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return found.refusals.push(refuse("unreadable", error.to_string())),
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        return match symlink_target(path, root) {
            Ok((target, metadata)) => {
                found.files.push(SourceFile {
                    shown: shown.to_owned(),
                    path: target,
                    root: position,
                    size_bytes: metadata.len(),
                    stat: Stat::of(&metadata),
                });
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
        if entries.iter().any(|entry| entry.file_name() == OsStr::new(CASE_MARK)) {
            let cause = format!("a case folder of entrace: it holds a file `{CASE_MARK}`");
            return found.refusals.push(refuse("case-in-evidence", cause));
        }
        for entry in entries {
            let name = entry.file_name();
            // A repository's own store is not an export.
            if name == OsStr::new(".git") {
                continue;
            }
            visit(&entry.path(), root, &format!("{shown}/{}", readable(&name)), position, found);
        }
    } else if metadata.is_file() {
        found.files.push(SourceFile {
            shown: shown.to_owned(),
            path: path.to_path_buf(),
            root: position,
            size_bytes: metadata.len(),
            stat: Stat::of(&metadata),
        });
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
    let mut text = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
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
