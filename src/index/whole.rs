//! Relations that a tool read of every parent: a parent that is there and of which the file says nothing has no links.
//!
//! CISA's Untitled Goose Tool asks for a relation of each object of a collection and writes the file only if no answer was
//! missing, with nothing in it for a parent without links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::identity::ObjectId;
use super::row::{Key, mark};
use super::shelf::Shelf;
use super::{Exhibit, IndexedRequest};
use crate::directory::{Catalogue, SuiteFile};
use crate::intake::{Format, Place, Request, Subject};

/// What one exhibit says of a whole relation.
struct Told {
    snapshot: usize,
    /// Parents that it names.
    parents: BTreeSet<ObjectId>,
    damaged: bool,
}

/// By relation file and exhibit.
type AllTold<'a> = BTreeMap<&'a str, (&'a SuiteFile, BTreeMap<usize, Told>)>;

/// Requests without records: of each parent that other exhibits name, where it is in the snapshot and the file is silent.
pub(super) fn silent_parents(
    requests: &[IndexedRequest],
    exhibits: &[Exhibit],
    segments: &[Shelf],
    catalogue: &Catalogue,
) -> Vec<IndexedRequest> {
    let mut found = Vec::new();
    for (file, told) in all_told(requests, exhibits, catalogue).into_values() {
        let Some((parent_type, _)) = catalogue.of_collection(&file.collection) else { continue };
        let parents = told.values().flat_map(|told| &told.parents);
        let all: HashMap<Key, &ObjectId> = parents.map(|id| (id.key(), id)).collect();
        let seen = seen_live(&all, parent_type, (requests, exhibits, segments));
        for (exhibit, told) in told.iter().filter(|(_, told)| !told.damaged) {
            let mut silent: Vec<&ObjectId> = all
                .values()
                .filter(|id| !told.parents.contains(**id))
                .filter(|id| seen.contains(&(told.snapshot, id.key())))
                .copied()
                .collect();
            silent.sort_unstable();
            found.extend(silent.into_iter().map(|id| IndexedRequest {
                request: nothing_below(id, file, catalogue),
                exhibit: *exhibit,
                capture: usize::MAX,
            }));
        }
    }
    found
}

/// The answer that a parent has nothing of the relation.
fn nothing_below(parent: &ObjectId, file: &SuiteFile, catalogue: &Catalogue) -> Request {
    let below = (file.collection.clone(), parent.to_string(), file.relation.clone());
    let place = Place { parent: Some(below), ..Place::default() };
    let mut request = Request::new(Format::Goose, None, &place, catalogue);
    request.context = Some(file.name.as_str().into());
    request
}

fn all_told<'a>(
    requests: &'a [IndexedRequest],
    exhibits: &[Exhibit],
    catalogue: &'a Catalogue,
) -> AllTold<'a> {
    let mut all: AllTold<'a> = BTreeMap::new();
    for indexed in requests {
        let request = &indexed.request;
        let context = request.context.as_deref().filter(|_| request.format == Format::Goose);
        let Some(file) = context.and_then(|context| catalogue.suite_file_named(context)) else {
            continue;
        };
        let Some(exhibit) = exhibits.get(indexed.exhibit) else { continue };
        let (_, told) = all.entry(&file.name).or_insert_with(|| (file, BTreeMap::new()));
        let told = told.entry(indexed.exhibit).or_insert_with(|| Told {
            snapshot: exhibit.snapshot,
            parents: BTreeSet::new(),
            damaged: false,
        });
        told.damaged |= request.damaged;
        if let Subject::Links { parent_id, .. } | Subject::ObjectsOf { parent_id, .. } =
            &request.subject
        {
            told.parents.insert(ObjectId::of(parent_id));
        }
    }
    all
}

/// Which of these objects are live in which snapshots.
fn seen_live(
    wanted: &HashMap<Key, &ObjectId>,
    object_type: &str,
    (requests, exhibits, segments): (&[IndexedRequest], &[Exhibit], &[Shelf]),
) -> BTreeSet<(usize, Key)> {
    let mut seen = BTreeSet::new();
    for shelf in segments {
        for row in shelf.rows_of(object_type) {
            if row.has(mark::DELETED) || !wanted.contains_key(&row.key()) {
                continue;
            }
            let request = shelf.request(row.request).and_then(|r| requests.get(r as usize));
            if let Some(exhibit) = request.and_then(|request| exhibits.get(request.exhibit)) {
                seen.insert((exhibit.snapshot, row.key()));
            }
        }
    }
    seen
}
