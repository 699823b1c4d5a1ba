//! An index with a case folder: only what is new is read; rows come out of packs, whenever they were made.

use rayon::prelude::*;

use super::assemble::{Assembly, IndexOptions, Placed, Reading, read};
use super::case::{Case, CaseError, Facts, Place, Remembered, Run, hints};
use super::known::Known;
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
    /// It cannot be read.
    Refused,
    /// Not looked at yet.
    Unknown,
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
    let placed: Vec<Placed> = walk
        .files
        .par_iter()
        .map(|file| Placed::of(file, file.stat.modified_at, options, catalogue))
        .collect();
    let mut places = case.places();
    let mut claim = |placed: &Placed, prints: Fingerprints| {
        let key = (prints.sha256, prints.blake3, hints(&placed.place));
        places.get_mut(&key).and_then(Vec::pop)
    };
    let mut sources: Vec<Source> = walk
        .files
        .iter()
        .zip(&placed)
        .map(|(file, placed)| {
            let known = case.unmoved(file);
            let place = known.and_then(|prints| Some((claim(placed, prints)?, prints)));
            place.map_or(Source::Unknown, |(place, prints)| Source::Trusted(place, prints))
        })
        .collect();
    let mut assembly = Assembly::new(&walk.refusals);
    let unread: Vec<usize> = (0..sources.len())
        .filter(|place| matches!(sources.get(*place), Some(Source::Unknown)))
        .collect();
    let recall = if unread.is_empty() { Known::new(case.key()) } else { case.recall() };
    let files: Vec<&SourceFile> =
        unread.iter().filter_map(|place| walk.files.get(*place)).collect();
    let readings = read(&files, &recall, case.key(), (options, catalogue));
    let mut new: Vec<(Facts, Segment)> = Vec::new();
    for ((at, file), reading) in unread.iter().zip(&files).zip(readings) {
        let (Some(source), Some(placed)) = (sources.get_mut(*at), placed.get(*at)) else {
            continue;
        };
        *source = match reading {
            Ok(reading) => {
                let prints = reading.exhibit.prints;
                match claim(placed, prints) {
                    Some(place) => Source::Read(place, prints),
                    None => {
                        new.push(facts_of(reading));
                        Source::New(new.len() - 1, prints)
                    }
                }
            }
            Err(error @ EvidenceError::Unreadable { .. }) if found == Found::Before => {
                return Err(error.into());
            }
            Err(error) => {
                assembly.refuse(file, error)?;
                Source::Refused
            }
        };
    }
    let run = Run {
        files: walk
            .files
            .iter()
            .zip(&sources)
            .filter_map(|(file, source)| Some((file, source.prints()?)))
            .collect(),
        refusals: &assembly.index.refusals,
        last: Remembered {
            roots: walk.roots.clone(),
            named: options.named.clone(),
            zone: options
                .evidence_zone
                .as_ref()
                .and_then(|zone| zone.iana_name())
                .map(str::to_owned),
            file_times: options.file_times,
        },
    };
    let new = case.keep(new, recall, &run)?;
    join(case, assembly, walk.files.iter().zip(placed).zip(sources), &new)
}

impl Source {
    fn prints(&self) -> Option<Fingerprints> {
        match self {
            Self::Trusted(_, prints) | Self::Read(_, prints) | Self::New(_, prints) => {
                Some(*prints)
            }
            Self::Refused | Self::Unknown => None,
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
) -> Result<Index, CaseError> {
    let mut shelves = case.take_shelves();
    for ((file, placed), source) in files {
        let (at, basis) = match source {
            Source::Trusted(place, _) => (Some(place), HashBasis::Case),
            Source::Read(place, _) => (Some(place), HashBasis::Computed),
            Source::New(number, _) => (new.get(number).copied(), HashBasis::Computed),
            Source::Refused | Source::Unknown => (None, HashBasis::Computed),
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
    Ok(assembly.finish(key))
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
        path: file.path.clone(),
        size_bytes: facts.size_bytes,
        prints: facts.prints,
        hash_basis,
        modified_at: file.stat.modified_at,
        encoding: facts.encoding,
        format: facts.format,
        time: place.time,
        place,
        tally: facts.tally,
        quarantine: facts.quarantine,
        troubles: facts.troubles,
        object_types: facts.object_types,
        snapshot: usize::MAX,
    };
    let member = Member { root: file.root, named: label, tenants: facts.tenants };
    (exhibit, requests, member)
}
