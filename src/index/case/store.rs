//! A case in use: opened and locked, asked what it knows, told what is new.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::facts::{ExhibitKey, Facts};
use super::folder::{self, unusable};
use super::known::{self, Known, Remembered};
use super::pack::{Pack, PackBuilder};
use super::sealed::{self, Flaw, Stamp};
use super::{CaseError, recent};
use crate::budget::Budget;
use crate::directory;
use crate::evidence::{Carrier, Fingerprints, Refusal, SourceFile, Walk};
use crate::index::fingerprint::FingerprintKey;
use crate::index::known::{Known as Recall, Memo};
use crate::index::layout::NameSet;
use crate::index::segment::{Segment, as_u32};
use crate::index::shelf::Shelf;
use crate::unfinished::Unfinished;

pub(super) const KNOWN: &str = "known";

const PACK: &str = "pack-";

pub(super) const RECENT: &str = "recent";

/// Packs that a case has at most: a case that grows by a day each day has its rows put together into one pack once in so
/// many days, and a look at one object asks no more packs than that.
const MOST_PACKS: usize = 32;

/// Which rows of packs are checked against their checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// All, before anything is done with them.
    All,
    /// Those that are looked at, when they are.
    Touched,
}

/// A file of the case folder that was not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseNote {
    /// `case-pack-damaged` or `case-pack-outdated`.
    pub code: &'static str,
    /// Its name in the folder.
    pub file: String,
    /// What is the matter with it.
    pub cause: String,
}

/// A pack in use.
#[derive(Debug)]
struct Open {
    name: String,
    pack: Pack,
    /// Number of the first request of each exhibit.
    firsts: Vec<u32>,
}

/// Position of a pack, and of an exhibit in it.
pub(in crate::index) type Place = (usize, usize);

/// A case folder, locked until this is dropped.
#[derive(Debug)]
pub struct Case {
    folder: PathBuf,
    /// Locked until it is closed.
    _lock: File,
    key: FingerprintKey,
    stamp: Stamp,
    known: Known,
    /// What the file says now.
    written: Vec<u8>,
    packs: Vec<Open>,
    notes: Vec<CaseNote>,
    stale: Vec<PathBuf>,
    grown: bool,
}

/// What a run that read something leaves for the next one.
type Memos = (Vec<Arc<NameSet>>, Vec<(u64, Memo)>);

impl Case {
    /// Opens a case folder, or makes one.
    ///
    /// # Errors
    /// [`CaseError::Foreign`], [`CaseError::Locked`], or what the system says. Damaged files are noted and left out.
    pub fn open(folder: &Path, checks: Checks) -> Result<Self, CaseError> {
        let lock = folder::lock(folder)?;
        let key = folder::key(folder)?;
        let stamp = pack_stamp(&key);
        let mut case = Self {
            folder: folder.to_owned(),
            _lock: lock,
            key,
            stamp,
            known: Known::default(),
            written: Vec::new(),
            packs: Vec::new(),
            notes: Vec::new(),
            stale: Vec::new(),
            grown: false,
        };
        case.read_known()?;
        case.open_packs(checks);
        case.find_stale()?;
        Ok(case)
    }

    fn note(&mut self, file: &str, flaw: &Flaw) {
        let (code, cause) = match flaw {
            Flaw::Damaged(cause) => ("case-pack-damaged", (*cause).to_owned()),
            Flaw::Outdated => (
                "case-pack-outdated",
                "another version of entrace wrote it, or it was made with another key".to_owned(),
            ),
            Flaw::Unreadable(error) => ("case-pack-damaged", error.to_string()),
        };
        self.notes.push(CaseNote { code, file: file.to_owned(), cause });
    }

    fn read_known(&mut self) -> Result<(), CaseError> {
        let path = self.folder.join(KNOWN);
        let aside = self.folder.join(format!("{KNOWN}.replaced"));
        if !path.exists() && aside.exists() {
            // A run was killed while it replaced the file.
            fs::rename(&aside, &path).map_err(unusable(aside))?;
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(unusable(path)(error)),
        };
        let senseless = Flaw::Damaged("what it says makes no sense");
        let known = sealed::read_facts(&bytes, &known::stamp())
            .and_then(|facts| Known::read(facts).ok_or(senseless));
        match known {
            Ok(known) => {
                self.known = known;
                self.written = bytes;
            }
            Err(flaw) => self.note(KNOWN, &flaw),
        }
        Ok(())
    }

    fn open_packs(&mut self, checks: Checks) {
        for name in std::mem::take(&mut self.known.packs) {
            // A name leads to a pack in the folder and to nothing else.
            if number_of(&name).is_none() {
                continue;
            }
            let opened = Pack::open(&self.folder.join(&name), &self.stamp).and_then(|pack| {
                let sound = checks == Checks::Touched || pack.sealed.check_all();
                if sound { Ok(pack) } else { Err(Flaw::Damaged("a checksum differs")) }
            });
            match opened {
                Ok(pack) => self.packs.push(Open::new(name, pack)),
                Err(flaw) => self.note(&name, &flaw),
            }
        }
    }

    /// Finds packs that are not used (any more).
    fn find_stale(&mut self) -> Result<(), CaseError> {
        let entries = fs::read_dir(&self.folder).map_err(unusable(self.folder.clone()))?;
        for entry in entries {
            let entry = entry.map_err(unusable(self.folder.clone()))?;
            let name = entry.file_name().into_string().unwrap_or_default();
            let bare = name.strip_suffix(".partial").unwrap_or(&name);
            if let Some(number) = number_of(bare) {
                self.known.next = self.known.next.max(number.saturating_add(1));
                if !self.packs.iter().any(|open| open.name == name) {
                    self.stale.push(entry.path());
                }
            }
        }
        Ok(())
    }

    /// Files of the folder that were left out.
    #[must_use]
    pub fn notes(&self) -> &[CaseNote] {
        &self.notes
    }

    /// What the last run was told of its evidence.
    ///
    /// # Errors
    /// [`CaseError::Forgotten`] if there was none, or nothing tells any more.
    pub fn remembered(&self) -> Result<&Remembered, CaseError> {
        if self.known.last.roots.is_empty() {
            return Err(CaseError::Forgotten { folder: self.folder.clone() });
        }
        Ok(&self.known.last)
    }

    /// The evidence of the last run as it was found then, without a look at it; `None` where archives or bags are in it.
    #[must_use]
    pub fn walk(&self) -> Option<Walk> {
        self.known.walk()
    }

    /// Whether a file is one whose bytes were read as an exhibit, and of which nothing has moved since: it is no archive.
    #[must_use]
    pub fn is_plain(&self, file: &SourceFile) -> bool {
        self.known.unmoved(file).is_some()
    }

    /// Number of packs and bytes of all files.
    #[must_use]
    pub fn size(&self) -> (usize, u64) {
        let files = self.packs.iter().map(|open| open.name.as_str()).chain([KNOWN, RECENT]);
        let bytes = files.filter_map(|name| fs::metadata(self.folder.join(name)).ok());
        (self.packs.len(), bytes.map(|metadata| metadata.len()).sum())
    }

    /// Whether this run added to it.
    #[must_use]
    pub fn has_grown(&self) -> bool {
        self.grown
    }

    pub(in crate::index) fn key(&self) -> &FingerprintKey {
        &self.key
    }

    /// What is recalled of records that earlier runs read.
    pub(in crate::index) fn recall(&mut self, budget: &Arc<Budget>) -> Recall {
        let mut recall = Recall::new(&self.key, budget);
        let path = self.folder.join(RECENT);
        match recent::read(&path, &self.stamp) {
            Ok((sets, memos)) => recall.fill(sets, memos),
            Err(Flaw::Unreadable(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(flaw) => self.note(RECENT, &flaw),
        }
        recall
    }

    /// The digests of a file that has not moved since it was read.
    pub(in crate::index) fn unmoved(&self, file: &SourceFile) -> Option<Fingerprints> {
        self.known.unmoved(file)
    }

    /// Where the rows of exhibits are, by what they are found by; equal exhibits have rows of their own each.
    pub(in crate::index) fn places(&self) -> HashMap<ExhibitKey, Vec<Place>> {
        let mut places: HashMap<ExhibitKey, Vec<Place>> = HashMap::new();
        for (number, open) in self.packs.iter().enumerate() {
            for (exhibit, facts) in open.pack.exhibits.iter().enumerate() {
                if let Some(facts) = facts {
                    places.entry(facts.key()).or_default().push((number, exhibit));
                }
            }
        }
        places
    }

    /// Drops packs that no file has any bytes of any more, and puts the others together if there are too many.
    pub(in crate::index) fn tidy(&mut self) -> Result<(), CaseError> {
        let alive: HashSet<[u8; 32]> =
            self.known.files.values().map(|file| file.prints.sha256).collect();
        let is_alive = |facts: &Facts| alive.contains(&facts.prints.sha256);
        let (kept, dead): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.packs)
            .into_iter()
            .partition(|open| open.pack.exhibits.iter().flatten().any(is_alive));
        self.stale.extend(dead.iter().map(|open| self.folder.join(&open.name)));
        self.packs = kept;
        if self.packs.len() < MOST_PACKS {
            return Ok(());
        }
        let mut builders = Builders::default();
        for open in std::mem::take(&mut self.packs) {
            self.stale.push(self.folder.join(&open.name));
            if !open.pack.sealed.check_all() {
                self.note(&open.name, &Flaw::Damaged("a checksum differs"));
                continue;
            }
            let Pack { shelf, exhibits, .. } = open.pack;
            builders.make_room_for(&shelf);
            let mut numbers = Vec::with_capacity(shelf.requests.len());
            for facts in exhibits.into_iter().flatten() {
                let count = as_u32(facts.requests.len());
                if is_alive(&facts) {
                    let first = builders.last.add_exhibit(facts);
                    numbers.extend(first..first + count);
                } else {
                    numbers.extend((0..count).map(|_| u32::MAX));
                }
            }
            builders.last.take(&shelf, &numbers);
        }
        self.write(builders.all(), &Memos::default())
    }

    /// Whether a run of this kind that read nothing has nothing to tell.
    pub(in crate::index) fn is_settled(&self, last: &Remembered) -> bool {
        self.notes.is_empty() && self.stale.is_empty() && self.known.last == *last
    }

    /// Keeps what files were found to hold, what the run is about, and the rows of exhibits that were read anew; gives
    /// where these are.
    pub(in crate::index) fn keep(
        &mut self,
        read: Vec<(Facts, Segment)>,
        recall: Recall,
        run: Run<'_>,
    ) -> Result<Vec<Place>, CaseError> {
        for (file, prints) in &run.files {
            self.known.note(file, *prints);
        }
        let files = run.files.iter().map(|(file, _)| *file);
        self.known.note_run(files, (run.refusals, run.carriers), run.listed);
        self.known.last = run.last;
        let before = self.packs.len();
        let mut builders = Builders::default();
        let mut places = Vec::with_capacity(read.len());
        for (facts, segment) in read {
            let shelf = Shelf::from(segment);
            builders.make_room_for(&shelf);
            let count = as_u32(facts.requests.len());
            places.push((before + builders.full.len(), builders.last.exhibits()));
            let first = builders.last.add_exhibit(facts);
            let numbers: Vec<u32> = (first..first + count).collect();
            builders.last.take(&shelf, &numbers);
        }
        self.write(builders.all(), &recall.into_memos())?;
        Ok(places)
    }

    /// Writes packs and what is known, all or nothing, and opens the packs.
    fn write(&mut self, builders: Vec<PackBuilder>, memos: &Memos) -> Result<(), CaseError> {
        let unfinished = Unfinished::of(&self.folder);
        let mut names = Vec::new();
        for builder in builders.into_iter().filter(|builder| !builder.is_empty()) {
            let name = format!("{PACK}{:06}", self.known.next);
            self.known.next += 1;
            let path = self.folder.join(&name);
            let written = unfinished.file(&path).and_then(|file| builder.write(file, &self.stamp));
            written.map_err(unusable(path))?;
            names.push(name);
        }
        self.known.key_digest = folder::key_digest(&self.key);
        let all = self.packs.iter().map(|open| &open.name).chain(&names);
        self.known.packs = all.cloned().collect();
        let bytes = sealed::facts_file(&known::stamp(), self.known.write());
        if names.is_empty() && bytes == self.written && self.stale.is_empty() {
            return Ok(());
        }
        if !memos.1.is_empty() {
            let path = self.folder.join(RECENT);
            let file = unfinished.file(&path);
            let written = file.and_then(|file| recent::write(file, &self.stamp, memos));
            written.map_err(unusable(path))?;
        }
        let path = self.folder.join(KNOWN);
        let file = unfinished.file(&path).map_err(unusable(path.clone()))?;
        (&file).write_all(&bytes).and_then(|()| file.sync_all()).map_err(unusable(path))?;
        unfinished.commit()?;
        self.written = bytes;
        self.grown |= !names.is_empty();
        for name in names {
            let path = self.folder.join(&name);
            match Pack::open(&path, &self.stamp) {
                Ok(pack) => {
                    pack.sealed.trust();
                    self.packs.push(Open::new(name, pack));
                }
                Err(Flaw::Unreadable(error)) => return Err(unusable(path)(error)),
                Err(Flaw::Damaged(_) | Flaw::Outdated) => {
                    let error = io::Error::other("it is not what was written to it just now");
                    return Err(unusable(path)(error));
                }
            }
        }
        for path in std::mem::take(&mut self.stale) {
            // A system that keeps mapped files leaves it to the next run.
            drop(fs::remove_file(path));
        }
        Ok(())
    }

    /// The facts of an exhibit, once, and the number of its first request in its pack.
    pub(in crate::index) fn take_facts(&mut self, (pack, exhibit): Place) -> Option<(Facts, u32)> {
        let open = self.packs.get_mut(pack)?;
        let facts = open.pack.exhibits.get_mut(exhibit)?.take()?;
        Some((facts, *open.firsts.get(exhibit)?))
    }

    /// The shelves of all packs, in order; the case has none afterwards.
    pub(in crate::index) fn take_shelves(&mut self) -> Vec<Shelf> {
        self.packs.iter_mut().map(|open| std::mem::take(&mut open.pack.shelf)).collect()
    }
}

/// What a run is about.
#[derive(Debug)]
pub(in crate::index) struct Run<'r> {
    /// Files of the evidence that could be read, now or before, and what is in them.
    pub(in crate::index) files: Vec<(&'r SourceFile, Fingerprints)>,
    pub(in crate::index) refusals: &'r [Refusal],
    pub(in crate::index) carriers: &'r [Carrier],
    /// Whether archives or bags were listed.
    pub(in crate::index) listed: bool,
    pub(in crate::index) last: Remembered,
}

impl Open {
    fn new(name: String, pack: Pack) -> Self {
        let mut next = 0;
        let firsts = pack
            .exhibits
            .iter()
            .flatten()
            .map(|exhibit| {
                let first = next;
                next += as_u32(exhibit.requests.len());
                first
            })
            .collect();
        Self { name, pack, firsts }
    }
}

/// Packs under construction: a new one where the layouts of an exhibit find no room in the last.
#[derive(Debug, Default)]
struct Builders {
    full: Vec<PackBuilder>,
    last: PackBuilder,
}

impl Builders {
    fn make_room_for(&mut self, shelf: &Shelf) {
        if !self.last.has_room_for(shelf) {
            self.full.push(std::mem::take(&mut self.last));
        }
    }

    fn all(mut self) -> Vec<PackBuilder> {
        self.full.push(self.last);
        self.full
    }
}

/// The number in the name of a pack.
pub(super) fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PACK)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// What rows depend on beside evidence: this layout of packs, the program, its tables, the byte order, the key.
pub(super) fn pack_stamp(key: &FingerprintKey) -> Stamp {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"entrace case: pack, 6\0");
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(&1_u64.to_ne_bytes());
    hasher.update(&directory::digest());
    hasher.update(&key.words().map(u64::to_le_bytes).concat());
    *hasher.finalize().as_bytes()
}
