//! Hashes whatever is there: files, archives, and members of archives as streams. Nothing is written, nothing unpacked.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use sha2::{Digest as _, Sha512};

use crate::evidence::{
    EvidenceError, Fingerprints, Hashing, Look, Refusal, SourceFile, Watched, hex, inventory,
    readable_name, stream_each,
};
use crate::meter::Meter;

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// What a file holds: digests in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Size.
    pub size_bytes: u64,
    /// SHA-256.
    pub sha256: String,
    /// BLAKE3.
    pub blake3: String,
    /// SHA-512, where it was asked for.
    pub sha512: Option<String>,
}

/// A file, an archive, or a member of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The name of the argument that it was found below, and the path below it.
    pub shown: String,
    /// The path below the argument; of an argument that is a file, its name.
    pub below: String,
    /// Its absolute path.
    pub absolute: String,
    /// The file on disk that it is, or is in.
    pub path: PathBuf,
    /// Whether it is a member of an archive.
    pub is_member: bool,
    /// Whether it is an archive whose members are listed too.
    pub is_archive: bool,
    /// What it holds, or why that cannot be told.
    pub content: Result<Content, String>,
    /// Where its bytes are opened again.
    pub source: Option<SourceFile>,
}

/// Everything that was found and hashed.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Sorted by `shown`.
    pub items: Vec<Item>,
    /// What was not looked at, and why.
    pub refusals: Vec<Refusal>,
}

fn content_of(reader: &mut dyn Read, with_sha512: bool, meter: &Meter) -> io::Result<Content> {
    let mut hashing = Hashing::default();
    let mut sha512 = with_sha512.then(Sha512::new);
    let mut size_bytes = 0_u64;
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let part = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => buffer.get(..count).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hashing.update(part);
        sha512.iter_mut().for_each(|sha512| sha512.update(part));
        let count = u64::try_from(part.len()).unwrap_or(u64::MAX);
        meter.add_bytes(count);
        size_bytes = size_bytes.saturating_add(count);
    }
    let prints = hashing.finish();
    let sha512 = sha512.map(|sha512| hex(&sha512.finalize()));
    Ok(content(size_bytes, &prints, sha512))
}

fn content(size_bytes: u64, prints: &Fingerprints, sha512: Option<String>) -> Content {
    Content { size_bytes, sha256: prints.sha256_hex(), blake3: prints.blake3_hex(), sha512 }
}

/// Hashes one file on disk.
///
/// # Errors
/// [`EvidenceError::Unreadable`], [`EvidenceError::Changed`].
pub(super) fn hash_file(
    path: &Path,
    with_sha512: bool,
    meter: &Meter,
) -> Result<Content, EvidenceError> {
    let mut watched = Watched::open(path)?;
    let content = content_of(&mut watched, with_sha512, meter)
        .map_err(|source| EvidenceError::Unreadable { path: path.to_owned(), source })?;
    watched.finish()?;
    Ok(content)
}

/// What could not be read is said with the file; a file that changes while it is read ends the run.
fn settled(read: Result<Content, EvidenceError>) -> Result<Result<Content, String>, EvidenceError> {
    match read {
        Ok(content) => Ok(Ok(content)),
        Err(changed @ EvidenceError::Changed { .. }) => Err(changed),
        Err(EvidenceError::Unreadable { source, .. }) => Ok(Err(source.to_string())),
        Err(error) => Ok(Err(error.to_string())),
    }
}

fn item(source: &SourceFile, roots: &[PathBuf], is_archive: bool) -> Item {
    let is_member = source.archive().is_some();
    let root = roots.get(source.root).map(PathBuf::as_path).unwrap_or(Path::new(""));
    let depth = source.path.strip_prefix(root).map_or(1, |below| below.components().count()).max(1);
    let outer = source.on_disk_shown();
    let inner = source.shown.get(outer.len()..).unwrap_or_default();
    let start = outer.rmatch_indices('/').nth(depth - 1).map_or(0, |(at, _)| at + 1);
    let on_disk = readable_name(source.path.as_os_str().as_encoded_bytes());
    Item {
        shown: source.shown.clone(),
        below: source.shown.get(start..).unwrap_or_default().to_owned(),
        absolute: format!("{on_disk}{inner}"),
        path: source.path.clone(),
        is_member,
        is_archive,
        content: Err(String::new()),
        source: Some(source.clone()),
    }
}

/// Hashes everything below `paths`.
///
/// # Errors
/// [`EvidenceError`] if a path cannot be looked at or a file changes while it is read; what cannot be read is an item.
pub fn take(
    paths: &[PathBuf],
    look: Look,
    with_sha512: bool,
    meter: &Meter,
) -> Result<Inventory, EvidenceError> {
    let walk = inventory(paths, look)?;
    let total = walk.files.iter().map(|file| file.size_bytes).sum();
    meter.expect_bytes(total);
    let (members, files): (Vec<&SourceFile>, Vec<&SourceFile>) =
        walk.files.iter().partition(|file| file.archive().is_some());
    let mut items: Vec<Item> = files
        .par_iter()
        .map(|file| {
            let content = settled(hash_file(&file.path, with_sha512, meter))?;
            Ok(Item { content, ..item(file, &walk.roots, false) })
        })
        .collect::<Result<_, EvidenceError>>()?;
    let hashed = stream_each(&members, |at, stream| {
        let Some(member) = members.get(at) else { return Ok(Err(String::new())) };
        settled(stream.and_then(|stream| {
            content_of(stream, with_sha512, meter).map_err(|error| member.error(error))
        }))
    });
    for (member, content) in members.iter().zip(hashed) {
        items.push(Item { content: content?, ..item(member, &walk.roots, false) });
    }
    for carrier in &walk.carriers {
        let content = if with_sha512 {
            settled(carrier.source.open().and_then(|mut stream| {
                content_of(&mut stream, true, meter).map_err(|error| carrier.source.error(error))
            }))?
        } else {
            Ok(content(carrier.size_bytes, &carrier.prints, None))
        };
        items.push(Item { content, ..item(&carrier.source, &walk.roots, true) });
    }
    items.sort_by(|a, b| (&a.shown, &a.absolute).cmp(&(&b.shown, &b.absolute)));
    Ok(Inventory { items, refusals: walk.refusals })
}
