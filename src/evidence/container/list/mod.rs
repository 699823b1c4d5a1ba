//! What an archive holds: members as exhibits, archives for custody, refusals by name.

mod streams;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use super::fault::Fault;
use super::hashing::Hashing;
use super::limits::{Breach, Budget, Limits, Size};
use super::name::{Backslash, Names, as_folder, is_repository_store, member_path};
use super::sniff::{Kind, read_head, sniff};
use super::store::{Stamp, Store};
use super::stream::drain;
use super::zip::{self, ZipMember};
use super::{Container, Form, Origin, Place};
use crate::evidence::read::Fingerprints;
use crate::evidence::source::RecordedTime;
use crate::evidence::{EvidenceError, Refusal, SourceFile};

/// A file that carries exhibits and is none of records itself: an archive, or the tag file of a bag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carrier {
    /// Where it is; its bytes can be opened again like those of an exhibit.
    pub source: SourceFile,
    /// The words that `evidence.csv` prints.
    pub format: &'static str,
    /// Size.
    pub size_bytes: u64,
    /// Digests of its own bytes.
    pub prints: Fingerprints,
    /// Modification time, of a member the recorded one.
    pub modified: Option<SystemTime>,
}

/// What one file on disk turned out to hold.
#[derive(Debug, Default)]
pub(in crate::evidence) struct Listed {
    /// Exhibits: the file itself, or members.
    pub(in crate::evidence) files: Vec<SourceFile>,
    /// Archives, in the order in which they were found.
    pub(in crate::evidence) carriers: Vec<Carrier>,
    /// What is not read, and why.
    pub(in crate::evidence) refusals: Vec<Refusal>,
}

/// Lists a file: itself if it is no archive, else its members.
///
/// # Errors
/// [`EvidenceError::Changed`] if an archive changed meanwhile. A file that cannot be opened is listed as it is, so that
/// whoever reads it says so.
pub(in crate::evidence) fn list(
    file: SourceFile,
    limits: &Limits,
) -> Result<Listed, EvidenceError> {
    let first_look = |path: &Path| {
        let mut opened = File::open(path)?;
        let head = read_head(&mut opened)?;
        io::Result::Ok((Stamp::of(&opened.metadata()?), opened, head))
    };
    let (stamp, opened, head) = match first_look(&file.path) {
        Ok(opened) if sniff(&opened.2) != Kind::Plain => opened,
        _ => return Ok(Listed { files: vec![file], ..Listed::default() }),
    };
    let kind = sniff(&head);
    let mut lister =
        Lister { budget: Budget::new(*limits, stamp.len), stamp, listed: Listed::default() };
    let store = if kind == Kind::Zip {
        let second = stamp.open(&file.path).map_err(|fault| fault.error(&file))?;
        Some(Store::file(second, stamp.len))
    } else {
        None
    };
    let mut reader = io::Cursor::new(head).chain(opened);
    let outcome = lister.archive(file.clone(), kind, &mut reader, store, 1);
    if let Err(fault) = outcome {
        lister.refuse(&file.shown, fault.archive_code(), fault.to_string());
    }
    stamp.check(&file.path).map_err(|fault| fault.error(&file))?;
    Ok(lister.listed)
}

struct Lister {
    budget: Budget,
    stamp: Stamp,
    listed: Listed,
}

/// How much was listed at some moment.
#[derive(Clone, Copy)]
struct Mark {
    files: usize,
    carriers: usize,
}

/// What became of the bytes of an archive.
struct Outcome {
    format: &'static str,
    /// What stopped it.
    fault: Option<Fault>,
    /// Whether a checksum over all of it is wrong, so that nothing vouches for any member.
    spoilt: bool,
}

impl Outcome {
    fn of(format: &'static str, fault: Option<Fault>) -> Self {
        Self { format, fault, spoilt: false }
    }
}

impl Lister {
    fn refuse(&mut self, shown: &str, code: &'static str, cause: String) {
        self.listed.refusals.push(Refusal { shown: shown.to_owned(), code, cause });
    }

    fn mark(&self) -> Mark {
        Mark { files: self.listed.files.len(), carriers: self.listed.carriers.len() }
    }

    /// Takes back what was listed since.
    fn take_back(&mut self, mark: Mark) {
        self.listed.files.truncate(mark.files);
        self.listed.carriers.truncate(mark.carriers);
    }

    /// Lists an archive from a stream of all its bytes, and hashes them.
    ///
    /// # Errors
    /// What the stream itself says. What is wrong with the archive is refused by name.
    fn archive(
        &mut self,
        source: SourceFile,
        kind: Kind,
        reader: &mut (dyn Read + Send),
        store: Option<Store>,
        depth: usize,
    ) -> Result<(), Fault> {
        let mark = self.mark();
        let mut hashing = Hashing::new(reader);
        let deepest = self.budget.limits.depth;
        let broken = self.budget.broken;
        let outcome = match kind {
            Kind::Plain => Outcome::of("", None),
            kind if let Some(code) = broken => {
                let cause = "the file that it is in broke a limit before".to_owned();
                Outcome::of(kind.format(), Some(Fault::Limit(code, cause)))
            }
            Kind::Unsupported(name) => {
                self.refuse(&source.shown, "archive-unsupported", format!("{name}s are not read"));
                Outcome::of(name, None)
            }
            kind if depth > deepest => {
                let cause = format!("an archive inside {deepest} others is not opened");
                Outcome::of(kind.format(), Some(Fault::Limit("archive-depth", cause)))
            }
            Kind::Zip => match self.zip(&source, &mut hashing, store, depth) {
                Ok(()) => Outcome::of(kind.format(), None),
                Err(NoArchive::Document) => {
                    self.listed.files.push(source);
                    return Ok(());
                }
                Err(NoArchive::Fault(fault)) => Outcome::of(kind.format(), Some(fault)),
            },
            Kind::Tar => {
                let container = self.container(&source, Form::Tar(None));
                Outcome::of(kind.format(), self.tar(&container, &mut hashing, depth).err())
            }
            Kind::Stream(codec) => self.stream(&source, codec, &mut hashing, depth),
        };
        if let Err(error) = drain(&mut hashing) {
            self.take_back(mark);
            return Err(error.into());
        }
        if let Some(fault) = &outcome.fault {
            self.refuse_rest(&source, fault, outcome.spoilt, mark);
        }
        let modified = match (&source.origin, source.recorded) {
            (Origin::File, _) => self.stamp.modified,
            (Origin::Member(..), Some(RecordedTime::Utc(at))) => Some(SystemTime::from(at)),
            (Origin::Member(..), _) => None,
        };
        let (size_bytes, prints) = hashing.finish();
        self.listed.carriers.push(Carrier {
            source,
            format: outcome.format,
            size_bytes,
            prints,
            modified,
        });
        Ok(())
    }

    /// Says where an archive stopped, and what becomes of what came before.
    fn refuse_rest(&mut self, source: &SourceFile, fault: &Fault, spoilt: bool, mark: Mark) {
        let listed = self.listed.files.len().saturating_sub(mark.files);
        let cause = match fault {
            Fault::Leftover(_) => format!("{fault}; they were not read"),
            _ if spoilt => {
                self.take_back(mark);
                format!("{fault}; none of {listed} members is used, as any of them may be altered")
            }
            _ if listed == 0 => format!("{fault}; nothing of it is used"),
            Fault::Truncated
            | Fault::Corrupt(_)
            | Fault::Limit(..)
            | Fault::Unreadable(_)
            | Fault::Changed => format!("{fault}; what follows {listed} members was not read"),
        };
        self.refuse(&source.shown, fault.archive_code(), cause);
    }

    fn container(&self, source: &SourceFile, form: Form) -> Arc<Container> {
        let limits = self.budget.limits;
        Arc::new(Container { source: source.clone(), form, stamp: self.stamp, limits })
    }

    /// A member that may itself be an archive.
    fn member(
        &mut self,
        source: SourceFile,
        reader: &mut (dyn Read + Send),
        store: Option<Store>,
        depth: usize,
    ) -> Result<(), Fault> {
        let head = read_head(reader)?;
        let kind = sniff(&head);
        if kind == Kind::Plain {
            self.listed.files.push(source);
            return Ok(());
        }
        let mut reader = io::Cursor::new(head).chain(reader);
        self.archive(source, kind, &mut reader, store, depth + 1)
    }

    /// The path of a member, unless it is refused or left alone.
    fn path(&mut self, source: &SourceFile, raw: &[u8], backslash: Backslash) -> Option<String> {
        let refused = match member_path(raw, backslash) {
            Ok(path) if path.is_empty() => "it has no name",
            Ok(path) if is_repository_store(&path) => return None,
            Ok(path) => return Some(path),
            Err(refused) => refused,
        };
        let shown = format!("{}/{}", source.shown, super::readable(raw));
        self.refuse(&shown, "member-name-unsafe", refused.to_owned());
        None
    }

    fn zip(
        &mut self,
        source: &SourceFile,
        reader: &mut (dyn Read + Send),
        store: Option<Store>,
        depth: usize,
    ) -> Result<(), NoArchive> {
        let limits = self.budget.limits;
        let store = match store {
            Some(store) => store,
            None => Store::held(reader, limits.held_bytes).map_err(NoArchive::Fault)?,
        };
        let directory = zip::read_directory(&store, &limits);
        if directory.is_document() {
            return Err(NoArchive::Document);
        }
        let container = self.container(source, Form::Zip);
        let mark = self.mark();
        let mut names = Names::default();
        let mut left = directory.members.len();
        for member in directory.members {
            let outcome = self.zip_member(&container, member, &store, &mut names, depth);
            if let Err(Fault::Limit(code, cause)) = outcome {
                let cause = format!("{cause}; its last {left} members were not read");
                self.refuse(&source.shown, code, cause);
                break;
            }
            left -= 1;
        }
        self.refuse_duplicates(source, &names, mark);
        for fault in directory.faults {
            self.refuse_rest(source, &fault, false, mark);
        }
        Ok(())
    }

    /// Fails only with a limit that ends the archive.
    fn zip_member(
        &mut self,
        container: &Arc<Container>,
        member: ZipMember,
        store: &Store,
        names: &mut Names,
        depth: usize,
    ) -> Result<(), Fault> {
        let source = &container.source;
        if member.folder && member_path(&member.name, Backslash::Separates).is_ok() {
            return Ok(());
        }
        let Some(path) = self.path(source, &member.name, Backslash::Separates) else {
            return Ok(());
        };
        let shown = format!("{}/{path}", source.shown);
        names.add(&path);
        let place = match member.place {
            Ok(place) => place,
            Err((code, cause)) => {
                self.refuse(&shown, code, cause);
                return Ok(());
            }
        };
        let size = match zip::size(&place, &self.budget.limits) {
            Ok(size) => size,
            Err(cause) => {
                self.refuse(&shown, "archive-ratio", cause);
                return Ok(());
            }
        };
        if !self.admit(&shown, size)? {
            return Ok(());
        }
        let inner = member_of(container, &path, Place::Zip(place), member.recorded);
        let opened = zip::open(store, &place).and_then(|mut stream| {
            self.member(inner, &mut *stream, zip::stored(store, &place), depth)
        });
        if let Err(fault) = opened {
            self.refuse(&shown, fault.member_code(), fault.to_string());
        }
        Ok(())
    }

    /// Whether a member is within the limits; fails with one that ends the archive.
    fn admit(&mut self, shown: &str, size: Size) -> Result<bool, Fault> {
        match self.budget.admit(size) {
            Ok(()) => Ok(true),
            Err(Breach::Member(code, cause)) => {
                self.refuse(shown, code, cause);
                Ok(false)
            }
            Err(Breach::Whole(code, cause)) => Err(Fault::Limit(code, cause)),
        }
    }

    /// Takes back members whose names are equal, or equal but for case: which of them is meant cannot be told.
    fn refuse_duplicates(&mut self, source: &SourceFile, names: &Names, mark: Mark) {
        let duplicates = names.duplicates();
        if duplicates.is_empty() {
            return;
        }
        let folder = source.shown.len() + 1;
        let is_one = |shown: &str| {
            let below = shown.get(folder..).unwrap_or_default();
            let ends = below.match_indices('/').map(|(at, _)| at).chain([below.len()]);
            ends.filter_map(|end| below.get(..end)).any(|path| duplicates.contains_key(path))
        };
        let kept: Vec<SourceFile> =
            self.listed.files.drain(mark.files..).filter(|file| !is_one(&file.shown)).collect();
        self.listed.files.extend(kept);
        for (path, cause) in duplicates {
            self.refuse(&format!("{}/{path}", source.shown), "member-duplicate", cause);
        }
    }
}

/// Why a zip archive has no members.
enum NoArchive {
    /// It is an Office document.
    Document,
    /// It cannot be read.
    Fault(Fault),
}

fn member_of(
    container: &Arc<Container>,
    path: &str,
    place: Place,
    recorded: Option<RecordedTime>,
) -> SourceFile {
    let source = &container.source;
    SourceFile {
        shown: format!("{}/{path}", source.shown),
        named: format!("{}/{path}", as_folder(&source.named)),
        path: source.path.clone(),
        root: source.root,
        size_bytes: 0,
        stat: source.stat,
        recorded,
        origin: Origin::Member(Arc::clone(container), place),
    }
}
