//! An index with a case folder: only what is new is read; rows come out of packs, whenever they were made.

use std::collections::HashMap;

use rayon::prelude::*;

use super::assemble::{Assembly, IndexOptions, Placed, exhibit_time, read};
use super::case::{Case, CaseError, ExhibitKey, Facts, Place, Remembered, Run, hints};
use super::known::Known;
use super::reader::Reading;
use super::segment::Segment;
use super::snapshots::Member;
use super::{Exhibit, Index};
use crate::directory::Catalogue;
use crate::evidence::{EvidenceError, Fingerprints, SourceFile, Walk};
use crate::intake::{Format, Request};
use crate::model::HashBasis;

/// Where the evidence of a run with a case was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// From the file system, in this run.
    Now,
    /// From the case: the file system was not looked at.
    Before,
}

/// What is known of one file of the evidence.
enum Source {
    /// The file has not moved since it was read.
    Trusted(Place, Fingerprints),
    /// It was read in this run, and its rows are in a pack.
    Read(Place, Fingerprints),
    /// It was read in this run; the position of its rows among those that are new.
    New(usize, Fingerprints),
    /// It was not read, or could not be.
    Unread,
}

/// Indexes evidence with the help of a case, and adds to the case what is new.
///
/// # Errors
/// As [`build`](super::build), and what keeps the case from being used. A file that cannot be read is a refusal, unless its
/// path is known from the case only.
pub fn build_in(
    mut case: Case,
    (walk, found): (&Walk, Found),
    options: &IndexOptions,
    catalogue: &Catalogue,
) -> Result<Index, CaseError> {
    case.tidy()?;
    let mut assembly = Assembly::new(walk, options);
    let mut joining = Joining::new(&case, walk, options, catalogue);
    let unread = joining.unread();
    let files: Vec<&SourceFile> = unread.iter().map(|(_, file)| *file).collect();
    let budget = &options.budget;
    let recall =
        if files.is_empty() { Known::new(case.key(), budget) } else { case.recall(budget) };
    let readings = read(&files, &recall, case.key(), (options, catalogue));
    for ((place, file), reading) in unread.into_iter().zip(readings) {
        match reading {
            Ok(reading) => joining.take(place, reading),
            Err(error @ EvidenceError::Unreadable { .. }) if found == Found::Before => {
                return Err(error.into());
            }
            Err(error) => assembly.refuse(file, error)?,
        }
    }
    recall.give_back();
    let Joining { placed, sources, new, .. } = joining;
    let last = remembered(walk, options);
    let is_as_before = found == Found::Before && files.is_empty() && case.is_settled(&last);
    let new = if is_as_before {
        Vec::new()
    } else {
        let known = walk.files.iter().zip(&sources);
        let files = known.filter_map(|(file, source)| Some((file, source.prints()?))).collect();
        let listed = !walk.carriers.is_empty();
        let refusals = &assembly.index.refusals;
        let carriers = &walk.carriers;
        case.keep(new, recall, Run { files, refusals, carriers, listed, last })?
    };
    Ok(join(case, assembly, walk.files.iter().zip(placed).zip(sources), &new)?)
}

/// Exhibits on their way into the index.
struct Joining<'w> {
    walk: &'w Walk,
    placed: Vec<Placed>,
    sources: Vec<Source>,
    /// Rows of packs that no file has claimed yet.
    places: HashMap<ExhibitKey, Vec<Place>>,
    /// What no pack has.
    new: Vec<(Facts, Segment)>,
}

impl<'w> Joining<'w> {
    /// Trusts what has not moved.
    fn new(case: &Case, walk: &'w Walk, options: &IndexOptions, catalogue: &Catalogue) -> Self {
        let files = walk.files.par_iter();
        let placed: Vec<Placed> = files.map(|file| Placed::of(file, options, catalogue)).collect();
        let mut joining =
            Self { walk, placed, sources: Vec::new(), places: case.places(), new: Vec::new() };
        for (number, file) in walk.files.iter().enumerate() {
            let known = case.unmoved(file);
            let place = known.and_then(|prints| Some((joining.claim(number, prints)?, prints)));
            joining.sources.push(
                place.map_or(Source::Unread, |(place, prints)| Source::Trusted(place, prints)),
            );
        }
        joining
    }

    /// Rows of a pack for a file with these bytes; no other file gets them.
    fn claim(&mut self, number: usize, prints: Fingerprints) -> Option<Place> {
        let hints = hints(&self.placed.get(number)?.place);
        self.places.get_mut(&(prints.sha256, prints.blake3, hints))?.pop()
    }

    /// The files that must be read, with their numbers.
    fn unread(&self) -> Vec<(usize, &'w SourceFile)> {
        let files = self.walk.files.iter().enumerate().zip(&self.sources);
        files
            .filter(|(_, source)| matches!(source, Source::Unread))
            .map(|(numbered, _)| numbered)
            .collect()
    }

    /// Takes what a file gave; where a pack has the same, that is used.
    fn take(&mut self, number: usize, reading: Reading) {
        let prints = reading.exhibit.prints;
        let source = match self.claim(number, prints) {
            Some(place) => Source::Read(place, prints),
            None => {
                self.new.push(facts_of(reading));
                Source::New(self.new.len() - 1, prints)
            }
        };
        if let Some(slot) = self.sources.get_mut(number) {
            *slot = source;
        }
    }
}

/// What a later run without evidence is told.
fn remembered(walk: &Walk, options: &IndexOptions) -> Remembered {
    let zone = options.evidence_zone.as_ref().and_then(|zone| zone.iana_name());
    Remembered {
        roots: walk.roots.clone(),
        named: options.named.clone(),
        zone: zone.map(str::to_owned),
        file_times: options.file_times,
        map: options.map.as_ref().map(|map| map.text.clone()),
    }
}

impl Source {
    fn prints(&self) -> Option<Fingerprints> {
        match self {
            Self::Trusted(_, prints) | Self::Read(_, prints) | Self::New(_, prints) => {
                Some(*prints)
            }
            Self::Unread => None,
        }
    }
}

/// What a case keeps of a file that was read.
fn facts_of(reading: Reading) -> (Facts, Segment) {
    let Reading { exhibit, requests, segment, member } = reading;
    let facts = Facts {
        hints: hints(&exhibit.place),
        size_bytes: exhibit.size_bytes,
        prints: exhibit.prints,
        encoding: exhibit.encoding,
        format: exhibit.format,
        tally: exhibit.tally,
        quarantine: exhibit.quarantine,
        troubles: exhibit.troubles,
        object_types: exhibit.object_types,
        logs: exhibit.logs,
        is_log: member.is_log,
        rendering: exhibit.rendering,
        made_at: exhibit.made_at,
        beside: exhibit.beside,
        tenants: member.tenants,
        requests,
    };
    (facts, segment)
}

/// Puts exhibits and requests together again, and tells every shelf which of its requests are in the evidence.
fn join<'f>(
    mut case: Case,
    mut assembly: Assembly,
    files: impl Iterator<Item = ((&'f SourceFile, Placed), Source)>,
    new: &[Place],
) -> Result<Index, EvidenceError> {
    let mut shelves = case.take_shelves();
    for ((file, placed), source) in files {
        let (at, basis) = match source {
            Source::Trusted(place, _) => (Some(place), HashBasis::Case),
            Source::Read(place, _) => (Some(place), HashBasis::Computed),
            Source::New(number, _) => (new.get(number).copied(), HashBasis::Computed),
            Source::Unread => (None, HashBasis::Computed),
        };
        let Some(at) = at else { continue };
        let Some((facts, first)) = case.take_facts(at) else { continue };
        let (exhibit, requests, member) = exhibit_of(file, placed, facts, basis);
        let base = assembly.add(exhibit, requests, member);
        let end = assembly.requests();
        let own = shelves.get_mut(at.0).map(|shelf| shelf.requests.iter_mut().skip(first as usize));
        for (own, position) in own.into_iter().flatten().zip(base..end) {
            *own = position;
        }
    }
    let key = case.key().clone();
    assembly.index.segments = shelves;
    assembly.index.case = Some(case);
    assembly.finish(key)
}

fn exhibit_of(
    file: &SourceFile,
    placed: Placed,
    facts: Facts,
    hash_basis: HashBasis,
) -> (Exhibit, Vec<Request>, Member) {
    let Placed { place, label } = placed;
    let mut requests = facts.requests;
    for request in &mut requests {
        let of_tree = place.tree_folder.as_ref().filter(|_| request.format == Format::ExporterTree);
        request.folder.clone_from(of_tree.unwrap_or(&place.folder));
    }
    let exhibit = Exhibit {
        shown: file.shown.clone(),
        source: file.clone(),
        size_bytes: facts.size_bytes,
        prints: facts.prints,
        hash_basis,
        modified_at: file.modified_at(),
        encoding: facts.encoding,
        format: facts.format,
        time: exhibit_time(facts.made_at, &place),
        rendering: facts.rendering,
        made_at: facts.made_at,
        place,
        tally: facts.tally,
        quarantine: facts.quarantine,
        troubles: facts.troubles,
        object_types: facts.object_types,
        logs: facts.logs,
        beside: facts.beside,
        snapshot: usize::MAX,
    };
    let member =
        Member { root: file.root, named: label, tenants: facts.tenants, is_log: facts.is_log };
    (exhibit, requests, member)
}
