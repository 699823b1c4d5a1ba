//! What the spelling of an export cut off, by attribute: PowerShell writes nested values only to a depth.
//!
//! A record says itself what was cut off of it, so its text must be looked at: only records of requests of which something
//! was cut off are opened.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::HistoryError;
use super::lives::batches;
use super::value::top_member;
use crate::directory::Catalogue;
use crate::index::{Entry, Index, IndexedRequest, open_records};
use crate::intake::{LOST, Spelling, listed};

/// By (tenant, type): by snapshot and member, how many records it was cut off of.
pub(super) type Lost = BTreeMap<(usize, Arc<str>), BTreeMap<(usize, String), u64>>;

/// Reads what was cut off of every record that can have lost something.
pub(super) fn read(index: &Index, catalogue: &Catalogue) -> Result<Lost, HistoryError> {
    let cuts = |request: usize| {
        let indexed = index.requests.get(request);
        indexed.is_some_and(|IndexedRequest { request, .. }| {
            request.has_losses && request.spelling == Spelling::PowerShell
        })
    };
    let types: BTreeSet<&Arc<str>> = index
        .pages
        .iter()
        .filter(|page| cuts(page.request))
        .map(|page| &page.page.object_type)
        .collect();
    let mut lost = Lost::new();
    for object_type in types {
        let found =
            index.visit(object_type, Vec::new, |found: &mut Vec<(usize, Entry)>, tenant, seen| {
                let cut = seen.iter().filter(|seen| cuts(seen.request as usize));
                found.extend(cut.map(|seen| (tenant, index.entry(seen))));
            });
        let entries: Vec<(usize, Entry)> = found.into_iter().flatten().collect();
        index
            .budget
            .charge(entries.len() * size_of::<(usize, Entry)>(), "records of PowerShell")?;
        for batch in batches(&entries, |(_, entry)| entry.length as usize) {
            let records = batch.iter().map(|(_, entry)| entry);
            let opened = open_records(index, catalogue, object_type, records)?;
            for (tenant, entry) in batch {
                let (Some(text), Some((_, capture))) =
                    (opened.record(entry), index.capture_of(entry))
                else {
                    continue;
                };
                let paths = listed(text, LOST);
                let members: BTreeSet<String> =
                    paths.iter().map(|path| top_member(path)).filter(|name| name != "*").collect();
                let of_type = lost.entry((*tenant, Arc::clone(object_type))).or_default();
                for member in members {
                    *of_type.entry((capture.snapshot, member)).or_default() += 1;
                }
            }
        }
    }
    Ok(lost)
}
