//! Objects whose content differs: their records are opened, some thousands at a time, and compared while they are at hand.

use std::collections::HashMap;

use jiff::Timestamp;
use rayon::prelude::*;

use super::HistoryError;
use super::attributes::{Aside, Askings, Signature, TypeContext};
use super::draft::Draft;
use super::names::name_in;
use super::presence::Dates;
use super::value::Json;
use crate::index::{Entry, ObjectId, open_records};
use crate::model::instant;

/// Text of records that is held open at a time.
const BATCH_BYTES: usize = 32 * 1024 * 1024;

/// What comparing the records of a type gave.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) drafts: Vec<Draft>,
    pub(super) aside: Aside,
    /// Last names of the objects that have rows.
    pub(super) names: Vec<(ObjectId, String)>,
}

/// One life of an object: between an addition and a removal, if it had several.
struct Life<'a> {
    entries: &'a [Entry],
    /// Entries with a signature of their own, and where each of all is among them.
    distinct: Vec<&'a Entry>,
    version_of: Vec<usize>,
}

impl<'a> Life<'a> {
    fn of(entries: &'a [Entry], askings: &Askings) -> Self {
        let mut signatures: Vec<Signature> = Vec::new();
        let (mut distinct, mut version_of) = (Vec::new(), Vec::with_capacity(entries.len()));
        for entry in entries {
            let signature = askings.signature(entry);
            let known = signatures.iter().position(|known| *known == signature);
            version_of.push(known.unwrap_or_else(|| {
                signatures.push(signature);
                distinct.push(entry);
                distinct.len() - 1
            }));
        }
        Self { entries, distinct, version_of }
    }

    fn bytes(&self) -> usize {
        self.distinct.iter().map(|entry| entry.length as usize).sum()
    }
}

/// Rows of one life, what was set aside, and the object's last name.
type OfLife = (Vec<Draft>, Aside, Option<(ObjectId, String)>);

/// Cuts items into runs whose records take no more than may be held open, one item at least in each.
pub(super) fn batches<'i, T>(
    items: &'i [T],
    bytes: impl Fn(&T) -> usize + 'i,
) -> impl Iterator<Item = &'i [T]> {
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut held = 0;
        let fits = |item: &&T| {
            held += bytes(item);
            held <= BATCH_BYTES
        };
        let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
        let (batch, behind) = rest.split_at(count);
        rest = behind;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Compares the records of each life; `finish` completes its rows.
pub(super) fn compare(
    context: &TypeContext<'_>,
    askings: &Askings,
    lives: &[&[Entry]],
    finish: &(dyn Fn(&Entry, Vec<Draft>) -> Vec<Draft> + Sync),
) -> Result<Compared, HistoryError> {
    let lives: Vec<Life<'_>> = lives
        .par_iter()
        .map(|entries| Life::of(entries, askings))
        .filter(|life| life.distinct.len() > 1)
        .collect();
    let mut compared = Compared::default();
    for batch in batches(&lives, Life::bytes) {
        let records = batch.iter().flat_map(|life| life.distinct.iter().copied());
        let opened = open_records(context.index, context.catalogue, context.object_type, records)?;
        let made: Vec<OfLife> = batch
            .par_iter()
            .map_init(Vec::new, |records, life| {
                let mut aside = Aside::default();
                let versions = (life.distinct.as_slice(), life.version_of.as_slice());
                let rows = context.rows(life.entries, versions, (&opened, records), &mut aside);
                let last = life.version_of.last().filter(|_| !rows.is_empty());
                let called = last.and_then(|last| {
                    let (entry, record) = (life.distinct.get(*last)?, records.get(*last)?);
                    let text = opened.record(entry)?;
                    let named = (&**context.object_type, context.catalogue);
                    Some((entry.id.clone(), name_in(text, record, entry, named)?))
                });
                let rows = match life.entries.first() {
                    Some(first) if !rows.is_empty() => finish(first, rows),
                    _ => rows,
                };
                (rows, aside, called)
            })
            .collect();
        for (rows, aside, called) in made {
            compared.drafts.extend(rows);
            compared.aside.take_in(aside);
            compared.names.extend(called);
        }
    }
    Ok(compared)
}

/// Dates of records that decide when objects came and went: created, deleted.
#[derive(Debug, Default)]
pub(super) struct RecordDates(HashMap<(u32, u64), (Option<Timestamp>, Option<Timestamp>)>);

impl RecordDates {
    /// Reads the dates of these entries.
    pub(super) fn read(
        context: &TypeContext<'_>,
        entries: &[&Entry],
    ) -> Result<Self, HistoryError> {
        let mut dates = HashMap::new();
        for batch in batches(entries, |entry| entry.length as usize) {
            let records = batch.iter().copied();
            let opened =
                open_records(context.index, context.catalogue, context.object_type, records)?;
            dates.par_extend(batch.par_iter().filter_map(|entry| {
                let record = Json::parse(opened.record(entry)?).ok()?;
                let date = |property: &str| instant(record.member(property)?.as_str()?);
                let both = (date("createdDateTime"), date("deletedDateTime"));
                Some(((entry.request, entry.offset), both))
            }));
        }
        Ok(Self(dates))
    }

    fn of(&self, entry: &Entry) -> (Option<Timestamp>, Option<Timestamp>) {
        self.0.get(&(entry.request, entry.offset)).copied().unwrap_or_default()
    }
}

impl Dates for RecordDates {
    fn created(&self, entry: &Entry) -> Option<Timestamp> {
        self.of(entry).0
    }

    fn deleted(&self, entry: &Entry) -> Option<Timestamp> {
        self.of(entry).1
    }
}
