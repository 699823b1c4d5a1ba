//! What a case knows beside its packs: which files hold which bytes, and what the last run was about.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::facts::take_code;
use super::sealed::Stamp;
use super::wire::{Reader, Writer};
use crate::evidence::{Carrier, Fingerprints, Refusal, SourceFile, Stat, Walk};
use crate::index::NamedSnapshot;

/// What the last run was told of its evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remembered {
    /// Canonical paths of the evidence.
    pub roots: Vec<PathBuf>,
    /// Snapshots named by hand.
    pub named: Vec<NamedSnapshot>,
    /// Name of the zone of stamps that carry none.
    pub zone: Option<String>,
    /// Whether modification times served as capture times.
    pub file_times: bool,
    /// Text of the map, if one was given.
    pub map: Option<String>,
}

/// A file whose bytes were read once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownFile {
    pub(super) stat: Stat,
    pub(super) prints: Fingerprints,
}

/// A file of the last run.
#[derive(Debug, Clone)]
struct RunFile {
    path: OsString,
    shown: String,
    root: usize,
}

/// An archive or a tag file of a bag of the last run: kept for custody, so that every byte of it can be held against what it
/// was.
#[derive(Debug, Clone)]
struct RunCarrier {
    shown: String,
    size_bytes: u64,
    prints: Fingerprints,
}

/// What was read once, as a later look at evidence is held against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownContent {
    /// As in [`SourceFile::shown`].
    pub shown: String,
    /// Its size, where it is known.
    pub size_bytes: Option<u64>,
    /// Digests of its bytes.
    pub prints: Fingerprints,
}

/// Everything that the file `known` says.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) last: Remembered,
    /// By path: the bytes of paths are compared, which is faster than their components.
    pub(super) files: BTreeMap<OsString, KnownFile>,
    run: Vec<RunFile>,
    carriers: Vec<RunCarrier>,
    refusals: Vec<Refusal>,
    /// Digest of the file `key`, for custody: packs are stamped with the key, and a case may have none.
    pub(super) key_digest: [u8; 32],
    /// Whether archives or bags are in the evidence of the last run.
    listed: bool,
    /// Names of the packs, in the order in which they were made.
    pub(super) packs: Vec<String>,
    /// Number of the next pack.
    pub(super) next: u64,
}

/// What the file `known` is stamped with: its own layout only.
pub(super) fn stamp() -> Stamp {
    *blake3::hash(b"entrace case: known, 4").as_bytes()
}

impl Known {
    /// What is known of a file, if nothing of it has moved since.
    pub(super) fn unmoved(&self, file: &SourceFile) -> Option<Fingerprints> {
        let known = self.files.get(&key_of(file))?;
        (known.stat == file.stat).then_some(known.prints)
    }

    /// Notes that a file holds these bytes.
    pub(super) fn note(&mut self, file: &SourceFile, prints: Fingerprints) {
        self.files.insert(key_of(file), KnownFile { stat: file.stat, prints });
    }

    /// Notes the files of a run.
    pub(super) fn note_run<'f>(
        &mut self,
        files: impl Iterator<Item = &'f SourceFile> + Clone,
        (refusals, carriers): (&[Refusal], &[Carrier]),
        listed: bool,
    ) {
        self.listed = listed || files.clone().any(|file| file.archive().is_some());
        self.run = files
            .map(|file| RunFile {
                path: file.path.clone().into(),
                shown: file.shown.clone(),
                root: file.root,
            })
            .collect();
        self.refusals = refusals.to_vec();
        self.carriers = carriers
            .iter()
            .map(|carrier| RunCarrier {
                shown: carrier.source.shown.clone(),
                size_bytes: carrier.size_bytes,
                prints: carrier.prints,
            })
            .collect();
    }

    /// What the evidence of the last run held, archives too.
    pub(super) fn contents(&self) -> Vec<KnownContent> {
        let of_file = |file: &RunFile| {
            let known = self.files.get(&member_key(&file.path, &file.shown));
            let (size_bytes, known) = match known {
                Some(member) => (None, member),
                None => {
                    let known = self.files.get(&file.path)?;
                    (Some(known.stat.size_bytes), known)
                }
            };
            Some(KnownContent { shown: file.shown.clone(), size_bytes, prints: known.prints })
        };
        let of_carrier = |carrier: &RunCarrier| KnownContent {
            shown: carrier.shown.clone(),
            size_bytes: Some(carrier.size_bytes),
            prints: carrier.prints,
        };
        let files = self.run.iter().filter_map(of_file);
        files.chain(self.carriers.iter().map(of_carrier)).collect()
    }

    /// The evidence of the last run, as it was found then; `None` where archives or bags are in it, which must be listed
    /// again.
    pub(super) fn walk(&self) -> Option<Walk> {
        if self.listed {
            return None;
        }
        let file = |file: &RunFile| {
            let stat = self.files.get(&file.path)?.stat;
            let path = PathBuf::from(&file.path);
            Some(SourceFile::found_before(file.shown.clone(), path, file.root, stat))
        };
        Some(Walk {
            files: self.run.iter().filter_map(file).collect(),
            carriers: Vec::new(),
            refusals: self.refusals.clone(),
            roots: self.last.roots.clone(),
        })
    }

    pub(super) fn write(&self) -> Writer {
        let mut writer = Writer::default();
        let Remembered { roots, named, zone, file_times, map } = &self.last;
        writer.count(roots.len());
        roots.iter().for_each(|root| writer.path(root));
        writer.count(named.len());
        for NamedSnapshot { label, time, path } in named {
            writer.text(label);
            writer.optional(*time, Writer::time);
            writer.path(path);
        }
        writer.optional(zone.as_deref(), Writer::text);
        writer.flag(*file_times);
        writer.optional(map.as_deref(), Writer::text);
        writer.count(self.files.len());
        for (path, file) in &self.files {
            put_file(&mut writer, path, file);
        }
        writer.count(self.run.len());
        for RunFile { path, shown, root } in &self.run {
            writer.path(Path::new(path));
            writer.text(shown);
            writer.count(*root);
        }
        writer.count(self.refusals.len());
        for Refusal { shown, code, cause } in &self.refusals {
            writer.text(shown);
            writer.text(code);
            writer.text(cause);
        }
        writer.count(self.carriers.len());
        for RunCarrier { shown, size_bytes, prints } in &self.carriers {
            writer.text(shown);
            writer.number(*size_bytes);
            writer.raw(&prints.sha256);
            writer.raw(&prints.blake3);
        }
        writer.raw(&self.key_digest);
        writer.flag(self.listed);
        writer.texts(&self.packs);
        writer.number(self.next);
        writer
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes)?;
        let reader = &mut reader;
        let last = Remembered {
            roots: reader.list(Reader::path)?,
            named: reader.list(|reader| {
                let label = reader.string()?;
                let time = reader.optional(Reader::time)?;
                Some(NamedSnapshot { label, time, path: reader.path()? })
            })?,
            zone: reader.optional(Reader::string)?,
            file_times: reader.flag()?,
            map: reader.optional(Reader::string)?,
        };
        let files = reader.list(take_file)?.into_iter().collect();
        let run = reader.list(|reader| {
            let path = reader.path()?.into();
            Some(RunFile { path, shown: reader.string()?, root: reader.count()? })
        })?;
        let refusals = reader.list(|reader| {
            let shown = reader.string()?;
            Some(Refusal { shown, code: take_code(reader)?, cause: reader.string()? })
        })?;
        let carriers = reader.list(|reader| {
            let (shown, size_bytes) = (reader.string()?, reader.number()?);
            let prints = Fingerprints { sha256: reader.raw()?, blake3: reader.raw()? };
            Some(RunCarrier { shown, size_bytes, prints })
        })?;
        let key_digest = reader.raw()?;
        let listed = reader.flag()?;
        let packs = reader.list(Reader::string)?;
        let next = reader.number()?;
        Some(Self { last, files, run, carriers, refusals, key_digest, listed, packs, next })
    }
}

/// What a file is known by: its path, and of a member of an archive also its name in there.
fn key_of(file: &SourceFile) -> OsString {
    match file.archive() {
        Some(_) => member_key(file.path.as_os_str(), &file.shown),
        None => file.path.clone().into_os_string(),
    }
}

fn member_key(path: &OsStr, shown: &str) -> OsString {
    let mut key = path.to_owned();
    key.push("//");
    key.push(shown);
    key
}

fn put_file(writer: &mut Writer, path: &OsStr, file: &KnownFile) {
    let Stat { size_bytes, modified_at, changed_at, inode, device } = file.stat;
    writer.path(Path::new(path));
    writer.number(size_bytes);
    writer.optional(modified_at, Writer::time);
    writer.optional(changed_at, Writer::time);
    writer.number(inode);
    writer.number(device);
    writer.raw(&file.prints.sha256);
    writer.raw(&file.prints.blake3);
}

fn take_file(reader: &mut Reader<'_>) -> Option<(OsString, KnownFile)> {
    let path = reader.path()?.into();
    let stat = Stat {
        size_bytes: reader.number()?,
        modified_at: reader.optional(Reader::time)?,
        changed_at: reader.optional(Reader::time)?,
        inode: reader.number()?,
        device: reader.number()?,
    };
    let prints = Fingerprints { sha256: reader.raw()?, blake3: reader.raw()? };
    Some((path, KnownFile { stat, prints }))
}
